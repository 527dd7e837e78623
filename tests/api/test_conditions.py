"""Conditions over HTTP: written, kept, refused, and judged with what the caller gave (semantics §3, §4, §6)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.door import Answered, Door, base64url
from tests.without_cel import without_cel

from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.ids import RecordId, UserId
from stairgate.model.resources import parse_pattern

pytestmark = pytest.mark.anyio

SMALL = "context.amount < 100"
MARK: dict[str, Any] = {"level": "basic", "lifetime": 60}


@pytest.fixture
async def owner(door: Door) -> str:
    """A client that may do and hand out everything."""
    bearer = await door.service("owner")
    everything = AccessRecord(
        RecordId("rec_owner"), "Owner", (Statement((OWNER.id,), (parse_pattern("*"),)),), users=(UserId("sc_owner"),)
    )
    await door.world.services.store.write(lambda transaction: transaction.put_record(everything))
    return bearer


def record(*statements: dict[str, Any]) -> dict[str, Any]:
    plain = {"roles": ["Authress:Owner"], "resources": [{"resourceUri": "docs/1"}]}
    return {
        "recordId": "rec_1",
        "name": "r",
        "users": [{"userId": "ann"}],
        "statements": [{**plain, **statement} for statement in statements],
    }


def context(**members: object) -> list[tuple[bytes, bytes]]:
    return [(b"stairgate-context", base64url(members))]


async def pays(door: Door, owner: str, **members: object) -> int:
    return (await door.check(owner, "ann", "pay", "docs/1", headers=context(**members) if members else ())).status


async def written(door: Door, owner: str, body: object) -> Answered:
    answered = await door.call("POST", "/v1/records", body, bearer=owner)
    assert answered.status == 201, answered
    return answered


async def test_a_conditional_grant_is_judged_with_the_context_of_each_check(door: Door, owner: str) -> None:
    made = await written(door, owner, record({"when": SMALL}))
    assert made.json["statements"][0]["when"] == SMALL
    assert [await pays(door, owner, amount=amount) for amount in (5, 500, "5")] == [200, 404, 404]
    assert await pays(door, owner) == 404


@pytest.mark.parametrize("place", ["statement", "role", "resource"])
async def test_a_conditional_mark_is_judged_with_the_context_of_each_check(door: Door, owner: str, place: str) -> None:
    mark = {**MARK, "when": "context.amount >= 100"}
    permission = {"action": "pay", "allow": True, "grant": False, "delegate": False}
    if place == "role":
        permission["stepUp"] = mark
    role = {"roleId": "ro_pay", "name": "pay", "permissions": [permission]}
    made = await door.call("POST", "/v1/roles", role, bearer=owner)
    assert made.status in {200, 201}, made
    await written(door, owner, record({"roles": ["ro_pay"], **({"stepUp": mark} if place == "statement" else {})}))
    if place == "resource":
        put = await door.call("PUT", "/v1/resources/docs", {"stepUp": [mark]}, bearer=owner)
        assert put.status == 200, put
    assert [await pays(door, owner, amount=amount) for amount in (5, 500, "5")] == [200, 403, 403]
    refused = await door.check(owner, "ann", "pay", "docs/1")
    assert (refused.code, refused.json["requirement"]["when"]) == ("StepUpAuthorizationRequired", None)


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("/v1/records", record({"when": "context.\n  ("}), "statements[0].when"),
        ("/v1/records", record({}, {"stepUp": {"when": "context.\n  ("}}), "statements[1].stepUp.when"),
        (
            "/v1/roles",
            {
                "roleId": "ro_1",
                "name": "n",
                "permissions": [
                    {"action": "a", "allow": True, "grant": False, "delegate": False},
                    {
                        "action": "b",
                        "allow": True,
                        "grant": False,
                        "delegate": False,
                        "stepUp": {"when": "context.\n  ("},
                    },
                ],
            },
            "permissions[1].stepUp.when",
        ),
        ("/v1/resources/docs", {"stepUp": [{"when": "context.\n  ("}]}, "stepUp[0].when"),
    ],
)
async def test_a_broken_condition_is_refused_with_field_line_and_column(
    door: Door, owner: str, path: str, body: dict[str, Any], field: str
) -> None:
    method = "PUT" if path.startswith("/v1/resources") else "POST"
    answered = await door.call(method, path, body, bearer=owner)
    assert (answered.status, answered.code, answered.json["field"]) == (400, "InvalidInputRequest", field)
    assert "line 2, column 3" in answered.json["title"]


@pytest.mark.parametrize("value", [1, True, ["true"], {"a": 1}])
async def test_a_condition_is_a_text(door: Door, owner: str, value: object) -> None:
    for statement in ({"when": value}, {"stepUp": {"when": value}}):
        answered = await door.call("POST", "/v1/records", record(statement), bearer=owner)
        assert (answered.status, answered.code) == (400, "InvalidInputRequest")


@pytest.mark.parametrize("statement", [{"when": "true"}, {"stepUp": {"when": "true"}}])
async def test_where_cel_is_missing_writing_a_condition_says_what_to_install(
    door: Door, owner: str, statement: dict[str, Any]
) -> None:
    with without_cel():
        answered = await door.call("POST", "/v1/records", record(statement), bearer=owner)
        plain = await door.call("POST", "/v1/records", record({"when": None}), bearer=owner)
    assert (answered.status, plain.status) == (400, 201)
    assert answered.json["field"].endswith("when")
    assert "stairgate[cel]" in answered.json["title"]


async def test_a_put_without_a_when_keeps_it_and_null_removes_it(door: Door, owner: str) -> None:
    """Semantics §4: the official Python SDK drops what it does not know, and must not widen by that."""
    await written(door, owner, record({"when": SMALL, "stepUp": MARK}))

    async def put(*statements: dict[str, Any]) -> Answered:
        return await door.call("PUT", "/v1/records/rec_1", record(*statements), bearer=owner)

    kept = await put({})
    assert (kept.status, kept.json["statements"][0]["when"]) == (202, SMALL)
    assert kept.json["statements"][0]["stepUp"]["lifetime"] == 60
    copied = await put({}, {})
    assert copied.status == 202, copied
    assert [each["when"] for each in copied.json["statements"]] == [SMALL, SMALL]
    assert (await put({})).status == 409  # the copy was guarded, too
    one = await put({"stepUp": None, "when": SMALL})
    assert one.status == 202, one
    one = await put({})
    assert one.json["statements"][0]["when"] == SMALL
    assert "stepUp" not in one.json["statements"][0]
    moved = await put({"resources": [{"resourceUri": "docs/2"}]})
    assert (moved.status, moved.code) == (409, "ProtectionWouldBeLost")
    assert "`when`" in moved.json["title"]
    assert (await put({"resources": [{"resourceUri": "docs/2"}], "stepUp": None})).status == 409
    said = await put({"resources": [{"resourceUri": "docs/2"}], "when": None})
    assert (said.status, said.json["statements"][0].get("when")) == (202, None)


async def test_dropping_a_condition_hands_out_more_and_needs_the_right_to(door: Door, owner: str) -> None:
    """Whoever may edit a record may not, by that alone, lift the condition under which it gives."""
    await written(door, owner, record({"when": SMALL}))
    editor = await door.service("editor", ("Authress:AccessRecords", "*"))
    for when in (None, "true", "context.amount < 1000"):
        body = record({"when": when})
        answered = await door.call("PUT", "/v1/records/rec_1", body, bearer=editor)
        assert (answered.status, answered.code) == (403, "Forbidden"), answered
        assert "hand out" in answered.json["title"]
    assert (await door.call("PUT", "/v1/records/rec_1", record({}), bearer=editor)).status == 202


async def test_on_the_management_api_a_callers_context_is_ignored(door: Door, owner: str) -> None:
    """Semantics §3: properties and context are the server's own there."""
    body = record({"resources": [{"resourceUri": "Authress:*"}], "when": "context.trusted"})
    await written(door, owner, body)
    ann = door.world.token("ann")
    answered = await door.call("GET", "/v1/records/rec_1", bearer=ann, headers=context(trusted=True))
    assert answered.status == 404
    asked = await door.check(owner, "ann", "READ", "Authress:AccessRecords/rec_1", headers=context(trusted=True))
    assert asked.status == 200
