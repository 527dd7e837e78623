"""Weakening a protection is itself protected: the refusal, and what it takes (semantics §4; attack 35)."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from tests.api.door import Door, Fields, encoded
from tests.api.weakening.admin import (
    DOCS,
    MARK,
    READ,
    RECORD,
    Admin,
    record,
    resource,
    role,
    stand,
    statement,
)

from stairgate.model.actions import parse_action
from stairgate.model.elevations import Area, Elevation
from stairgate.model.ids import ChallengeId, ElevationId, UserId
from stairgate.model.protection import Level, Method
from stairgate.model.resources import parse_resource
from stairgate.model.tokens import body_digest
from stairgate.service.authentication import authenticate

pytestmark = pytest.mark.anyio


async def test_the_same_request_succeeds_after_the_step_up_and_another_body_does_not(
    door: Door, setting: str, ann: Admin
) -> None:
    await stand(door, setting, ("PUT", DOCS, resource(MARK)))
    body = resource({**MARK, "uses": 3})
    refusal = await ann.refused("PUT", DOCS, body)
    assert refusal["reason"] == "elevation_required"
    asked = refusal["requirement"]
    # What meets the weakened mark and the default requirement, once, for this body.
    assert {name: asked[name] for name in ("level", "methods", "lifetime", "maxAge", "uses", "scope", "bind")} == {
        "level": "strong",
        "methods": ["totp"],
        "lifetime": 60,
        "maxAge": 40,
        "uses": 1,
        "scope": "exact",
        "bind": ["bodySha256"],
    }
    await ann.step_up(refusal)
    other = await ann.refused("PUT", DOCS, resource(None))
    assert other["reason"] == "details_changed"
    assert await ann.uses_left() == [1]
    assert (await ann.call("PUT", DOCS, body)).status == 200
    assert await ann.uses_left() == []
    shown = await ann.call("GET", DOCS)
    assert shown.json["stepUp"][0]["uses"] == 3
    # Back to what stood is stricter and needs none; the same weakening again needs another step-up.
    assert (await ann.call("PUT", DOCS, resource(MARK))).status == 200
    assert (await ann.refused("PUT", DOCS, body))["reason"] == "elevation_expired"


async def test_attack_35_an_admin_s_session_alone_cannot_take_the_mark_off_act_and_put_it_back(
    door: Door, setting: str, ann: Admin
) -> None:
    """
    Attack: whoever has an admin's session removes the mark, does what it guarded, and restores it.

    Defence: removing it takes a step-up; another token's does not help; the audit chain has it in any case.
    """
    await stand(door, setting, ("PUT", DOCS, resource({**MARK, "bind": []})))
    refusal = await ann.refused("PUT", DOCS, resource())
    assert (await door.check(ann.token, "ann", "READ", "docs/1")).status == 403
    await ann.step_up(refusal)
    thief = Admin(door, door.world.token("ann"))
    await thief.refused("PUT", DOCS, resource())
    assert (await door.check(thief.token, "ann", "READ", "docs/1")).status == 403
    assert (await ann.call("PUT", DOCS, resource())).status == 200
    entries = await door.world.services.store.read(lambda transaction: transaction.audit_entries(limit=10_000))
    used, changed = entries[-2:]
    assert (used.event, changed.event) == ("elevation.used", "resource.changed")
    assert json.loads(changed.facts)["elevations"] == [json.loads(used.facts)["elevation"]]


async def test_the_body_is_bound_byte_for_byte(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("PUT", DOCS, resource(MARK)))
    raw = b'{"stepUp": []}'
    refusal = await ann.refused("PUT", DOCS, raw=raw)
    await ann.step_up(refusal)
    again = await ann.refused("PUT", DOCS, raw=b'{"stepUp":[]}')
    assert again["reason"] == "details_changed"
    assert (await ann.call("PUT", DOCS, raw=raw)).status == 200


async def test_a_service_client_is_not_asked(door: Door, setting: str) -> None:
    await stand(door, setting, ("PUT", DOCS, resource(MARK)), ("PUT", DOCS, resource()))


async def test_what_fails_otherwise_fails_first_and_takes_no_use(door: Door, setting: str, ann: Admin) -> None:
    group = {"groupId": "grp_1", "name": "g", "users": []}
    await stand(
        door,
        setting,
        ("POST", "/v1/roles", role(READ)),
        ("POST", "/v1/groups", group),
        ("POST", "/v1/records", record(statement(MARK))),
    )
    body = record(statement(None))
    read = await ann.call("GET", RECORD)
    stale: Fields = [(b"if-unmodified-since", b"2001-01-01T00:00:00Z")]
    assert (await ann.call("PUT", RECORD, body, headers=stale)).status == 412
    assert (await ann.call("PUT", RECORD, {**body, "recordId": "rec_2"})).status == 400
    await ann.step_up(await ann.refused("PUT", RECORD, body))
    assert (await ann.call("PUT", RECORD, body, headers=stale)).status == 412
    assert await ann.uses_left() == [1]
    fresh: Fields = [(b"if-unmodified-since", read.json["lastUpdated"].encode())]
    assert (await ann.call("PUT", RECORD, body, headers=fresh)).status == 202
    assert await ann.uses_left() == []


async def test_an_elevation_for_the_resource_that_binds_no_body_does_not_do(
    door: Door, setting: str, ann: Admin
) -> None:
    """The management API's own mark, met, opens the call; weakening by it takes its own step-up."""
    await stand(
        door,
        setting,
        ("PUT", DOCS, resource(MARK)),
        ("PUT", f"/v1/resources/{encoded('Authress:ResourcePermissions')}", resource({"level": "strong"})),
    )
    body = resource()
    own = await ann.refused("PUT", DOCS, body)
    assert own["requirement"]["bind"] == []
    await ann.step_up(own)
    weakening = await ann.refused("PUT", DOCS, body)
    assert weakening["requirement"]["bind"] == ["bodySha256"]
    await ann.step_up(weakening)
    assert (await ann.call("PUT", DOCS, body)).status == 200


