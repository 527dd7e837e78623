"""The facts of a case, from their short form to the model's records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from tests.cases.reading import Document
from tests.reference.oracle import World

from stairgate.model.access import (
    AccessRecord,
    Group,
    Permission,
    RecordStatus,
    ResourceAbility,
    ResourceConfiguration,
    ResourceMark,
    Role,
    Statement,
)
from stairgate.model.actions import parse_action
from stairgate.model.documents import requirement_of
from stairgate.model.ids import GroupId, RecordId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern
from stairgate.ports.store import WriteTransaction


def roles(facts: Document) -> list[Role]:
    """Its roles."""
    return [
        Role(RoleId(role), role, tuple(_permission(value) for value in permissions))
        for role, permissions in facts.get("roles", {}).items()
    ]


def groups(facts: Document) -> list[Group]:
    """Its groups."""
    return [
        Group(GroupId(group), group, tuple(UserId(user) for user in users))
        for group, users in facts.get("groups", {}).items()
    ]


def records(facts: Document) -> list[AccessRecord]:
    """Its access records; one without an id is called by its place."""
    return [
        AccessRecord(
            RecordId(record.get("id", f"rec_{number}")),
            "case",
            tuple(_statement(value) for value in record["statements"]),
            users=tuple(UserId(user) for user in record.get("users", ())),
            groups=tuple(GroupId(group) for group in record.get("groups", ())),
        )
        for number, record in enumerate(facts.get("records", ()))
    ]


def configurations(facts: Document) -> list[ResourceConfiguration]:
    """Its resource configurations."""
    return [_configuration(resource, value) for resource, value in facts.get("resources", {}).items()]


def _mark(value: object) -> Requirement | None:
    return None if value is None else requirement_of(value)


def _permission(value: Any) -> Permission:
    written: Mapping[str, Any] = value if isinstance(value, dict) else {"action": value}
    return Permission(
        parse_action(written["action"]),
        allow=written.get("allow", True),
        grant=written.get("grant", False),
        delegate=written.get("delegate", False),
        step_up=_mark(written.get("stepUp")),
    )


def _statement(value: Document) -> Statement:
    return Statement(
        tuple(RoleId(role) for role in value["roles"]),
        tuple(parse_pattern(resource) for resource in value["resources"]),
        users=tuple(UserId(user) for user in value.get("users", ())),
        groups=tuple(GroupId(group) for group in value.get("groups", ())),
        step_up=_mark(value.get("stepUp")),
        when=value.get("when"),
    )


def _configuration(resource: str, value: Document) -> ResourceConfiguration:
    marks = []
    for written in value.get("stepUp", ()):
        asked = {name: member for name, member in written.items() if name != "actions"}
        actions = tuple(parse_action(action) for action in written.get("actions", ["*"]))
        marks.append(ResourceMark(actions, requirement_of(asked)))
    abilities = frozenset(ResourceAbility(ability) for ability in value.get("permissions", ()))
    return ResourceConfiguration(parse_pattern(resource), abilities, tuple(marks))


# --- where they are kept


def put(transaction: WriteTransaction, facts: Document) -> None:
    """Write *facts* over what a store has."""
    for role in roles(facts):
        transaction.put_role(role)
    for group in groups(facts):
        transaction.put_group(group)
    for record in records(facts):
        transaction.put_record(record)
    for configuration in configurations(facts):
        transaction.put_resource(configuration)


def delete(transaction: WriteTransaction, named: Document) -> None:
    """Remove what *named* names from a store."""
    for kind, key in named.items():
        match kind:
            case "record":
                record = transaction.record(RecordId(key))
                assert record is not None
                transaction.put_record(replace(record, status=RecordStatus.DELETED))
            case "role":
                transaction.delete_role(RoleId(key))
            case "group":
                transaction.delete_group(GroupId(key))
            case _:
                transaction.delete_resource(parse_pattern(key))


def changed(world: World, facts: Document) -> World:
    """*world* with *facts* put over it."""
    members = {group.id: group.users for group in groups(facts)}
    groups_of = {user: [g for g in held if g not in members] for user, held in world.groups_of.items()}
    for group, users in members.items():
        for user in users:
            groups_of.setdefault(user, []).append(group)
    return World(
        list({each.id: each for each in [*world.records, *records(facts)]}.values()),
        list({each.id: each for each in [*world.roles, *roles(facts)]}.values()),
        list({each.resource: each for each in [*world.configurations, *configurations(facts)]}.values()),
        groups_of,
    )


def without(world: World, named: Document) -> World:
    """*world* without what *named* names."""
    gone = set(named.items())
    return World(
        [each for each in world.records if ("record", each.id) not in gone],
        [each for each in world.roles if ("role", each.id) not in gone],
        [each for each in world.configurations if ("resource", str(each.resource)) not in gone],
        {user: [g for g in held if ("group", g) not in gone] for user, held in world.groups_of.items()},
    )


def known(world: World) -> list[str]:
    """The resources that are named without a wildcard in a statement or a configuration (semantics §11), as a tree."""
    patterns = {
        pattern
        for record in world.records
        if record.status is RecordStatus.ACTIVE
        for statement in record.statements
        for pattern in statement.resources
    } | {each.resource for each in world.configurations}
    plain = [pattern for pattern in patterns if not pattern.below and not pattern.wild]
    return [str(pattern) for pattern in sorted(plain, key=lambda pattern: pattern.segments)]


def unconditional(world: World) -> World:
    """*world* as it is judged where the context is not known: every grant counts, no mark with a condition applies."""

    def plain(requirement: Requirement | None) -> Requirement | None:
        return None if requirement is None or requirement.when is not None else requirement

    def bare(statement: Statement) -> Statement:
        return replace(statement, when=None, step_up=plain(statement.step_up))

    def kept(marks: tuple[ResourceMark, ...]) -> tuple[ResourceMark, ...]:
        return tuple(mark for mark in marks if mark.requirement.when is None)

    return World(
        [replace(each, statements=tuple(map(bare, each.statements))) for each in world.records],
        [
            replace(each, permissions=tuple(replace(one, step_up=plain(one.step_up)) for one in each.permissions))
            for each in world.roles
        ],
        [replace(each, marks=kept(each.marks)) for each in world.configurations],
        world.groups_of,
    )
