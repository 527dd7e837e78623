"""Elevations: one token, one area, a level, until then, so many uses (semantics §5, §8)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from stairgate.model.actions import Action
from stairgate.model.approvals import NO_QUORUMS, Quorums
from stairgate.model.ids import ChallengeId, ElevationId, FactorId, UserId
from stairgate.model.protection import Level, Method
from stairgate.model.resources import Resource
from stairgate.model.tokens import TokenKey

NO_DETAILS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Area:
    """
    The part of the tree and the actions that an elevation opens.

    Not *exact*: *resource* and all below it (with `children`: strictly below), *action* and all below it.
    *exact*: the question (*resource*, *action*) alone.
    """

    resource: Resource
    action: Action
    exact: bool = False

    def covers(self, resource: Resource, action: Action) -> bool:
        """Whether the question (*resource*, *action*) lies in this area (semantics §5)."""
        if self.exact:
            return self.resource == resource and self.action.key == action.key
        node = self.resource.segments
        if resource.segments[: len(node)] != node or not self.action.covers(action):
            return False
        return not self.resource.children or resource.children or len(resource.segments) > len(node)


class EndReason(StrEnum):
    """Why an elevation ended before its time. Expiry and use-up are seen from its members."""

    REVOKED = "revoked"
    NOT_ME = "not_me"
    TOKEN_ENDED = "token_ended"  # noqa: S105  # a reason, not a secret
    FACTOR_REMOVED = "factor_removed"
    USER_DELETED = "user_deleted"


@dataclass(frozen=True, slots=True)
class Elevation:
    """The result of a step-up: it removes marks from grants that the user already has, and gives nothing else."""

    id: ElevationId
    user: UserId
    token: TokenKey
    area: Area
    level: Level | None  # None: other people agreed, no factor was asked
    method: Method
    proven_at: datetime
    issued_at: datetime
    expires_at: datetime
    challenge: ChallengeId
    factor: FactorId | None = None
    uses: int | None = None  # how many it was issued with; None: uncounted
    uses_left: int | None = None
    details: Mapping[str, str] = field(default_factory=lambda: NO_DETAILS)  # bound name -> JCS of its value
    ended_at: datetime | None = None
    end_reason: EndReason | None = None
    same_device: bool = False  # finished on the device that asked (semantics §7.2)
    approvals: Quorums = NO_QUORUMS  # those that other people met

    def live(self, now: datetime) -> bool:
        """Whether it can still help anything: not ended, not expired, uses left."""
        return self.ended_at is None and now < self.expires_at and (self.uses_left is None or self.uses_left > 0)
