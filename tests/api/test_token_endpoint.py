"""The token endpoint: `client_credentials`, and nothing else (RFC 6749 §4.4, §5; authress-contract §5.2)."""

import base64
from typing import Any
from urllib.parse import quote, urlencode

import pytest
from tests.api.door import Answered, Door

from stairgate.model.ids import ClientId
from stairgate.model.jwt import read_jwt

pytestmark = pytest.mark.anyio

PATH = "/api/authentication/oauth/tokens"
FORM = b"application/x-www-form-urlencoded"
SHOP = ClientId("sc_shop")


@pytest.fixture
async def secret(door: Door) -> str:
    """The secret of a service client."""
    await door.world.client("shop", ("Authress:Configuration", "READ"))
    return door.world.access_keys[SHOP].split(".")[3]


async def form(door: Door, fields: Any = None, *, raw: bytes | None = None, basic: bytes | None = None) -> Answered:
    headers = [(b"content-type", FORM)]
    if basic is not None:
        headers.append((b"authorization", b"Basic " + base64.b64encode(basic)))
    body = urlencode(fields).encode() if raw is None else raw
    return await door.call("POST", PATH, raw=body, headers=headers)


def asking(secret: str, **more: str) -> dict[str, str]:
    return {"grant_type": "client_credentials", "client_id": SHOP, "client_secret": secret, **more}


async def test_a_token_is_what_the_client_could_have_signed_itself(door: Door, secret: str) -> None:
    answered = await form(door, asking(secret, scope="everything", audience="https://x"))
    assert answered.status == 200
    assert (answered.header("cache-control"), answered.header("pragma")) == ("no-store", "no-cache")
    assert {name: answered.json[name] for name in ("token_type", "expires_in", "scope")} == {
        "token_type": "Bearer",
        "expires_in": 3600,
        "scope": "openid",
    }
    token = answered.json["access_token"]
    signed = read_jwt(door.world.assertion(SHOP))
    issued = read_jwt(token)
    assert (issued.kid, issued.typ) == (signed.kid, "at+jwt")
    for name in ("iss", "sub", "aud"):
        assert issued.unverified_claims[name] == signed.unverified_claims[name]
    assert (await door.call("GET", "/v1/accounts", bearer=token)).status == 200
    door.world.clock.advance(3600)
    assert (await door.call("GET", "/v1/accounts", bearer=token)).status == 401


async def test_json_and_http_basic_do_as_well(door: Door, secret: str) -> None:
    for body in (asking(secret), {"grant_type": "client_credentials", "clientId": SHOP, "clientSecret": secret}):
        assert (await door.call("POST", PATH, body)).status == 200
    grant = {"grant_type": "client_credentials"}
    for basic in (f"{SHOP}:{secret}", f"{SHOP}:{quote(secret, safe='')}"):
        assert (await form(door, grant, basic=basic.encode())).status == 200
    assert (await form(door, {**grant, "client_id": SHOP}, basic=f"{SHOP}:{secret}".encode())).status == 200


async def test_a_plus_that_a_form_did_not_escape_is_meant(door: Door, secret: str) -> None:
    raw = f"grant_type=client_credentials&client_id={SHOP}&client_secret={secret}".encode()
    assert (await form(door, raw=raw)).status == 200


async def test_a_deleted_key_ends_the_secret_and_its_tokens_at_once(door: Door, secret: str) -> None:
    token = (await form(door, asking(secret))).json["access_token"]
    await door.world.client("shop", ("Authress:Configuration", "READ"))  # with another key in place of the first
    assert (await door.call("GET", "/v1/accounts", bearer=token)).status == 401
    assert (await form(door, asking(secret))).status == 401


