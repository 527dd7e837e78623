"""Whom access that is asked for must be agreed to by, and who could hand out anything at all (semantics §9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import TypeGuard

from stairgate.engine.facts import Facts
from stairgate.engine.resources import compile_resources
from stairgate.engine.rights import Right
from stairgate.engine.roles import compile_roles
from stairgate.model.access import BUILT_IN_ROLES, Permission, ResourceConfiguration, ResourceMark, Role, Statement
from stairgate.model.actions import ANY_ACTION, Action
from stairgate.model.approvals import NO_QUORUMS
from stairgate.model.ids import RoleId
from stairgate.model.protection import Enforcement, Requirement
from stairgate.model.resources import ResourcePattern, segment_matches


def approvals_guarding(
    statements: Iterable[Statement], roles: Iterable[Role], configurations: Iterable[ResourceConfiguration]
) -> tuple[Requirement, ...]:
    """
    What every mark asks that wants approvals for anything that *statements* would give.

    Marks of resources and of roles that are on. One that guards a part of what is given guards all of it, and its
    condition is taken as true: approvals are asked too often rather than too seldom.
    """
    known: Mapping[RoleId, Role] = {**{role.id: role for role in roles}, **BUILT_IN_ROLES}
    guarded = [
        (configuration.resource, mark.actions, mark.requirement)
        for configuration in configurations
        for mark in configuration.marks
        if _wants_approvals(mark.requirement)
    ]
    found: dict[Requirement, None] = {}
    for statement in statements:
        named = [known.get(role) for role in statement.roles]
        # A role that does not exist may mean anything once somebody makes it.
        actions = {
            action.key: action
            for role in named
            for action in ([each.action for each in role.permissions] if role is not None else [ANY_ACTION])
        }.values()
        for role in named:
            for permission in role.permissions if role is not None else ():
                if _wants_approvals(permission.step_up):
                    found[permission.step_up] = None
        for node, marked, requirement in guarded:
            if any(overlap(node, pattern) for pattern in statement.resources) and any(
                _overlap(one, other) for one in marked for other in actions
            ):
                found[requirement] = None
    return tuple(found)


def with_quorum_in_place(
    facts: Facts,
    roles: Iterable[Role],
    configurations: Iterable[ResourceConfiguration],
    *,
    asked: Iterable[Requirement],
    where: ResourcePattern,
    action: Action,
) -> Facts:
    """
    *facts* for who hands out what a quorum of the very marks on it agrees to: those marks ask nothing more there.

    What they ask beside approvals, they ask for *action* on *where*: the approver's own agreement. Details cannot be
    bound there, and conditions are taken as true.

    Args:
        facts: About the approver.
        roles: Every stored role.
        configurations: Every resource configuration.
        asked: What the marks on what is handed out ask, `approvals_guarding`.
        where: The node of the request.
        action: To agree to it.
    """
    rest = tuple(
        ResourceMark((action,), replace(each, approvals=NO_QUORUMS, bind=frozenset(), when=None))
        for each in asked
        if each.level is not None
    )
    left = [
        replace(each, marks=tuple(mark for mark in each.marks if not _wants_approvals(mark.requirement)))
        for each in configurations
    ]
    freed = [
        replace(role, permissions=tuple(_without_approvals(permission) for permission in role.permissions))
        for role in roles
    ]
    resources = compile_resources([*left, ResourceConfiguration(where, marks=rest)])
    return replace(facts, resources=resources, roles=compile_roles(freed))


def _without_approvals(permission: Permission) -> Permission:
    return replace(permission, step_up=None) if _wants_approvals(permission.step_up) else permission


def _wants_approvals(requirement: Requirement | None) -> TypeGuard[Requirement]:
    return requirement is not None and bool(requirement.approvals) and requirement.enforce is Enforcement.ON


def overlap(one: ResourcePattern, other: ResourcePattern) -> bool:
    """Whether some resource may lie in both: segment by segment, as far as both go."""
    return all(
        segment_matches(a, b) or segment_matches(b, a) for a, b in zip(one.segments, other.segments, strict=False)
    )


def _overlap(one: Action, other: Action) -> bool:
    return one.covers(other) or other.covers(one)


def hands_out_something(facts: Facts) -> bool:
    """Whether any grant lets its holder give anything to others, so that access requests may wait for them."""
    opening = facts.roles.opening(Right.GRANT)
    return any(
        opening.get(role)
        for table in facts.tables
        for things in table.values()
        for given in (things if isinstance(things, tuple) else (things,))
        for role in given.roles
    )
