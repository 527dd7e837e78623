"""
What messages say, from the catalogues and the operator's words for actions: as the page says it (semantics §7.3).

A letter is plain text. Values that others wrote are made harmless as on the page, and kept apart from the direction of
the text around them. A text message is short: in English and German it stays within the GSM alphabet.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator
from functools import cached_property
from pathlib import Path

from stairgate.model.challenges import Challenge, Ticket
from stairgate.model.errors import InvalidInputError
from stairgate.model.messages import News, Text
from stairgate.model.protection import Method
from stairgate.pages.actions import Actions, read_actions
from stairgate.pages.challenge.screen import Screen, screen
from stairgate.pages.harmless import Shown, visible
from stairgate.pages.languages import Language, Languages, load_languages
from stairgate.service.views import ChallengeView

_FIRST_STRONG, _END = "\u2068", "\u2069"  # what is between has its own direction (UAX #9, FSI and PDI)
_RIGHT_TO_LEFT = "\u200f"
_RIGHTWARD = {"R", "AL", "AN"}


class CatalogueLetters:
    """
    Fulfils `ports.letters.Letters`. The catalogues are read when the first message is written.

    Args:
        name: What people know the service as.
        folder: The operator's templates, catalogues and words for actions.
    """

    def __init__(self, name: str, folder: Path | None = None) -> None:
        self._name = name
        self._folder = folder

    @cached_property
    def _languages(self) -> Languages:
        try:
            return load_languages([] if self._folder is None else [self._folder / "locale"])
        except ValueError as error:
            raise InvalidInputError("STAIRGATE_TEMPLATES", str(error)) from error

    @cached_property
    def _actions(self) -> Actions:
        return read_actions(self._folder)

    def challenge_code(
        self, challenge: Challenge, code: str, *, channel: Method, asked_by: str | None, locale: str | None
    ) -> Text:
        """See the port."""
        it = self._languages.chosen(locale, "")
        view = ChallengeView(challenge, (), "", 0)
        said = screen(view, it, self._actions, asked_by=asked_by, wishes=(), back=None)
        subject = it.text("%(service)s: confirm an access") % {"service": self._name}
        if channel is Method.SMS:
            words = it.text(
                "%(service)s: %(access)s. If you asked for this, your code is %(code)s. If not, tell nobody."
            )
            body = words % {"service": self._name, "access": _short(said, it), "code": code}
            return _text(it, subject, body.replace("…", "..."))
        yes = it.text("If you asked for this, your code is %(code)s. It is good for 10 minutes, for this alone.")
        no = it.text("If you did not, tell the code to nobody, and choose “This was not me” on the page or in the app.")
        parts = [
            it.text("%(service)s: somebody asks for this in your name.") % {"service": self._name},
            "\n".join(_lines(said, it)),
            yes % {"code": code},
            no,
        ]
        return _text(it, subject, "\n\n".join(parts))

    def enrolment_code(self, code: str, *, channel: Method, locale: str | None) -> Text:
        """See the port."""
        it = self._languages.chosen(locale, "")
        filling = {"service": self._name, "code": code}
        subject = it.text("%(service)s: confirm this address") % filling
        if channel is Method.SMS:
            words = it.text("%(service)s: to add this number, your code is %(code)s. If you did not ask, tell nobody.")
            return _text(it, subject, words % filling)
        parts = [
            it.text("%(service)s: this address is being added as a way to confirm.") % filling,
            it.text("If you asked for this, your code is %(code)s. It is good for 10 minutes.") % filling,
            it.text("If you did not, tell the code to nobody. There is nothing else to do."),
        ]
        return _text(it, subject, "\n\n".join(parts))

    def news(self, news: News, method: Method | None, *, channel: Method, locale: str | None) -> Text:
        """See the port."""
        it = self._languages.chosen(locale, "")
        said = _news(news, it) % {"service": self._name, "way": "" if method is None else _way(method, it)}
        subject = it.text("%(service)s: your ways to confirm have changed") % {"service": self._name}
        if news is News.CAUTION_LIFTED:
            subject = it.text("%(service)s: you are no longer asked every time") % {"service": self._name}
        if channel is Method.SMS:
            words = it.text("Not you? Tell %(service)s at once, and look at your account in the app.")
            return _text(it, subject, f"{said} {words % {'service': self._name}}")
        words = it.text(
            "Was this not you? Tell %(service)s at once. Then open your account from the app: end what you did not"
            " allow, and remove each way to confirm that is not yours."
        )
        return _text(it, subject, f"{said}\n\n{words % {'service': self._name}}")


def _news(news: News, it: Language) -> str:
    match news:
        case News.ADDED:
            return it.text("%(service)s: a way to confirm was added (%(way)s).")
        case News.CHANGED:
            return it.text("%(service)s: a way to confirm was changed (%(way)s).")
        case News.REMOVED:
            return it.text("%(service)s: a way to confirm was removed (%(way)s).")
        case News.DISABLED:
            return it.text("%(service)s: a way to confirm was switched off after too many wrong answers (%(way)s).")
        case News.CAUTION_LIFTED:
            return it.text("%(service)s: somebody has chosen that you are no longer asked every time.")


def _way(method: Method, it: Language) -> str:
    match method:
        case Method.PASSKEY:
            return it.text("Passkey")
        case Method.TOTP:
            return it.text("Code from your authenticator app")
        case Method.EMAIL:
            return it.text("Code by email")
        case Method.SMS:
            return it.text("Code by text message")
        case Method.RECOVERY:
            return it.text("Recovery code")
        case _:
            return method.value


def _title(said: Screen, it: Language) -> str:
    return "".join(piece.words if piece.value is None else _value(piece.value, it) for piece in said.title)


def _short(said: Screen, it: Language) -> str:
    """The access in one line: the operator's title, which holds the values that matter; else all of it."""
    return _title(said, it) or ", ".join(_access(said, it))


