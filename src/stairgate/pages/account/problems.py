"""What the account page says of what was done, or was not: a word in the address, so that a reload repeats nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlencode

from stairgate.model.errors import (
    AlreadyExistsError,
    ChallengeBarredError,
    ChallengeEndedError,
    ChallengePendingError,
    DeliveryFailedError,
    DomainError,
    ForbiddenError,
    InvalidInputError,
    LimitReachedError,
    NoEligibleFactorError,
    NotFoundError,
    StepUpRefusedError,
    TooManyChallengesError,
    TooManyError,
    WrongAnswerError,
)
from stairgate.pages.http import Request

LONGEST_WAIT = 3_600  # seconds that an address may claim
DONE = frozenset({"added", "renamed", "removed", "cleared", "confirmed", "ended", "not_me", "cautious", "lifted"})

# The nearest class in an error's line of descent decides.
_WORD_OF: Mapping[type[DomainError], str] = MappingProxyType(
    {
        StepUpRefusedError: "first",
        ChallengeBarredError: "barred",
        ChallengePendingError: "unconfirmed",
        ChallengeEndedError: "unconfirmed",
        ForbiddenError: "app",
        LimitReachedError: "full",
        AlreadyExistsError: "known",
        NoEligibleFactorError: "weak",
        TooManyChallengesError: "busy",
        TooManyError: "prompts",
        DeliveryFailedError: "sending",
        WrongAnswerError: "wrong",
        NotFoundError: "gone",
    }
)
_WORD_OF_FIELD = MappingProxyType({"name": "name", "address": "address", "code": "code", "credential": "script"})
_WORDS = frozenset({*_WORD_OF.values(), *_WORD_OF_FIELD.values(), "spent", "device", "held", "declined"})


class Told(NamedTuple):
    """One word that templates know a sentence for, and how long to wait, where that is a matter of time."""

    problem: str = ""
    done: str = ""
    seconds: int = 0


NOTHING_TOLD = Told()


def problem_of(error: DomainError) -> Told | None:
    """What *error* is to whoever is on the page; None for one that is no matter of theirs."""
    if isinstance(error, InvalidInputError):
        word = _WORD_OF_FIELD.get(error.field)
    else:
        word = next((_WORD_OF[kind] for kind in type(error).__mro__ if kind in _WORD_OF), None)
    seconds = error.retry_after if isinstance(error, TooManyError) else 0
    return None if word is None else Told(word, seconds=seconds)


def told_in(request: Request) -> Told:
    """What the address of *request* tells; a word that is none of ours is nothing."""
    problem, done, seconds = (request.query.get(name, "") for name in ("problem", "done", "seconds"))
    number = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) <= len(str(LONGEST_WAIT)) else 0
    return Told(
        problem if problem in _WORDS else "",
        done if done in DONE else "",
        min(number, LONGEST_WAIT),
    )


def telling(address: str, told: Told) -> str:
    """*address* with what is told there."""
    query = urlencode({name: value for name, value in told._asdict().items() if value})
    return f"{address}{'&' if '?' in address else '?'}{query}" if query else address
