"""Factors over HTTP: begun, confirmed, used, removed (semantics §7.6)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.api.door import Door

from stairgate.model.ids import ClientId
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
