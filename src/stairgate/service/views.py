"""What callers are shown of a challenge: the record, the methods that can be used now, and the access in words."""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from datetime import datetime

from stairgate.model.challenges import Challenge, Ticket
from stairgate.model.elevations import Area
from stairgate.model.ids import FactorId
from stairgate.model.protection import Method
from stairgate.service.obstacles import UnusableMethod

MOST_SHOWN = 200  # characters of one bound value


@dataclass(frozen=True, slots=True)
class CodeAddress:
    """Where a code can be sent to, masked."""

    factor: FactorId
    method: Method
    address: str


@dataclass(frozen=True, slots=True)
class ChallengeView:
    """
    A challenge as a party to it sees it.

    *methods* are those that this user can use now, strongest first; none once it has ended. *unusable* are those that a
    page tells of beside them. *sent_ago* is how many seconds ago a code went out, *resend_wait* how many it takes until
    another one can. *asked* says in words what is agreed to, from the challenge alone (semantics §7.3).
    SECURITY: *page_uri* and *match_code* are for the opener alone, *return_to*, which has the return code, for whoever
    just answered on the page.
    """

    challenge: Challenge
    methods: tuple[Method, ...]
    asked: str
    attempts_left: int
    addresses: tuple[CodeAddress, ...] = ()
    unusable: tuple[UnusableMethod, ...] = ()
    sent_ago: int = 0
    resend_wait: int = 0
    page_uri: str | None = field(default=None, repr=False)
    match_code: str | None = field(default=None, repr=False)
    return_to: str | None = field(default=None, repr=False)


@dataclass(frozen=True, slots=True)
class IssuedCodeView:
    """A fresh code, for the app to deliver in its own way. It is shown once."""

    code: str
    expires_at: datetime

    def __repr__(self) -> str:
        return f"IssuedCodeView(expires_at={self.expires_at!r})"  # SECURITY: never the code


def in_words(ticket: Ticket) -> str:
    """What is asked: action, resource, how far it reaches, for how long and how often, and the bound details."""
    requirement = ticket.requirement
    parts = [f"`{ticket.action}` on `{ticket.resource}`", _reach(ticket.area), f"for {_duration(requirement.lifetime)}"]
    if requirement.uses is not None:
        parts.append("once" if requirement.uses == 1 else f"{requirement.uses} times")
    words = ", ".join(part for part in parts if part)
    if ticket.details:
        details = "; ".join(f"{_shown(name)}: {_value(text)}" for name, text in sorted(ticket.details.items()))
        words = f"{words}, with {details}"
    return words


def _reach(area: Area) -> str:
    if area.exact:
        return "this access alone"
    below = "everything below" if area.resource.children else "all below it"
    where = "/".join(area.resource.segments) or "all resources"
    return f"opening `{area.action}` on `{where}` and {below}"


def _duration(seconds: int) -> str:
    if seconds % 3600 == 0:
        return _counted(seconds // 3600, "hour")
    if seconds % 60 == 0:
        return _counted(seconds // 60, "minute")
    return _counted(seconds, "second")


def _counted(number: int, unit: str) -> str:
    return f"{number} {unit}" if number == 1 else f"{number} {unit}s"


def _value(text: str) -> str:
    value = json.loads(text)
    return _shown(value if isinstance(value, str) else text)


def _shown(text: str) -> str:
    # Whoever shows this escapes it for its medium; here only what could reorder or hide text is made visible.
    plain = "".join(character if character.isprintable() else f"\\u{ord(character):04x}" for character in text)
    return plain if len(plain) <= MOST_SHOWN else f"{plain[:MOST_SHOWN]}…"
