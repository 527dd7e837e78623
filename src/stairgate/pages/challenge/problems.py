"""What a page says when something did not work: it is in the address as a word, so that a reload repeats nothing."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple
from urllib.parse import urlencode

from stairgate.model.errors import (
    ChallengeBarredError,
    ConflictError,
    DeliveryFailedError,
    DomainError,
    InvalidInputError,
    NoEligibleFactorError,
    TooManyAttemptsError,
    TooManyError,
    WrongAnswerError,
)
from stairgate.pages.http import Request

LONGEST_WAIT = 3_600  # seconds that an address may claim


class Problem(NamedTuple):
    """One word that templates know a sentence for, and how long to wait, where that is a matter of time."""

    word: str
    seconds: int = 0

    def query(self, **more: str) -> str:
        """As the query of an address."""
        told = {"problem": self.word, **({"seconds": str(self.seconds)} if self.seconds else {}), **more}
        return urlencode({name: value for name, value in told.items() if value})


WORDS = frozenset({"wrong", "number", "code", "script", "wait", "prompts", "barred", "unusable", "conflict", "sending"})
NO_PROBLEM = Problem("")


# The nearest class in an error's line of descent decides.
_WORD_OF: Mapping[type[DomainError], str] = MappingProxyType(
    {
        WrongAnswerError: "wrong",
        TooManyAttemptsError: "wait",
        TooManyError: "prompts",
        ChallengeBarredError: "barred",
        NoEligibleFactorError: "unusable",
        ConflictError: "conflict",
        InvalidInputError: "code",
        DeliveryFailedError: "sending",
    }
)
_WORD_OF_FIELD = MappingProxyType({"matchCode": "number", "credential": "script"})


def problem_of(error: DomainError) -> Problem | None:
    """The problem that *error* is for whoever answers; None for one that is no matter of this page."""
    if isinstance(error, InvalidInputError) and error.field in _WORD_OF_FIELD:
        return Problem(_WORD_OF_FIELD[error.field])
    word = next((_WORD_OF[kind] for kind in type(error).__mro__ if kind in _WORD_OF), None)
    if word is None:
        return None
    return Problem(word, error.retry_after if isinstance(error, TooManyError) else 0)


def problem_in(request: Request) -> Problem:
    """The problem that *request*'s address tells; a word that is none of ours is nothing."""
    word, seconds = request.query.get("problem", ""), request.query.get("seconds", "")
    if word not in WORDS:
        return NO_PROBLEM
    number = int(seconds) if seconds.isascii() and seconds.isdigit() and len(seconds) <= len(str(LONGEST_WAIT)) else 0
    return Problem(word, min(number, LONGEST_WAIT))
