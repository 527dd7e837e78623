"""Messages that go to a person: codes, and notices of what changed (semantics §7.4, §7.6)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from stairgate.model.protection import Method


class Purpose(StrEnum):
    """Why a message is sent."""

    CHALLENGE_CODE = "challenge_code"
    ENROLMENT_CODE = "enrolment_code"
    FACTOR_CHANGED = "factor_changed"
    CAUTION_LIFTED = "caution_lifted"


class News(StrEnum):
    """What a user is told of without having asked (semantics §7.4, §7.6, §8)."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    DISABLED = "disabled"  # by wrong answers
    CAUTION_LIFTED = "caution_lifted"  # "ask me every time" was switched off


@dataclass(frozen=True, slots=True)
class Text:
    """What a message says, and in which language. SECURITY: it may hold a code."""

    subject: str
    body: str
    locale: str

    def __repr__(self) -> str:
        return f"Text(locale={self.locale!r})"


@dataclass(frozen=True, slots=True)
class Message:
    """
    One message. *channel* is `email` or `sms`. *id* is the same for every try to deliver it.

    SECURITY: *text* may hold a code; the recipient is personal. Neither is ever logged.
    """

    id: str
    channel: Method
    recipient: str
    subject: str
    text: str
    locale: str
    purpose: Purpose

    def __repr__(self) -> str:
        return f"Message(id={self.id!r}, channel={self.channel!r}, purpose={self.purpose!r})"
