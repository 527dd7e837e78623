"""
The test vectors of WebAuthn Level 3 §16, derived as the specification derives them (WA-1).

Every random value of a vector is HKDF-SHA-256 of one key, with the name of the vector and a counter; private keys,
flags, ids and signatures (RFC 6979) follow from these. `test_webauthn_vectors.py` compares what is known of the printed
values, up to the signature of the first vector, so the derivation is the specification's; the other challenges, keys,
ids and assertions follow by it, without having been compared one by one. Not claimed to be byte-exact are the
certificates and what is signed by them (`attested_vectors.py`), and the length of the P-521 key (65 bytes, the most
that need no second look at the order of the curve).
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed448, ed25519, padding, rsa
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from webauthn.helpers import encode_cbor

from stairgate.model.canonical import base64url

RP_ID, ORIGIN, TOP_ORIGIN = "example.org", "https://example.org", "https://example.com"
UP, UV, BE, BS, AT = 0x01, 0x04, 0x08, 0x10, 0x40
SEED = b"WebAuthn test vectors"
FIRST_PRIME, SECOND_PRIME = 2**1279 - 1, 2**2203 - 1  # the smallest Mersenne primes of at least 1024 bits

PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | ed448.Ed448PrivateKey | rsa.RSAPrivateKey

# What makes the attestation statement, from the vector so far and the values that come next.
Statement = Callable[["Registration", "Values"], dict[str, object]]


class Values:
    """The values of one vector, one after the other."""

    def __init__(self, name: str) -> None:
        self._name = name.encode()
        self._count = 0

    def next(self, length: int) -> bytes:
        salt = bytes([self._count])
        self._count += 1
        return HKDF(hashes.SHA256(), length, salt, self._name).derive(SEED)


@dataclass(frozen=True)
class Registration:
    """What a registration consists of before it is attested."""

    challenge: bytes
    key: PrivateKey
    algorithm: int
    credential_id: bytes
    aaguid: bytes
    client_data: bytes
    authenticator_data: bytes

    @property
    def client_data_hash(self) -> bytes:
        return hashlib.sha256(self.client_data).digest()

    @property
    def public_key(self) -> bytes:
        return cose_key(self.key, self.algorithm)


@dataclass(frozen=True)
class Vector:
    """A registration and an assertion of the credential that it made."""

    name: str
    registration: Registration
    attestation_object: bytes
    challenge: bytes
    client_data: bytes
    authenticator_data: bytes
    signature: bytes

    @property
    def created(self) -> dict[str, Any]:
        """`RegistrationResponseJSON`."""
        made = self.registration
        return _credential(
            made.credential_id, clientDataJSON=made.client_data, attestationObject=self.attestation_object
        )

    @property
    def asserted(self) -> dict[str, Any]:
        """`AuthenticationResponseJSON`."""
        return _credential(
            self.registration.credential_id,
            clientDataJSON=self.client_data,
            authenticatorData=self.authenticator_data,
            signature=self.signature,
        )

    @property
    def created_with(self) -> int:
        """The flags of the registration."""
        return self.registration.authenticator_data[32]

    @property
    def asserted_with(self) -> int:
        """The flags of the assertion."""
        return self.authenticator_data[32]


def no_statement(made: Registration, values: Values) -> dict[str, object]:
    del made, values
    return {}


def self_attested(made: Registration, values: Values) -> dict[str, object]:
    del values
    signature = signed(made.key, made.algorithm, made.authenticator_data + made.client_data_hash)
    return {"alg": made.algorithm, "sig": signature}


@dataclass(frozen=True)
class Recipe:
    """
    How a vector is made.

    *flagged*: whether its authenticator tells of UV, BE and BS when it registers; one of U2F does not.
    """

    name: str
    form: str = "none"
    algorithm: int = -7
    statement: Statement = no_statement
    frame: dict[str, object] = field(default_factory=lambda: {"crossOrigin": False})
    id_length: int = 32
    flagged: bool = True

    def make(self) -> Vector:
        values = Values(self.name)
        challenge = values.next(32)
        key = _private_key(self.algorithm, values)
        client_data = self._client_data("webauthn.create", challenge, values)
        aaguid, credential_id = values.next(16), values.next(self.id_length)
        said = _flags(values.next(1)[0]) if self.flagged else 0
        eligible = said & BE
        attested = aaguid + len(credential_id).to_bytes(2, "big") + credential_id + cose_key(key, self.algorithm)
        data = _authenticator_data(UP | AT | said) + attested
        made = Registration(challenge, key, self.algorithm, credential_id, aaguid, client_data, data)
        statement = self.statement(made, values)
        attestation = encode_cbor({"fmt": self.form, "attStmt": statement, "authData": data})
        challenge = values.next(32)
        client_data = self._client_data("webauthn.get", challenge, values)
        data = _authenticator_data(UP | _flags(values.next(1)[0], eligible=eligible))
        signature = signed(key, self.algorithm, data + hashlib.sha256(client_data).digest())
        return Vector(self.name, made, attestation, challenge, client_data, data, signature)

    def _client_data(self, kind: str, challenge: bytes, values: Values) -> bytes:
        """The one serialization of the specification (§5.8.1.1)."""
        crossing = "true" if self.frame["crossOrigin"] else "false"
        text = f'{{"type":"{kind}","challenge":"{base64url(challenge)}","origin":"{ORIGIN}","crossOrigin":{crossing}'
        if "topOrigin" in self.frame:
            text += f',"topOrigin":"{self.frame["topOrigin"]}"'
        if values.next(1)[0] & 0x01:
            extended = "clientDataJSON may be extended with additional fields in the future, such as this: "
            text += f',"extraData":"{extended}{base64url(values.next(16))}"'
        return f"{text}}}".encode()


def _flags(said: int, *, eligible: int | None = None) -> int:
    """UV, BE and BS of *said*: BE is the registration's where there was one, and BS stands only beside it."""
    backup = said & BE if eligible is None else eligible
    return said & UV | backup | (said & BS if backup else 0)


