"""Claims over HTTP (authress-contract §1.3)."""

from typing import Any

import pytest
from tests.api.door import Answered, Door

from stairgate.model.access import ResourceAbility, ResourceConfiguration
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern

pytestmark = pytest.mark.anyio
BODY = {"collectionResource": "tenants", "resourceId": "t1"}


async def open_to_claims(door: Door) -> None:
    configuration = ResourceConfiguration(parse_pattern("tenants"), frozenset({ResourceAbility.CLAIM}))
    await door.world.services.store.write(lambda transaction: transaction.put_resource(configuration))


async def claim(door: Door, bearer: str, body: Any = BODY, key: str | None = None) -> Answered:
    headers = [] if key is None else [(b"idempotency-key", key.encode())]
    return await door.call("POST", "/v1/claims", body, bearer=bearer, headers=headers)


async def test_a_claim_is_answered_with_its_record_and_in_force_at_once(door: Door) -> None:
    await open_to_claims(door)
    ann = door.world.token("ann")
    made = await claim(door, ann)
    assert made.status == 201
    assert {name: made.json[name] for name in BODY} == BODY
    assert made.json["resourceUri"] == "tenants/t1"
    record = await door.call("GET", f"/v1/records/{made.json['recordId']}", bearer=ann)
    assert record.json["admins"] == [{"userId": "ann"}]
    assert (await door.check(ann, "ann", "anything", "tenants/t1/docs")).status == 200
    for bearer in (ann, door.world.token("bob")):
        again = await claim(door, bearer)
        assert (again.status, again.code) == (409, "AlreadyClaimed")


async def test_a_retry_under_a_key_is_answered_as_the_first_time(door: Door) -> None:
    await open_to_claims(door)
    ann = door.world.token("ann")
    made = await claim(door, ann, key="k")
    assert (await claim(door, ann, key="k")).json == made.json
    assert (await claim(door, ann)).status == 409


async def test_a_collection_that_is_not_open_is_forbidden(door: Door) -> None:
    refused = await claim(door, door.world.token("ann"))
    assert (refused.status, refused.code) == (403, "Forbidden")


@pytest.mark.parametrize(
    "body", [{}, {"collectionResource": "", "resourceId": "a"}, {**BODY, "x": 1}, {**BODY, "resourceId": "a/b"}]
)
async def test_what_is_no_claim_is_named(door: Door, body: Any) -> None:
    refused = await claim(door, door.world.token("ann"), body)
    assert (refused.status, refused.code) == (400, "InvalidInputRequest")


async def test_a_marked_resource_is_claimed_after_a_step_up(door: Door) -> None:
    """The refusal is that of a check, and an answered challenge makes the same call succeed (semantics §4, §6)."""
    await open_to_claims(door)
    await door.world.protect("tenants/t1", ("*", Requirement(uses=1)))
    await door.world.enrol("ann")
    ann = door.world.token("ann")
    refused = await claim(door, ann)
    assert (refused.status, refused.code) == (403, "StepUpAuthorizationRequired")
    opened = await door.call(
        "POST", "/v1/challenges", {"stepUpChallengeToken": refused.json["stepUpChallengeToken"]}, bearer=ann
    )
    answer = {"method": "totp", "code": door.world.code("ann")}
    path = f"/v1/challenges/{opened.json['challengeId']}/answer"
    assert (await door.call("POST", path, answer, bearer=ann)).json["state"] == "satisfied"
    assert (await claim(door, ann)).status == 201
