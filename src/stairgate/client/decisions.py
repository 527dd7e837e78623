"""The three answers to a check. None has a truth value: `if client.authorize(…):` is an error, not an allow."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import NoReturn

from stairgate.client.requirement import Requirement


class _NoTruth:
    __slots__ = ()

    def __bool__(self) -> NoReturn:
        raise TypeError("a decision has no truth value: match on Allowed, StepUp and Denied, or use require()")


@dataclass(frozen=True, slots=True)
class Allowed(_NoTruth):
    """
    The access is open now.

    Args:
        stale_seconds: How old the facts may be that it was decided from, where the service's store was away.
    """

    stale_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class Denied(_NoTruth):
    """The user does not have the access. This says nothing about protection."""

    title: str
    error_id: str | None = None


@dataclass(frozen=True, slots=True)
class StepUp(_NoTruth):
    """
    The access is the user's, and wants a step-up of the token first.

    Args:
        title: What is missing, for people.
        step_up_challenge_token: Opens the challenge; None where no challenge can help.
        requirement: What the elevation must be.
        reason: Why, as `StepUpAuthorizationRequired.reason`.
        expires_at: Until when the challenge token can be opened.
        error_id: The id of the answer in the service's logs.
    """

    title: str
    step_up_challenge_token: str | None = field(repr=False)
    requirement: Requirement
    reason: str
    expires_at: datetime | None
    error_id: str | None = None


Decision = Allowed | Denied | StepUp