def _authenticator_data(flags: int) -> bytes:
    return hashlib.sha256(RP_ID.encode()).digest() + bytes([flags]) + bytes(4)


def _credential(credential_id: bytes, **response: bytes) -> dict[str, Any]:
    return {
        "id": base64url(credential_id),
        "rawId": base64url(credential_id),
        "type": "public-key",
        "clientExtensionResults": {},
        "response": {name: base64url(value) for name, value in response.items()},
    }


# --- keys ------------------------------------------------------------------------------------------------------------

# The COSE algorithm, the curve, its COSE number, the hash of what is signed, the bytes of a private key.
_CURVES: dict[int, tuple[ec.EllipticCurve, int, hashes.HashAlgorithm, int]] = {
    -7: (ec.SECP256R1(), 1, hashes.SHA256(), 32),
    -35: (ec.SECP384R1(), 2, hashes.SHA384(), 48),
    -36: (ec.SECP521R1(), 3, hashes.SHA512(), 65),
}
ED25519, ED448, RS256 = -8, -53, -257


def _private_key(algorithm: int, values: Values) -> PrivateKey:
    if algorithm == ED25519:
        return ed25519.Ed25519PrivateKey.from_private_bytes(values.next(32))
    if algorithm == ED448:
        return ed448.Ed448PrivateKey.from_private_bytes(values.next(57))
    if algorithm == RS256:
        return _rsa_key(FIRST_PRIME, SECOND_PRIME)
    curve, _, _, length = _CURVES[algorithm]
    return ec.derive_private_key(int.from_bytes(values.next(length), "big"), curve)


def _rsa_key(p: int, q: int) -> rsa.RSAPrivateKey:
    exponent = 65_537
    private = pow(exponent, -1, (p - 1) * (q - 1))
    public = rsa.RSAPublicNumbers(exponent, p * q)
    numbers = rsa.RSAPrivateNumbers(p, q, private, private % (p - 1), private % (q - 1), pow(q, -1, p), public)
    return numbers.private_key()


def cose_key(key: PrivateKey, algorithm: int) -> bytes:
    """The public half of *key* as COSE_Key, in the canonical form of CTAP2."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        numbers, size = key.public_key().public_numbers(), (key.curve.key_size + 7) // 8
        x, y = (number.to_bytes(size, "big") for number in (numbers.x, numbers.y))
        return encode_cbor({1: 2, 3: algorithm, -1: _CURVES[algorithm][1], -2: x, -3: y})
    if isinstance(key, rsa.RSAPrivateKey):
        public = key.public_key().public_numbers()
        modulus = public.n.to_bytes((key.key_size + 7) // 8, "big")
        return encode_cbor({1: 3, 3: algorithm, -1: modulus, -2: public.e.to_bytes(3, "big")})
    curve = 6 if isinstance(key, ed25519.Ed25519PrivateKey) else 7
    return encode_cbor({1: 1, 3: algorithm, -1: curve, -2: key.public_key().public_bytes_raw()})


def signed(key: PrivateKey, algorithm: int, data: bytes) -> bytes:
    """The one signature of *key* under *data*: none of these algorithms is left a choice."""
    if isinstance(key, ec.EllipticCurvePrivateKey):
        return key.sign(data, ec.ECDSA(_CURVES[algorithm][2], deterministic_signing=True))
    if isinstance(key, rsa.RSAPrivateKey):
        return key.sign(data, padding.PKCS1v15(), hashes.SHA256())
    return key.sign(data)
