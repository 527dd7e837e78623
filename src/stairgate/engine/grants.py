"""One principal's grants, compiled: from a resource pattern to the statements that give roles on it (design §3)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache

from stairgate.engine.lookup import PatternIndex
from stairgate.model.access import Grant
from stairgate.model.ids import RecordId, RoleId
from stairgate.model.protection import Requirement
from stairgate.model.resources import ResourcePattern


class Given:
    """What one statement gives on a pattern. One object serves all patterns of the statement that end alike."""

    __slots__ = ("below", "record", "roles", "statement", "step_up", "when")

    def __init__(
        self,
        record: RecordId | None,
        statement: int,
        roles: tuple[RoleId, ...],
        step_up: Requirement | None,
        when: str | None = None,
        *,
        below: bool,
    ) -> None:
        self.record = record  # None: a PUBLIC resource configuration
        self.statement = statement
        self.roles = roles
        self.step_up = step_up
        self.when = when
        self.below = below


class GrantTable(PatternIndex[Given]):
    """The grants of one user or group. Immutable; a group's table is shared by its members."""

    __slots__ = ()


@lru_cache(maxsize=16384)
def _shared_roles(roles: tuple[RoleId, ...]) -> tuple[RoleId, ...]:
    return roles


@lru_cache(maxsize=16384)
def _shared_requirement(requirement: Requirement | None) -> Requirement | None:
    return requirement


@lru_cache(maxsize=16384)
def _shared_condition(when: str | None) -> str | None:
    return when


def compile_grants(grants: Iterable[Grant]) -> GrantTable:
    """
    The table of one principal's *grants*.

    Their order does not matter: a table built from the same grants in another order decides, and names its sources,
    alike (semantics §5, Laws).
    """
    return GrantTable(_placed(sorted(grants, key=lambda grant: (grant.record, grant.statement))))


def _placed(grants: Iterable[Grant]) -> Iterator[tuple[ResourcePattern, Given]]:
    for grant in grants:
        roles = _shared_roles(grant.roles)
        step_up = _shared_requirement(grant.step_up)
        when = _shared_condition(grant.when)
        by_end: dict[bool, Given] = {}
        for pattern in grant.resources:
            given = by_end.get(pattern.below)
            if given is None:
                given = Given(grant.record, grant.statement, roles, step_up, when, below=pattern.below)
                by_end[pattern.below] = given
            yield pattern, given