async def test_the_step_up_meets_what_guards_the_call_too_and_suffices_alone(
    door: Door, setting: str, ann: Admin
) -> None:
    guarded = f"/v1/resources/{encoded('Authress:ResourcePermissions')}"
    mark = {"level": "phishing-resistant", "lifetime": 20}
    stands = resource({**MARK, "methods": None})
    await stand(door, setting, ("PUT", DOCS, stands), ("PUT", guarded, resource(mark)))
    own = await ann.refused("PUT", DOCS, resource())
    assert (own["requirement"]["level"], own["requirement"]["bind"]) == ("phishing-resistant", [])
    caller = await authenticate(door.world.services, ann.token)
    now = door.world.clock.now()
    made = Elevation(
        ElevationId("el_1"),
        UserId("ann"),
        caller.token.key,
        Area(parse_resource("Authress:ResourcePermissions"), parse_action("*")),
        Level.HARDWARE,
        Method.PASSKEY,
        now,
        now,
        now + timedelta(seconds=20),
        ChallengeId("ch_1"),
    )
    await door.world.services.store.write(lambda transaction: transaction.add_elevation(made))
    asked = (await ann.refused("PUT", DOCS, resource(None)))["requirement"]
    assert (asked["level"], asked["lifetime"], asked["bind"]) == ("phishing-resistant", 20, ["bodySha256"])


async def test_a_mark_on_the_management_api_may_bind_the_body(door: Door, setting: str, ann: Admin) -> None:
    guarded = f"/v1/resources/{encoded('Authress:ResourcePermissions')}"
    await stand(door, setting, ("PUT", guarded, resource({"level": "strong", "bind": ["bodySha256"]})))
    body = resource({"level": "basic"})
    refusal = await ann.refused("PUT", DOCS, body)
    await ann.step_up(refusal)
    assert (await ann.refused("PUT", DOCS, resource({"level": "strong"})))["reason"] == "details_changed"
    assert (await ann.call("PUT", DOCS, body)).status == 200


async def test_a_mark_that_strong_methods_cannot_meet_is_taken_off_by_a_service_client_alone(
    door: Door, setting: str, ann: Admin
) -> None:
    """An elevation by `external` meets the mark and not the default requirement; any other not the mark."""
    await stand(door, setting, ("PUT", DOCS, resource({"level": "basic", "methods": ["external"]})))
    refusal = await ann.refused("PUT", DOCS, resource())
    assert refusal["reason"] == "requirement_unsatisfiable"
    assert refusal.get("stepUpChallengeToken") is None
    await stand(door, setting, ("PUT", DOCS, resource()))


def test_the_digest_is_what_sha256sum_prints() -> None:
    assert body_digest(b"{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
