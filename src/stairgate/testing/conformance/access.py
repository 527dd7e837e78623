"""Records, roles, groups, resources and facts."""

# ruff: noqa: D103  # a case says what it claims in its name

from __future__ import annotations

from dataclasses import replace

from stairgate.model.access import Grant, RecordStatus
from stairgate.model.ids import GroupId, RecordId, RoleId
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern
from stairgate.ports.store import Change, ChangeKind, Page
from stairgate.testing.conformance.harness import Bench, must, seen, wrote
from stairgate.testing.conformance.samples import (
    ALICE,
    BOB,
    CAROL,
    REQUIREMENT,
    a_group,
    a_record,
    a_resource,
    a_role,
    a_statement,
    group_principal,
    user,
)


@must("fact", "put_fact")
async def facts_are_kept_and_replaced_and_absent_ones_are_none(bench: Bench) -> None:
    store = await bench.another()
    assert await seen(store, lambda tx: tx.fact("account")) is None
    await wrote(store, lambda tx: tx.put_fact("account", "acc_1"), lambda tx: tx.put_fact("public_url", ""))
    await wrote(store, lambda tx: tx.put_fact("account", "acc_2"))
    assert await seen(store, lambda tx: tx.fact("account")) == "acc_2"
    assert await seen(store, lambda tx: tx.fact("public_url")) == ""  # empty is not absent


@must("record", "put_record")
async def records_come_back_as_they_were_put(bench: Bench) -> None:
    store = await bench.another()
    full, bare = a_record(), a_record("rec_2", users=(), groups=(), statements=(), tags={}, description=None)
    own = a_record("rec_3", users=(), groups=(), statements=(a_statement(users=(BOB,), groups=(GroupId("g"),)),))
    for record in (full, bare, own):
        await wrote(store, lambda tx, record=record: tx.put_record(record))  # type: ignore[misc]
        assert await seen(store, lambda tx, record=record: tx.record(record.id)) == record  # type: ignore[misc]
    assert await seen(store, lambda tx: tx.record(RecordId("other"))) is None


@must("record", "grants_of")
async def deleted_records_stay_readable_and_give_nothing(bench: Bench) -> None:
    store = await bench.another()
    gone = a_record(status=RecordStatus.DELETED)
    await wrote(store, lambda tx: tx.put_record(a_record()), lambda tx: tx.put_record(gone))
    assert await seen(store, lambda tx: tx.record(gone.id)) == gone
    assert not await seen(store, lambda tx: tx.grants_of(user("alice")))
    await wrote(store, lambda tx: tx.put_record(a_record()))
    assert await seen(store, lambda tx: tx.grants_of(user("alice")))


@must("statement_marks", "put_record")
async def what_statements_ask_is_known_once_each_and_gone_with_the_last_that_asks_it(bench: Bench) -> None:
    store = await bench.another()
    other = replace(REQUIREMENT, lifetime=REQUIREMENT.lifetime + 1)
    twice = a_record("rec_1", statements=(a_statement(), a_statement(), a_statement(step_up=other)))

    async def asked() -> set[Requirement]:
        marks = list(await seen(store, lambda tx: tx.statement_marks()))
        assert len(marks) == len(set(marks))
        return set(marks)

    assert await asked() == set()
    await wrote(store, lambda tx: tx.put_record(twice), lambda tx: tx.put_record(a_record("rec_2")))
    assert await asked() == {REQUIREMENT, other}
    await wrote(store, lambda tx: tx.put_record(a_record("rec_1", status=RecordStatus.DELETED)))
    assert await asked() == {REQUIREMENT}
    await wrote(store, lambda tx: tx.put_record(a_record("rec_2", statements=(a_statement(step_up=None),))))
    assert await asked() == set()


