"""Factors and what their verification returns (semantics §1, §7)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stairgate.model.ids import FactorId, UserId
from stairgate.model.protection import Level, Method


@dataclass(frozen=True, slots=True)
class Factor:
    """A registered means of proof. *secret* is sealed by the key ring; *counter* is what replay protection knows."""

    id: FactorId
    user: UserId
    method: Method
    secret: bytes
    created_at: datetime
    usable_from: datetime
    name: str = ""
    counter: int = -1  # totp: the last accepted time step
    last_used_at: datetime | None = None
    disabled: bool = False

    def __repr__(self) -> str:
        return f"Factor(id={self.id!r}, user={self.user!r}, method={self.method!r})"  # SECURITY: never the secret


@dataclass(frozen=True, slots=True)
class Evidence:
    """What a verification proved. Never a bool: who ignores it cannot mistake it for success."""

    method: Method
    level: Level | None  # None: approvals, which are no factor
    user_verified: bool
    proven_at: datetime
    factor: FactorId | None = None  # None: external
    counter: int | None = None  # the factor's new counter, to be stored in the transaction that uses this


@dataclass(frozen=True, slots=True)
class TokenEvidence:
    """What a user token's own `acr` and `auth_time` prove, where its issuer is configured so (semantics §5)."""

    level: Level
    proven_at: datetime | None  # None: the token does not say, so it is never young enough


@dataclass(frozen=True, slots=True)
class AttemptCount:
    """Wrong answers since the last success, kept per user and factor; survives every new challenge (NIST-2)."""

    failures: int = 0
    last_failure_at: datetime | None = None
