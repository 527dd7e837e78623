"""Public keys in JWK form, each good for its own algorithms only (RFC 7517, RFC 7518 §6, RFC 8037; attack 21)."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from stairgate.model.canonical import base64url
from stairgate.model.errors import InvalidInputError

RSA_BITS = (2_048, 8_192)  # under it a key is weak (RFC 8725 §3.5), over it verifying is a way to keep us busy
RSA_EXPONENT = (65_537, 2**32)
ED25519_BYTES = 32
EDWARDS = frozenset({"EdDSA", "Ed25519"})  # Ed25519 is what RFC 9864 calls it
RSA_ALGORITHMS = frozenset({"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"})
MAX_MEMBER_LENGTH = 1_500  # a modulus of 8192 bits has 1366 characters

_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")


class Curve(NamedTuple):
    """A curve of RFC 7518 §6.2.1: its one algorithm, the bytes of a coordinate, and its order."""

    algorithm: str
    size: int
    order: int
    curve: ec.EllipticCurve


CURVES: Mapping[str, Curve] = {
    "P-256": Curve("ES256", 32, 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551, ec.SECP256R1()),
    "P-384": Curve(
        "ES384",
        48,
        0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFC7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973,
        ec.SECP384R1(),
    ),
    "P-521": Curve(
        "ES512",
        66,
        0x01FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFA51868783BF2F966B7FCC0148F709A5D03BB5C9B8899C47AEBB6FB71E91386409,
        ec.SECP521R1(),
    ),
}
ALGORITHMS = EDWARDS | RSA_ALGORITHMS | {curve.algorithm for curve in CURVES.values()}


@dataclass(frozen=True, slots=True)
class VerifyingKey:
    """A public key, and the algorithms that it may verify: never more than its type allows."""

    native: Ed25519PublicKey | ec.EllipticCurvePublicKey | rsa.RSAPublicKey = field(repr=False)
    algorithms: frozenset[str]


def ed25519_key(raw: bytes) -> VerifyingKey:
    """
    The Ed25519 key of these 32 bytes, such as a service client's access key.

    Raises:
        InvalidInputError: They are not 32 bytes.
    """
    if len(raw) != ED25519_BYTES:
        raise InvalidInputError("key", "must be 32 bytes")
    return VerifyingKey(Ed25519PublicKey.from_public_bytes(raw), EDWARDS)


def verifying_key(jwk: Mapping[str, Any], *, field: str = "key") -> VerifyingKey:
    """
    The key that *jwk* describes.

    Raises:
        InvalidInputError: It is symmetric, private, for another use, of an unknown kind, or too weak.
    """
    if "d" in jwk or "k" in jwk:
        raise InvalidInputError(field, "is a private or symmetric key")
    if jwk.get("use", "sig") != "sig" or "verify" not in _operations(jwk):
        raise InvalidInputError(field, "is not a key to verify signatures with")
    try:
        key = _key_of(jwk, field)
    except (ValueError, UnsupportedAlgorithm):
        raise InvalidInputError(field, "is not a valid public key") from None
    named = jwk.get("alg")
    if named is None:
        return key
    allowed = frozenset(name for name in key.algorithms if name == named)
    if allowed & EDWARDS:  # two names of one algorithm
        allowed = key.algorithms & EDWARDS
    if not allowed:
        raise InvalidInputError(field, "names an algorithm that it cannot be used with")
    return VerifyingKey(key.native, allowed)


def _operations(jwk: Mapping[str, Any]) -> list[object]:
    operations = jwk.get("key_ops", ["verify"])
    return operations if isinstance(operations, list) else []


def _key_of(jwk: Mapping[str, Any], field: str) -> VerifyingKey:
    match jwk.get("kty"):
        case "OKP" if jwk.get("crv") == "Ed25519":
            return ed25519_key(_member(jwk, "x", field))
        case "EC" if (curve := CURVES.get(str(jwk.get("crv")))) is not None:
            x, y = _member(jwk, "x", field), _member(jwk, "y", field)
            if len(x) != curve.size or len(y) != curve.size:
                raise InvalidInputError(field, "has a coordinate of the wrong length")
            point = ec.EllipticCurvePublicNumbers(int.from_bytes(x, "big"), int.from_bytes(y, "big"), curve.curve)
            return VerifyingKey(point.public_key(), frozenset({curve.algorithm}))
        case "RSA":
            return _rsa_key(_member(jwk, "n", field), _member(jwk, "e", field), field)
    raise InvalidInputError(field, "is of a kind that is not supported")


def _rsa_key(modulus: bytes, exponent: bytes, field: str) -> VerifyingKey:
    n, e = int.from_bytes(modulus, "big"), int.from_bytes(exponent, "big")
    if not RSA_BITS[0] <= n.bit_length() <= RSA_BITS[1]:
        raise InvalidInputError(field, f"must have {RSA_BITS[0]} to {RSA_BITS[1]} bits")
    if not RSA_EXPONENT[0] <= e < RSA_EXPONENT[1] or e % 2 == 0:
        raise InvalidInputError(field, "has an exponent that is not accepted")
    return VerifyingKey(rsa.RSAPublicNumbers(e, n).public_key(), RSA_ALGORITHMS)


def _member(jwk: Mapping[str, Any], name: str, field: str) -> bytes:
    value = jwk.get(name)
    if not isinstance(value, str) or len(value) > MAX_MEMBER_LENGTH or _BASE64URL.fullmatch(value) is None:
        raise InvalidInputError(field, f"has no valid member `{name}`")
    return urlsafe_b64decode(value + "=" * (-len(value) % 4))


def ed25519_jwk(key: Ed25519PublicKey) -> dict[str, str]:
    """*key* as a JWK, its `kid` the thumbprint of RFC 7638."""
    x = base64url(key.public_bytes(Encoding.Raw, PublicFormat.Raw))
    members = json.dumps({"crv": "Ed25519", "kty": "OKP", "x": x}, separators=(",", ":"))
    thumbprint = base64url(hashlib.sha256(members.encode()).digest())
    return {"kty": "OKP", "crv": "Ed25519", "alg": "EdDSA", "use": "sig", "kid": thumbprint, "x": x}