@must("statement_conditions", "put_record", "grants_of")
async def conditions_of_statements_are_known_once_each_and_gone_with_the_last_that_has_it(bench: Bench) -> None:
    store = await bench.another()
    quoted, other = 'context.note == "\'when":"" // é', "true"
    statements = (a_statement(when=quoted), a_statement(when=quoted), a_statement(when=other), a_statement())
    marked = a_statement(step_up=replace(REQUIREMENT, when="false"))  # a mark's is not the statement's
    tags = {"when": "noon", '"when":"': '"when":"'}
    assert list(await seen(store, lambda tx: tx.statement_conditions())) == []
    await wrote(
        store,
        lambda tx: tx.put_record(a_record("rec_1", statements=statements, tags=tags)),
        lambda tx: tx.put_record(a_record("rec_2", statements=(a_statement(when=other), marked), tags=tags)),
    )
    assert sorted(await seen(store, lambda tx: tx.statement_conditions())) == sorted([quoted, other])
    assert [grant.when for grant in await seen(store, lambda tx: tx.grants_of(user("alice")))] == [
        *(quoted, quoted, other, None),
        *(other, None),
    ]
    await wrote(store, lambda tx: tx.put_record(a_record("rec_1", status=RecordStatus.DELETED)))
    assert list(await seen(store, lambda tx: tx.statement_conditions())) == [other]
    assert await seen(store, lambda tx: tx.record(RecordId("rec_2"))) == a_record(
        "rec_2", statements=(a_statement(when=other), marked), tags=tags
    )


@must("grants_of")
async def grants_are_every_statement_that_names_the_principal(bench: Bench) -> None:
    store = await bench.another()
    shared = a_record("rec_1")
    marked, plain = shared.statements
    own = a_record(
        "rec_2",
        users=(),
        groups=(),
        statements=(
            a_statement(users=(BOB,)),
            a_statement(users=(BOB, ALICE, BOB), groups=(GroupId("staff"),), step_up=None),
        ),
    )
    await wrote(store, lambda tx: tx.put_record(own), lambda tx: tx.put_record(shared))

    def of(record: str, position: int) -> Grant:
        statement = {"rec_1": (marked, plain), "rec_2": own.statements}[record][position]
        return Grant(RecordId(record), position, statement.resources, statement.roles, statement.step_up)

    both = [of("rec_1", 0), of("rec_1", 1), of("rec_2", 1)]
    assert await seen(store, lambda tx: tx.grants_of(user("alice"))) == both
    assert await seen(store, lambda tx: tx.grants_of(group_principal("staff"))) == both
    assert await seen(store, lambda tx: tx.grants_of(user("bob"))) == [of("rec_2", 0), of("rec_2", 1)]
    assert not await seen(store, lambda tx: tx.grants_of(user("staff")))
    assert not await seen(store, lambda tx: tx.grants_of(user("carol")))


@must("put_record", "grants_of")
async def a_record_put_again_replaces_all_its_grants(bench: Bench) -> None:
    store = await bench.another()
    await wrote(store, lambda tx: tx.put_record(a_record()))
    smaller = a_record(users=(BOB,), groups=(), statements=(a_statement(step_up=None),))
    await wrote(store, lambda tx: tx.put_record(smaller))
    assert not await seen(store, lambda tx: tx.grants_of(user("alice")))
    assert not await seen(store, lambda tx: tx.grants_of(group_principal("staff")))
    assert [grant.step_up for grant in await seen(store, lambda tx: tx.grants_of(user("bob")))] == [None]


@must("put_record", "changes_after", "revision")
async def a_put_record_tells_everyone_whom_it_names_or_named(bench: Bench) -> None:
    store = await bench.another()
    await wrote(store, lambda tx: tx.put_record(a_record()))
    before = await seen(store, lambda tx: tx.revision())
    other = a_record(users=(BOB,), groups=(), statements=(a_statement(),))
    await wrote(store, lambda tx: tx.put_record(other))
    told = {(change.kind, change.key) for change in await seen(store, lambda tx: tx.changes_after(before))}
    assert told == {
        (ChangeKind.USER_GRANTS, "alice"),
        (ChangeKind.USER_GRANTS, "bob"),
        (ChangeKind.GROUP_GRANTS, "staff"),
    }
    before = await seen(store, lambda tx: tx.revision())
    await wrote(store, lambda tx: tx.put_record(replace(other, status=RecordStatus.DELETED)))
    told = {(change.kind, change.key) for change in await seen(store, lambda tx: tx.changes_after(before))}
    assert told == {(ChangeKind.USER_GRANTS, "bob")}


