"""Weakening a protection is itself protected, on every way there is to weaken one (semantics §4; attack 35)."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.api.door import Answered, Door, Fields, encoded, open_door
from tests.unit.service_stepup.world import STORES

from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.actions import parse_action
from stairgate.model.elevations import Area, Elevation
from stairgate.model.ids import ChallengeId, ElevationId, RecordId, UserId
from stairgate.model.protection import Level, Method
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.model.tokens import body_digest
from stairgate.service.authentication import authenticate

pytestmark = pytest.mark.anyio

READ = {"action": "READ", "allow": True, "grant": False, "delegate": False}
MARK: dict[str, Any] = {
    "level": "strong",
    "methods": ["totp"],
    "lifetime": 60,
    "maxAge": 40,
    "uses": 2,
    "scope": "exact",
    "bind": ["amount"],
}
DOCS = f"/v1/resources/{encoded('docs')}"
RECORD = "/v1/records/rec_1"
ROLE = "/v1/roles/ro_1"
# A mark that guards nothing that these tests do: enough for "once any mark stands".
ELSEWHERE = (
    "POST",
    "/v1/roles",
    {
        "roleId": "ro_marked",
        "name": "m",
        "permissions": [{"action": "PAY", "allow": True, "grant": False, "delegate": False, "stepUp": {}}],
    },
)

# Each makes one member of `MARK` easier to meet, and nothing else.
EASIER = {
    "level": {**MARK, "level": "basic"},
    "more methods": {**MARK, "methods": ["totp", "external"]},
    "any method": {**MARK, "methods": None},
    "a longer lifetime": {**MARK, "lifetime": 61},
    "an older proof": {**MARK, "maxAge": 41},
    "the lifetime as the age of the proof": {**MARK, "maxAge": None},
    "more uses": {**MARK, "uses": 3},
    "uncounted": {**MARK, "uses": None},
    "fewer bound details": {**MARK, "bind": []},
    "observe": {**MARK, "enforce": "observe"},
    "none": None,
}
STRICTER = {
    "the same": MARK,
    "fewer uses": {**MARK, "uses": 1},
    "a shorter lifetime": {**MARK, "lifetime": 50},
    "a younger proof": {**MARK, "maxAge": 1},
    "more bound details": {**MARK, "bind": ["amount", "to"]},
    "exact because counted": {**MARK, "scope": None},
}


@dataclass
class Admin:
    """A user who owns everything, on one session: what attack 35 needs no more than."""

    door: Door
    token: str
    user: str = "ann"

    async def call(self, method: str, path: str, body: object = None, **more: Any) -> Answered:
        return await self.door.call(method, path, body, bearer=self.token, **more)

    async def refused(self, method: str, path: str, body: object = None, **more: Any) -> dict[str, Any]:
        answered = await self.call(method, path, body, **more)
        assert (answered.status, answered.code) == (403, "StepUpAuthorizationRequired"), answered
        document: dict[str, Any] = answered.json
        return document

    async def step_up(self, refusal: Mapping[str, Any]) -> None:
        opening = {"stepUpChallengeToken": refusal["stepUpChallengeToken"]}
        opened = await self.call("POST", "/v1/challenges", opening)
        assert opened.status == 201, opened
        code = {"method": "totp", "code": self.door.world.code(self.user)}
        answered = await self.call("POST", f"/v1/challenges/{opened.json['challengeId']}/answer", code)
        assert answered.status == 200, answered

    async def uses_left(self) -> list[int | None]:
        listed = await self.call("GET", "/v1/users/ann/elevations")
        return [each["usesLeft"] for each in listed.json["elevations"]]


@pytest.fixture
async def setting(door: Door) -> str:
    """The assertion of a client that owns everything: not asked, so it sets up what users then try to weaken."""
    bearer = await door.service("owner")
    everything = (Statement((OWNER.id,), (parse_pattern("*"),)),)
    for name, who in (("rec_owner", "sc_owner"), ("rec_ann", "ann")):
        await put(door, AccessRecord(RecordId(name), "Owner", everything, users=(UserId(who),)))
    return bearer


@pytest.fixture
async def ann(door: Door, setting: str) -> Admin:
    await door.world.enrol("ann")
    return Admin(door, door.world.token("ann"))


@pytest.fixture(params=STORES)
async def door(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    async for opened in open_door(request.param, tmp_path):
        yield opened


async def put(door: Door, owns: AccessRecord) -> None:
    await door.world.services.store.write(lambda transaction: transaction.put_record(owns))


async def stand(door: Door, setting: str, *calls: tuple[str, str, object]) -> None:
    for method, path, body in calls:
        answered = await door.call(method, path, body, bearer=setting)
        assert answered.status < 300, answered


def resource(*marks: object) -> dict[str, Any]:
    return {"stepUp": [each for each in marks if each is not None]}


def statement(mark: object = None, *resources: str, roles: tuple[str, ...] = ("ro_1",), **more: Any) -> dict[str, Any]:
    places = [{"resourceUri": uri} for uri in resources or ("docs",)]
    return {"roles": list(roles), "resources": places, "stepUp": mark, **more}


def record(*statements: object, users: tuple[str, ...] = ("bob",), **more: Any) -> dict[str, Any]:
    return {
        "recordId": "rec_1",
        "name": "r",
        "users": [{"userId": user} for user in users],
        "admins": [],
        "statements": list(statements),
        **more,
    }


def role(*permissions: object) -> dict[str, Any]:
    return {"roleId": "ro_1", "name": "r", "permissions": list(permissions)}


# --- the refusal, and what it takes -------------------------------------------------------------------------------


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


# --- marks of resources, roles and statements ---------------------------------------------------------------------


@pytest.mark.parametrize("way", EASIER)
async def test_to_make_a_resource_s_mark_easier_takes_a_step_up(door: Door, setting: str, ann: Admin, way: str) -> None:
    await stand(door, setting, ("PUT", DOCS, resource(MARK)))
    body = resource(EASIER[way])
    await ann.step_up(await ann.refused("PUT", DOCS, body))
    assert (await ann.call("PUT", DOCS, body)).status == 200


@pytest.mark.parametrize("way", STRICTER)
async def test_to_make_a_mark_stricter_takes_none(door: Door, setting: str, ann: Admin, way: str) -> None:
    await stand(
        door,
        setting,
        ("PUT", DOCS, resource(MARK)),
        ("POST", "/v1/roles", role({**READ, "stepUp": MARK})),
        ("POST", "/v1/records", record(statement(MARK))),
    )
    mark = STRICTER[way]
    assert (await ann.call("PUT", DOCS, resource(mark))).status == 200
    assert (await ann.call("PUT", ROLE, role({**READ, "stepUp": mark}))).status == 200
    assert (await ann.call("PUT", RECORD, record(statement(mark)))).status == 202


async def test_from_exact_to_the_area_takes_a_step_up(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("PUT", DOCS, resource({"scope": "exact"})))
    await ann.refused("PUT", DOCS, resource({"scope": "area"}))
    await ann.refused("PUT", DOCS, resource({}))


@pytest.mark.parametrize(
    ("stands", "changed"),
    [("context.amount > 100", "context.amount > 200"), (None, "context.amount > 100"), ("context.amount > 100", None)],
)
async def test_to_change_a_condition_takes_a_step_up(
    door: Door, setting: str, ann: Admin, stands: str | None, changed: str | None
) -> None:
    """Whatever it becomes: which of two conditions is true more often cannot be told."""
    await stand(door, setting, ("PUT", DOCS, resource({"when": stands})))
    body = resource({"when": changed})
    await ann.step_up(await ann.refused("PUT", DOCS, body))
    assert (await ann.call("PUT", DOCS, body)).status == 200


@pytest.mark.parametrize(
    "body",
    [
        {"stepUp": [{**MARK, "actions": ["PAY:abroad"]}]},
        {"stepUp": [{**MARK, "actions": ["READ"]}]},
        {"stepUp": [{**MARK, "actions": ["PAY"], "uses": 3}, {**MARK, "actions": ["READ"]}]},
    ],
)
async def test_to_guard_fewer_actions_takes_a_step_up(
    door: Door, setting: str, ann: Admin, body: dict[str, Any]
) -> None:
    await stand(door, setting, ("PUT", DOCS, resource({**MARK, "actions": ["PAY", "READ"]})))
    await ann.refused("PUT", DOCS, body)
    spelled = {"stepUp": [{**MARK, "actions": ["pay:*"]}, {**MARK, "actions": ["*"]}]}
    assert (await ann.call("PUT", DOCS, spelled)).status == 200


@pytest.mark.parametrize("way", EASIER)
async def test_to_make_a_role_s_mark_easier_takes_a_step_up(door: Door, setting: str, ann: Admin, way: str) -> None:
    await stand(door, setting, ("POST", "/v1/roles", role({**READ, "stepUp": MARK})))
    body = role({**READ, "stepUp": EASIER[way]})
    await ann.step_up(await ann.refused("PUT", ROLE, body))
    assert (await ann.call("PUT", ROLE, body)).status == 200


async def test_to_drop_a_marked_permission_or_its_role_takes_a_step_up(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("POST", "/v1/roles", role({**READ, "stepUp": MARK}, {**READ, "action": "PAY"})))
    await ann.refused("PUT", ROLE, role({**READ, "action": "PAY", "stepUp": None}))
    assert (await ann.call("PUT", ROLE, role({**READ, "stepUp": MARK}))).status == 200
    await ann.step_up(await ann.refused("DELETE", ROLE))
    assert (await ann.call("DELETE", ROLE)).status == 204


@pytest.mark.parametrize("way", EASIER)
async def test_to_make_a_statement_s_mark_easier_takes_a_step_up(
    door: Door, setting: str, ann: Admin, way: str
) -> None:
    await stand(door, setting, ("POST", "/v1/roles", role(READ)), ("POST", "/v1/records", record(statement(MARK))))
    body = record(statement(EASIER[way]))
    await ann.step_up(await ann.refused("PUT", RECORD, body))
    assert (await ann.call("PUT", RECORD, body)).status == 202


@pytest.mark.parametrize(
    ("changed", "way"),
    [
        ([statement(MARK, "docs/1", "other")], "narrower: a child of the node"),
        ([statement(MARK, "other")], "narrower: one node fewer"),
        ([statement(MARK, "docs", "other", roles=("ro_2",))], "narrower: another role"),
        ([statement(MARK, "docs/*", "other")], "narrower: what is below the node alone"),
        ([statement(MARK, "docs", "other"), statement(None, "docs")], "the same, given without it"),
        ([statement(MARK, "docs", "other"), statement({**MARK, "uses": 9}, "other")], "the same, under an easier one"),
    ],
)
async def test_to_narrow_where_a_statement_s_mark_stands_takes_a_step_up(
    door: Door, setting: str, ann: Admin, changed: list[object], way: str
) -> None:
    await stand(door, setting, ("POST", "/v1/records", record(statement(MARK, "docs", "other"))))
    await ann.refused("PUT", RECORD, record(*changed))


async def test_to_move_somebody_out_from_under_a_mark_takes_a_step_up(door: Door, setting: str, ann: Admin) -> None:
    def stands(marked: list[str], unmarked: list[str]) -> dict[str, Any]:
        own = [statement(MARK, users=[{"userId": user} for user in marked])]
        own += [statement(None, users=[{"userId": user} for user in unmarked])]
        return record(*own, users=())

    await stand(door, setting, ("POST", "/v1/records", stands(["bob", "cyd"], ["dan"])))
    await ann.refused("PUT", RECORD, stands(["cyd"], ["dan", "bob"]))
    # Less access is no weakening; nor is another one who never was under the mark.
    assert (await ann.call("PUT", RECORD, stands(["cyd"], ["eve"]))).status == 202
    assert (await ann.call("PUT", RECORD, stands(["cyd", "eve"], ["eve"]))).status == 202
    assert (await ann.call("PUT", RECORD, stands(["cyd"], ["eve"]))).status == 202


async def test_to_move_a_role_or_a_group_out_from_under_a_mark_takes_a_step_up(
    door: Door, setting: str, ann: Admin
) -> None:
    def under(mark: object, roles: tuple[str, ...], *groups: str) -> dict[str, Any]:
        return statement(mark, roles=roles, groups=[{"groupId": group} for group in groups])

    both = ("ro_1", "ro_2")
    stood = record(under(MARK, both, "grp_1", "grp_2"), under(None, ("ro_3",), "grp_3"), users=())
    await stand(door, setting, ("POST", "/v1/records", stood))
    moved_role = record(under(MARK, ("ro_1",), "grp_1", "grp_2"), under(None, ("ro_2", "ro_3"), "grp_3"), users=())
    moved_group = record(under(MARK, both, "grp_1"), under(None, (*both, "ro_3"), "grp_2", "grp_3"), users=())
    for moved in (moved_role, moved_group):
        await ann.refused("PUT", RECORD, moved)
    fewer = record(under(MARK, both, "grp_1"), under(None, ("ro_3",), "grp_3"), users=())
    assert (await ann.call("PUT", RECORD, fewer)).status == 202


async def test_to_widen_where_a_statement_s_mark_stands_takes_none(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("POST", "/v1/records", record(statement(MARK, "docs/1", "docs/*"))))
    for wider in (["docs"], ["docs", "x"], ["*"]):
        body = record(statement(MARK, *wider, roles=("ro_1", "ro_2")))
        assert (await ann.call("PUT", RECORD, body)).status == 202


async def test_to_delete_a_marked_record_takes_a_step_up(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("POST", "/v1/records", record(statement(MARK))))
    await ann.step_up(await ann.refused("DELETE", RECORD))
    assert (await ann.call("DELETE", RECORD)).status == 204
    # A deleted record's mark stands no more.
    assert (await ann.call("POST", "/v1/records", record(statement(None)))).status == 201


async def test_a_record_s_own_admin_is_asked_too(door: Door, setting: str) -> None:
    await stand(door, setting, ("POST", "/v1/records", record(statement(MARK), admins=[{"userId": "bob"}], users=())))
    await door.world.enrol("bob")
    bob = Admin(door, door.world.token("bob"), "bob")
    await bob.step_up(await bob.refused("DELETE", RECORD))
    assert (await bob.call("DELETE", RECORD)).status == 204


async def test_a_mark_that_only_observes_can_be_changed_by_whoever_may(door: Door, setting: str, ann: Admin) -> None:
    await stand(door, setting, ("PUT", DOCS, resource({**MARK, "enforce": "observe"})))
    assert (await ann.call("PUT", DOCS, resource({"level": "basic", "enforce": "observe"}))).status == 200
    assert (await ann.call("PUT", DOCS, resource())).status == 200


# --- other people, and the device --------------------------------------------------------------------------------

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


# --- service clients ----------------------------------------------------------------------------------------------


async def new_client(door: Door, setting: str) -> str:
    made = await door.call("POST", "/v1/clients", {"name": "c"}, bearer=setting)
    return str(made.json["clientId"])


async def test_to_make_a_key_for_a_service_client_takes_a_step_up_once_a_mark_stands(
    door: Door, setting: str, ann: Admin
) -> None:
    client = await new_client(door, setting)
    keys = f"/v1/clients/{client}/access-keys"
    first = await ann.call("POST", keys)
    assert first.status == 201
    await stand(door, setting, ELSEWHERE)
    refusal = await ann.refused("POST", keys)
    assert refusal["requirement"]["level"] == "strong"
    await ann.step_up(refusal)
    assert (await ann.call("POST", keys)).status == 201
    # To delete one takes none.
    assert (await ann.call("DELETE", f"{keys}/{first.json['keyId']}")).status == 204


async def test_a_repeat_under_an_idempotency_key_is_answered_again_and_takes_no_second_step_up(
    door: Door, setting: str, ann: Admin
) -> None:
    """The refusal is not what is remembered; what was done after the step-up is, with its one use."""
    client = await new_client(door, setting)
    keys = f"/v1/clients/{client}/access-keys"
    await stand(door, setting, ELSEWHERE)
    once: Fields = [(b"idempotency-key", b"one")]
    await ann.step_up(await ann.refused("POST", keys, headers=once))
    made = await ann.call("POST", keys, headers=once)
    assert made.status == 201
    again = await ann.call("POST", keys, headers=once)
    assert (again.status, again.json) == (201, made.json)
    await ann.refused("POST", keys, headers=[(b"idempotency-key", b"two")])


async def test_a_key_of_one_s_own_is_bound_to_the_public_half_that_was_shown(
    door: Door, setting: str, ann: Admin
) -> None:
    from base64 import b64encode

    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    def body() -> dict[str, str]:
        return {"publicKey": b64encode(Ed25519PrivateKey.generate().public_key().public_bytes_raw()).decode()}

    client, shown, swapped = await new_client(door, setting), body(), body()
    keys = f"/v1/clients/{client}/access-keys"
    await stand(door, setting, ("PUT", DOCS, resource(MARK)))
    await ann.step_up(await ann.refused("POST", keys, shown))
    assert (await ann.refused("POST", keys, swapped))["reason"] == "details_changed"
    assert (await ann.call("POST", keys, shown)).status == 201


@pytest.mark.parametrize("where", ["*", "*/x", "Authress:*", "Authress:Roles", "Authress:AccessRecords/rec_1"])
async def test_to_give_a_service_client_rights_over_the_management_api_takes_a_step_up(
    door: Door, setting: str, ann: Admin, where: str
) -> None:
    client = await new_client(door, setting)
    await stand(door, setting, ("POST", "/v1/roles", role(READ)))
    body = record(statement(None, where), users=(client,))
    assert (await ann.call("POST", "/v1/records", {**body, "recordId": "rec_0"})).status == 201  # no mark stands
    await stand(door, setting, ELSEWHERE)
    await ann.step_up(await ann.refused("POST", "/v1/records", body))
    assert (await ann.call("POST", "/v1/records", body)).status == 201
    # What it has already is not asked again; other resources are not the management API.
    more = record(statement(None, where), statement(None, "docs"), users=(client,))
    assert (await ann.call("PUT", RECORD, more)).status == 202
    wider = record(statement(None, where), statement(None, "Authress:Groups"), users=(client,))
    await ann.refused("PUT", RECORD, wider)


async def test_a_client_without_the_management_api_is_given_access_without_a_step_up(
    door: Door, setting: str, ann: Admin
) -> None:
    client = await new_client(door, setting)
    await stand(door, setting, ELSEWHERE)
    assert (await ann.call("POST", "/v1/records", record(statement(None), users=(client,)))).status == 201


async def test_a_step_up_lets_a_generated_id_be_made_where_only_handing_out_is_the_caller_s(
    door: Door, setting: str
) -> None:
    """Without any right on records, by the right to hand out alone; the id is another one at each attempt."""
    client = await new_client(door, setting)
    giver = {"action": "READ", "allow": False, "grant": True, "delegate": False}
    await stand(
        door,
        setting,
        ("POST", "/v1/roles", role(READ)),
        ("POST", "/v1/roles", {"roleId": "ro_giver", "name": "g", "permissions": [giver]}),
        (
            "POST",
            "/v1/records",
            {**record(statement(None, "Authress:Roles", roles=("ro_giver",))), "recordId": "rec_giver"},
        ),
        ("PUT", DOCS, resource(MARK)),
    )
    await door.world.enrol("bob")
    bob = Admin(door, door.world.token("bob"), "bob")
    body = {**record(statement(None, "Authress:Roles"), users=(client,)), "recordId": None}
    refusal = await bob.refused("POST", "/v1/records", body)
    await bob.step_up(refusal)
    assert (await bob.call("POST", "/v1/records", body)).status == 201


@pytest.mark.parametrize(
    "way", ["group joins", "client joins", "role grows", "admin", "group admin", "option", "public"]
)
async def test_to_give_a_service_client_management_rights_by_a_detour_takes_a_step_up(
    door: Door, setting: str, ann: Admin, way: str
) -> None:
    client = await new_client(door, setting)
    member = {"userId": client}
    group = {"groupId": "grp_1", "name": "g", "users": [member], "admins": []}
    other = {"groupId": "grp_2", "name": "g", "users": [], "admins": []}
    over = record(statement(None, "Authress:Roles"), users=(), groups=[{"groupId": "grp_2"}])
    held = {**record(statement(None, "Authress:Groups"), users=(client,)), "recordId": "rec_2"}
    await stand(
        door,
        setting,
        ("POST", "/v1/roles", role(READ)),
        ("POST", "/v1/groups", group),
        ("POST", "/v1/groups", other),
        ("POST", "/v1/records", over),
        ("POST", "/v1/records", held),
        ELSEWHERE,
    )
    method, path, body = {
        "group joins": ("PUT", RECORD, {**over, "groups": [{"groupId": "grp_1"}, {"groupId": "grp_2"}]}),
        "client joins": ("PUT", "/v1/groups/grp_2", {**other, "users": [member]}),
        "role grows": ("PUT", ROLE, role(READ, {**READ, "action": "UPDATE"})),
        "admin": ("PUT", RECORD, {**over, "admins": [member]}),
        "group admin": ("PUT", "/v1/groups/grp_2", {**other, "admins": [member]}),
        "option": ("PUT", f"/v1/clients/{client}", {"name": "c", "options": {"grantUserPermissionsAccess": True}}),
        "public": (
            "PUT",
            f"/v1/resources/{encoded('Authress:UserPermissions')}",
            {"permissions": [{"action": "PUBLIC", "allow": True}]},
        ),
    }[way]
    await ann.step_up(await ann.refused(method, path, body))
    assert (await ann.call(method, path, body)).status in {200, 202}
    assert (await ann.call(method, path, body)).status in {200, 202}  # nothing new any more


async def test_to_let_an_issuer_s_tokens_count_as_step_ups_takes_one(door: Door, setting: str, ann: Admin) -> None:
    issuer = {"issuer": "https://a.example", "userIdExpression": "a|{sub}"}
    assert (await ann.call("POST", "/v1/identities", {**issuer, "trustAcr": True})).status == 201
    await stand(door, setting, ("PUT", DOCS, resource(MARK)))
    assert (await ann.call("POST", "/v1/identities", issuer)).status == 201
    body = {**issuer, "trustAcr": True}
    await ann.step_up(await ann.refused("POST", "/v1/identities", body))
    assert (await ann.call("POST", "/v1/identities", body)).status == 201
    await ann.refused("POST", "/v1/identities", {**body, "jwksUri": "https://evil.example/keys"})


def test_the_digest_is_what_sha256sum_prints() -> None:
    assert body_digest(b"{}") == "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
