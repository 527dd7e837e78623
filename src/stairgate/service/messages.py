"""
What messages say, in plain text (semantics §7.3: a message with a code names the access, too).

The code does not stand at the beginning, so that a locked screen rarely shows it (NIST SP 800-63B §3.1.3.2).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stairgate.model.challenges import Challenge
from stairgate.model.messages import Message, Purpose
from stairgate.model.protection import Method
from stairgate.service.context import Services
from stairgate.service.views import in_words

DEFAULT_LANGUAGE = "en"
MESSAGE_ID_BITS = 128


@dataclass(frozen=True, slots=True)
class _Texts:
    challenge_subject: str
    challenge: str
    enrolment_subject: str
    enrolment: str
    changed_subject: str
    changed: str
    changes: Mapping[str, str]


_TEXTS = {
    "en": _Texts(
        challenge_subject="{service}: confirm an access",
        challenge=(
            "{service}: somebody asks for this access in your name: {access}.\n\n"
            "If that is you, your code is {code}. It is good for 10 minutes, for this access only.\n"
            "If it is not, give the code to nobody, and say \u201cthis was not me\u201d."
        ),
        enrolment_subject="{service}: confirm this address",
        enrolment=(
            "{service}: this address is being added as a way to confirm accesses.\n\n"
            "If that is you, your code is {code}. It is good for 10 minutes. If it is not, ignore this message."
        ),
        changed_subject="{service}: your ways to confirm have changed",
        changed="{service}: {change}. If that was not you, tell your administrator at once.",
        changes={
            "added": "a way to confirm accesses was added ({method})",
            "changed": "a way to confirm accesses was changed ({method})",
            "removed": "a way to confirm accesses was removed ({method})",
        },
    ),
    "de": _Texts(
        challenge_subject="{service}: einen Zugriff bestätigen",
        challenge=(
            "{service}: In Ihrem Namen wird dieser Zugriff verlangt: {access}.\n\n"
            "Wenn Sie das sind, lautet Ihr Code {code}. Er gilt 10 Minuten und nur für diesen Zugriff.\n"
            "Wenn nicht, geben Sie den Code niemandem und sagen Sie \u201eDas war ich nicht\u201c."
        ),
        enrolment_subject="{service}: diese Adresse bestätigen",
        enrolment=(
            "{service}: Diese Adresse wird zum Bestätigen von Zugriffen hinzugefügt.\n\n"
            "Wenn Sie das sind, lautet Ihr Code {code}. Er gilt 10 Minuten. Wenn nicht, ist nichts zu tun."
        ),
        changed_subject="{service}: Ihre Bestätigungswege haben sich geändert",
        changed="{service}: {change}. Wenn Sie das nicht waren, melden Sie es sofort Ihrer Verwaltung.",
        changes={
            "added": "Ein Bestätigungsweg wurde hinzugefügt ({method})",
            "changed": "Ein Bestätigungsweg wurde geändert ({method})",
            "removed": "Ein Bestätigungsweg wurde entfernt ({method})",
        },
    ),
}


def language_of(locale: str | None) -> str:
    """The language that messages for *locale* are written in: its own, where there are texts in it."""
    language = (locale or DEFAULT_LANGUAGE).partition("-")[0].lower()
    return language if language in _TEXTS else DEFAULT_LANGUAGE


def challenge_code(
    services: Services, challenge: Challenge, code: str, *, channel: Method, recipient: str, locale: str | None
) -> Message:
    """The message that carries the code of *challenge*, and says which access it is for."""
    language = language_of(locale)
    texts, name = _TEXTS[language], services.rules.name
    text = texts.challenge.format(service=name, access=in_words(challenge.ticket), code=code)
    return Message(
        id=services.entropy.token(bits=MESSAGE_ID_BITS),
        channel=channel,
        recipient=recipient,
        subject=texts.challenge_subject.format(service=name),
        text=text,
        locale=language,
        purpose=Purpose.CHALLENGE_CODE,
    )


def enrolment_code(services: Services, code: str, *, channel: Method, recipient: str, locale: str | None) -> Message:
    """The message that proves that an address is the user's."""
    language = language_of(locale)
    texts, name = _TEXTS[language], services.rules.name
    return Message(
        id=services.entropy.token(bits=MESSAGE_ID_BITS),
        channel=channel,
        recipient=recipient,
        subject=texts.enrolment_subject.format(service=name),
        text=texts.enrolment.format(service=name, code=code),
        locale=language,
        purpose=Purpose.ENROLMENT_CODE,
    )


def factor_changed(
    services: Services, change: str, method: Method, *, channel: Method, recipient: str, locale: str | None = None
) -> Message:
    """The notice of a change of factors. *change* is `added`, `changed` or `removed`. It holds no secret."""
    language = language_of(locale)
    texts, name = _TEXTS[language], services.rules.name
    said = texts.changes[change].format(method=method.value)
    return Message(
        id=services.entropy.token(bits=MESSAGE_ID_BITS),
        channel=channel,
        recipient=recipient,
        subject=texts.changed_subject.format(service=name),
        text=texts.changed.format(service=name, change=said),
        locale=language,
        purpose=Purpose.FACTOR_CHANGED,
    )
