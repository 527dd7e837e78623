"""Attacks 3, 8, 10, 14, 19, 20 and 26 on factors, over HTTP, with only what an attacker would have."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from tests.api.door import Answered, Door, open_door
from tests.unit.service_stepup.passkeys import with_passkey
from tests.unit.service_stepup.test_delivery import with_address

from stairgate.model.ids import ClientId, UserId
from stairgate.model.protection import Level, Requirement
from stairgate.service.account_factors import list_factors
from stairgate.stepup.limits import DISABLE_AT

pytestmark = pytest.mark.anyio

FACTORS = "/v1/users/ann/factors"
PAY = ("pay", "accounts/1")


@pytest.fixture(params=["memory", "sqlite"])
async def bank(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    async for door in open_door(request.param, tmp_path):
        await door.world.grant("ann", "accounts/1", "pay")
        await door.world.enrol("ann")
        yield door


async def protect(door: Door, **requirement: Any) -> None:
    await door.world.protect("accounts/1", ("pay", Requirement(**requirement)))


async def answered(door: Door, bearer: str, challenge: str, method: str, code: str, **more: Any) -> Answered:
    body = {"method": method, "code": code, **more}
    return await door.call("POST", f"/v1/challenges/{challenge}/answer", body, bearer=bearer)


async def test_a_thousand_guesses_over_two_hundred_challenges_end_in_a_disabled_factor(bank: Door) -> None:
    """
    Attack 8, NIST-2, NIST-3: fresh tokens and challenges do not set the counter back, and waiting does not help.

    At most 50 of the guesses are looked at, each with two codes of a million that would do: success 1 in 10 000.
    """
    await protect(bank)
    outcomes: dict[str, int] = {}
    challenges = 0
    for _ in range(200):
        token = bank.world.token("ann")
        refused = await bank.challenge_token(token, "ann", *PAY)
        opened = await bank.call("POST", "/v1/challenges", {"stepUpChallengeToken": refused}, bearer=token)
        challenges += 1
        if opened.status != 201:  # there is nothing left to guess at: its five guesses come to nothing
            outcomes[opened.code] = outcomes.get(opened.code, 0) + 5
            continue
        for _ in range(5):
            said = await answered(bank, token, opened.json["challengeId"], "totp", "000000")
            code = "passed" if said.status == 200 else said.code
            outcomes[code] = outcomes.get(code, 0) + 1
        bank.world.clock.advance(3_600)  # as patient as the longest wait asks for
    looked_at = outcomes.get("WrongAnswer", 0) + outcomes.get("passed", 0)
    assert (challenges, sum(outcomes.values())) == (200, 1_000)
    assert looked_at == DISABLE_AT
    (factor,) = (await bank.call("GET", FACTORS, bearer=bank.world.token("ann"))).json["factors"]
    assert factor["disabled"] is True
    assert set(outcomes) <= {"WrongAnswer", "passed", "TooManyAttempts", "NoEligibleFactor"}
    assert outcomes["NoEligibleFactor"] > 0
    assert 2 * DISABLE_AT / 10**6 == 1 / 10_000


async def test_a_stranger_with_the_page_alone_moves_no_counter_of_the_owners_factors(bank: Door) -> None:
    """Attack 26: without the match code no factor is looked at, so none can be made to wait."""
    await protect(bank)
    before = await attempts(bank)
    for _ in range(20):
        token = bank.world.token("ann")
        refused = await bank.challenge_token(token, "ann", *PAY)
        body = {"stepUpChallengeToken": refused}
        opened = (await bank.call("POST", "/v1/challenges", body, bearer=token)).json
        secret = opened["pageUri"].rpartition("=")[2]
        headers = [(b"stairgate-page-secret", secret.encode())]
        wrong = "0000" if opened["matchCode"] != "0000" else "1111"
        for _ in range(5):
            path = f"/v1/challenges/{opened['challengeId']}/answer"
            guess = {"method": "totp", "code": "000000", "matchCode": wrong}
            said = await bank.call("POST", path, guess, headers=headers)
            assert (said.status, said.code) == (422, "WrongAnswer")
    assert await attempts(bank) == before
    own = bank.world.token("ann")
    challenge = await bank.opened(own, "ann", *PAY)
    done = await answered(bank, own, challenge["challengeId"], "totp", bank.world.code("ann"))
    assert done.status == 200


async def attempts(door: Door) -> list[int]:
    caller = await door.world.login("ann")
    views = await list_factors(door.world.services, caller, UserId("ann"))
    return [
        (await door.world.services.store.read(lambda t, it=view.id: t.attempts(UserId("ann"), it))).failures  # type: ignore[misc]
        for view in views
    ]


async def test_phishing_resistant_refuses_whatever_can_be_relayed(bank: Door) -> None:
    """Attack 10: a proxy in the middle relays codes; it cannot relay a passkey, which signs where it is."""
    await protect(bank, level=Level.PHISHING_RESISTANT)
    await with_address(bank.world)
    device = await with_passkey(bank.world)
    token = bank.world.token("ann")
    challenge = (await bank.opened(token, "ann", *PAY))["challengeId"]
    for method in ("totp", "email", "sms", "recovery", "external"):
        refused = await answered(bank, token, challenge, method, bank.world.code("ann"))
        assert refused.status in {400, 403}, method
    begun = await bank.call("POST", f"/v1/challenges/{challenge}/options", bearer=token)
    device.origin = "https://login.bank.evil.example"  # where the proxy shows the page
    relayed = {"method": "passkey", "credential": device.get(begun.json["publicKey"])}
    said = await bank.call("POST", f"/v1/challenges/{challenge}/answer", relayed, bearer=token)
    assert (said.status, said.code) == (422, "WrongAnswer")
    assert (await bank.check(token, "ann", *PAY)).status == 403


async def test_no_parameter_picks_a_weaker_factor(bank: Door) -> None:
    """Attack 14, TA-6: neither the method, nor its code for another method, nor an unknown member."""
    await protect(bank)
    await with_address(bank.world)
    token = bank.world.token("ann")
    challenge = (await bank.opened(token, "ann", *PAY))["challengeId"]
    sent = await bank.call("POST", f"/v1/challenges/{challenge}/code", {"method": "email"}, bearer=token)
    assert sent.status == 400
    assert bank.world.outbox.sent == []
    for more in ({"level": "basic"}, {"methods": ["email"]}):
        refused = await answered(bank, token, challenge, "email", "00000000", **more)
        assert refused.status == 400


async def test_a_session_that_was_stolen_cannot_make_itself_a_factor(bank: Door) -> None:
    """Attack 19: not directly, not by a link from the token itself, not by confirming what the owner began."""
    thief = bank.world.token("ann")
    for method in ("totp", "passkey", "recovery"):
        refused = await bank.call("POST", FACTORS, {"method": method}, bearer=thief)
        assert refused.code == "StepUpAuthorizationRequired"
    own = await bank.call("POST", "/v1/users/ann/account-links", bearer=thief)
    assert own.json["enrols"] is False
    refused = await bank.call("POST", FACTORS, {"method": "totp", "link": own.json["link"]}, bearer=thief)
    assert (refused.status, refused.code) == (403, "Forbidden")
    assert len((await bank.call("GET", FACTORS, bearer=thief)).json["factors"]) == 1


async def test_recovery_never_becomes_more_than_basic(bank: Door) -> None:
    """Attack 20: the codes open what is basic, add nothing, and meet nothing that is strong."""
    await protect(bank, level=Level.BASIC)
    owner = bank.world.token("ann")
    refused = await bank.call("POST", FACTORS, {"method": "recovery"}, bearer=owner)
    opened = await bank.call(
        "POST", "/v1/challenges", {"stepUpChallengeToken": refused.json["stepUpChallengeToken"]}, bearer=owner
    )
    await answered(bank, owner, opened.json["challengeId"], "totp", bank.world.code("ann"))
    codes = (await bank.call("POST", FACTORS, {"method": "recovery"}, bearer=owner)).json["codes"]
    thief = bank.world.token("ann")
    challenge = (await bank.opened(thief, "ann", *PAY))["challengeId"]
    done = await answered(bank, thief, challenge, "recovery", codes[0])
    assert done.status == 200
    for method in ("totp", "passkey", "recovery"):
        refused = await bank.call("POST", FACTORS, {"method": method}, bearer=thief)
        assert refused.code == "StepUpAuthorizationRequired"
        body = {"stepUpChallengeToken": refused.json["stepUpChallengeToken"]}
        again = await bank.call("POST", "/v1/challenges", body, bearer=thief)
        assert again.status == 409 or "recovery" not in again.json["methods"]


async def test_a_link_is_for_who_was_meant(bank: Door) -> None:
    """An enrolment link that another user finds is of no use to them."""
    await bank.world.client("desk", ("Authress:Users", "StepUp:Enrol"))
    desk = bank.world.assertion(ClientId("sc_desk"))
    link = (await bank.call("POST", "/v1/users/cyd/account-links", bearer=desk)).json["link"]
    for user in ("cyd", "eve"):
        body = {"method": "totp", "link": link}
        said = await bank.call("POST", f"/v1/users/{user}/factors", body, bearer=bank.world.token("eve"))
        assert said.status == 404
    said = await bank.call(
        "POST", "/v1/users/cyd/factors", {"method": "totp", "link": link}, bearer=bank.world.token("cyd")
    )
    assert said.status == 201
