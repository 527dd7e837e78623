"""Service clients, their keys and trusted issuers over HTTP (authress-contract §1.3, §5.2)."""

import json
from base64 import b64encode
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from tests.api.door import Answered, Door, base64url, open_door

from stairgate.api.app import Application
from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.ids import ClientId, RecordId, UserId
from stairgate.model.resources import parse_pattern
from stairgate.storage.sql import SqlStore

pytestmark = pytest.mark.anyio


@pytest.fixture
async def owner(door: Door) -> str:
    """The assertion of a client that owns everything."""
    return await own(door)


async def own(door: Door) -> str:
    bearer = await door.service("owner")
    everything = Statement((OWNER.id,), (parse_pattern("*"),))
    record = AccessRecord(RecordId("rec_owner"), "Owner", (everything,), users=(UserId("sc_owner"),))
    await door.world.services.store.write(lambda transaction: transaction.put_record(record))
    return bearer


def jwt(**claims: Any) -> str:
    header = {"alg": "RS256", "kid": "k", "typ": "JWT"}
    return ".".join(part.decode() for part in (base64url(header), base64url(claims), base64url(b"not a signature")))


# --- keys


async def test_a_client_has_at_most_five_keys(door: Door, owner: str) -> None:
    client = (await door.call("POST", "/v1/clients", {"name": "shop"}, bearer=owner)).json["clientId"]
    path = f"/v1/clients/{client}/access-keys"
    keys = [(await door.call("POST", path, bearer=owner)).json["keyId"] for _ in range(5)]
    sixth = await door.call("POST", path, bearer=owner)
    assert (sixth.status, sixth.code) == (409, "LimitReached")
    assert (await door.call("DELETE", f"{path}/{keys[0]}", bearer=owner)).status == 204
    assert (await door.call("POST", path, {}, bearer=owner)).status == 201


@pytest.mark.parametrize("encoding", ["raw", "spki"])
async def test_a_key_that_its_owner_made_is_taken_in_and_no_secret_is_shown(
    door: Door, owner: str, encoding: str
) -> None:
    public = Ed25519PrivateKey.generate().public_key()
    raw = public.public_bytes_raw()
    data = raw if encoding == "raw" else public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    client = (await door.call("POST", "/v1/clients", {"name": "shop"}, bearer=owner)).json["clientId"]
    body = {"publicKey": b64encode(data).decode()}
    made = await door.call("POST", f"/v1/clients/{client}/access-keys", body, bearer=owner)
    assert made.status == 201
    assert not {"accessKey", "clientSecret"} & made.json.keys()
    published = await door.call("GET", f"/v1/clients/{client}/.well-known/openid-configuration/jwks?kid=x&iss=y")
    assert [key["x"] for key in published.json["keys"]] == [base64url(raw).decode()]
    again = await door.call("POST", f"/v1/clients/{client}/access-keys", body, bearer=owner)
    assert (again.status, again.json["field"]) == (400, "publicKey")


async def test_a_deleted_key_is_refused_at_once_on_every_node(tmp_path: Path) -> None:
    """Two nodes on one database: what the other has verified before counts no more once the deletion is answered."""
    async for door in open_door("sqlite", tmp_path):
        owner = await own(door)
        await door.world.client("shop", ("Authress:Configuration", "READ"))
        token = door.world.assertion(ClientId("sc_shop"))
        store = await SqlStore.open(f"sqlite:///{tmp_path}/stairgate.db")
        other = Door(door.world, Application((await door.world.over(store, store)).services))
        try:
            for node in (door, other):
                assert (await node.call("GET", "/v1/accounts", bearer=token)).status == 200
            key = door.world.access_keys[ClientId("sc_shop")].split(".")[1]
            deleted = await door.call("DELETE", f"/v1/clients/sc_shop/access-keys/{key}", bearer=owner)
            assert deleted.status == 204
            for node in (other, door):
                refused = await node.call("GET", "/v1/accounts", bearer=token)
                assert (refused.status, refused.code) == (401, "Unauthorized")
        finally:
            await store.close()


# --- clients


