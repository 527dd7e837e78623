"""A step-up that other people agree to, over HTTP (semantics §6, §7, §9)."""

from typing import Any

import pytest
from tests.api.door import Door

from stairgate.model.access import Group
from stairgate.model.approvals import Quorum
from stairgate.model.ids import GroupId, UserId
from stairgate.model.protection import Level, Requirement

pytestmark = pytest.mark.anyio

FIRST = [(b"if-match", b'"1"')]


async def protected(door: Door, level: Level | None = None, **members: Any) -> str:
    """The token of Ann, who may pay once a manager, Mia or Max, agrees."""
    await door.world.grant("ann", "accounts/1", "Pay")
    quorum = Quorum(1, frozenset({GroupId("managers")}))
    mark = Requirement(level=level, approvals=frozenset({quorum}), **members)
    await door.world.protect("accounts", ("Pay", mark))
    group = Group(GroupId("managers"), "managers", (UserId("mia"), UserId("max"), UserId("ann")))
    await door.world.services.store.write(lambda transaction: transaction.put_group(group))
    return door.world.token("ann")


async def test_the_refusal_asks_for_people_and_no_factor(door: Door) -> None:
    """RFC 9470: no class of authentication would do, so the header names none."""
    ann = await protected(door)
    refused = await door.check(ann, "ann", "Pay", "accounts/1")
    assert (refused.status, refused.json["requirement"]["level"]) == (403, None)
    assert refused.json["requirement"]["approvals"] == [{"count": 1, "groups": ["managers"], "selfApproval": False}]
    header = refused.header("www-authenticate") or ""
    assert "insufficient_user_authentication" in header
    assert "acr_values" not in header


async def test_asked_seen_and_agreed_to(door: Door) -> None:
    ann = await protected(door, bind=frozenset({"amount"}))
    context = [(b"stairgate-context", b"eyJhbW91bnQiOjV9")]  # {"amount":5}
    view = await door.opened(ann, "ann", "Pay", "accounts/1", headers=context)
    assert (view["state"], view["approved"], view["methods"]) == ("open", False, ["approval"])
    mia = door.world.token("mia")
    listed = await door.call("GET", "/v1/requests?status=OPEN", bearer=mia)
    [request] = listed.json["records"]
    assert (request["requestId"], request["kind"], request["requesterId"]) == (view["requestId"], "step_up", "ann")
    assert request["stepUp"]["details"] == {"amount": 5}
    assert request["stepUp"]["action"] == "Pay"
    assert "accounts/1" in request["stepUp"]["asked"]
    assert request["access"]["statements"][0]["roles"] == ["Authress:StepUp"]
    path = f"/v1/requests/{view['requestId']}"
    plain = await door.call("PATCH", path, {"status": "APPROVED"}, bearer=mia)
    assert (plain.status, plain.code) == (428, "PreconditionRequired")
    changed = await door.call("PUT", path, {"access": request["access"]}, bearer=ann, headers=FIRST)
    assert changed.status == 400
    done = await door.call("PATCH", path, {"status": "APPROVED"}, bearer=mia, headers=FIRST)
    assert (done.status, done.json["status"], done.json["ended"]) == (200, "APPROVED", "used")
    reported = await door.call("POST", "/v1/step-up", {"stepUpChallengeToken": view["token"]}, bearer=ann)
    assert (reported.status, reported.json["level"], reported.json["method"]) == (200, None, "approval")
    assert (await door.check(ann, "ann", "Pay", "accounts/1", headers=context)).status == 200
    other = [(b"stairgate-context", b"eyJhbW91bnQiOjZ9")]
    assert (await door.check(ann, "ann", "Pay", "accounts/1", headers=other)).status == 403


async def test_the_requester_does_not_approve(door: Door) -> None:
    """Attack 17: though in the group, and with another token."""
    ann = await protected(door)
    view = await door.opened(ann, "ann", "Pay", "accounts/1")
    for bearer in (ann, door.world.token("ann")):
        answered = await door.call(
            "POST", f"/v1/requests/{view['requestId']}/votes", {"vote": "approve"}, bearer=bearer, headers=FIRST
        )
        assert (answered.status, answered.code) == (403, "Forbidden")
    assert (await door.check(ann, "ann", "Pay", "accounts/1")).status == 403


async def test_an_answer_before_the_quorum_is_not_looked_at(door: Door) -> None:
    ann = await protected(door, Level.STRONG)
    await door.world.enrol("ann")
    view = await door.opened(ann, "ann", "Pay", "accounts/1")
    answer = {"method": "totp", "code": "000000"}
    path = f"/v1/challenges/{view['challengeId']}"
    early = await door.call("POST", f"{path}/answer", answer, bearer=ann)
    assert (early.status, early.code) == (403, "StepUpChallengePending")
    voted = await door.call(
        "POST",
        f"/v1/requests/{view['requestId']}/votes",
        {"vote": "approve"},
        bearer=door.world.token("max"),
        headers=FIRST,
    )
    assert (voted.status, voted.json["ended"]) == (200, None)
    seen = await door.call("GET", path, bearer=ann)
    assert (seen.json["approved"], seen.json["methods"], seen.json["attemptsLeft"]) == (True, ["totp"], 5)
    done = await door.call("POST", f"{path}/answer", {**answer, "code": door.world.code("ann")}, bearer=ann)
    assert (done.status, done.json["state"]) == (200, "satisfied")
    assert (await door.check(ann, "ann", "Pay", "accounts/1")).status == 200


@pytest.mark.parametrize("expiry", [59, 2_592_001, 1.5, "x"])
async def test_the_expiry_has_bounds(door: Door, expiry: object) -> None:
    ann = await protected(door)
    token = await door.challenge_token(ann, "ann", "Pay", "accounts/1")
    answered = await door.call("POST", "/v1/challenges", {"stepUpChallengeToken": token, "expiry": expiry}, bearer=ann)
    assert (answered.status, answered.json["field"]) == (400, "expiry")
