"""Compact JWTs read strictly: the corpus of attack 21, and one byte form for one token (semantics §1)."""

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from itertools import count
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OKPKey, RSAKey

from stairgate.model.canonical import base64url
from stairgate.model.errors import InvalidInputError
from stairgate.model.jwk import ALGORITHMS, CURVES, VerifyingKey, ed25519_jwk, ed25519_key, verifying_key
from stairgate.model.jwt import (
    MAX_LENGTH,
    decode_base64url,
    numeric_date,
    read_jwt,
    sign_jwt,
    verified_claims,
)

# The other library warns of the old name EdDSA and of weak keys; both are meant here.
pytestmark = pytest.mark.filterwarnings("ignore::joserfc.errors.SecurityWarning")

SIGNING = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))
KEY = ed25519_key(SIGNING.public_key().public_bytes_raw())
RSA_KEY = RSAKey.import_key(rsa.generate_private_key(65_537, 2_048))
CLAIMS: Mapping[str, Any] = {"sub": "user-1", "exp": 2_000_000_000, "name": "Zoë"}


def part(value: object) -> str:
    return base64url((value if isinstance(value, str) else json.dumps(value)).encode())


def signed(header: object, claims: object = CLAIMS) -> str:
    """A token with any header, honestly signed with the right key."""
    text = f"{part(header)}.{part(claims)}"
    return f"{text}.{base64url(SIGNING.sign(text.encode()))}"


def claims_of(token: str, key: VerifyingKey = KEY, algorithms: frozenset[str] = frozenset({"EdDSA"})) -> Any:
    return verified_claims(read_jwt(token), key, expected_algorithms=algorithms)


def foreign(algorithm: str) -> tuple[str, dict[str, Any]]:
    """A token that another library signed, and its public key."""
    key: Any
    if algorithm in {"EdDSA", "Ed25519"}:
        key = OKPKey.generate_key("Ed25519")
    elif algorithm.startswith("ES"):
        key = ECKey.generate_key({"ES256": "P-256", "ES384": "P-384", "ES512": "P-521"}[algorithm])
    else:
        key = RSA_KEY
    token = jws.serialize_compact({"alg": algorithm, "kid": "k"}, json.dumps(dict(CLAIMS)), key, algorithms=[algorithm])
    return token, key.as_dict(private=False)


def test_what_we_sign_another_library_verifies() -> None:
    token = sign_jwt(CLAIMS, typ="a+jwt", kid="k", key=SIGNING)
    read = jws.deserialize_compact(
        token, OKPKey.import_key(dict(ed25519_jwk(SIGNING.public_key()))), algorithms=["EdDSA"]
    )
    assert json.loads(read.payload) == CLAIMS
    assert claims_of(token) == CLAIMS


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS))
def test_what_another_library_signs_verifies_under_its_own_algorithm_only(algorithm: str) -> None:
    token, jwk = foreign(algorithm)
    key = verifying_key(jwk)
    assert claims_of(token, key, frozenset({algorithm})) == CLAIMS
    with pytest.raises(InvalidInputError):
        claims_of(token, key, ALGORITHMS - {algorithm})


def test_a_key_thumbprint_is_that_of_rfc_8037() -> None:
    private = Ed25519PrivateKey.from_private_bytes(decode_base64url("nWGxne_9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A"))
    jwk = ed25519_jwk(private.public_key())
    assert jwk["x"] == "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
    assert jwk["kid"] == "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"


@pytest.mark.parametrize(
    "header",
    [
        {"alg": "none"},
        {"alg": "None"},
        {"alg": "eddsa"},
        {"alg": ""},
        {"alg": None},
        {"alg": ["EdDSA"]},
        {},
        [],
        {"alg": "HS256"},
        {"alg": "RS256"},
        {"alg": "ES256"},
        {"alg": "EdDSA", "kid": 1},
        {"alg": "EdDSA", "kid": "k" * 257},
        {"alg": "EdDSA", "typ": ["JWT"]},
        '{"alg":"none","alg":"EdDSA"}',
        *({"alg": "EdDSA", name: []} for name in ("crit", "b64", "zip", "jwk", "jku", "x5u", "x5c")),
    ],
    ids=str,
)
def test_a_header_that_is_not_plain_is_refused_though_the_signature_holds(header: object) -> None:
    """Attack 21: none, confusion, keys that come with the token, extensions."""
    with pytest.raises(InvalidInputError):
        claims_of(signed(header))


def test_a_public_key_is_no_hmac_secret() -> None:
    """Attack 21: algorithm confusion needs a symmetric algorithm, and there is none."""
    assert not [name for name in ALGORITHMS if name.startswith("HS") or name == "none"]
    with pytest.raises(InvalidInputError):
        claims_of(signed({"alg": "HS256"}), KEY, frozenset({"HS256", "EdDSA"}))


@pytest.mark.parametrize(
    "spoil",
    [
        lambda t: "",
        lambda t: "..",
        lambda t: t + "=",
        lambda t: t + " ",
        lambda t: " " + t,
        lambda t: t + ".",
        lambda t: t.rpartition(".")[0],
        lambda t: t.rpartition(".")[0] + ".",
        lambda t: t.replace(".", ".\n", 1),
        lambda t: t + ".a.b",
        lambda t: t[:-1] + ("B" if t[-1] == "A" else "A"),
        lambda t: t + "A" * MAX_LENGTH,
        lambda t: "é" + t,
        lambda t: t.replace(t.split(".")[1], part({**CLAIMS, "sub": "user-2"})),
        lambda t: t.replace(t.split(".")[1], part("[]")),
        lambda t: t.replace(t.split(".")[1], part('{"a":' * 40 + "1" + "}" * 40)),
    ],
    ids=map(str, count()),
)
def test_a_spoilt_token_is_refused(spoil: Any) -> None:
    with pytest.raises(InvalidInputError):
        claims_of(spoil(signed({"alg": "EdDSA"})))


