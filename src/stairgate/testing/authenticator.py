"""
A software authenticator with a browser around it, for tests: it makes passkeys and asserts with them.

SECURITY: its keys are in memory and its "user verification" is a flag. It obeys whoever calls it.
"""

from __future__ import annotations

import hashlib
import json
from base64 import urlsafe_b64decode
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from webauthn.helpers import encode_cbor

from stairgate.model.canonical import base64url

Algorithm = Literal["ES256", "EdDSA", "RS256"]
PrivateKey = ec.EllipticCurvePrivateKey | ed25519.Ed25519PrivateKey | rsa.RSAPrivateKey

USER_PRESENT, USER_VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 0x01, 0x04, 0x08, 0x10, 0x40
_COSE_ALGORITHM = {"ES256": -7, "EdDSA": -8, "RS256": -257}
_HIGHEST_COUNTER = 2**32 - 1


@dataclass
class Credential:
    """A passkey with its private key."""

    id: bytes
    rp_id: str
    user_handle: bytes
    algorithm: Algorithm
    key: PrivateKey = field(repr=False)
    sign_count: int = 0


@dataclass
class SoftwareAuthenticator:
    """
    An authenticator in a browser on *origin*. Every member may be set to something that a real one never says.

    Args:
        origin: Where the browser is.
        algorithm: Of the keys that it makes.
        user_verified: The flag UV.
        user_present: The flag UP.
        backup_eligible: The flag BE.
        backed_up: The flag BS.
        counts: Whether its sign counter goes up; else it stays 0, as with synced passkeys.
        random: Where credential ids come from; the same calls make the same ids where it is predictable.
        client_data: Members that stand in the client data in place of the usual ones; None leaves one out.
    """

    origin: str = "http://localhost:8080"
    algorithm: Algorithm = "ES256"
    user_verified: bool = True
    user_present: bool = True
    backup_eligible: bool = False
    backed_up: bool = False
    counts: bool = True
    random: Callable[[int], bytes] | None = None
    client_data: dict[str, object] = field(default_factory=dict)
    credentials: list[Credential] = field(default_factory=list)
    _made: int = 0

    def create(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """`navigator.credentials.create` in JSON: options in, `RegistrationResponseJSON` out."""
        handle = _bytes(options["user"]["id"])
        credential = Credential(self._new_id(), options["rp"]["id"], handle, self.algorithm, new_key(self.algorithm))
        self.credentials.append(credential)
        attested = bytes(16) + len(credential.id).to_bytes(2, "big") + credential.id + cose_key(credential.key)
        data = self._authenticator_data(credential, ATTESTED) + attested
        statement = encode_cbor({"fmt": "none", "attStmt": {}, "authData": data})
        return self._public_key_credential(
            credential,
            clientDataJSON=self._client_data("webauthn.create", options["challenge"]),
            attestationObject=statement,
        )

    def get(self, options: Mapping[str, Any]) -> dict[str, Any]:
        """
        `navigator.credentials.get` in JSON: options in, `AuthenticationResponseJSON` out.

        Raises:
            LookupError: It has none of the allowed credentials.
        """
        allowed = [_bytes(each["id"]) for each in options.get("allowCredentials", ())]
        credential = self._find(options["rpId"], allowed)
        return self.assert_with(credential, options["challenge"])

    def assert_with(self, credential: Credential, challenge: str) -> dict[str, Any]:
        """An assertion with *credential* over the base64url *challenge*."""
        if self.counts:
            credential.sign_count = min(credential.sign_count + 1, _HIGHEST_COUNTER)
        client_data = self._client_data("webauthn.get", challenge)
        data = self._authenticator_data(credential, 0)
        return self._public_key_credential(
            credential,
            clientDataJSON=client_data,
            authenticatorData=data,
            signature=sign(credential.key, data + hashlib.sha256(client_data).digest()),
            userHandle=credential.user_handle,
        )

    def _find(self, rp_id: str, allowed: Sequence[bytes]) -> Credential:
        for credential in self.credentials:
            if credential.rp_id == rp_id and (not allowed or credential.id in allowed):
                return credential
        raise LookupError("this authenticator has none of the allowed credentials")

    def _new_id(self) -> bytes:
        self._made += 1
        if self.random is not None:
            return self.random(32)
        return hashlib.sha256(f"credential {id(self)} {self._made}".encode()).digest()

    def _client_data(self, kind: str, challenge: str) -> bytes:
        members: dict[str, object] = {
            "type": kind,
            "challenge": challenge,
            "origin": self.origin,
            "crossOrigin": False,
            **self.client_data,
        }
        return json.dumps({name: value for name, value in members.items() if value is not None}).encode()

    def _authenticator_data(self, credential: Credential, more: int) -> bytes:
        flags = more
        for said, flag in (
            (self.user_present, USER_PRESENT),
            (self.user_verified, USER_VERIFIED),
            (self.backup_eligible, BACKUP_ELIGIBLE),
            (self.backed_up, BACKED_UP),
        ):
            flags |= flag if said else 0
        rp_id_hash = hashlib.sha256(credential.rp_id.encode()).digest()
        return rp_id_hash + bytes([flags]) + credential.sign_count.to_bytes(4, "big")

    @staticmethod
    def _public_key_credential(credential: Credential, **response: bytes) -> dict[str, Any]:
        return {
            "id": base64url(credential.id),
            "rawId": base64url(credential.id),
            "type": "public-key",
            "response": {name: base64url(value) for name, value in response.items()},
            "authenticatorAttachment": "platform",
            "clientExtensionResults": {},
        }


def new_key(algorithm: Algorithm) -> PrivateKey:
    """A fresh private key."""
    match algorithm:
        case "ES256":
            return ec.generate_private_key(ec.SECP256R1())
        case "EdDSA":
            return ed25519.Ed25519PrivateKey.generate()
        case "RS256":
            return rsa.generate_private_key(public_exponent=65_537, key_size=2_048)


def cose_key(key: PrivateKey) -> bytes:
    """The public half of *key* as a COSE_Key (RFC 9052 §7)."""
    match key:
        case ec.EllipticCurvePrivateKey():
            point = key.public_key().public_numbers()
            x, y = point.x.to_bytes(32, "big"), point.y.to_bytes(32, "big")
            return encode_cbor({1: 2, 3: _COSE_ALGORITHM["ES256"], -1: 1, -2: x, -3: y})
        case ed25519.Ed25519PrivateKey():
            return encode_cbor({1: 1, 3: _COSE_ALGORITHM["EdDSA"], -1: 6, -2: key.public_key().public_bytes_raw()})
        case rsa.RSAPrivateKey():
            numbers = key.public_key().public_numbers()
            size = (numbers.n.bit_length() + 7) // 8
            exponent = numbers.e.to_bytes(3, "big")
            return encode_cbor({1: 3, 3: _COSE_ALGORITHM["RS256"], -1: numbers.n.to_bytes(size, "big"), -2: exponent})


def sign(key: PrivateKey, data: bytes) -> bytes:
    """*data*, signed as the algorithm of *key* does."""
    match key:
        case ec.EllipticCurvePrivateKey():
            return key.sign(data, ec.ECDSA(hashes.SHA256()))
        case ed25519.Ed25519PrivateKey():
            return key.sign(data)
        case rsa.RSAPrivateKey():
            return key.sign(data, padding.PKCS1v15(), hashes.SHA256())


def _bytes(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))
