"""Invites over HTTP (authress-contract §1.3, §1.4)."""

from datetime import timedelta
from typing import Any

import pytest
from tests.api.door import Answered, Door

from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.ids import RecordId, UserId
from stairgate.model.resources import parse_pattern

pytestmark = pytest.mark.anyio
STATEMENT = {"roles": ["Authress:Owner"], "resources": [{"resourceUri": "docs/1"}]}
BODY = {"statements": [STATEMENT], "conflictResolutionStrategy": "GENERATE_NEW_RECORD"}


@pytest.fixture
async def owner(door: Door) -> str:
    """The assertion of a client that owns everything."""
    bearer = await door.service("owner")
    everything = Statement((OWNER.id,), (parse_pattern("*"),))
    record = AccessRecord(RecordId("rec_owner"), "Owner", (everything,), users=(UserId("sc_owner"),))
    await door.world.services.store.write(lambda transaction: transaction.put_record(record))
    return bearer


async def invited(door: Door, owner: str, body: Any = BODY, key: str | None = None) -> Answered:
    headers = [] if key is None else [(b"idempotency-key", key.encode())]
    answered = await door.call("POST", "/v1/invites", body, bearer=owner, headers=headers)
    assert answered.status == 201, answered
    return answered


async def test_an_invite_from_its_making_to_its_acceptance(door: Door, owner: str) -> None:
    made = (await invited(door, owner)).json
    assert made["statements"] == [{**STATEMENT, "users": [], "groups": []}]
    assert made["conflictResolutionStrategy"] == "GENERATE_NEW_RECORD"
    assert made["links"]["self"]["href"].endswith(f"/v1/invites/{made['inviteId']}")
    path = f"/v1/invites/{made['inviteId']}"
    ann, bob = door.world.token("ann"), door.world.token("bob")
    assert (await door.call("GET", path, bearer=ann)).json == made
    assert (await door.check(ann, "ann", "READ", "docs/1")).status == 404
    accepted = await door.call("PATCH", path, bearer=ann)  # without a body, as the Python SDK does it
    assert (accepted.status, accepted.body) == (200, b"")
    assert (await door.check(ann, "ann", "READ", "docs/1")).status == 200
    assert (await door.call("PATCH", path, {}, bearer=ann)).status == 200  # with `{}`, as the JavaScript SDK does it
    for method, bearer in (("PATCH", bob), ("GET", ann), ("DELETE", owner)):
        assert (await door.call(method, path, bearer=bearer)).status == 404


async def test_only_a_user_accepts(door: Door, owner: str) -> None:
    path = f"/v1/invites/{(await invited(door, owner)).json['inviteId']}"
    refused = await door.call("PATCH", path, bearer=owner)
    assert (refused.status, refused.code) == (403, "Forbidden")
    assert (await door.call("PATCH", path, {"x": 1}, bearer=door.world.token("ann"))).status == 400
    assert (await door.call("PATCH", path)).status == 401


async def test_an_invite_is_taken_back(door: Door, owner: str) -> None:
    path = f"/v1/invites/{(await invited(door, owner)).json['inviteId']}"
    assert (await door.call("DELETE", path, bearer=door.world.token("ann"))).status == 403
    assert (await door.call("DELETE", path, bearer=owner)).status == 204
    for method in ("GET", "PATCH", "DELETE"):
        assert (await door.call(method, path, bearer=door.world.token("ann"))).status == 404


async def test_a_repeat_under_a_key_is_the_same_invite_for_ten_minutes(door: Door, owner: str) -> None:
    first = await invited(door, owner, key="k")
    assert (await invited(door, owner, key="k")).json == first.json
    door.world.clock.advance(601)
    gone = await door.call("POST", "/v1/invites", BODY, bearer=owner, headers=[(b"idempotency-key", b"k")])
    assert (gone.status, gone.code) == (409, "AlreadyDone")


async def test_what_is_said_beside_the_statements_is_kept(door: Door, owner: str) -> None:
    end = (door.world.clock.now() + timedelta(days=1)).isoformat().replace("+00:00", "Z")
    mark = {"level": "basic", "lifetime": 60}
    said = {"expiryTime": end, "linkedUserId": "ann", "defaultLoginTenantId": "t"}
    made = (await invited(door, owner, {"statements": [{**STATEMENT, "stepUp": mark}], **said})).json
    assert {name: made[name] for name in ("linkedUserId", "defaultLoginTenantId")} == {
        "linkedUserId": "ann",
        "defaultLoginTenantId": "t",
    }
    assert made["expiryTime"].startswith(end[:19])
    assert {name: made["statements"][0]["stepUp"][name] for name in mark} == mark
    path = f"/v1/invites/{made['inviteId']}"
    assert (await door.call("PATCH", path, bearer=door.world.token("bob"))).status == 403
    assert (await door.call("PATCH", path, bearer=door.world.token("ann"))).status == 200
    refused = await door.check(door.world.token("ann"), "ann", "READ", "docs/1")
    assert (refused.status, refused.code) == (403, "StepUpAuthorizationRequired")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "statements"),
        ({"statements": [STATEMENT] * 101}, "statements"),
        ({"statements": [{**STATEMENT, "users": [{"userId": "ann"}]}]}, "statements[0]"),
        ({"statements": [{**STATEMENT, "roles": []}]}, "statements[0].roles"),
        ({**BODY, "conflictResolutionStrategy": "OVERWRITE"}, "conflictResolutionStrategy"),
        ({**BODY, "expiryTime": "tomorrow"}, "expiryTime"),
        ({**BODY, "expiryTime": "2030-01-31T12:00:00"}, "expiryTime"),
        ({**BODY, "expiryTime": "1999-01-31T12:00:00Z"}, "expiryTime"),
        ({**BODY, "linkedUserId": "é"}, "linkedUserId"),
        ({**BODY, "linkedUserId": "sc_1"}, "linkedUserId"),
        ({**BODY, "x": 1}, "x"),
    ],
)
async def test_what_is_not_valid_is_named(door: Door, owner: str, body: Any, field: str) -> None:
    answered = await door.call("POST", "/v1/invites", body, bearer=owner)
    assert (answered.status, answered.code, answered.json["field"]) == (400, "InvalidInputRequest", field), answered


@pytest.mark.parametrize("body", [BODY, {"statements": [STATEMENT]}, {**BODY, "inviteId": "", "links": None}])
async def test_bodies_of_official_clients_are_taken(door: Door, owner: str, body: Any) -> None:
    await invited(door, owner, body)


async def test_who_may_not_hand_it_out_does_not_invite(door: Door) -> None:
    refused = await door.call("POST", "/v1/invites", BODY, bearer=door.world.token("ann"))
    assert (refused.status, refused.code) == (403, "Forbidden")
