"""What lists are read by: known resources, users of a resource, what someone administers, pages."""

# ruff: noqa: D103  # a case says what it claims in its name

from __future__ import annotations

from dataclasses import replace

from stairgate.model.access import NamedUser, RecordStatus, Statement
from stairgate.model.ids import GroupId, RecordId, RoleId, UserId
from stairgate.model.resources import below_place, node_at, parse_pattern, past_place, place_of
from stairgate.ports.store import Page, Store
from stairgate.testing.conformance.harness import Bench, must, raised, seen, wrote
from stairgate.testing.conformance.samples import ALICE, BOB, CAROL, a_client, a_group, a_record, a_resource, a_role


def _on(resources: str, roles: str = "reader", users: tuple[UserId, ...] = (), groups: str = "") -> Statement:
    return Statement(
        tuple(RoleId(role) for role in roles.split()),
        tuple(parse_pattern(text) for text in resources.split()),
        users,
        tuple(GroupId(group) for group in groups.split()),
    )


async def _known(store: Store) -> list[str]:
    found: list[str] = []
    place = await seen(store, lambda tx: tx.known_place(""))
    while place is not None:
        found.append(str(node_at(place)))
        place = await seen(store, lambda tx, place=place: tx.known_place(below_place(place)))  # type: ignore[misc]
    return found


@must("known_place")
async def known_resources_are_walked_in_the_order_of_the_tree(bench: Bench) -> None:
    store = await bench.another()
    assert await _known(store) == []
    names = "a a-b a/c a/c/d a.b b/c a+b B a/c-d"
    await wrote(store, lambda tx: tx.put_record(a_record(statements=(_on(names),))))
    assert await _known(store) == ["B", "a", "a/c", "a/c/d", "a/c-d", "a+b", "a-b", "a.b", "b/c"]
    after = past_place(place_of(("a", "c")))
    assert await seen(store, lambda tx: tx.known_place(after)) == place_of(("a", "c-d"))


@must("known_place")
async def known_is_what_active_statements_and_configurations_name_without_a_wildcard(bench: Bench) -> None:
    store = await bench.another()
    one = a_record("rec_1", statements=(_on("a a/* *"), _on("x:* b/*/c")))
    two = a_record("rec_2", statements=(_on("a b"),))
    for action in (one, two):
        await wrote(store, lambda tx, record=action: tx.put_record(record))  # type: ignore[misc]
    for text in ("c", "a", "d/*", "*/e"):
        await wrote(store, lambda tx, text=text: tx.put_resource(a_resource(text)))  # type: ignore[misc]
    assert await _known(store) == ["a", "b", "c"]
    await wrote(store, lambda tx: tx.put_record(replace(two, status=RecordStatus.DELETED)))
    assert await _known(store) == ["a", "c"]
    await wrote(store, lambda tx: tx.put_record(replace(one, statements=(_on("d"),))))
    assert await _known(store) == ["a", "c", "d"]
    await wrote(store, lambda tx: tx.delete_resource(parse_pattern("a")), lambda tx: tx.put_record(two))
    await wrote(store, lambda tx: tx.delete_resource(parse_pattern("c")))
    assert await _known(store) == ["a", "b", "d"]


@must("users_on")
async def users_of_a_resource_are_those_named_on_exactly_it_each_once(bench: Bench) -> None:
    store = await bench.another()
    shared = a_record("rec_1", users=(CAROL, ALICE), groups=(), statements=(_on("a a/b", "writer reader"), _on("b")))
    own = a_record(
        "rec_2",
        users=(),
        groups=(),
        statements=(_on("a", "auditor", (ALICE,)), _on("a/*", "child", (BOB,)), _on("a", "team", groups="staff gone")),
    )
    await wrote(
        store,
        lambda tx: tx.put_record(shared),
        lambda tx: tx.put_record(own),
        lambda tx: tx.put_group(a_group("staff", BOB, CAROL)),
    )

    async def users(resource: str, after: str | None = None, limit: int = 10) -> list[tuple[str, str]]:
        pattern = parse_pattern(resource)
        found = await seen(store, lambda tx: tx.users_on(pattern, after=after, limit=limit))
        return [(each.user, " ".join(each.roles)) for each in found]

    everyone = [("alice", "auditor reader writer"), ("bob", "team"), ("carol", "reader team writer")]
    assert await users("a") == everyone
    assert await users("a", limit=2) == everyone[:2]
    assert await users("a", after="alice", limit=1) == everyone[1:2]
    assert await users("a", after="carol") == []
    assert await users("a", limit=0) == []
    assert await users("a/*") == [("bob", "child")]
    assert await users("a/b") == [("alice", "reader writer"), ("carol", "reader writer")]
    assert await users("a/b/c") == []

    await wrote(store, lambda tx: tx.put_group(a_group("staff", BOB)))
    assert await users("a", after="alice") == [("bob", "team"), ("carol", "reader writer")]
    await wrote(store, lambda tx: tx.delete_group(GroupId("staff")))
    assert await users("a", after="alice") == [("carol", "reader writer")]
    await wrote(store, lambda tx: tx.put_record(replace(shared, users=(ALICE,))))
    assert await users("a") == [everyone[0]]
    await wrote(store, lambda tx: tx.put_record(replace(shared, status=RecordStatus.DELETED)))
    assert await users("a") == [("alice", "auditor")]


