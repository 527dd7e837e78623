"""Access requests at the HTTP door: plain Authress calls, and votes with the version seen (semantics §9)."""

from importlib import import_module
from typing import Any

import pytest
from tests.api.door import Answered, Door

from stairgate.model.access import Group
from stairgate.model.approvals import Quorum
from stairgate.model.ids import GroupId, UserId
from stairgate.model.protection import Requirement

pytestmark = pytest.mark.anyio

ACCESS = {
    "users": [{"userId": "ann"}],
    "statements": [{"roles": ["Authress:ReadResource"], "resources": [{"resourceUri": "docs/1"}]}],
}
FIRST = [(b"if-match", b'"1"')]


async def asked(door: Door, bearer: str, **members: Any) -> Answered:
    answered = await door.call("POST", "/v1/requests", {"access": ACCESS, **members}, bearer=bearer)
    assert answered.status == 201, answered
    return answered


@pytest.fixture
async def ann(door: Door) -> str:
    return door.world.token("ann")


@pytest.fixture
async def boss(door: Door) -> str:
    """The token of somebody who owns the documents."""
    await door.world.own("boss", "docs")
    return door.world.token("boss")


async def managers(door: Door, count: int, *users: str) -> None:
    group = Group(GroupId("managers"), "managers", tuple(map(UserId, users)))
    await door.world.services.store.write(lambda transaction: transaction.put_group(group))
    quorum = Quorum(count, frozenset({group.id}))
    await door.world.protect("docs", ("*", Requirement(level=None, approvals=frozenset({quorum}))))


async def test_a_request_as_authress_knows_it(door: Door, ann: str, boss: str) -> None:
    """`POST` with `access`, `PATCH {status}` without a version: the access is there."""
    made = await asked(door, ann, tags={"a": "b"})
    key = made.json["requestId"]
    assert (made.json["status"], made.json["tags"], made.header("etag")) == ("OPEN", {"a": "b"}, '"1"')
    assert (made.json["requesterId"], made.json["kind"], made.json["approvals"]) == ("ann", "access", [])
    assert made.json["links"]["self"]["href"].endswith(f"/v1/requests/{key}")
    assert (await door.check(ann, "ann", "READ", "docs/1")).status == 404
    listed = await door.call("GET", "/v1/requests?status=OPEN&limit=1", bearer=boss)
    assert [each["requestId"] for each in listed.json["records"]] == [key]
    done = await door.call("PATCH", f"/v1/requests/{key}", {"status": "APPROVED"}, bearer=boss)
    assert (done.status, done.json["status"], done.json["ended"]) == (200, "APPROVED", "used")
    assert (await door.check(ann, "ann", "READ", "docs/1")).status == 200
    read = await door.call("GET", f"/v1/requests/{key}", bearer=ann)
    assert (read.status, read.json, read.header("etag")) == (200, done.json, '"1"')
    again = await door.call("PATCH", f"/v1/requests/{key}", {"status": "DENIED"}, bearer=boss)
    assert (again.status, again.code, again.json["state"]) == (409, "RequestEnded", "APPROVED")
    assert (await door.call("DELETE", f"/v1/requests/{key}", bearer=ann)).status == 204


async def test_the_official_model_reads_and_writes_a_request(door: Door, ann: str, boss: str) -> None:
    models = import_module("authress.models")
    template = models.AccessTemplate.from_dict(ACCESS)
    body = models.AccessRequest(access=template).to_dict()
    made = await door.call("POST", "/v1/requests", body, bearer=ann)
    assert made.status == 201, made
    assert models.AccessRequest.from_dict(made.json).status == "OPEN"
    listed = await door.call("GET", "/v1/requests", bearer=ann)
    assert models.AccessRequestCollection.from_dict(listed.json).records[0].request_id == made.json["requestId"]


