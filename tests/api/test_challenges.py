"""Each call of semantics §7 and §8 over HTTP, with the statuses of its table of outcomes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from tests.api.door import Answered, Door, scope_of
from tests.unit.service_stepup.passkeys import with_passkey

from stairgate.api.handlers.stepup import challenges
from stairgate.model.protection import Device, Level, Requirement

pytestmark = pytest.mark.anyio

RIGHTS = (("Authress:StepUp", "StepUp"),)  # covers StepUp:Challenge and StepUp:Attest


@pytest.fixture
async def bank(door: Door) -> Door:
    """Ann has a totp and may pay out after a step-up; `sc_shop` may open and attest challenges."""
    await door.world.grant("ann", "accounts", "payout")
    await door.world.protect("accounts", ("payout", Requirement(level=Level.BASIC)))
    await door.world.enrol("ann")
    return door


async def post(door: Door, challenge: str, verb: str, body: object, bearer: str) -> Answered:
    return await door.call("POST", f"/v1/challenges/{challenge}/{verb}", body, bearer=bearer)


async def test_the_whole_way_with_the_users_own_token(bank: Door) -> None:
    token = bank.world.token("ann")
    challenge_token = await bank.challenge_token(token, "ann", "payout", "accounts/1")
    opened = await bank.call("POST", "/v1/challenges", {"stepUpChallengeToken": challenge_token}, bearer=token)
    assert opened.status == 201
    view = opened.json
    id_ = view["challengeId"]
    assert opened.header("location") == f"/v1/challenges/{id_}"
    assert list(view) == [
        "challengeId",
        "state",
        "openedAt",
        "expiresAt",
        "userId",
        "resourceUri",
        "action",
        "area",
        "requirement",
        "asked",
        "methods",
        "attemptsLeft",
        "elevationId",
        "endedAt",
        "addresses",
        "pageUri",
        "matchCode",
    ]
    assert (view["state"], view["attemptsLeft"], view["elevationId"], view["endedAt"]) == ("open", 5, None, None)
    assert view["methods"] == ["totp", "external"]  # `external` where any client may attest
    assert view["area"] == {"resourceUri": "accounts", "action": "payout", "exact": False}

    again = await bank.call("POST", "/v1/challenges", {"stepUpChallengeToken": challenge_token}, bearer=token)
    assert (again.status, again.json) == (201, view)

    pending = await bank.call("POST", "/v1/step-up", {"stepUpChallengeToken": challenge_token}, bearer=token)
    assert (pending.status, pending.code) == (403, "StepUpChallengePending")

    answered = await post(bank, id_, "answer", {"method": "totp", "code": bank.world.code("ann")}, token)
    assert (answered.status, answered.json["state"]) == (200, "satisfied")
    elevation_id = answered.json["elevationId"]

    report = {"stepUpChallengeToken": challenge_token}
    first = await bank.call("POST", "/v1/step-up", report, bearer=token)
    second = await bank.call("POST", "/v1/step-up", report, bearer=token)
    assert first.status == second.status == 200
    assert first.json == second.json
    assert list(first.json) == [
        "elevationId",
        "userId",
        "area",
        "level",
        "method",
        "provenAt",
        "issuedAt",
        "expiresAt",
        "uses",
        "usesLeft",
        "challengeId",
    ]
    assert (first.json["elevationId"], first.json["challengeId"]) == (elevation_id, id_)
    assert (await bank.check(token, "ann", "payout", "accounts/1")).status == 200
    assert (await bank.check(bank.world.token("ann"), "ann", "payout", "accounts/1")).status == 403

    listed = await bank.call("GET", "/v1/users/ann/elevations", bearer=token)
    assert listed.json == {"elevations": [first.json]}
    ended = await bank.call("DELETE", f"/v1/users/ann/elevations/{elevation_id}", bearer=token)
    assert (ended.status, ended.body) == (204, b"")
    assert (await bank.check(token, "ann", "payout", "accounts/1")).status == 403
    assert (await bank.call("GET", "/v1/users/ann/elevations", bearer=token)).json == {"elevations": []}


async def test_a_client_attests_with_the_code_that_the_user_gave_back(bank: Door) -> None:
    bearer, token = await bank.service("shop", *RIGHTS), bank.world.token("ann")
    challenge = await bank.opened(bearer, "ann", "payout", "accounts/1", token=token)
    assert set(challenge["methods"]) == {"totp", "external"}
    issued = await post(bank, challenge["challengeId"], "code", {"method": "external"}, bearer)
    assert issued.status == 200
    assert list(issued.json) == ["code", "expiresAt"]
    assert len(issued.json["code"]) == 8
    answer = {"method": "external", "code": issued.json["code"]}
    answered = await post(bank, challenge["challengeId"], "answer", answer, bearer)
    assert (answered.status, answered.json["state"]) == (200, "satisfied")
    assert (await bank.check(bearer, "ann", "payout", "accounts/1", token=token)).status == 200
    report = await bank.call(
        "POST",
        "/v1/step-up",
        {"stepUpChallengeToken": challenge["token"]},
        bearer=bearer,
        headers=[(b"stairgate-user-token", token.encode())],
    )
    assert (report.status, report.json["method"]) == (200, "external")
    without = await bank.call("POST", "/v1/step-up", {"stepUpChallengeToken": challenge["token"]}, bearer=bearer)
    assert (without.status, without.json["field"]) == (400, "Stairgate-User-Token")


async def test_an_answer_for_this_once_gives_one_use_of_exactly_this(bank: Door) -> None:
    token = bank.world.token("ann")
    challenge = await bank.opened(token, "ann", "payout", "accounts/1")
    answer = {"method": "totp", "code": bank.world.code("ann"), "once": True}
    assert (await post(bank, challenge["challengeId"], "answer", answer, token)).status == 200
    report = await bank.call("POST", "/v1/step-up", {"stepUpChallengeToken": challenge["token"]}, bearer=token)
    assert (report.json["uses"], report.json["usesLeft"], report.json["area"]["exact"]) == (1, 1, True)
    assert (await bank.check(token, "ann", "payout", "accounts/2")).status == 403
    assert (await bank.check(token, "ann", "payout", "accounts/1")).status == 200
    assert (await bank.check(token, "ann", "payout", "accounts/1")).status == 403


# --- the table of outcomes


async def test_a_challenge_token_that_is_forged_or_too_old_is_400(bank: Door) -> None:
    token = bank.world.token("ann")
    challenge_token = await bank.challenge_token(token, "ann", "payout", "accounts/1")
    forged = challenge_token[:-4] + ("AAAA" if not challenge_token.endswith("AAAA") else "BBBB")
    for target in ("/v1/challenges", "/v1/step-up"):
        answered = await bank.call("POST", target, {"stepUpChallengeToken": forged}, bearer=token)
        assert (answered.status, answered.code) == (400, "InvalidChallengeToken")
    bank.world.clock.advance(601)
    answered = await bank.call("POST", "/v1/challenges", {"stepUpChallengeToken": challenge_token}, bearer=token)
    assert (answered.status, answered.code) == (400, "InvalidChallengeToken")


async def test_without_an_eligible_factor_it_is_409(door: Door) -> None:
    await door.world.grant("bob", "accounts", "payout", mark=Requirement())
    token = door.world.token("bob")
    challenge_token = await door.challenge_token(token, "bob", "payout", "accounts/1")
    answered = await door.call("POST", "/v1/challenges", {"stepUpChallengeToken": challenge_token}, bearer=token)
    assert (answered.status, answered.code) == (409, "NoEligibleFactor")


async def test_wrong_answers_are_422_with_what_is_left_and_the_fifth_locks(bank: Door) -> None:
    """Attack 8."""
    token = bank.world.token("ann")
    id_ = (await bank.opened(token, "ann", "payout", "accounts/1"))["challengeId"]
    seen: list[tuple[int, str, object]] = []
    for _ in range(12):
        bank.world.clock.advance(31)
        answered = await post(bank, id_, "answer", {"method": "totp", "code": "000000"}, token)
        seen.append((answered.status, answered.code, answered.json.get("attemptsLeft")))
        if answered.status == 429:
            assert int(answered.header("retry-after") or "") >= 1
            assert answered.code == "TooManyAttempts"
        if answered.status == 409:
            assert answered.json["state"] in {"locked", "expired"}
            break
    wrong = [left for status, _, left in seen if status == 422]
    assert wrong == sorted(wrong, reverse=True)  # type: ignore[type-var]
    assert wrong[0] == 4
    assert seen[-1][:2] == (409, "ChallengeEnded")


@pytest.mark.parametrize(
    ("body", "field", "code"),
    [
        ({"method": "totp"}, "code", "InvalidInputRequest"),
        ({"method": "totp", "code": ""}, "code", "InvalidInputRequest"),
        ({"method": "totp", "code": "1" * 65}, "code", "InvalidInputRequest"),
        ({"method": "totp", "code": 123456}, "code", "InvalidInputRequest"),
        ({"method": "carrier-pigeon", "code": "1"}, "method", "InvalidInputRequest"),
        ({"code": "1"}, "method", "InvalidInputRequest"),
        ({"method": "totp", "code": "1", "matchCode": ""}, "matchCode", "InvalidInputRequest"),
        ({"method": "totp", "code": "1", "once": "yes"}, "once", "InvalidInputRequest"),
        ({"method": "totp", "code": "1", "One": True}, "One", "InvalidInputRequest"),
    ],
)
async def test_a_malformed_answer_is_400_names_the_member_and_costs_no_attempt(
    bank: Door, body: dict[str, Any], field: str, code: str
) -> None:
    token = bank.world.token("ann")
    id_ = (await bank.opened(token, "ann", "payout", "accounts/1"))["challengeId"]
    answered = await post(bank, id_, "answer", body, token)
    assert (answered.status, answered.json.get("field"), answered.code) == (400, field, code)
    assert (await bank.call("GET", f"/v1/challenges/{id_}", bearer=token)).json["attemptsLeft"] == 5


async def test_a_mark_for_the_same_device_takes_the_answer_of_the_named_token_alone(bank: Door) -> None:
    """§7.2: neither a client that opened it nor its attestation is the device that asked."""
    await bank.world.protect("accounts", ("payout", Requirement(level=Level.BASIC, device=Device.SAME)))
    bearer, token = await bank.service("shop", *RIGHTS), bank.world.token("ann")
    challenge = await bank.opened(bearer, "ann", "payout", "accounts/1", token=token)
    assert challenge["requirement"]["device"] == "same"
    assert challenge["methods"] == ["totp"]
    answer = {"method": "totp", "code": bank.world.code("ann")}
    refused = await post(bank, challenge["challengeId"], "answer", answer, bearer)
    assert (refused.status, refused.code) == (403, "Forbidden")
    refused = await post(bank, challenge["challengeId"], "answer", {"method": "external", "code": "1"}, bearer)
    assert (refused.status, refused.code) == (403, "Forbidden")
    answered = await post(bank, challenge["challengeId"], "answer", answer, token)
    assert (answered.status, answered.json["state"]) == (200, "satisfied")
    assert (await bank.check(bearer, "ann", "payout", "accounts/1", token=token)).status == 200


@pytest.mark.parametrize("body", [{}, None])
async def test_a_declined_challenge_has_ended(bank: Door, body: object) -> None:
    token = bank.world.token("ann")
    challenge = await bank.opened(token, "ann", "payout", "accounts/1")
    id_ = challenge["challengeId"]
    declined = await post(bank, id_, "decline", body, token)
    assert (declined.status, declined.json["state"], declined.json["methods"]) == (200, "declined", [])
    answer = {"method": "totp", "code": bank.world.code("ann")}
    for answered in (
        await post(bank, id_, "answer", answer, token),
        await post(bank, id_, "decline", {}, token),
        await bank.call("DELETE", f"/v1/challenges/{id_}", bearer=token),
        await bank.call("POST", "/v1/step-up", {"stepUpChallengeToken": challenge["token"]}, bearer=token),
    ):
        assert (answered.status, answered.code, answered.json["state"]) == (409, "ChallengeEnded", "declined")
    assert (await bank.call("GET", f"/v1/challenges/{id_}", bearer=token)).json["state"] == "declined"


async def test_not_me_bars_the_token(bank: Door) -> None:
    token = bank.world.token("ann")
    challenge = await bank.opened(token, "ann", "payout", "accounts/1")
    declined = await post(bank, challenge["challengeId"], "decline", {"notMe": True}, token)
    assert declined.status == 200
    fresh = await bank.challenge_token(token, "ann", "payout", "accounts/2")
    for target in ("/v1/challenges", "/v1/step-up"):
        answered = await bank.call("POST", target, {"stepUpChallengeToken": fresh}, bearer=token)
        assert (answered.status, answered.code) == (403, "ChallengeBarred")


async def test_a_cancelled_challenge_is_204_and_only_for_who_opened_it(bank: Door) -> None:
    token = bank.world.token("ann")
    bearer = await bank.service("shop", *RIGHTS)
    challenge = await bank.opened(bearer, "ann", "payout", "accounts/1", token=token)
    target = f"/v1/challenges/{challenge['challengeId']}"
    foreign = await bank.call("DELETE", target, bearer=token)
    assert (foreign.status, foreign.code) == (403, "Forbidden")
    for _ in range(2):
        assert (await bank.call("DELETE", target, bearer=bearer)).status == 204
    assert (await bank.call("GET", target, bearer=bearer)).json["state"] == "cancelled"


async def test_the_sixth_live_challenge_is_429_with_retry_after(bank: Door) -> None:
    """Attack 3."""
    token = bank.world.token("ann")
    answered = None
    for number in range(6):  # each with a mark of its own: none supersedes another
        await bank.world.grant("ann", f"vault/{number}", "open", mark=Requirement())
        challenge_token = await bank.challenge_token(token, "ann", "open", f"vault/{number}")
        answered = await bank.call("POST", "/v1/challenges", {"stepUpChallengeToken": challenge_token}, bearer=token)
    assert answered is not None
    assert (answered.status, answered.code) == (429, "TooManyChallenges")
    assert 1 <= int(answered.header("retry-after") or "") <= 600


async def test_unanswered_codes_are_429_with_retry_after(bank: Door) -> None:
    """Attack 3."""
    bearer, token = await bank.service("shop", *RIGHTS), bank.world.token("ann")
    id_ = (await bank.opened(bearer, "ann", "payout", "accounts/1", token=token))["challengeId"]
    for _ in range(3):
        assert (await post(bank, id_, "code", {"method": "external"}, bearer)).status == 200
    answered = await post(bank, id_, "code", {"method": "external"}, bearer)
    assert (answered.status, answered.code) == (429, "TooManyPrompts")
    assert int(answered.header("retry-after") or "") >= 1


async def test_unknown_and_foreign_challenges_are_the_same_404(bank: Door) -> None:
    """Attacks 1 and 27: to who has no part in it, a challenge does not exist."""
    token = bank.world.token("ann")
    id_ = (await bank.opened(token, "ann", "payout", "accounts/1"))["challengeId"]
    answer = {"method": "totp", "code": bank.world.code("ann")}
    second = bank.world.token("ann")  # another login of the same user
    for bearer in (bank.world.token("bob"), second, await bank.service("nobody")):
        for known in (id_, "unknown", "x" * 500, "%C3%A9"):
            for answered in (
                await bank.call("GET", f"/v1/challenges/{known}", bearer=bearer),
                await bank.call("GET", f"/v1/challenges/{known}/events", bearer=bearer),
                await bank.call("DELETE", f"/v1/challenges/{known}", bearer=bearer),
                await post(bank, known, "answer", answer, bearer),
                await post(bank, known, "code", {"method": "external"}, bearer),
                await post(bank, known, "decline", {"notMe": True}, bearer),
            ):
                assert (answered.status, answered.code, answered.json["title"]) == (404, "NotFound", "not found")


async def test_ending_elevations_of_one_token_or_of_all(bank: Door) -> None:
    world = bank.world
    tokens = [world.token("ann"), world.token("ann")]
    for token in tokens:
        id_ = (await bank.opened(token, "ann", "payout", "accounts/1"))["challengeId"]
        done = await post(bank, id_, "answer", {"method": "totp", "code": world.code("ann")}, token)
        assert done.status == 200
    one = await bank.call("DELETE", "/v1/users/ann/elevations", bearer=tokens[0])
    assert (one.status, one.json) == (200, {"ended": 1})
    assert (await bank.check(tokens[0], "ann", "payout", "accounts/1")).status == 403
    assert (await bank.check(tokens[1], "ann", "payout", "accounts/1")).status == 200
    for value in ("yes", "1", "TRUE", ""):
        wrong = await bank.call("DELETE", f"/v1/users/ann/elevations?all={value}", bearer=tokens[0])
        assert (wrong.status, wrong.json["field"]) == (400, "all")
    rest = await bank.call("DELETE", "/v1/users/ann/elevations?all=true", bearer=tokens[0])
    assert rest.json == {"ended": 1}
    assert (await bank.check(tokens[1], "ann", "payout", "accounts/1")).status == 403


async def test_elevations_of_others_are_hidden(bank: Door) -> None:
    bearer = bank.world.token("bob")
    for method, target in (
        ("GET", "/v1/users/ann/elevations"),
        ("DELETE", "/v1/users/ann/elevations?all=true"),
        ("DELETE", "/v1/users/ann/elevations/x"),
    ):
        assert (await bank.call(method, target, bearer=bearer)).status == 404


# --- following


async def test_a_wait_ends_with_the_change(bank: Door) -> None:
    token = bank.world.token("ann")
    id_ = (await bank.opened(token, "ann", "payout", "accounts/1"))["challengeId"]
    waiting = asyncio.ensure_future(bank.call("GET", f"/v1/challenges/{id_}?wait=60", bearer=token))
    await asyncio.sleep(0)
    answered = await post(bank, id_, "answer", {"method": "totp", "code": bank.world.code("ann")}, token)
    assert answered.status == 200
    async with asyncio.timeout(10):
        assert (await waiting).json["state"] == "satisfied"


async def test_waiting_for_what_has_ended_answers_at_once(bank: Door) -> None:
    token = bank.world.token("ann")
    id_ = (await bank.opened(token, "ann", "payout", "accounts/1"))["challengeId"]
    await bank.call("DELETE", f"/v1/challenges/{id_}", bearer=token)
    async with asyncio.timeout(10):
        answered = await bank.call("GET", f"/v1/challenges/{id_}?wait=60", bearer=token)
    assert answered.json["state"] == "cancelled"


@asynccontextmanager
async def stream(door: Door, target: str, bearer: str) -> AsyncIterator[tuple[asyncio.Queue[Any], asyncio.Event]]:
    """What the application sends, as it sends it, and an event by which the client leaves."""
    sent: asyncio.Queue[Any] = asyncio.Queue()
    left = asyncio.Event()
    asked = False

    async def receive() -> dict[str, Any]:
        nonlocal asked
        if not asked:
            asked = True
            return {"type": "http.request", "body": b"", "more_body": False}
        await left.wait()
        return {"type": "http.disconnect"}

    scope = scope_of("GET", target, [(b"authorization", b"Bearer " + bearer.encode())])
    async with asyncio.timeout(20):
        serving = asyncio.ensure_future(door.application(scope, receive, sent.put))
        try:
            yield sent, left
            await serving
        finally:
            serving.cancel()


def event_of(message: dict[str, Any]) -> tuple[str, Any]:
    lines = dict(line.split(": ", 1) for line in message["body"].decode().strip().split("\n"))
    return lines["event"], json.loads(lines["data"])


async def test_events_tell_each_state_and_end_with_the_challenge(bank: Door) -> None:
    token = bank.world.token("ann")
    id_ = (await bank.opened(token, "ann", "payout", "accounts/1"))["challengeId"]
    async with stream(bank, f"/v1/challenges/{id_}/events", token) as (sent, _):
        start = await sent.get()
        assert start["status"] == 200
        assert dict(start["headers"])[b"content-type"] == b"text/event-stream"
        assert dict(start["headers"])[b"cache-control"] == b"no-store"
        assert event_of(await sent.get())[0] == "open"
        await asyncio.sleep(0)
        wrong = await post(bank, id_, "answer", {"method": "totp", "code": "000000"}, token)
        assert wrong.status == 422
        event, document = event_of(await sent.get())
        assert (event, document["attemptsLeft"]) == ("open", 4)
        await asyncio.sleep(0)
        await post(bank, id_, "decline", {}, token)
        event, document = event_of(await sent.get())
        assert (event, document["state"]) == ("declined", "declined")
        last = await sent.get()
        assert not last.get("more_body", False)


async def test_a_stream_ends_when_its_client_leaves(bank: Door) -> None:
    token = bank.world.token("ann")
    id_ = (await bank.opened(token, "ann", "payout", "accounts/1"))["challengeId"]
    async with stream(bank, f"/v1/challenges/{id_}/events", token) as (sent, left):
        await sent.get()
        await sent.get()
        left.set()  # and the application returns


async def test_a_silent_stream_says_that_it_is_alive_and_repeats_nothing(
    bank: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challenges, "HEARTBEAT", 0)
    token = bank.world.token("ann")
    id_ = (await bank.opened(token, "ann", "payout", "accounts/1"))["challengeId"]
    async with stream(bank, f"/v1/challenges/{id_}/events", token) as (sent, left):
        await sent.get()
        assert event_of(await sent.get())[0] == "open"
        assert (await sent.get())["body"] == b": still waiting\n\n"
        left.set()


async def test_a_stream_ends_with_the_token_that_its_challenge_names(
    bank: Door, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(challenges, "HEARTBEAT", 0)
    token = bank.world.token("ann", ttl=60)
    id_ = (await bank.opened(token, "ann", "payout", "accounts/1"))["challengeId"]
    async with stream(bank, f"/v1/challenges/{id_}/events", token) as (sent, _):
        await sent.get()
        await sent.get()
        bank.world.clock.advance(120)
        async with asyncio.timeout(10):
            while (await sent.get()).get("more_body"):
                pass


async def test_a_passkey_answers_over_http(bank: Door) -> None:
    device = await with_passkey(bank.world, "ann")
    token = bank.world.token("ann")
    challenge = await bank.opened(token, "ann", "payout", "accounts/1")
    begun = await post(bank, challenge["challengeId"], "options", None, token)
    assert begun.status == 200
    assert begun.json["publicKey"]["userVerification"] == "required"
    answer = {"method": "passkey", "credential": device.get(begun.json["publicKey"])}
    done = await post(bank, challenge["challengeId"], "answer", answer, token)
    assert (done.status, done.json["state"]) == (200, "satisfied")
    assert (await bank.check(token, "ann", "payout", "accounts/1")).status == 200
    again = await post(bank, challenge["challengeId"], "answer", answer, token)
    assert (again.status, again.code) == (409, "ChallengeEnded")
