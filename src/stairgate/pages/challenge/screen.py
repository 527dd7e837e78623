"""What the page of a challenge shows, from the server's own record alone (semantics §7.3; OWASP-TA-1, TA-7)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stairgate.model.actions import Action
from stairgate.model.challenges import ChallengeState
from stairgate.model.ids import UserId
from stairgate.model.protection import Method
from stairgate.model.resources import Resource
from stairgate.pages.actions import Actions, Wording, in_language, parts_of
from stairgate.pages.harmless import Shown, shown, visible
from stairgate.pages.languages import Language
from stairgate.service.eligible import factors_resource
from stairgate.service.guard import PAGE, UPDATE
from stairgate.service.views import ChallengeView, CodeAddress

MOST_DETAILS = 7  # that are shown at once; the rest stands below, whole
LONGEST_BUTTON = 40
FEW_ATTEMPTS = 2  # from here on it is said how many are left
SENT = frozenset({Method.EMAIL, Method.SMS})
ON_PAGES = frozenset(Method) - {Method.EXTERNAL, Method.APPROVAL}


@dataclass(frozen=True, slots=True)
class Detail:
    """One bound value. *whole* is what `value` was cut from."""

    label: str
    value: Shown
    whole: str


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of the title: words, or a value that is kept apart from their direction."""

    words: str = ""
    value: Shown | None = None


@dataclass(frozen=True, slots=True)
class Screen:
    """Everything that a template of the challenge page is given. No secret, no code, no token key."""

    view: ChallengeView
    title: tuple[Piece, ...]
    button: str
    consequence: str
    version: str
    details: tuple[Detail, ...]
    more: tuple[Detail, ...]
    asked_by: str | None
    device: Shown | None
    resource: Shown
    action: str
    methods: tuple[Method, ...]
    method: Method | None
    back: str | None

    @property
    def state(self) -> ChallengeState:
        """The challenge's."""
        return self.view.challenge.state

    @property
    def number(self) -> str:
        """Whether the number that the app shows is typed here: `required`, `optional` or `none` (semantics §7.2)."""
        challenge = self.view.challenge
        if challenge.match is None:
            return "none"
        return "required" if challenge.opening.return_uri is None else "optional"

    @property
    def can_once(self) -> bool:
        """Whether "only this once" would be another thing than what is asked."""
        return self.view.challenge.ticket.requirement.uses != 1

    @property
    def sent(self) -> bool:
        """Whether the chosen method has sent its code."""
        code = self.view.challenge.code
        return code is not None and code.method is self.method

    @property
    def addresses(self) -> tuple[CodeAddress, ...]:
        """Where the chosen method can send its code, masked."""
        return tuple(each for each in self.view.addresses if each.method is self.method)

    @property
    def sent_to(self) -> str:
        """Where the code went, masked."""
        code = self.view.challenge.code
        return next((each.address for each in self.addresses if code is not None and each.factor == code.factor), "")

    @property
    def sends(self) -> bool:
        """Whether the chosen method sends its code first."""
        return self.method in SENT

    @property
    def attempts_left(self) -> int | None:
        """How many more answers it takes, where they are few."""
        return self.view.attempts_left if self.view.attempts_left <= FEW_ATTEMPTS else None


def screen(
    view: ChallengeView,
    language: Language,
    actions: Actions,
    *,
    asked_by: str | None,
    wishes: Sequence[str],
    back: str | None,
) -> Screen:
    """
    *view* in *language*.

    Args:
        view: The challenge as the page may see it.
        language: The reader's.
        actions: The operator's words for actions.
        asked_by: The name of the service client that asked; None where the user's own app did.
        wishes: Methods that were chosen, or right before, most wanted first; the first that can be used counts.
        back: Where a browser goes back to the app without a proof.
    """
    ticket = view.challenge.ticket
    wording = actions.of(ticket.action)
    details = tuple(details_of(ticket, wording, language))
    title = tuple(title_of(ticket, wording, language))
    plain = "".join(piece.words or (piece.value.text if piece.value is not None else "") for piece in title)
    methods = tuple(method for method in view.methods if method in ON_PAGES)
    device = view.challenge.opening.device
    return Screen(
        view=view,
        title=title,
        button=plain if title and len(plain) <= LONGEST_BUTTON else "",
        consequence="" if wording is None else in_language(wording.consequence, language),
        version=actions.version,
        details=details[:MOST_DETAILS],
        more=details[MOST_DETAILS:],
        asked_by=None if asked_by is None else visible(asked_by),
        device=None if device is None else shown(device),
        resource=shown(str(ticket.resource)),
        action=str(ticket.action),
        methods=methods,
        method=next((Method(wish) for wish in wishes if wish in methods), methods[0] if methods else None),
        back=back,
    )


class Access(Protocol):
    """An access that somebody was asked about: a challenge's ticket, or what is told of it later."""

    @property
    def user(self) -> UserId:
        """Whose."""

    @property
    def action(self) -> Action:
        """What is done."""

    @property
    def resource(self) -> Resource:
        """To what."""

    @property
    def details(self) -> Mapping[str, str]:
        """The bound values: name -> JCS."""


def title_of(access: Access, wording: Wording | None, language: Language) -> Iterator[Piece]:
    """*access* in words; nothing where there are none for it."""
    if wording is None:
        if access.action.key == UPDATE.key and access.resource == factors_resource(access.user):
            yield Piece(words=language.text("Change your ways to confirm"))
        return
    known = {"resource": str(access.resource), "action": str(access.action)}
    for part in parts_of(in_language(wording.title, language)):
        if not part.value:
            yield Piece(words=part.words)
        elif part.value in access.details:
            yield Piece(value=shown(_plain(access.details[part.value], language)))
        else:  # a value that this access does not bind is told as missing, never left out
            yield Piece(value=shown(known.get(part.value, "?")))


def details_of(access: Access, wording: Wording | None, language: Language) -> Iterator[Detail]:
    """The bound values of *access*, labelled."""
    known = {} if wording is None else wording.labels
    first = {name: place for place, name in enumerate(known)}  # the operator's order, then the alphabet
    details = access.details
    for name in sorted(details, key=lambda name: (first.get(name, len(first)), name)):
        text, labels = details[name], known.get(name, {})
        plain = _plain(text, language)
        own = language.text("Account page") if name == PAGE else ""
        label = in_language(labels, language) or own or shown(name).text
        yield Detail(label, shown(plain), visible(plain))


def _plain(text: str, language: Language) -> str:
    """A bound value as people write it. A number stays as it was signed: no rounding, no grouping."""
    value = json.loads(text)
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return language.text("yes") if value else language.text("no")
    return language.text("none") if value is None else text
