"""Factors over HTTP: begun, confirmed, used, removed (semantics §7.6)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.door import Door
from tests.unit.service_stepup.test_delivery import with_address

from stairgate.model.errors import DeliveryFailedError
from stairgate.model.ids import ClientId
from stairgate.model.protection import Level, Requirement
from stairgate.testing.authenticator import SoftwareAuthenticator

pytestmark = pytest.mark.anyio
FACTORS = "/v1/users/ann/factors"


async def linked(door: Door) -> dict[str, Any]:
    await door.world.client("desk", ("Authress:Users", "StepUp:Enrol"))
    desk = door.world.assertion(ClientId("sc_desk"))
    made = await door.call("POST", "/v1/users/ann/account-links", bearer=desk)
    assert made.status == 201
    document: dict[str, Any] = made.json
    return document


async def test_a_passkey_is_added_by_a_link_and_listed_without_a_secret(door: Door) -> None:
    link = await linked(door)
    assert link["enrols"] is True
    assert link["accountUri"].endswith(f"?link={link['link']}")
    token = door.world.token("ann")
    body = {"method": "passkey", "name": "key", "link": link["link"]}
    begun = await door.call("POST", FACTORS, body, bearer=token)
    assert begun.status == 201
    device = SoftwareAuthenticator()
    given = {"credential": device.create(begun.json["publicKey"])}
    confirmed = await door.call("POST", f"{FACTORS}/{begun.json['enrolmentId']}/confirm", given, bearer=token)
    assert (confirmed.status, confirmed.json["level"]) == (201, "hardware")
    listed = await door.call("GET", FACTORS, bearer=token)
    (factor,) = listed.json["factors"]
    assert factor == confirmed.json
    assert "secret" not in factor


async def test_without_an_elevation_a_factor_is_refused_in_the_form_of_a_check(door: Door) -> None:
    """Attack 19 over HTTP."""
    await door.world.enrol("ann")
    token = door.world.token("ann")
    refused = await door.call("POST", FACTORS, {"method": "totp"}, bearer=token)
    assert (refused.status, refused.code) == (403, "StepUpAuthorizationRequired")
    assert refused.json["requirement"]["level"] == "strong"
    assert "recovery" not in refused.json["requirement"]["methods"]
    (factor,) = (await door.call("GET", FACTORS, bearer=token)).json["factors"]
    for method, path, body in (
        ("DELETE", f"{FACTORS}/{factor['factorId']}", None),
        ("PATCH", f"{FACTORS}/{factor['factorId']}", {"name": "other"}),
    ):
        refused = await door.call(method, path, body, bearer=token)
        assert (refused.status, refused.code) == (403, "StepUpAuthorizationRequired")
    opened = await door.call(
        "POST", "/v1/challenges", {"stepUpChallengeToken": refused.json["stepUpChallengeToken"]}, bearer=token
    )
    answer = {"method": "totp", "code": door.world.code("ann")}
    done = await door.call("POST", f"/v1/challenges/{opened.json['challengeId']}/answer", answer, bearer=token)
    assert done.json["state"] == "satisfied"
    renamed = await door.call("PATCH", f"{FACTORS}/{factor['factorId']}", {"name": "other"}, bearer=token)
    assert (renamed.status, renamed.json["name"]) == (200, "other")
    assert (await door.call("DELETE", f"{FACTORS}/{factor['factorId']}", bearer=token)).status == 204
    assert (await door.call("GET", FACTORS, bearer=token)).json == {"factors": []}


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", FACTORS, None, 404),
        ("POST", FACTORS, {"method": "totp"}, 404),
        ("POST", FACTORS, {"method": "totp", "link": "a.b"}, 404),
        ("PATCH", f"{FACTORS}/unknown", {"name": "x"}, 404),
        ("DELETE", f"{FACTORS}/unknown", None, 404),
        ("POST", f"{FACTORS}/unknown/confirm", {"code": "1"}, 404),
        ("POST", "/v1/users/ann/account-links", None, 404),
        ("PATCH", f"{FACTORS}/unknown", {"disabled": True}, 400),
        ("PATCH", f"{FACTORS}/unknown", {}, 400),
        ("POST", FACTORS, {"method": "approval"}, 400),
    ],
)
async def test_a_stranger_learns_nothing(door: Door, method: str, path: str, body: Any, status: int) -> None:
    """Attack 27: unknown and foreign look alike."""
    await door.world.enrol("ann")
    answered = await door.call(method, path, body, bearer=door.world.token("bob"))
    assert answered.status == status


async def test_browsers_learn_the_related_origins(door: Door) -> None:
    answered = await door.call("GET", "/.well-known/webauthn")
    party = door.world.services.rules.party
    assert party is not None
    assert (answered.status, answered.json) == (200, {"origins": list(party.origins)})


async def test_a_code_is_sent_over_http(door: Door) -> None:
    await with_address(door.world)
    await door.world.grant("ann", "accounts/1", "pay")
    await door.world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    token = door.world.token("ann")
    challenge = await door.opened(token, "ann", "pay", "accounts/1")
    assert [each["address"] for each in challenge["addresses"]] == ["a…@example.org"]
    path = f"/v1/challenges/{challenge['challengeId']}"
    sent = await door.call("POST", f"{path}/code", {"method": "email"}, bearer=token)
    assert (sent.status, sent.json["sentTo"], "code" in sent.json) == (200, "a…@example.org", False)
    again = await door.call("POST", f"{path}/code", {"method": "email"}, bearer=token)
    assert (again.status, again.code, again.header("retry-after")) == (429, "TooManyPrompts", "30")
    answer = {"method": "email", "code": door.world.outbox.code()}
    done = await door.call("POST", f"{path}/answer", answer, bearer=token)
    assert done.json["state"] == "satisfied"


async def test_a_message_that_cannot_be_sent_is_503_and_official_clients_do_not_repeat_it(door: Door) -> None:
    await with_address(door.world)
    await door.world.grant("ann", "accounts/1", "pay")
    await door.world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    token = door.world.token("ann")
    challenge = await door.opened(token, "ann", "pay", "accounts/1")
    door.world.outbox.failure = DeliveryFailedError()
    path = f"/v1/challenges/{challenge['challengeId']}/code"
    failed = await door.call("POST", path, {"method": "email"}, bearer=token)
    assert (failed.status, failed.code, failed.header("retry-after")) == (503, "DeliveryFailed", None)
    assert "try again" in failed.json["title"]
