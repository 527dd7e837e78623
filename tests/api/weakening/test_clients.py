"""To make keys and rights for service clients takes a step-up once a mark stands (semantics §4; attack 35)."""

from __future__ import annotations

import pytest
from tests.api.door import Door, Fields, encoded
from tests.api.weakening.admin import (
    DOCS,
    ELSEWHERE,
    MARK,
    READ,
    RECORD,
    ROLE,
    Admin,
    record,
    resource,
    role,
    stand,
    statement,
)

pytestmark = pytest.mark.anyio


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
