"""
Marks that another grant makes void (semantics §4): they are a condition of one grant, and others give the same.

Whether a mark is void is asked of the engine itself: of a user whom a marked grant names, may they do this *without*
any elevation? If so, some other grant is the reason, and it is named. So groups, roles, wildcards and
`Authress:Owner` on `*` need no rules of their own. What is given on a condition is left out, and a mark on a condition
stands: neither makes a finding that depends on a request.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

from stairgate.engine.conditions import is_constant
from stairgate.engine.decide import assess
from stairgate.engine.facts import Facts
from stairgate.engine.findings import Finding, Policy, Severity, guards, role_place, statement_place
from stairgate.engine.grants import GrantTable, compile_grants
from stairgate.engine.lookup import pattern_of, text_of
from stairgate.engine.resources import compile_resources
from stairgate.engine.roles import compile_roles
from stairgate.model.access import (
    BUILT_IN_ROLES,
    AccessRecord,
    Grant,
    Principal,
    PrincipalKind,
    ResourceConfiguration,
    Role,
    Statement,
)
from stairgate.model.actions import Action
from stairgate.model.decisions import Allow, Question, Source
from stairgate.model.ids import GroupId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import Resource, ResourcePattern

_NAMED = 3  # people whom a message names


def void_marks(policy: Policy, records: Sequence[AccessRecord]) -> Iterator[Finding]:
    """The marks of *records* that guard nothing, or not all that they stand on, because another grant gives it."""
    world = _World(policy, records)
    for record in records:
        for position, statement in enumerate(record.statements):
            marked = list(_marked(statement, world.roles))
            if not marked:
                continue
            people = world.people(record, statement)
            for mark, actions in marked:
                place = statement_place(record, position)
                if mark:
                    place += f", {mark}"
                yield from _void_mark(world, place, people, actions, statement.resources)


def _void_mark(
    world: _World,
    place: str,
    people: Sequence[UserId],
    actions: Sequence[Action],
    patterns: Sequence[ResourcePattern],
) -> Iterator[Finding]:
    """A finding for each grant that opens, to some of *people*, what the mark at *place* guards."""
    opened: dict[tuple[Source, bool], list[UserId]] = {}
    example: dict[tuple[Source, bool], str] = {}
    for user in people:
        for pattern in patterns:
            for action in actions:
                way = world.opened(user, pattern, action)
                if way is None:
                    continue
                source, where = way
                key = source, where != pattern
                names = opened.setdefault(key, [])
                if names[-1:] != [user]:
                    names.append(user)
                example.setdefault(key, f"`{action}` on `{where}`")
    for (source, partly), names in opened.items():
        everybody = len(names) == len(people)
        severity = Severity.ERROR if everybody and not partly else Severity.WARNING
        whom = "everybody whom it names" if everybody else _named(names)
        yield Finding(
            severity,
            "mark-partly-void" if partly else "mark-void",
            place,
            f"{example[source, partly]} is open to {whom} without it: by {_grant_in_words(source)}",
        )


def _marked(statement: Statement, roles: Mapping[RoleId, Role]) -> Iterator[tuple[str, list[Action]]]:
    """The marks that guard what *statement* gives: where each stands, in words, and the actions that it guards."""
    held = [role for name in statement.roles if (role := roles.get(name)) is not None]
    if guards(statement.step_up):
        given = [each.action for role in held for each in role.permissions if each.allow]
        yield "", list({action.key: action for action in given}.values())
    for role in held:
        own = [each.action for each in role.permissions if each.allow]
        for mark in role.permissions:
            if not guards(mark.step_up):
                continue
            wide = any(action.covers(mark.action) for action in own)
            guarded = [mark.action] if wide else [action for action in own if mark.action.covers(action)]
            if guarded:
                yield f"{role_place(role)}, `{mark.action}`", guarded


class _World:
    """The policy, compiled as far as it is asked for; users who hold the same share what is known of them."""

    def __init__(self, policy: Policy, records: Sequence[AccessRecord]) -> None:
        self.roles = {**{role.id: role for role in policy.roles}, **BUILT_IN_ROLES}
        self._members = {group.id: group.users for group in policy.groups}
        self._groups_of: dict[UserId, list[GroupId]] = {}
        for group in policy.groups:
            for user in group.users:
                self._groups_of.setdefault(user, []).append(group.id)
        self._grants: dict[Principal, list[Grant]] = {}
        for record in records:
            for position, statement in enumerate(record.statements):
                if not _always(statement.when):
                    continue
                mark = _unconditional(statement.step_up)
                grant = Grant(record.id, position, statement.resources, statement.roles, mark)
                for principal in _receivers(record, statement):
                    self._grants.setdefault(principal, []).append(grant)
        self._tables: dict[Principal, GrantTable] = {}
        self._compiled_roles = compile_roles(map(_with_unconditional_marks, policy.roles))
        self._resources = compile_resources(map(_marked_unconditionally, policy.resources))
        self._views: dict[tuple[Principal, ...], _View] = {}

    def people(self, record: AccessRecord, statement: Statement) -> list[UserId]:
        """Everybody whom the statement gives something, through groups, too."""
        found: dict[UserId, None] = {}
        for principal in _receivers(record, statement):
            if principal.kind is PrincipalKind.USER:
                found[UserId(principal.id)] = None
            else:
                found.update(dict.fromkeys(self._members.get(GroupId(principal.id), ())))
        return list(found)

    def opened(self, user: UserId, pattern: ResourcePattern, action: Action) -> tuple[Source, ResourcePattern] | None:
        """The grant that opens *action* on *pattern*, or on something below it, to *user* without an elevation."""
        named = [Principal(PrincipalKind.USER, user)]
        named += [Principal(PrincipalKind.GROUP, group) for group in self._groups_of.get(user, ())]
        holding = tuple(principal for principal in named if principal in self._grants)
        view = self._views.get(holding)
        if view is None:
            tables = tuple(self._table(principal) for principal in holding)
            view = self._views[holding] = _View(Facts(tables, self._compiled_roles, self._resources))
        return view.opened(user, pattern, action)

    def _table(self, principal: Principal) -> GrantTable:
        table = self._tables.get(principal)
        if table is None:
            table = self._tables[principal] = compile_grants(self._grants[principal])
        return table


class _View:
    """What holders of the same grants may do without an elevation. Any one of them is asked about."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._known: dict[tuple[ResourcePattern, str], tuple[Source, ResourcePattern] | None] = {}
        self._texts: list[str] | None = None

    def opened(self, user: UserId, pattern: ResourcePattern, action: Action) -> tuple[Source, ResourcePattern] | None:
        key = pattern, action.key
        if key not in self._known:
            self._known[key] = self._asked(user, pattern, action)
        return self._known[key]

    def _asked(self, user: UserId, pattern: ResourcePattern, action: Action) -> tuple[Source, ResourcePattern] | None:
        for place in (pattern, *self._below(pattern)):
            question = Question(user, Resource(place.segments, place.below), action)
            outcome = assess(question, self._facts)
            if isinstance(outcome, Allow):
                return outcome.source, place
        return None

    def _below(self, pattern: ResourcePattern) -> Iterator[ResourcePattern]:
        """The places below *pattern* on which something is held. Those within a wildcard are left out."""
        if self._texts is None:
            self._texts = sorted({text for table in self._facts.tables for text in table})
        text = text_of(pattern)
        first = f"{text}/" if text else ""
        for place in range(bisect_left(self._texts, first), len(self._texts)):
            if not self._texts[place].startswith(first):
                return
            yield pattern_of(self._texts[place], below=False)


