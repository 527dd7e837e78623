"""
Compact JWTs, read strictly: one shape, pinned algorithms, one byte form (RFC 7515, RFC 7519, RFC 8725; attack 21).

Reading and verifying are two steps, because a verifier must know issuer and `kid` before it can pick a key. Nothing
that `read_jwt` returns is proven; only `verified_claims` returns what may be believed. Times, issuer and audience are
the caller's to check.
"""

from __future__ import annotations

import json
import re
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature

from stairgate.model.canonical import JsonValue, base64url, read_json
from stairgate.model.errors import InvalidInputError
from stairgate.model.jwk import CURVES, VerifyingKey

MAX_LENGTH = 8_192  # bytes: what a request header line may reasonably carry
MAX_KID_LENGTH = 256

_BASE64URL = re.compile(r"[A-Za-z0-9_-]*")
# A key, or the address of one, that comes with the token proves nothing; an extension that is not understood must be
# refused (RFC 7515 §4.1.11), and none is understood here.
_REFUSED_HEADERS = ("crit", "b64", "zip", "jwk", "jku", "x5u", "x5c")
_HASHES: Mapping[str, hashes.HashAlgorithm] = {
    "256": hashes.SHA256(),
    "384": hashes.SHA384(),
    "512": hashes.SHA512(),
}


@dataclass(frozen=True, slots=True)
class Jwt:
    """
    A JWT that was taken apart and NOT verified.

    *unverified_claims* may be used to find out which key to try, for nothing else.
    """

    algorithm: str
    kid: str | None
    typ: str | None
    header: Mapping[str, JsonValue]
    unverified_claims: Mapping[str, JsonValue]
    signing_input: str = field(repr=False)  # SECURITY: with the signature it is the credential
    signature: bytes = field(repr=False)

    def one_form(self) -> str:
        """
        The token in the one form that all its valid spellings share: what a token key must be made from.

        SECURITY: with an ECDSA signature (r, s) the pair (r, n - s) is valid, too, and anyone can compute it. Hashing
        the bytes as they came would let the holder of a barred token go on under a second token key (semantics §1).
        """
        signature = self.signature
        curve = CURVES.get(_CURVE_OF.get(self.algorithm, ""))
        if curve is not None and len(signature) == 2 * curve.size:
            half = curve.size
            s = int.from_bytes(signature[half:], "big")
            low = min(s, curve.order - s) if s < curve.order else s
            signature = signature[:half] + low.to_bytes(half, "big")
        return f"{self.signing_input}.{base64url(signature)}"


_CURVE_OF = {curve.algorithm: name for name, curve in CURVES.items()}


def decode_base64url(text: str, *, field: str = "token") -> bytes:
    """
    The bytes that *text* is the one canonical unpadded base64url form of (RFC 4648 §3.5).

    Raises:
        InvalidInputError: It is padded, has another character, or bits that a decoder would drop.
    """
    if _BASE64URL.fullmatch(text) is None or len(text) % 4 == 1:
        raise InvalidInputError(field, "is not canonical base64url")
    data = urlsafe_b64decode(text + "=" * (-len(text) % 4))
    if base64url(data) != text:
        raise InvalidInputError(field, "is not canonical base64url")
    return data


def read_jwt(token: str, *, field: str = "token") -> Jwt:
    """
    The parts of *token*, unverified.

    Args:
        token: A JWS in compact form.
        field: What to call it in an error.

    Raises:
        InvalidInputError: It is over 8 KiB, not three parts of canonical base64url, not of strict JSON objects, or
            has a header member that is never accepted.
    """
    if len(token) > MAX_LENGTH:
        raise InvalidInputError(field, f"must have at most {MAX_LENGTH} characters")
    parts = token.split(".")
    if len(parts) != 3:  # noqa: PLR2004  # header, claims, signature (RFC 7515 §3.1)
        raise InvalidInputError(field, "is not a signed JWT of three parts")
    header = _object(parts[0], field)
    claims = _object(parts[1], field)
    for name in _REFUSED_HEADERS:
        if name in header:
            raise InvalidInputError(field, f"has the header `{name}`, which is not accepted")
    algorithm = _header_text(header, "alg", field)
    if algorithm is None:
        raise InvalidInputError(field, "names no algorithm")
    return Jwt(
        algorithm,
        _header_text(header, "kid", field),
        _header_text(header, "typ", field),
        header,
        claims,
        f"{parts[0]}.{parts[1]}",
        decode_base64url(parts[2], field=field),
    )