async def test_votes_name_the_version(door: Door, ann: str, boss: str) -> None:
    made = await asked(door, ann)
    path = f"/v1/requests/{made.json['requestId']}"
    yes = {"vote": "approve"}
    none = await door.call("POST", f"{path}/votes", yes, bearer=boss)
    assert (none.status, none.code) == (428, "PreconditionRequired")
    old = await door.call("POST", f"{path}/votes", yes, bearer=boss, headers=[(b"if-match", b'"2"')])
    assert (old.status, old.code) == (412, "PreconditionFailed")
    for odd in (b"*", b'W/"1"', b'"1", "2"', b"1", b'"01"', b'"0"'):
        wrong = await door.call("POST", f"{path}/votes", yes, bearer=boss, headers=[(b"if-match", odd)])
        assert (wrong.status, wrong.json["field"]) == (400, "If-Match")
    unseen = await door.call("PUT", path, {"access": ACCESS}, bearer=ann)
    assert (unseen.status, unseen.code) == (428, "PreconditionRequired")
    changed = await door.call("PUT", path, {**made.json, "tags": {"x": "y"}}, bearer=ann, headers=FIRST)
    assert (changed.status, changed.header("etag"), changed.json["version"]) == (200, '"2"', 2)
    late = await door.call("PATCH", path, {"status": "APPROVED"}, bearer=boss, headers=FIRST)
    assert late.status == 412
    done = await door.call("POST", f"{path}/votes", yes, bearer=boss, headers=[(b"if-match", b'"2"')])
    assert (done.status, done.json["status"]) == (200, "APPROVED")


async def test_a_quorum_with_comments(door: Door, ann: str, boss: str) -> None:
    await managers(door, 1, "mia")
    made = await asked(door, ann)
    assert made.json["approvals"] == [{"count": 1, "groups": ["managers"], "selfApproval": False}]
    path = f"/v1/requests/{made.json['requestId']}/votes"
    said = {"vote": "approve", "comment": "für das Projekt"}
    voted = await door.call("POST", path, said, bearer=door.world.token("mia"), headers=FIRST)
    assert (voted.status, voted.json["status"]) == (200, "OPEN")
    assert [(each["userId"], each["vote"], each["comment"]) for each in voted.json["votes"]] == [
        ("mia", "approve", "für das Projekt")
    ]
    hidden = await door.call("POST", path, {"vote": "approve", "comment": "\u202e"}, bearer=boss, headers=FIRST)
    assert (hidden.status, hidden.json["field"]) == (400, "comment")
    long = await door.call("POST", path, {"vote": "approve", "comment": "x" * 1_001}, bearer=boss, headers=FIRST)
    assert (long.status, long.json["field"]) == (400, "comment")
    own = await door.call("POST", path, {"vote": "approve"}, bearer=ann, headers=FIRST)
    assert (own.status, own.code) == (403, "Forbidden")
    client = await door.call("POST", path, said, bearer=await door.service("shop"), headers=FIRST)
    assert client.status == 404
    done = await door.call("POST", path, {"vote": "approve"}, bearer=boss, headers=FIRST)
    assert (done.status, done.json["status"]) == (200, "APPROVED")


async def test_a_repeat_under_an_idempotency_key_asks_once(door: Door, ann: str) -> None:
    key = [(b"idempotency-key", b"k-1")]
    made = [await door.call("POST", "/v1/requests", {"access": ACCESS}, bearer=ann, headers=key) for _ in range(2)]
    assert made[0].json == made[1].json
    listed = await door.call("GET", "/v1/requests", bearer=ann)
    assert len(listed.json["records"]) == 1


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "access"),
        ({"access": {"users": [], "statements": ACCESS["statements"]}}, "access.users"),
        ({"access": {"users": ACCESS["users"], "statements": []}}, "access.statements"),
        ({"access": ACCESS, "expiry": 59}, "expiry"),
        ({"access": ACCESS, "expiry": 2_592_001}, "expiry"),
        ({"access": ACCESS, "quorum": 1}, "quorum"),
    ],
)
async def test_what_is_not_valid_is_named(door: Door, ann: str, body: object, field: str) -> None:
    answered = await door.call("POST", "/v1/requests", body, bearer=ann)
    assert (answered.status, answered.json["field"]) == (400, field), answered.body


async def test_strangers_and_unknown_ids_look_alike(door: Door, ann: str) -> None:
    """Attack 27."""
    made = await asked(door, ann)
    stranger = door.world.token("eve")
    for key in (made.json["requestId"], "req_none"):
        for method, path, body in (
            ("GET", "", None),
            ("PATCH", "", {"status": "APPROVED"}),
            ("DELETE", "", None),
            ("PUT", "", {"access": ACCESS}),
            ("POST", "/votes", {"vote": "approve"}),
        ):
            answered = await door.call(method, f"/v1/requests/{key}{path}", body, bearer=stranger, headers=FIRST)
            assert (answered.status, answered.code) == (404, "NotFound"), (method, path)