def _receivers(record: AccessRecord, statement: Statement) -> dict[Principal, None]:
    users = (Principal(PrincipalKind.USER, user) for user in (*record.users, *statement.users))
    groups = (Principal(PrincipalKind.GROUP, group) for group in (*record.groups, *statement.groups))
    return dict.fromkeys((*users, *groups))


def _always(condition: str | None) -> bool:
    return condition is None or is_constant(condition)


def _unconditional(mark: Requirement | None) -> Requirement | None:
    return mark if mark is None or _always(mark.when) else replace(mark, when=None)


def _with_unconditional_marks(role: Role) -> Role:
    return replace(
        role, permissions=tuple(replace(each, step_up=_unconditional(each.step_up)) for each in role.permissions)
    )


def _marked_unconditionally(configuration: ResourceConfiguration) -> ResourceConfiguration:
    marks = tuple(
        replace(mark, requirement=replace(mark.requirement, when=None)) if not _always(mark.requirement.when) else mark
        for mark in configuration.marks
    )
    return replace(configuration, marks=marks)


def _grant_in_words(source: Source) -> str:
    if source.record is None:
        return f"the PUBLIC resource `{source.resource}`"
    return f"record `{source.record}` statement {source.statement}, role `{source.role}` on `{source.resource}`"


def _named(names: Sequence[str]) -> str:
    shown = ", ".join(f"`{name}`" for name in names[:_NAMED])
    return shown if len(names) <= _NAMED else f"{shown} and {len(names) - _NAMED} more"