def _object(part: str, field: str) -> Mapping[str, JsonValue]:
    value = read_json(decode_base64url(part, field=field), field=field)
    if not isinstance(value, Mapping):
        raise InvalidInputError(field, "is not a JWT: a part is not a JSON object")
    return value


def _header_text(header: Mapping[str, JsonValue], name: str, field: str) -> str | None:
    value = header.get(name)
    if value is None and name not in header:
        return None
    if not isinstance(value, str) or not 1 <= len(value) <= MAX_KID_LENGTH:
        raise InvalidInputError(field, f"has a header `{name}` that is not a short text")
    return value


def verified_claims(
    jwt: Jwt, key: VerifyingKey, *, expected_algorithms: Collection[str], field: str = "token"
) -> Mapping[str, JsonValue]:
    """
    The claims of *jwt*, once its signature holds under *key*.

    Args:
        jwt: What `read_jwt` returned.
        key: The key that the verifier chose.
        expected_algorithms: Those pinned for whoever should have signed; never taken from the token.
        field: What to call the token in an error.

    Raises:
        InvalidInputError: The algorithm is not expected, is not one that this key is for, or the signature is wrong.
    """
    if jwt.algorithm not in expected_algorithms or jwt.algorithm not in key.algorithms:
        raise InvalidInputError(field, "is signed with an algorithm that is not expected here")
    try:
        _verify(jwt.algorithm, key, jwt.signature, jwt.signing_input.encode())
    except (InvalidSignature, ValueError):
        raise InvalidInputError(field, "has a signature that does not hold") from None
    return jwt.unverified_claims


def _verify(algorithm: str, key: VerifyingKey, signature: bytes, data: bytes) -> None:
    """Raises `InvalidSignature` or `ValueError` where the signature does not hold."""
    native = key.native
    if isinstance(native, ec.EllipticCurvePublicKey):
        half = CURVES[_CURVE_OF[algorithm]].size
        if len(signature) != 2 * half:
            raise InvalidSignature
        r, s = int.from_bytes(signature[:half], "big"), int.from_bytes(signature[half:], "big")
        native.verify(encode_dss_signature(r, s), data, ec.ECDSA(_HASHES[algorithm[2:]]))
    elif isinstance(native, rsa.RSAPublicKey):
        if len(signature) != (native.key_size + 7) // 8:  # leading zeros left out would be a second form of it
            raise InvalidSignature
        digest = _HASHES[algorithm[2:]]
        scheme: padding.AsymmetricPadding = padding.PKCS1v15()
        if algorithm.startswith("PS"):
            scheme = padding.PSS(padding.MGF1(digest), digest.digest_size)
        native.verify(signature, data, scheme, digest)
    else:
        native.verify(signature, data)


def sign_jwt(claims: Mapping[str, JsonValue], *, typ: str, kid: str, key: Ed25519PrivateKey) -> str:
    """A compact JWT of *claims*, signed with EdDSA (RFC 8037)."""
    header = {"alg": "EdDSA", "kid": kid, "typ": typ}
    signing_input = f"{_encoded(header)}.{_encoded(claims)}"
    return f"{signing_input}.{base64url(key.sign(signing_input.encode()))}"


def _encoded(value: Mapping[str, JsonValue]) -> str:
    return base64url(json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False).encode())


def numeric_date(claims: Mapping[str, JsonValue], name: str, *, field: str = "token") -> datetime | None:
    """
    The time that the claim *name* says (RFC 7519 §2, NumericDate), None where it is absent.

    Raises:
        InvalidInputError: It is there and is not a time.
    """
    if name not in claims:
        return None
    value = claims[name]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInputError(field, f"has a claim `{name}` that is not a time")
    try:
        return datetime.fromtimestamp(value, UTC)
    except (ValueError, OverflowError, OSError):
        raise InvalidInputError(field, f"has a claim `{name}` that is not a time") from None
