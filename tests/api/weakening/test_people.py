"""To ask fewer people, or any device, takes a step-up (semantics §4; attack 35)."""

from __future__ import annotations

import json
from typing import Any

import pytest
from tests.api.door import Door, Fields
from tests.api.weakening.admin import (
    DOCS,
    READ,
    Admin,
    record,
    resource,
    role,
    stand,
    statement,
)

from stairgate.model.tokens import body_digest

pytestmark = pytest.mark.anyio


TWO = {"count": 2, "groups": ["grp_1"], "selfApproval": False}


@pytest.mark.parametrize(
    ("stands", "changed"),
    [
        ({"approvals": TWO}, {"approvals": {**TWO, "count": 1}}),
        ({"approvals": TWO}, {"approvals": {**TWO, "groups": ["grp_1", "grp_2"]}}),
        ({"approvals": TWO}, {"approvals": {**TWO, "selfApproval": True}}),
        ({"approvals": TWO}, {}),
        ({"approvals": [TWO, {**TWO, "groups": ["grp_2"]}]}, {"approvals": [TWO]}),
        ({"approvals": TWO}, {"approvals": TWO, "level": None}),
        ({"device": "same"}, {}),
    ],
)
async def test_to_ask_fewer_people_or_any_device_takes_a_step_up(
    door: Door, setting: str, ann: Admin, stands: dict[str, Any], changed: dict[str, Any]
) -> None:
    await stand(door, setting, ("PUT", DOCS, resource(stands)))
    refusal = await ann.refused("PUT", DOCS, resource(changed))
    assert refusal["requirement"]["device"] == stands.get("device")
    assert bool(refusal["requirement"]["approvals"]) == ("approvals" in stands)
    assert (await ann.call("PUT", DOCS, resource(stands))).status == 200


async def test_those_who_must_agree_to_the_access_must_agree_to_its_weakening(
    door: Door, setting: str, ann: Admin
) -> None:
    group = {"groupId": "grp_1", "name": "g", "users": [{"userId": "boss"}], "admins": []}
    mark = resource({"approvals": {"count": 1, "groups": ["grp_1"]}})
    await stand(door, setting, ("POST", "/v1/groups", group), ("PUT", DOCS, mark))
    body = resource()
    refusal = await ann.refused("PUT", DOCS, body)
    opened = await ann.call("POST", "/v1/challenges", {"stepUpChallengeToken": refusal["stepUpChallengeToken"]})
    answering = f"/v1/challenges/{opened.json['challengeId']}/answer"
    code = {"method": "totp", "code": door.world.code("ann")}
    early = await ann.call("POST", answering, code)
    assert (early.status, early.code) == (403, "StepUpChallengePending")
    request = f"/v1/requests/{opened.json['requestId']}"
    boss = door.world.token("boss")
    seen = await door.call("GET", request, bearer=boss)
    assert seen.json["stepUp"]["details"] == {"bodySha256": body_digest(json.dumps(body).encode())}
    version: Fields = [(b"if-match", (seen.header("etag") or "").encode())]
    voted = await door.call("POST", f"{request}/votes", {"vote": "approve"}, bearer=boss, headers=version)
    assert voted.status == 200, voted
    await ann.refused("PUT", DOCS, body)
    answered = await ann.call("POST", answering, {"method": "totp", "code": door.world.code("ann")})
    assert answered.status == 200, answered
    assert (await ann.call("PUT", DOCS, body)).status == 200


@pytest.mark.parametrize("place", ["resource", "role", "statement"])
async def test_to_add_a_member_to_a_group_that_approves_takes_a_step_up(
    door: Door, setting: str, ann: Admin, place: str
) -> None:
    def group(*users: str) -> dict[str, Any]:
        return {"groupId": "grp_1", "name": "g", "users": [{"userId": user} for user in users], "admins": []}

    mark = {"approvals": TWO}
    calls = {
        "resource": ("PUT", DOCS, resource(mark)),
        "role": ("POST", "/v1/roles", role({**READ, "stepUp": mark})),
        "statement": ("POST", "/v1/records", record(statement(mark))),
    }
    await stand(door, setting, ("POST", "/v1/groups", group("bob")), calls[place])
    refusal = await ann.refused("PUT", "/v1/groups/grp_1", group("bob", "cyd"))
    assert refusal["requirement"]["approvals"] == [TWO]
    assert refusal["requirement"]["bind"] == ["bodySha256"]
    # To take one out, or to make the group anew empty, helps nobody to meet it; to make it with members does.
    assert (await ann.call("PUT", "/v1/groups/grp_1", group())).status == 200
    assert (await ann.call("DELETE", "/v1/groups/grp_1")).status == 204
    await ann.refused("POST", "/v1/groups", group("cyd"))
    assert (await ann.call("POST", "/v1/groups", {**group("cyd"), "groupId": "grp_3"})).status == 201


async def test_what_is_held_under_a_mark_is_handed_on_after_a_step_up_alone(door: Door, setting: str) -> None:
    """`delegate` from a marked grant: its holder, elevated or not, must not give the same without the mark at will."""
    lead = {"action": "READ", "allow": True, "grant": True, "delegate": True}
    await stand(
        door,
        setting,
        ("POST", "/v1/roles", role(lead)),
        ("POST", "/v1/records", {**record(statement({"level": "strong"})), "recordId": "rec_lead"}),
    )
    await door.world.enrol("bob")
    bob = Admin(door, door.world.token("bob"), "bob")
    body = record(statement(None), users=("cyd",))
    refusal = await bob.refused("POST", "/v1/records", body)
    assert refusal["requirement"]["bind"] == []  # as for any access under this mark
    await bob.step_up(refusal)
    assert (await bob.call("POST", "/v1/records", body)).status == 201