@must("users_on")
async def a_statement_that_moves_within_its_record_still_names_its_users(bench: Bench) -> None:
    store = await bench.another()
    record = a_record(users=(ALICE,), groups=(), statements=(_on("a", "one"), _on("b", "two")))
    await wrote(store, lambda tx: tx.put_record(record))
    moved = replace(record, statements=(_on("c", "three"), *record.statements[::-1]))
    await wrote(store, lambda tx: tx.put_record(moved))
    for text, role in (("a", "one"), ("b", "two"), ("c", "three")):
        pattern = parse_pattern(text)
        found = await seen(store, lambda tx, on=pattern: tx.users_on(on, after=None, limit=9))  # type: ignore[misc]
        assert list(found) == [NamedUser(ALICE, (RoleId(role),))]


@must("records_of_admin", "groups_of_admin")
async def what_someone_administers_is_paged_by_id_and_deleted_records_stay(bench: Bench) -> None:
    store = await bench.another()
    for name, admins in (("rec_b", (ALICE, BOB)), ("rec_a", (ALICE,)), ("rec_c", (BOB,)), ("rec_d", (ALICE, ALICE))):
        record = a_record(name, admins=admins)
        await wrote(store, lambda tx, record=record: tx.put_record(record))  # type: ignore[misc]
    gone = a_record("rec_a", admins=(ALICE,), status=RecordStatus.DELETED)
    for group in (a_group("g2", admins=(ALICE,)), a_group("g1", admins=(ALICE, BOB)), a_group("g3", admins=())):
        await wrote(store, lambda tx, group=group: tx.put_group(group))  # type: ignore[misc]
    await wrote(store, lambda tx: tx.put_record(gone))

    async def records(user: UserId, after: str | None = None, limit: int = 9) -> list[str]:
        return list(await seen(store, lambda tx: tx.records_of_admin(user, after=after, limit=limit)))

    assert await records(ALICE) == ["rec_a", "rec_b", "rec_d"]
    assert await records(ALICE, "rec_a", 1) == ["rec_b"]
    assert await records(CAROL) == []
    assert list(await seen(store, lambda tx: tx.groups_of_admin(ALICE, after=None, limit=9))) == ["g1", "g2"]
    assert list(await seen(store, lambda tx: tx.groups_of_admin(ALICE, after="g1", limit=9))) == ["g2"]

    await wrote(store, lambda tx: tx.put_record(a_record("rec_b", admins=(BOB,))))
    await wrote(store, lambda tx: tx.delete_group(GroupId("g1")))
    assert await records(ALICE) == ["rec_a", "rec_d"]
    assert await seen(store, lambda tx: tx.record(RecordId("rec_b"))) is not None
    assert list(await seen(store, lambda tx: tx.groups_of_admin(BOB, after=None, limit=9))) == []


@must("roles_after", "resources_after")
async def roles_and_configurations_are_paged(bench: Bench) -> None:
    store = await bench.another()
    for name in ("c", "a", "B"):
        await wrote(
            store,
            lambda tx, name=name: tx.put_role(a_role(name)),  # type: ignore[misc]
            lambda tx, name=name: tx.put_resource(a_resource(f"x/{name}")),  # type: ignore[misc]
        )

    async def roles(after: str | None, limit: int) -> list[str]:
        return [role.id for role in await seen(store, lambda tx: tx.roles_after(after, limit=limit))]

    async def resources(after: str | None, limit: int) -> list[str]:
        found = await seen(store, lambda tx: tx.resources_after(after, limit=limit))
        return [str(configuration.resource) for configuration in found]

    assert await roles(None, 9) == ["B", "a", "c"]
    assert await roles("B", 1) == ["a"]
    assert await roles("c", 9) == []
    assert await resources(None, 9) == ["x/B", "x/a", "x/c"]
    assert await resources("x/B", 1) == ["x/a"]
    assert await resources(None, -1) == []


@must("record_ahead", "group_ahead", "clients")
async def one_looks_ahead_by_steps_and_pages_up_to_there(bench: Bench) -> None:
    store = await bench.another()
    for name in ("c", "a", "B", "d"):
        await wrote(
            store,
            lambda tx, name=name: tx.put_record(a_record(name)),  # type: ignore[misc]
            lambda tx, name=name: tx.put_group(a_group(name)),  # type: ignore[misc]
            lambda tx, name=name: tx.put_client(a_client(name)),  # type: ignore[misc]
        )
    for after, steps, expected in ((None, 1, "B"), (None, 4, "d"), ("B", 2, "c"), ("B", 4, None), ("d", 1, None)):
        for ahead in (
            await seen(store, lambda tx, a=after, n=steps: tx.record_ahead(a, steps=n)),  # type: ignore[misc]
            await seen(store, lambda tx, a=after, n=steps: tx.group_ahead(a, steps=n)),  # type: ignore[misc]
        ):
            assert ahead == expected
    clients = await seen(store, lambda tx: tx.clients(Page(9, after="B", until="c")))
    assert [client.id for client in clients] == ["a", "c"]


@must("known_place", "users_on", "records_of_admin")
async def a_write_that_fails_leaves_no_trace_in_any_list(bench: Bench) -> None:
    store = await bench.another()
    await wrote(store, lambda tx: tx.put_record(a_record(users=(ALICE,), admins=(ALICE,), statements=(_on("a"),))))
    bad = a_record(users=(BOB,), admins=(BOB,), statements=(_on("b"),))
    await raised(ZeroDivisionError, wrote(store, lambda tx: tx.put_record(bad), lambda _: 1 / 0))
    assert await _known(store) == ["a"]
    found = await seen(store, lambda tx: tx.users_on(parse_pattern("a"), after=None, limit=9))
    assert [each.user for each in found] == ["alice"]
    assert list(await seen(store, lambda tx: tx.records_of_admin(ALICE, after=None, limit=9))) == ["rec_1"]
    assert not await seen(store, lambda tx: tx.records_of_admin(BOB, after=None, limit=9))