def test_bits_that_a_decoder_would_drop_are_refused() -> None:
    """One token has one text: `QQ` and `QR` decode alike elsewhere."""
    assert decode_base64url("QQ") == b"A"
    for text in ("QR", "QQ==", "Q", "Q+", "Q\n"):
        with pytest.raises(InvalidInputError):
            decode_base64url(text)


@given(st.binary(max_size=70))
def test_base64url_has_one_form(data: bytes) -> None:
    assert decode_base64url(base64url(data)) == data


@given(st.text(max_size=300))
def test_no_text_makes_the_reader_fail_otherwise(text: str) -> None:
    for token in (text, f"{part(text)}.{part(text)}.{part(text)}"):
        with pytest.raises(InvalidInputError):
            read_jwt(token)


@pytest.mark.parametrize("algorithm", ["ES256", "ES384", "ES512"])
def test_the_mirrored_ecdsa_signature_gives_the_same_one_form(algorithm: str) -> None:
    """(r, n - s) is as valid as (r, s): a barred token must not come back under another key (semantics §7.7)."""
    token, jwk = foreign(algorithm)
    curve = next(curve for curve in CURVES.values() if curve.algorithm == algorithm)
    signature = decode_base64url(token.rpartition(".")[2])
    s = int.from_bytes(signature[curve.size :], "big")
    mirrored = signature[: curve.size] + (curve.order - s).to_bytes(curve.size, "big")
    twin = f"{token.rpartition('.')[0]}.{base64url(mirrored)}"
    assert claims_of(twin, verifying_key(jwk), frozenset({algorithm})) == CLAIMS, "the attack is real"
    assert twin != token
    assert read_jwt(twin).one_form() == read_jwt(token).one_form()
    assert read_jwt(token).one_form() in {token, twin}


@pytest.mark.parametrize("algorithm", sorted(ALGORITHMS - {"ES256", "ES384", "ES512"}))
def test_every_other_token_is_its_own_one_form(algorithm: str) -> None:
    token, _ = foreign(algorithm)
    assert read_jwt(token).one_form() == token


def test_an_rsa_signature_has_its_full_length() -> None:
    """A signature that begins with zeros must not be valid without them, too."""
    key = verifying_key(RSA_KEY.as_dict(private=False))
    for number in range(2_000):
        token = jws.serialize_compact({"alg": "RS256"}, json.dumps({"n": number}), RSA_KEY)
        signature = decode_base64url(token.rpartition(".")[2])
        if signature[0] == 0:
            break
    else:
        pytest.fail("no signature of 2000 began with a zero")
    with pytest.raises(InvalidInputError):
        claims_of(f"{token.rpartition('.')[0]}.{base64url(signature[1:])}", key, frozenset({"RS256"}))


def test_a_weak_private_symmetric_or_foreign_key_is_refused() -> None:
    good: dict[str, Any] = RSA_KEY.as_dict(private=False)
    point = ECKey.generate_key("P-256").as_dict(private=False)
    edwards = ed25519_jwk(SIGNING.public_key())
    small: Any = RSAKey.import_key(rsa.generate_private_key(65_537, 1_024)).as_dict(private=False)  # noqa: S505  # the point
    k1 = ec.generate_private_key(ec.SECP256K1()).public_key().public_numbers()
    bad: list[dict[str, Any]] = [
        {},
        {"kty": "oct", "k": "AAAA"},
        small,
        RSA_KEY.as_dict(private=True),
        {**good, "e": "AQ"},
        {**good, "e": "AAAA"},
        {**good, "n": good["n"] + "!"},
        {**good, "n": "A" * 5_000},
        {**good, "use": "enc"},
        {**good, "key_ops": ["sign"]},
        {**good, "key_ops": "verify"},
        {**good, "alg": "ES256"},
        {**good, "alg": "HS256"},
        {**good, "alg": ["RS256"]},
        {**point, "crv": "P-384"},
        {**point, "crv": ["P-256"]},
        {**point, "x": base64url(b"\0" * 32)},
        {**point, "y": base64url(b"\1" * 31)},
        {
            "kty": "EC",
            "crv": "secp256k1",
            "x": base64url(k1.x.to_bytes(32, "big")),
            "y": base64url(k1.y.to_bytes(32, "big")),
        },
        {**edwards, "crv": "Ed448"},
        {**edwards, "x": base64url(b"\1" * 31)},
        {**edwards, "x": None},
    ]
    for jwk in bad:
        with pytest.raises(InvalidInputError):
            verifying_key(jwk)
    assert verifying_key({**good, "alg": "RS512"}).algorithms == {"RS512"}
    assert verifying_key({**edwards, "alg": "Ed25519"}).algorithms == {"EdDSA", "Ed25519"}


@pytest.mark.parametrize("value", [True, "1", None, [], 1e300, -1e300, 10**15], ids=str)
def test_a_time_that_is_none_is_refused(value: Any) -> None:
    with pytest.raises(InvalidInputError):
        numeric_date({"exp": value}, "exp")


def test_a_time_is_read() -> None:
    assert numeric_date({"exp": 0}, "exp") == datetime(1970, 1, 1, tzinfo=UTC)
    assert numeric_date({}, "exp") is None


def test_the_repr_of_a_token_in_parts_is_no_credential() -> None:
    token = signed({"alg": "EdDSA"})
    assert token.split(".")[2] not in repr(read_jwt(token))
    assert token.split(".")[1] not in repr(read_jwt(token))