@must("records")
async def records_are_paged_by_id_and_found_by_status_and_text(bench: Bench) -> None:
    store = await bench.another()
    for name in ("b", "A", "c", "a_%", "_"):
        await wrote(store, lambda tx, name=name: tx.put_record(a_record(name, name=f"Name {name}")))  # type: ignore[misc]
    gone = a_record("d", name="STRASSE", status=RecordStatus.DELETED)
    await wrote(store, lambda tx: tx.put_record(gone))

    async def ids(page: Page, status: RecordStatus | None = None, text: str | None = None) -> list[str]:
        found = await seen(store, lambda tx: tx.records(page, status=status, filter_text=text))
        return [record.id for record in found]

    assert await ids(Page(10)) == ["A", "_", "a_%", "b", "c", "d"]
    assert await ids(Page(2)) == ["A", "_"]
    assert await ids(Page(2, after="_")) == ["a_%", "b"]
    assert await ids(Page(0)) == []
    assert await ids(Page(10, after="A", until="b")) == ["_", "a_%", "b"]
    assert await ids(Page(1, until="c"), text="_") == ["_"]
    assert await ids(Page(10, until="_"), text="a_%") == []
    assert await ids(Page(10, until="c"), RecordStatus.DELETED) == []
    assert await ids(Page(10), RecordStatus.DELETED) == ["d"]
    assert await ids(Page(10, after="b"), RecordStatus.ACTIVE) == ["c"]
    assert await ids(Page(10), text="straße") == ["d"]
    assert await ids(Page(10), RecordStatus.ACTIVE, "straße") == []
    assert await ids(Page(10), text="a_%") == ["a_%"]
    assert await ids(Page(10), text="%") == ["a_%"]
    assert await ids(Page(1, after="A"), text="NAME") == ["_"]
    assert await ids(Page(10), text="x" * 100_000) == []
    assert await ids(Page(10**30)) == ["A", "_", "a_%", "b", "c", "d"]


@must("role", "roles", "put_role", "delete_role")
async def roles_are_kept_replaced_listed_and_removed(bench: Bench) -> None:
    store = await bench.another()
    one, two = a_role("ro_1"), a_role("ro_2", permissions=(), description=None, last_updated=None)
    await wrote(store, lambda tx: tx.put_role(two), lambda tx: tx.put_role(a_role("ro_1", name="Old")))
    await wrote(store, lambda tx: tx.put_role(one))
    assert await seen(store, lambda tx: tx.role(RoleId("ro_1"))) == one
    assert list(await seen(store, lambda tx: tx.roles())) == [one, two]
    before = await seen(store, lambda tx: tx.revision())
    await wrote(store, lambda tx: tx.delete_role(RoleId("ro_1")), lambda tx: tx.delete_role(RoleId("unknown")))
    assert await seen(store, lambda tx: tx.role(RoleId("ro_1"))) is None
    assert list(await seen(store, lambda tx: tx.roles())) == [two]
    told = await seen(store, lambda tx: tx.changes_after(before))
    assert list(told) == [Change(before + 1, ChangeKind.ROLE, "ro_1")]


@must("delete_role", "delete_group")
async def records_keep_naming_what_was_removed(bench: Bench) -> None:
    store = await bench.another()
    record = a_record()
    await wrote(
        store,
        lambda tx: tx.put_role(a_role("payer")),
        lambda tx: tx.put_group(a_group("staff", BOB)),
        lambda tx: tx.put_record(record),
        lambda tx: tx.delete_role(RoleId("payer")),
        lambda tx: tx.delete_group(GroupId("staff")),
    )
    assert await seen(store, lambda tx: tx.record(record.id)) == record
    assert await seen(store, lambda tx: tx.grants_of(group_principal("staff")))


@must("group", "groups", "put_group", "delete_group", "groups_of")
async def groups_are_kept_listed_and_removed_with_their_memberships(bench: Bench) -> None:
    store = await bench.another()
    staff, board = a_group("staff", BOB, ALICE), a_group("board", ALICE, name="BoarD", tags={})
    await wrote(store, lambda tx: tx.put_group(staff), lambda tx: tx.put_group(board))
    assert await seen(store, lambda tx: tx.group(GroupId("staff"))) == staff
    assert await seen(store, lambda tx: tx.group(GroupId("nobody"))) is None
    assert list(await seen(store, lambda tx: tx.groups(Page(10)))) == [board, staff]
    assert list(await seen(store, lambda tx: tx.groups(Page(1, after="board")))) == [staff]
    assert list(await seen(store, lambda tx: tx.groups(Page(10), filter_text="bOARd"))) == [board]
    assert list(await seen(store, lambda tx: tx.groups(Page(9, until="rest")))) == [board]
    assert list(await seen(store, lambda tx: tx.groups_of(ALICE))) == ["board", "staff"]
    await wrote(store, lambda tx: tx.put_group(a_group("staff", CAROL)))
    assert list(await seen(store, lambda tx: tx.groups_of(BOB))) == []
    assert list(await seen(store, lambda tx: tx.groups_of(CAROL))) == ["staff"]
    await wrote(store, lambda tx: tx.delete_group(GroupId("board")), lambda tx: tx.delete_group(GroupId("nobody")))
    assert list(await seen(store, lambda tx: tx.groups_of(ALICE))) == []
    assert await seen(store, lambda tx: tx.group(GroupId("board"))) is None


