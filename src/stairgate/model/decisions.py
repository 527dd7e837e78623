"""The decision: three outcomes, closed, without a truth value (semantics §5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import NoReturn

from stairgate.model.actions import Action
from stairgate.model.canonical import JsonValue
from stairgate.model.elevations import NO_DETAILS, Area
from stairgate.model.ids import ElevationId, RecordId, RoleId, UserId
from stairgate.model.protection import Mark, Requirement
from stairgate.model.resources import Resource, ResourcePattern
from stairgate.model.tokens import TokenKey


@dataclass(frozen=True, slots=True)
class Entity:
    """A subject or a resource, as an AuthZEN caller names and describes it."""

    type: str
    id: str
    properties: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Wording:
    """A question in the words of its AuthZEN caller, for conditions (semantics §3, §13). *action*: its properties."""

    subject: Entity
    resource: Entity
    action: Mapping[str, JsonValue]


@dataclass(frozen=True, slots=True)
class Question:
    """
    May *user*, with the token *token*, do *action* to *resource*?

    *context* are the details for `bind` and for conditions. *wording* None: the question was asked by ids alone.
    """

    user: UserId
    resource: Resource
    action: Action
    token: TokenKey | None = None
    context: Mapping[str, JsonValue] | None = None
    wording: Wording | None = None


class Reason(StrEnum):
    """Why a step-up is required (semantics §6)."""

    ELEVATION_REQUIRED = "elevation_required"
    ELEVATION_EXPIRED = "elevation_expired"
    DETAILS_CHANGED = "details_changed"
    DETAILS_REQUIRED = "details_required"
    TOKEN_REQUIRED = "token_required"  # noqa: S105  # a reason, not a secret
    REQUIREMENT_UNSATISFIABLE = "requirement_unsatisfiable"


@dataclass(frozen=True, slots=True)
class Source:
    """The grant that determined an outcome: which statement of which record, through which role, where."""

    record: RecordId | None  # None: a PUBLIC resource configuration
    statement: int
    role: RoleId | None
    resource: ResourcePattern


class _NoTruth:
    __slots__ = ()

    def __bool__(self) -> NoReturn:
        message = "a decision has no truth value: match on Allow, StepUpRequired and Deny"
        raise TypeError(message)


@dataclass(frozen=True, slots=True)
class Allow(_NoTruth):
    """The access is open. *elevation* is the one that met the marks; where *counted*, a use of it must be taken."""

    source: Source
    elevation: ElevationId | None = None
    counted: bool = False
    observed: tuple[Mark, ...] = ()  # `observe` marks that would have refused


@dataclass(frozen=True, slots=True)
class StepUpRequired(_NoTruth):
    """
    The access is the user's, and wants a step-up first.

    *area* is what an elevation for it opens and *details* the bound values it holds for (name -> JCS).
    A challenge token is minted only where *challengeable*.
    """

    reason: Reason
    requirement: Requirement
    area: Area
    source: Source
    marks: tuple[Mark, ...]
    details: Mapping[str, str] = field(default_factory=lambda: NO_DETAILS)

    @property
    def challengeable(self) -> bool:
        """Whether a challenge token can lead anywhere (semantics §5)."""
        return self.reason not in {
            Reason.TOKEN_REQUIRED,
            Reason.DETAILS_REQUIRED,
            Reason.REQUIREMENT_UNSATISFIABLE,
        }


@dataclass(frozen=True, slots=True)
class Deny(_NoTruth):
    """The user does not have the access. Says nothing about protection."""


Decision = Allow | StepUpRequired | Deny


@dataclass(frozen=True, slots=True)
class Receipt:
    """What was decided, when and from which facts."""

    decision: Decision
    decided_at: datetime
    revision: int
