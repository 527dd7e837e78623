"""What a lint of a policy is about, and how it tells what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from stairgate.model.access import AccessRecord, Group, ResourceConfiguration, Role
from stairgate.model.protection import BEST_LEVELS, Enforcement, Level, Method, Requirement


class Severity(StrEnum):
    """An error is a protection that is not there, or that nobody can pass; a warning is worth a look."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong: what kind (*code*), where, and in words."""

    severity: Severity
    code: str
    place: str
    message: str


@dataclass(frozen=True, slots=True)
class Policy:
    """All of an account's policy. *best_levels* is what each method that the service offers can prove."""

    records: Sequence[AccessRecord]
    roles: Sequence[Role] = ()
    groups: Sequence[Group] = ()
    resources: Sequence[ResourceConfiguration] = ()
    best_levels: Mapping[Method, Level] = field(default_factory=lambda: BEST_LEVELS)


def statement_place(record: AccessRecord, position: int) -> str:
    """Where a statement is, in words."""
    return f"record `{record.id}` statement {position}"


def role_place(role: Role) -> str:
    """Which role, in words."""
    return f"role `{role.id}`"


def guards(mark: Requirement | None) -> bool:
    """Whether there is a mark that refuses."""
    return mark is not None and mark.enforce is Enforcement.ON
