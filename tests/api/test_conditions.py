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


async def guarded(door: Door, owner: str, when: str = "context.amount >= 100") -> None:
    """Ann may pay on docs/1, with a step-up where *when* is not false."""
    await written(door, owner, record({}))
    put = await door.call("PUT", "/v1/resources/docs", {"stepUp": [{**MARK, "when": when}]}, bearer=owner)
    assert put.status == 200, put
    await door.world.enrol("ann")


async def answered(door: Door, challenge: dict[str, Any], bearer: str) -> Answered:
    answer = {"method": "totp", "code": door.world.code("ann")}
    return await door.call("POST", f"/v1/challenges/{challenge['challengeId']}/answer", answer, bearer=bearer)


@pytest.mark.parametrize("who", ["user", "client"])
async def test_a_step_up_that_a_condition_asked_for_opens_the_same_check(door: Door, owner: str, who: str) -> None:
    """The law of progress, with the user's own call and with a client's."""
    await guarded(door, owner)
    token = door.world.token("ann")
    bearer, passed = (token, None) if who == "user" else (owner, token)
    large = context(amount=500)
    challenge = await door.opened(bearer, "ann", "pay", "docs/1", headers=large, token=passed)
    assert (await answered(door, challenge, token)).json["state"] == "satisfied"
    for headers in (large, context(amount=5), ()):
        check = await door.check(bearer, "ann", "pay", "docs/1", headers=headers, token=passed)
        assert check.status == 200


async def test_an_answer_need_not_meet_a_mark_with_a_condition_but_must_meet_the_others(door: Door, owner: str) -> None:
    """Semantics §7: the challenge does not carry the context, so the check judges the marks that have a `when`."""
    await guarded(door, owner)
    token = door.world.token("ann")
    challenge = await door.opened(token, "ann", "pay", "docs/1", headers=context(amount=500))
    stricter = {"stepUp": [{**MARK, "when": "context.amount >= 100"}, {"uses": 1, "when": "context.amount >= 400"}]}
    assert (await door.call("PUT", "/v1/resources/docs", stricter, bearer=owner)).status == 200
    assert (await answered(door, challenge, token)).json["state"] == "satisfied"
    assert (await door.check(token, "ann", "pay", "docs/1", headers=context(amount=300))).status == 200
    again = await door.check(token, "ann", "pay", "docs/1", headers=context(amount=500))
    assert (again.status, again.json["requirement"]["uses"]) == (403, 1)

    door.world.clock.advance(60)
    token = door.world.token("ann")
    challenge = await door.opened(token, "ann", "pay", "docs/1", headers=context(amount=300))
    always = {"stepUp": [{**MARK, "when": "context.amount >= 100"}, {"uses": 1}]}
    assert (await door.call("PUT", "/v1/resources/docs", always, bearer=owner)).status == 200
    ended = await answered(door, challenge, token)
    assert (ended.status, ended.code, ended.json["state"]) == (409, "ChallengeEnded", "superseded")


async def test_a_grant_that_became_conditional_does_not_end_a_challenge(door: Door, owner: str) -> None:
    await guarded(door, owner)
    token = door.world.token("ann")
    challenge = await door.opened(token, "ann", "pay", "docs/1", headers=context(amount=500))
    put = await door.call("PUT", "/v1/records/rec_1", record({"when": "context.amount < 1000"}), bearer=owner)
    assert put.status == 202, put
    assert (await answered(door, challenge, token)).json["state"] == "satisfied"
    assert (await door.check(token, "ann", "pay", "docs/1", headers=context(amount=500))).status == 200
    assert (await door.check(token, "ann", "pay", "docs/1", headers=context(amount=5000))).status == 404


async def test_an_explanation_says_what_each_condition_says_and_no_value(door: Door, owner: str) -> None:
    await guarded(door, owner)
    put = await door.call("PUT", "/v1/records/rec_1", record({"when": SMALL}), bearer=owner)
    assert put.status == 202
    asked = {"userId": "ann", "resourceUri": "docs/1", "permission": "pay", "context": {"amount": 4242}}
    told = await door.call("POST", "/v1/explanations", asked, bearer=owner)
    assert told.status == 200, told
    (grant,) = told.json["grants"]
    assert (told.json["outcome"], grant["counts"], grant["marks"]) == ("deny", False, [])
    assert grant["condition"] == {"when": SMALL, "verdict": "false", "error": None}
    assert b"4242" not in told.body
    asked["context"] = {"amount": 5}
    (grant,) = (await door.call("POST", "/v1/explanations", asked, bearer=owner)).json["grants"]
    assert (grant["counts"], [mark["verdict"] for mark in grant["marks"]]) == (True, ["does_not_apply"])


async def test_a_list_shows_what_the_conditions_leave_open(door: Door, owner: str) -> None:
    """Semantics §11: what a list shows, a check with the same context allows."""
    await written(door, owner, record({"when": SMALL}))
    for members, shown in (({"amount": 5}, ["*"]), ({"amount": 500}, []), ({}, [])):
        listed = await door.call(
            "GET", "/v1/users/ann/resources/docs%2F1/permissions", bearer=owner, headers=context(**members)
        )
        permissions = listed.json["permissions"] if listed.status == 200 else []
        assert [each["action"] for each in permissions] == shown, listed


async def test_what_another_node_writes_counts_for_nobody_where_cel_is_missing(door: Door, owner: str) -> None:
    """Fail closed: this node was started without CEL when there was no condition yet."""
    conditional = Statement((OWNER.id,), (parse_pattern("docs/1"),), when="true")
    other_node = AccessRecord(RecordId("rec_1"), "r", (conditional,), users=(UserId("ann"),))
    with without_cel():
        assert (await door.check(owner, "ann", "pay", "docs/1")).status == 404
        await door.world.services.store.write(lambda transaction: transaction.put_record(other_node))
        assert (await door.check(owner, "ann", "pay", "docs/1")).status == 404
    assert (await door.check(owner, "ann", "pay", "docs/1")).status == 200


async def test_a_user_needs_a_step_up_to_change_the_condition_of_a_mark(door: Door, owner: str) -> None:
    """Semantics §4, weakening: `when` is one of the fields, whatever it is changed to."""
    await guarded(door, owner)
    admin = Statement((OWNER.id,), (parse_pattern("*"),))
    everything = AccessRecord(RecordId("rec_eve"), "r", (admin,), users=(UserId("eve"),))
    await door.world.services.store.write(lambda transaction: transaction.put_record(everything))
    eve = door.world.token("eve")
    body = {"stepUp": [{**MARK, "when": "context.amount >= 100000"}]}
    refused = await door.call("PUT", "/v1/resources/docs", body, bearer=eve)
    assert (refused.status, refused.code) == (403, "StepUpAuthorizationRequired")