@must("put_group", "delete_group", "changes_after")
async def a_changed_group_tells_everyone_who_was_or_is_in_it(bench: Bench) -> None:
    store = await bench.another()
    await wrote(store, lambda tx: tx.put_group(a_group("staff", ALICE, BOB)))
    before = await seen(store, lambda tx: tx.revision())
    await wrote(store, lambda tx: tx.put_group(a_group("staff", BOB, CAROL)))
    told = await seen(store, lambda tx: tx.changes_after(before))
    assert {(change.kind, change.key) for change in told} == {
        (ChangeKind.MEMBERSHIP, name) for name in ("alice", "bob", "carol")
    }
    before = await seen(store, lambda tx: tx.revision())
    await wrote(store, lambda tx: tx.delete_group(GroupId("staff")))
    assert {change.key for change in await seen(store, lambda tx: tx.changes_after(before))} == {"bob", "carol"}


@must("resource", "resources", "put_resource", "delete_resource")
async def resources_stand_at_exactly_their_pattern(bench: Bench) -> None:
    store = await bench.another()
    below, node, empty = a_resource("a/*"), a_resource("a", marks=()), a_resource("*", marks=(), abilities=frozenset())
    for configuration in (node, below, empty):
        await wrote(store, lambda tx, it=configuration: tx.put_resource(it))  # type: ignore[misc]
    assert list(await seen(store, lambda tx: tx.resources())) == [empty, node, below]
    assert await seen(store, lambda tx: tx.resource(parse_pattern("a/*"))) == below
    assert await seen(store, lambda tx: tx.resource(parse_pattern("a"))) == node
    assert await seen(store, lambda tx: tx.resource(parse_pattern("a/b"))) is None
    before = await seen(store, lambda tx: tx.revision())
    await wrote(
        store,
        lambda tx: tx.delete_resource(parse_pattern("a")),
        lambda tx: tx.put_resource(a_resource("a/*", marks=())),
    )
    assert await seen(store, lambda tx: tx.resource(parse_pattern("a"))) is None
    assert await seen(store, lambda tx: tx.resource(parse_pattern("a/*"))) == a_resource("a/*", marks=())
    told = await seen(store, lambda tx: tx.changes_after(before))
    assert [(change.kind, change.key) for change in told] == [
        (ChangeKind.RESOURCE, "a"),
        (ChangeKind.RESOURCE, "a/*"),
    ]


@must("revision", "changes_after")
async def revisions_ascend_without_gaps_from_zero(bench: Bench) -> None:
    store = await bench.another()
    assert await seen(store, lambda tx: tx.revision()) == 0
    assert list(await seen(store, lambda tx: tx.changes_after(0))) == []
    for number in range(5):
        await wrote(store, lambda tx, number=number: tx.put_role(a_role(f"ro_{number}")))  # type: ignore[misc]
    assert await seen(store, lambda tx: tx.revision()) == 5
    everything = await seen(store, lambda tx: tx.changes_after(0))
    assert [change.revision for change in everything] == [1, 2, 3, 4, 5]
    assert [change.revision for change in await seen(store, lambda tx: tx.changes_after(2, limit=2))] == [3, 4]
    assert list(await seen(store, lambda tx: tx.changes_after(5))) == []
    assert list(await seen(store, lambda tx: tx.changes_after(10**30))) == []
    assert [change.revision for change in await seen(store, lambda tx: tx.changes_after(-(10**30)))] == [1, 2, 3, 4, 5]


@must("put_record", "put_group")
async def what_is_stored_does_not_change_with_the_callers_mapping(bench: Bench) -> None:
    store = await bench.another()
    tags = {"team": "blue"}
    await wrote(store, lambda tx: tx.put_record(a_record(tags=tags)), lambda tx: tx.put_group(a_group("g", tags=tags)))
    tags["team"] = "red"
    record, group = await store.read(lambda tx: (tx.record(RecordId("rec_1")), tx.group(GroupId("g"))))
    assert record is not None
    assert group is not None
    assert record.tags == group.tags == {"team": "blue"}
