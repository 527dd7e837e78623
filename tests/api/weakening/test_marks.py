"""To make a mark of a resource, a role or a statement easier takes a step-up (semantics §4; attack 35)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.door import Door
from tests.api.weakening.admin import (
    DOCS,
    EASIER,
    MARK,
    READ,
    RECORD,
    ROLE,
    STRICTER,
    Admin,
    record,
    resource,
    role,
    stand,
    statement,
)

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize("way", EASIER)
async def test_to_make_a_resource_s_mark_easier_takes_a_step_up(door: Door, setting: str, ann: Admin, way: str) -> None:
    await stand(door, setting, ("PUT", DOCS, resource(MARK)))
    body = resource(EASIER[way])
    await ann.step_up(await ann.refused("PUT", DOCS, body))
    assert (await ann.call("PUT", DOCS, body)).status == 200


@pytest.mark.parametrize("way", STRICTER)
async def test_to_make_a_mark_stricter_takes_none(door: Door, setting: str, ann: Admin, way: str) -> None:
    await stand(
        door,
        setting,
        ("PUT", DOCS, resource(MARK)),
        ("POST", "/v1/roles", role({**READ, "stepUp": MARK})),
        ("POST", "/v1/records", record(statement(MARK))),
    )
    mark = STRICTER[way]
    assert (await ann.call("PUT", DOCS, resource(mark))).status == 200
    assert (await ann.call("PUT", ROLE, role({**READ, "stepUp": mark}))).status == 200
    assert (await ann.call("PUT", RECORD, record(statement(mark)))).status == 202


async def test_from_exact_to_the_area_takes_a_step_up(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("PUT", DOCS, resource({"scope": "exact"})))
    await ann.refused("PUT", DOCS, resource({"scope": "area"}))
    await ann.refused("PUT", DOCS, resource({}))


@pytest.mark.parametrize(
    ("stands", "changed"),
    [("context.amount > 100", "context.amount > 200"), (None, "context.amount > 100"), ("context.amount > 100", None)],
)
async def test_to_change_a_condition_takes_a_step_up(
    door: Door, setting: str, ann: Admin, stands: str | None, changed: str | None
) -> None:
    """Whatever it becomes: which of two conditions is true more often cannot be told."""
    await stand(door, setting, ("PUT", DOCS, resource({"when": stands})))
    body = resource({"when": changed})
    await ann.step_up(await ann.refused("PUT", DOCS, body))
    assert (await ann.call("PUT", DOCS, body)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"stepUp": [{**MARK, "actions": ["PAY:abroad"]}]},
        {"stepUp": [{**MARK, "actions": ["READ"]}]},
        {"stepUp": [{**MARK, "actions": ["PAY"], "uses": 3}, {**MARK, "actions": ["READ"]}]},
    ],
)
async def test_to_guard_fewer_actions_takes_a_step_up(
    door: Door, setting: str, ann: Admin, body: dict[str, Any]
) -> None:
    await stand(door, setting, ("PUT", DOCS, resource({**MARK, "actions": ["PAY", "READ"]})))
    await ann.refused("PUT", DOCS, body)
    spelled = {"stepUp": [{**MARK, "actions": ["pay:*"]}, {**MARK, "actions": ["*"]}]}
    assert (await ann.call("PUT", DOCS, spelled)).status == 200


@pytest.mark.parametrize("way", EASIER)
async def test_to_make_a_role_s_mark_easier_takes_a_step_up(door: Door, setting: str, ann: Admin, way: str) -> None:
    await stand(door, setting, ("POST", "/v1/roles", role({**READ, "stepUp": MARK})))
    body = role({**READ, "stepUp": EASIER[way]})
    await ann.step_up(await ann.refused("PUT", ROLE, body))
    assert (await ann.call("PUT", ROLE, body)).status == 200


async def test_to_drop_a_marked_permission_or_its_role_takes_a_step_up(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("POST", "/v1/roles", role({**READ, "stepUp": MARK}, {**READ, "action": "PAY"})))
    await ann.refused("PUT", ROLE, role({**READ, "action": "PAY", "stepUp": None}))
    assert (await ann.call("PUT", ROLE, role({**READ, "stepUp": MARK}))).status == 200
    await ann.step_up(await ann.refused("DELETE", ROLE))
    assert (await ann.call("DELETE", ROLE)).status == 204


@pytest.mark.parametrize("way", EASIER)
async def test_to_make_a_statement_s_mark_easier_takes_a_step_up(
    door: Door, setting: str, ann: Admin, way: str
) -> None:
    await stand(door, setting, ("POST", "/v1/roles", role(READ)), ("POST", "/v1/records", record(statement(MARK))))
    body = record(statement(EASIER[way]))
    await ann.step_up(await ann.refused("PUT", RECORD, body))
    assert (await ann.call("PUT", RECORD, body)).status == 202


@pytest.mark.parametrize(
    ("changed", "way"),
    [
        ([statement(MARK, "docs/1", "other")], "narrower: a child of the node"),
        ([statement(MARK, "other")], "narrower: one node fewer"),
        ([statement(MARK, "docs", "other", roles=("ro_2",))], "narrower: another role"),
        ([statement(MARK, "docs/*", "other")], "narrower: what is below the node alone"),
        ([statement(MARK, "docs", "other"), statement(None, "docs")], "the same, given without it"),
        ([statement(MARK, "docs", "other"), statement({**MARK, "uses": 9}, "other")], "the same, under an easier one"),
    ],
)
async def test_to_narrow_where_a_statement_s_mark_stands_takes_a_step_up(
    door: Door, setting: str, ann: Admin, changed: list[object], way: str
) -> None:
    await stand(door, setting, ("POST", "/v1/records", record(statement(MARK, "docs", "other"))))
    await ann.refused("PUT", RECORD, record(*changed))


async def test_to_move_somebody_out_from_under_a_mark_takes_a_step_up(door: Door, setting: str, ann: Admin) -> None:
    def stands(marked: list[str], unmarked: list[str]) -> dict[str, Any]:
        own = [statement(MARK, users=[{"userId": user} for user in marked])]
        own += [statement(None, users=[{"userId": user} for user in unmarked])]
        return record(*own, users=())

    await stand(door, setting, ("POST", "/v1/records", stands(["bob", "cyd"], ["dan"])))
    await ann.refused("PUT", RECORD, stands(["cyd"], ["dan", "bob"]))
    # Less access is no weakening; nor is another one who never was under the mark.
    assert (await ann.call("PUT", RECORD, stands(["cyd"], ["eve"]))).status == 202
    assert (await ann.call("PUT", RECORD, stands(["cyd", "eve"], ["eve"]))).status == 202
    assert (await ann.call("PUT", RECORD, stands(["cyd"], ["eve"]))).status == 202


async def test_to_move_a_role_or_a_group_out_from_under_a_mark_takes_a_step_up(
    door: Door, setting: str, ann: Admin
) -> None:
    def under(mark: object, roles: tuple[str, ...], *groups: str) -> dict[str, Any]:
        return statement(mark, roles=roles, groups=[{"groupId": group} for group in groups])

    both = ("ro_1", "ro_2")
    stood = record(under(MARK, both, "grp_1", "grp_2"), under(None, ("ro_3",), "grp_3"), users=())
    await stand(door, setting, ("POST", "/v1/records", stood))
    moved_role = record(under(MARK, ("ro_1",), "grp_1", "grp_2"), under(None, ("ro_2", "ro_3"), "grp_3"), users=())
    moved_group = record(under(MARK, both, "grp_1"), under(None, (*both, "ro_3"), "grp_2", "grp_3"), users=())
    for moved in (moved_role, moved_group):
        await ann.refused("PUT", RECORD, moved)
    fewer = record(under(MARK, both, "grp_1"), under(None, ("ro_3",), "grp_3"), users=())
    assert (await ann.call("PUT", RECORD, fewer)).status == 202


async def test_to_widen_where_a_statement_s_mark_stands_takes_none(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("POST", "/v1/records", record(statement(MARK, "docs/1", "docs/*"))))
    for wider in (["docs"], ["docs", "x"], ["*"]):
        body = record(statement(MARK, *wider, roles=("ro_1", "ro_2")))
        assert (await ann.call("PUT", RECORD, body)).status == 202


async def test_to_delete_a_marked_record_takes_a_step_up(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("POST", "/v1/records", record(statement(MARK))))
    await ann.step_up(await ann.refused("DELETE", RECORD))
    assert (await ann.call("DELETE", RECORD)).status == 204
    # A deleted record's mark stands no more.
    assert (await ann.call("POST", "/v1/records", record(statement(None)))).status == 201


async def test_a_record_s_own_admin_is_asked_too(door: Door, setting: str) -> None:
    await stand(door, setting, ("POST", "/v1/records", record(statement(MARK), admins=[{"userId": "bob"}], users=())))
    await door.world.enrol("bob")
    bob = Admin(door, door.world.token("bob"), "bob")
    await bob.step_up(await bob.refused("DELETE", RECORD))
    assert (await bob.call("DELETE", RECORD)).status == 204


async def test_a_mark_that_only_observes_can_be_changed_by_whoever_may(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("PUT", DOCS, resource({**MARK, "enforce": "observe"})))
    assert (await ann.call("PUT", DOCS, resource({"level": "basic", "enforce": "observe"}))).status == 200
    assert (await ann.call("PUT", DOCS, resource())).status == 200