@pytest.mark.parametrize("client", ["sc_shop", "sc_nobody", "", "a b", "é", "sc_other"])
@pytest.mark.parametrize("wrong", ["", "x", "AAAA", "a-key-of-another", "padding="])
async def test_a_client_that_does_not_prove_itself_gets_nothing(
    door: Door, secret: str, client: str, wrong: str
) -> None:
    await door.world.client("other")
    other = door.world.access_keys[ClientId("sc_other")].split(".")[3]
    sent = {"a-key-of-another": other if client != "sc_other" else secret}.get(wrong, wrong)
    answered = await form(door, asking(sent, client_id=client))
    if client and wrong:
        assert (answered.status, answered.json["error"]) == (401, "invalid_client")
    else:
        assert (answered.status, answered.json["error"]) == (400, "invalid_request")
    assert set(answered.json) == {"error", "error_description"}
    assert secret not in answered.body.decode()


async def test_unknown_clients_and_wrong_secrets_are_answered_alike(door: Door, secret: str) -> None:
    wrong = await form(door, asking("AAAA"))
    unknown = await form(door, asking(secret, client_id="sc_nobody"))
    assert (wrong.status, wrong.body) == (unknown.status, unknown.body)


async def test_who_came_by_basic_is_told_of_basic(door: Door, secret: str) -> None:
    """RFC 6749 §5.2."""
    refused = await form(door, {"grant_type": "client_credentials"}, basic=b"sc_shop:x")
    assert (refused.status, refused.header("www-authenticate")) == (401, 'Basic realm="stairgate"')
    assert (await form(door, asking("x"))).header("www-authenticate") is None


@pytest.mark.parametrize("grant", ["password", "authorization_code", "refresh_token", "CLIENT_CREDENTIALS", "x" * 300])
async def test_other_grants_are_not_supported(door: Door, secret: str, grant: str) -> None:
    answered = await form(door, asking(secret, grant_type=grant))
    assert (answered.status, answered.json["error"]) == (400, "unsupported_grant_type")


@pytest.mark.parametrize(
    "raw",
    [
        b"",
        b"x",
        b"\xff=1",
        b"grant_type",
        b"client_id=a&client_secret=b",
        b"grant_type=client_credentials&grant_type=client_credentials&client_id=a&client_secret=b",
        b"grant_type=client_credentials&client_id=a&clientId=a&client_secret=b",
        b"grant_type=client_credentials&client_id=%ff&client_secret=b",
        b"&".join([b"a=b"] * 33),
    ],
)
async def test_what_is_no_request_is_told_so(door: Door, secret: str, raw: bytes) -> None:
    answered = await form(door, raw=raw)
    assert (answered.status, answered.json["error"]) == (400, "invalid_request"), answered


@pytest.mark.parametrize(
    "body", [b"", b"[]", b"null", b'{"grant_type": 1}', b'{"grant_type":"a","grant_type":"a"}', b"[" * 99]
)
async def test_what_is_no_json_request_is_told_so(door: Door, body: bytes) -> None:
    answered = await door.call("POST", PATH, raw=body, headers=[(b"content-type", b"application/json")])
    assert (answered.status, answered.json["error"]) == (400, "invalid_request")


@pytest.mark.parametrize("basic", [b"x", b"\xff:x"])
async def test_basic_that_is_none_is_told_so(door: Door, secret: str, basic: bytes) -> None:
    answered = await form(door, {"grant_type": "client_credentials"}, basic=basic)
    assert (answered.status, answered.json["error"]) == (400, "invalid_request")


async def test_the_secret_is_sent_in_one_way(door: Door, secret: str) -> None:
    """RFC 6749 §2.3: no more than one method in each request."""
    both = await form(door, asking(secret), basic=f"{SHOP}:{secret}".encode())
    other = await form(door, {"grant_type": "client_credentials", "client_id": "x"}, basic=f"{SHOP}:{secret}".encode())
    for answered in (both, other):
        assert (answered.status, answered.json["error"]) == (400, "invalid_request")


async def test_a_new_access_key_shows_its_secret(door: Door, secret: str) -> None:
    await door.world.client("admin", ("Authress:ServiceClients/*", "UPDATE"))
    admin = door.world.assertion(ClientId("sc_admin"))
    made = await door.call("POST", f"/v1/clients/{SHOP}/access-keys", bearer=admin)
    assert made.json["accessKey"].endswith("." + made.json["clientSecret"])
    assert (await form(door, asking(made.json["clientSecret"]))).status == 200
