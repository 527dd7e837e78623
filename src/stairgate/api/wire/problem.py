"""The one error shape, and the refusal that asks for a step-up (semantics §6)."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from msgspec import UNSET, Struct, UnsetType


class Problem(Struct, rename="camel"):
    """
    What every error looks like. Act on `errorCode`; the title is for people; `errorId` is the id of the request.

    `field` names the part of the request that is not valid, `state` how a challenge ended, `attemptsLeft` how many more
    answers it takes.
    """

    title: str
    error_code: str
    error_id: str
    field: str | UnsetType = UNSET
    state: str | UnsetType = UNSET
    attempts_left: int | UnsetType = UNSET


class Requirement(Struct, rename="camel"):
    """What an elevation must be (semantics §4)."""

    level: str | None
    methods: list[str] | None
    lifetime: int
    max_age: int | None
    uses: int | None
    scope: str | None
    bind: list[str]
    device: str | None
    approvals: list[Any] | None
    when: str | None
    enforce: str


class StepUpAuthorizationRequired(Struct, rename="camel", kw_only=True):
    """
    The access is the user's, and wants a step-up first.

    `stepUpChallengeToken` and `expiresAt` are there where a challenge can lead anywhere.
    """

    title: str
    error_code: str
    error_id: str
    step_up_challenge_token: str | UnsetType = UNSET
    expires_at: datetime | UnsetType = UNSET
    requirement: Requirement
    reason: str
