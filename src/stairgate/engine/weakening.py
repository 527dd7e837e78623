"""
Which marks a change makes weaker, and whom it newly gives rights over the management API (semantics §4, "Weakening").

How the text is read: a mark stands on a place, that is an action on a resource, through a role or a statement or for
everybody. It is weakened where no mark that is at least as strict stands on all of its place any more; and, on a
statement, where somebody who was given something under it is now given the same without. That somebody is given less
is no weakening, so that access can be taken away at once. A mark that only observes refuses nothing, so nothing can
make it weaker.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, fields
from types import MappingProxyType

from stairgate.model.access import (
    AccessRecord,
    Principal,
    PrincipalKind,
    RecordStatus,
    ResourceConfiguration,
    Role,
    Statement,
)
from stairgate.model.actions import Action
from stairgate.model.approvals import cover
from stairgate.model.ids import RoleId
from stairgate.model.protection import Enforcement, Requirement, reaches
from stairgate.model.resources import ResourcePattern

MANAGEMENT = "Authress:"  # what the first segment of each resource of the management API begins with

_Standing = tuple[Action, Requirement]


def weakened_in_record(before: AccessRecord | None, after: AccessRecord | None) -> tuple[Requirement, ...]:
    """The requirements of the statements of *before* that *after* weakens."""
    stood, stands = _given(before), _given(after)
    weaker: dict[Requirement, None] = {}
    for was in stood:
        mark = was.mark
        if mark is None or mark.enforce is not Enforcement.ON or mark in weaker:
            continue
        strict = [each for each in stands if _as_strict(each.mark, mark)]
        easier = [each for each in stands if not _as_strict(each.mark, mark)]
        if not _stands_on(strict, was) or any(_frees(now, was, stood) for now in easier):
            weaker[mark] = None
    return tuple(weaker)


def weakened_in_role(before: Role | None, after: Role | None) -> tuple[Requirement, ...]:
    """The requirements of the permissions of *before* that *after* weakens."""
    return _weakened(_role_marks(before), _role_marks(after))


def weakened_in_resource(
    before: ResourceConfiguration | None, after: ResourceConfiguration | None
) -> tuple[Requirement, ...]:
    """The requirements of the marks of *before* that *after*, at the same pattern, weakens."""
    return _weakened(_resource_marks(before), _resource_marks(after))


def newly_manage(before: AccessRecord | None, after: AccessRecord | None) -> frozenset[Principal]:
    """To whom *after* gives a role on resources of the management API that *before* did not give them."""
    had = _given(before)
    found: frozenset[Principal] = frozenset()
    for now in _given(after):
        over = frozenset(filter(reaches_management, now.patterns))
        if over:
            known = (
                each.receivers
                for each in had
                if now.roles <= each.roles and over <= each.patterns and each.when in {None, now.when}
            )
            found |= now.receivers.difference(*known)
    return found


def reaches_management(pattern: ResourcePattern) -> bool:
    """Whether *pattern* covers anything of the management API."""
    first = pattern.segments[0] if pattern.segments else "*"
    return first == "*" or first.startswith(MANAGEMENT)


def at_least_as_strict(after: Requirement, before: Requirement) -> bool:
    """Whether whatever meets *after* meets *before*, member by member."""
    return all(_COMPARED.get(each.name, _same(each.name))(after, before) for each in fields(Requirement))


def _same(name: str) -> Callable[[Requirement, Requirement], bool]:
    # SECURITY: a member that nothing here knows to compare may have changed to what is easier.
    return lambda after, before: bool(getattr(after, name) == getattr(before, name))


_COMPARED: Mapping[str, Callable[[Requirement, Requirement], bool]] = MappingProxyType(
    {
        "level": lambda after, before: reaches(after.level, before.level),
        "methods": lambda after, before: (
            before.methods is None or (after.methods is not None and after.methods <= before.methods)
        ),
        "lifetime": lambda after, before: after.lifetime <= before.lifetime,
        "max_age": lambda after, before: after.proof_age <= before.proof_age,
        "uses": lambda after, before: before.uses is None or (after.uses is not None and after.uses <= before.uses),
        "scope": lambda after, before: after.exact or not before.exact,
        "approvals": lambda after, before: cover(after.approvals, before.approvals),
        "bind": lambda after, before: before.bind <= after.bind,
        "device": lambda after, before: before.device is None or after.device is before.device,
        "enforce": lambda after, before: after.enforce is Enforcement.ON or before.enforce is not Enforcement.ON,
    }
)


def _as_strict(after: Requirement | None, before: Requirement | None) -> bool:
    """The same of marks that may not be there, or only observe."""
    if before is None or before.enforce is not Enforcement.ON:
        return True
    return after is not None and at_least_as_strict(after, before)


def _weakened(stood: Iterable[_Standing], stands: Iterable[_Standing]) -> tuple[Requirement, ...]:
    now = list(stands)
    weaker = {
        mark: None
        for action, mark in stood
        if mark.enforce is Enforcement.ON
        and not any(wider.covers(action) and _as_strict(other, mark) for wider, other in now)
    }
    return tuple(weaker)


def _role_marks(role: Role | None) -> Iterator[_Standing]:
    for permission in () if role is None else role.permissions:
        if permission.step_up is not None:
            yield permission.action, permission.step_up


def _resource_marks(configuration: ResourceConfiguration | None) -> Iterator[_Standing]:
    for mark in () if configuration is None else configuration.marks:
        for action in mark.actions:
            yield action, mark.requirement


@dataclass(frozen=True, slots=True)
class _Given:
    """What one statement gives to whom, under which mark and condition."""

    roles: frozenset[RoleId]
    patterns: frozenset[ResourcePattern]
    receivers: frozenset[Principal]
    mark: Requirement | None
    when: str | None


def _given(record: AccessRecord | None) -> list[_Given]:
    if record is None or record.status is not RecordStatus.ACTIVE:
        return []
    everyone = _principals(record)
    return [
        _Given(
            frozenset(statement.roles),
            frozenset(statement.resources),
            everyone | _principals(statement),
            statement.step_up,
            statement.when,
        )
        for statement in record.statements
    ]


def _principals(names: AccessRecord | Statement) -> frozenset[Principal]:
    users = (Principal(PrincipalKind.USER, user) for user in names.users)
    return frozenset((*users, *(Principal(PrincipalKind.GROUP, group) for group in names.groups)))


def _stands_on(strict: Iterable[_Given], was: _Given) -> bool:
    """Whether the marks of *strict* stand on all that *was* gives: there, or on a node above."""
    covered: dict[RoleId, set[ResourcePattern]] = {}
    for each in strict:
        for role in each.roles & was.roles:
            covered.setdefault(role, set()).update(each.patterns)
    return all(
        not covered.get(role, frozenset()).isdisjoint(at_or_above)
        for at_or_above in map(_at_or_above, was.patterns)
        for role in was.roles
    )


def _at_or_above(pattern: ResourcePattern) -> list[ResourcePattern]:
    """*pattern*, and what is wider by standing higher in the tree. One that is wider by a wildcard is left out."""
    segments, size = pattern.segments, len(pattern.segments)
    higher = [ResourcePattern(segments[:depth], below=True) for depth in range(size + pattern.below)]
    return higher + [ResourcePattern(segments[:depth]) for depth in range(1, size + 1)]


def _frees(now: _Given, was: _Given, stood: Iterable[_Given]) -> bool:
    """
    Whether *now*, which is easier, gives somebody what *was* gave them under its mark.

    Unless they had it as easily: a statement of *stood* gave them all that the two have in common.
    """
    roles, patterns = now.roles & was.roles, now.patterns & was.patterns
    if not roles or not patterns:
        return False
    had = (
        each.receivers
        for each in stood
        if _as_strict(now.mark, each.mark)
        and roles <= each.roles
        and patterns <= each.patterns
        and each.when in {None, now.when}
    )
    return bool((now.receivers & was.receivers).difference(*had))
