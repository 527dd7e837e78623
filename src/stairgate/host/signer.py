"""What Stairgate signs itself: Ed25519 keys of the store, sealed by the key ring, rotating with overlap."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stairgate.model.canonical import JsonValue
from stairgate.model.errors import InvalidChallengeTokenError, InvalidInputError, UnavailableError
from stairgate.model.jwk import VerifyingKey, ed25519_jwk, verifying_key
from stairgate.model.jwt import read_jwt, sign_jwt, verified_claims
from stairgate.ports.keys import JsonWebKey, KeyRing
from stairgate.ports.store import SigningKey

_ALGORITHM = "EdDSA"
_HEADER = {"alg", "kid", "typ"}


def _purpose(use: str, key_id: str) -> str:
    return f"signing key {use} {key_id}"


def generate_signing_key(ring: KeyRing, *, use: str, now: datetime) -> SigningKey:
    """A fresh key for *use*, sealed by *ring*. Its id, and so its `kid`, is the thumbprint of RFC 7638."""
    private = Ed25519PrivateKey.generate()
    key_id = ed25519_jwk(private.public_key())["kid"]
    sealed = ring.seal(private.private_bytes_raw(), purpose=_purpose(use, key_id))
    return SigningKey(key_id, use, sealed, now)


class StoredSigner:
    """
    Fulfils `ports.keys.Signer` with the *keys* of one use.

    The newest that is not retired signs; all verify, so that what was signed before a rotation stays good until its
    own end. To rotate, store a new key and build a new signer; to stop trusting a key, leave it out.

    Raises:
        UnavailableError: A key cannot be unsealed, or none of them may sign.
    """

    def __init__(self, keys: Sequence[SigningKey], ring: KeyRing) -> None:
        self._verifying: dict[str, VerifyingKey] = {}
        self._public: list[JsonWebKey] = []
        signing: Ed25519PrivateKey | None = None
        for key in sorted(keys, key=lambda key: (key.created_at, key.id), reverse=True):
            private = self._private(key, ring)
            jwk = {**ed25519_jwk(private.public_key()), "kid": key.id}
            self._verifying[key.id] = verifying_key(jwk)
            self._public.append(jwk)
            if signing is None and not key.retired:
                signing, self._kid = private, key.id
        if signing is None:
            raise UnavailableError("there is no signing key: run `stairgate init`")
        self._signing = signing

    @staticmethod
    def _private(key: SigningKey, ring: KeyRing) -> Ed25519PrivateKey:
        raw = ring.unseal(key.sealed, purpose=_purpose(key.use, key.id))
        try:
            return Ed25519PrivateKey.from_private_bytes(raw)
        except ValueError:
            raise UnavailableError(f"the signing key {key.id} is damaged: restore it from a backup") from None

    def sign(self, claims: Mapping[str, JsonValue], *, typ: str) -> str:
        """A compact JWT of *claims* under the newest key."""
        return sign_jwt(claims, typ=typ, kid=self._kid, key=self._signing)

    def verify(self, token: str, *, typ: str) -> Mapping[str, JsonValue]:
        """
        The claims of a JWT that one of our keys signed with exactly *typ*.

        Raises:
            InvalidChallengeTokenError: It is anything else. What, is not said.
        """
        try:
            jwt = read_jwt(token)
            key = self._verifying.get(jwt.kid or "")
            if key is None or jwt.typ != typ or jwt.header.keys() != _HEADER:
                raise InvalidChallengeTokenError
            return verified_claims(jwt, key, expected_algorithms={_ALGORITHM})
        except InvalidInputError:
            raise InvalidChallengeTokenError from None

    def public_keys(self) -> list[JsonWebKey]:
        """Every key that verifies, newest first."""
        return [dict(key) for key in self._public]