async def test_who_may_claim_clients_owns_what_they_make(door: Door) -> None:
    """`CLAIM` on `Authress:ServiceClients` (authress-contract §1.3), without a right on other clients."""
    await door.world.client("other")
    await door.world.grant("ann", "Authress:ServiceClients", "CLAIM")
    ann = door.world.token("ann")
    made = await door.call("POST", "/v1/clients", {"name": "mine"}, bearer=ann)
    assert made.status == 201
    path = f"/v1/clients/{made.json['clientId']}"
    assert (await door.call("PUT", path, {"name": "new"}, bearer=ann)).status == 200
    assert (await door.call("POST", f"{path}/access-keys", bearer=ann)).status == 201
    listed = await door.call("GET", "/v1/clients", bearer=ann)
    assert [client["name"] for client in listed.json["clients"]] == ["new"]
    assert (await door.call("PUT", "/v1/clients/sc_other", {"name": "x"}, bearer=ann)).status == 403
    checks = {"name": "spy", "options": {"grantUserPermissionsAccess": True}}
    assert (await door.call("POST", "/v1/clients", checks, bearer=ann)).status == 403


async def test_who_may_create_clients_does_not_own_them_by_that(door: Door) -> None:
    await door.world.grant("ann", "Authress:ServiceClients", "CREATE")
    ann = door.world.token("ann")
    made = await door.call("POST", "/v1/clients", {"name": "theirs"}, bearer=ann)
    assert (await door.call("POST", f"/v1/clients/{made.json['clientId']}/access-keys", bearer=ann)).status == 403


async def test_rate_limits_are_refused_since_they_would_not_hold(door: Door, owner: str) -> None:
    limits = {"name": "c", "rateLimits": [{"duration": "P1D", "quota": 100}]}
    refused = await door.call("POST", "/v1/clients", limits, bearer=owner)
    assert (refused.status, refused.json["field"]) == (400, "rateLimits")
    assert (await door.call("POST", "/v1/clients", {"name": "c", "rateLimits": []}, bearer=owner)).status == 201


# --- issuers


async def trusted(door: Door, owner: str, **body: Any) -> Answered:
    return await door.call("POST", "/v1/identities", {"userIdExpression": "idp|{sub}", **body}, bearer=owner)


async def test_a_token_names_the_issuer_and_audience_to_trust(door: Door, owner: str) -> None:
    made = await trusted(door, owner, jwt=jwt(iss="https://idp.example", aud="https://api.example", sub="x"))
    assert (made.status, made.json["issuer"], made.json["audience"]) == (
        201,
        "https://idp.example",
        "https://api.example",
    )
    listed = await door.call("GET", "/v1/identities", bearer=owner)
    assert [each["issuer"] for each in listed.json["identities"]] == ["https://idp.example"]
    assert "not a signature" not in json.dumps(listed.json)
    several = jwt(iss="https://idp.example", aud=["a", "b"])
    made = await trusted(door, owner, jwt=several, preferredAudience="b", issuer="https://idp.example")
    assert (made.status, made.json["audience"]) == (201, "b")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "issuer"),
        ({"jwt": ""}, "jwt"),
        ({"jwt": "x.y.z"}, "jwt"),
        ({"jwt": "a" * 10_000}, "jwt"),
        ({"jwt": jwt(aud="a")}, "jwt"),
        ({"jwt": jwt(iss=1, aud="a")}, "jwt"),
        ({"jwt": jwt(iss="https://idp.example")}, "preferredAudience"),
        ({"jwt": jwt(iss="https://idp.example", aud=["a", "b"])}, "preferredAudience"),
        ({"jwt": jwt(iss="https://idp.example", aud=[1])}, "preferredAudience"),
        ({"jwt": jwt(iss="https://idp.example", aud="a"), "issuer": "https://other.example"}, "issuer"),
        ({"jwt": jwt(iss="http://idp.example", aud="a")}, "issuer"),
        ({"jwt": jwt(iss="https://idp.example/?x", aud="a")}, "issuer"),
    ],
)
async def test_a_token_that_does_not_say_it_is_told_so(door: Door, owner: str, body: Any, field: str) -> None:
    refused = await trusted(door, owner, **body)
    assert (refused.status, refused.json["field"]) == (400, field), refused