def _access(said: Screen, it: Language) -> Iterator[str]:
    if not said.title:
        yield f"{it.text('Action')}: {_apart(said.action, it)}"
    for detail in said.details + said.more:
        yield f"{_apart(visible(detail.label), it)}: {_value(detail.value, it)}"
    yield f"{it.text('On')}: {_value(said.resource, it)}"


def _lines(said: Screen, it: Language) -> Iterator[str]:
    """What the page shows, line by line."""
    if said.title:
        yield _title(said, it)
    yield from _access(said, it)
    ticket = said.view.challenge.ticket
    yield f"{it.text('Account')}: {_apart(visible(ticket.user), it)}"
    asker = it.text("an app in which you are logged in") if said.asked_by is None else _apart(said.asked_by, it)
    yield f"{it.text('Asked by')}: {asker}"
    if said.device is not None:
        yield f"{it.text('From')}: {_value(said.device, it)} {it.text('(reported by the app)')}"
    yield f"{it.text('Your yes is good')}: {' · '.join(_reach(ticket, it))}"
    if said.consequence:
        yield said.consequence


def _reach(ticket: Ticket, it: Language) -> Iterator[str]:
    uses = ticket.requirement.uses
    if uses is None:
        yield it.text("as often as needed")
    else:
        yield it.text("once") if uses == 1 else it.count("%(num)s time", "%(num)s times", uses)
    yield it.text("for %(span)s") % {"span": it.span(ticket.requirement.lifetime)}
    if ticket.area.exact:
        yield it.text("for this alone")
    elif ticket.area.resource.segments:
        place = _apart(visible(str(ticket.area.resource)), it)
        yield it.text("for everything in %(place)s") % {"place": place}
    else:
        yield it.text("for everything")


def _value(value: Shown, it: Language) -> str:
    """A value, with a warning where one word of it mixes look-alike letters, as on the page (attack 16)."""
    text = _apart(value.text, it)
    if not value.scripts:
        return text
    warning = it.text("(mixes letters of different alphabets: %(scripts)s)") % {"scripts": ", ".join(value.scripts)}
    return f"{text} {warning}"


def _apart(text: str, it: Language) -> str:
    """*text* with a direction of its own, where it could change the order of what stands around it."""
    rightward = any(unicodedata.bidirectional(character) in _RIGHTWARD for character in text)
    return f"{_FIRST_STRONG}{text}{_END}" if rightward or it.direction == "rtl" else text


def _text(it: Language, subject: str, body: str) -> Text:
    """In a language from right to left every line says so: readers go by the first letter, which may be a name's."""
    if it.direction == "rtl":
        subject = f"{_RIGHT_TO_LEFT}{subject}"
        body = "\n".join(f"{_RIGHT_TO_LEFT}{line}" if line else line for line in body.split("\n"))
    return Text(subject, body, it.tag)
