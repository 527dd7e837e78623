"""The token that an access key signs (authress-contract §5.2)."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from tests.sdk.conftest import KEY, PRIVATE, Make, Wire, access_key, reply

from stairgate import ArgumentError
from stairgate.client.access_key import LIFETIME, RENEW_BEFORE, parse_access_key

NOW = 1_800_000_000.5


def decoded(part: str) -> Any:
    return json.loads(base64.urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_the_assertion_is_the_one_that_the_contract_describes() -> None:
    token = parse_access_key(KEY, url="http://stairgate.test/base").bearer(NOW)
    header, claims, signature = token.split(".")
    assert decoded(header) == {"alg": "EdDSA", "kid": "key_1", "typ": "at+jwt"}
    assert decoded(claims) == {
        "iss": "http://stairgate.test/base/v1/clients/sc_1",
        "sub": "sc_1",
        "client_id": "sc_1",
        "aud": "acc_1.accounts.authress.io",
        "iat": int(NOW),
        "exp": int(NOW) + 86_400,
        "scope": "openid",
    }
    raw = base64.urlsafe_b64decode(signature + "=" * (-len(signature) % 4))
    PRIVATE.public_key().verify(raw, f"{header}.{claims}".encode())


def test_it_is_signed_once_and_renewed_when_less_than_an_hour_remains() -> None:
    key = parse_access_key(KEY, url="http://x")
    first = key.bearer(NOW)
    last = int(NOW) + LIFETIME - RENEW_BEFORE
    assert key.bearer(last) == first
    renewed = key.bearer(last + 1)
    assert renewed != first
    assert decoded(renewed.split(".")[1])["iat"] == last + 1


def test_it_is_sent_as_the_bearer(make: Make) -> None:
    wire = Wire([reply(200)])
    make("http://stairgate.test/", wire=wire, access_key=KEY).authorize("u", "a", "READ")
    scheme, token = wire.asked[0].headers["authorization"].split()
    assert scheme == "Bearer"
    assert decoded(token.split(".")[1])["iss"] == "http://stairgate.test/v1/clients/sc_1"


@pytest.mark.parametrize(
    "wrong",
    ["", "a", "a.b.c", "a.b.c.", ".b.c.d", "a.b.c.!!", KEY[:-4], KEY + "AA", "eyJhbGciOiJIUzI1NiJ9.e30.x.y"],
)
def test_a_damaged_key_is_refused_without_being_shown(wrong: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        parse_access_key(wrong, url="http://x")
    assert len(wrong) < 8 or wrong not in str(caught.value)


def test_a_key_of_another_kind_is_refused() -> None:
    from cryptography.hazmat.primitives.asymmetric import x25519
    from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

    der = x25519.X25519PrivateKey.generate().private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ArgumentError, match="Ed25519"):
        parse_access_key(f"a.b.c.{base64.b64encode(der).decode()}", url="http://x")


def test_blanks_around_a_pasted_key_do_no_harm() -> None:
    assert parse_access_key(f" {access_key()}\n", url="http://x").client_id == "sc_1"
