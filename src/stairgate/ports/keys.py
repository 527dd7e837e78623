"""Keys: what is sealed, hashed and signed with keys that are not in the database (design §4), and issuers' keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from stairgate.model.canonical import JsonValue
from stairgate.model.clients import Issuer

# One public key in JWK form (RFC 7517), as issuers publish it.
JsonWebKey = Mapping[str, Any]


class KeyRing(Protocol):
    """Secrets at rest. The first key seals, all open; every output starts with a version marker."""

    def seal(self, secret: bytes, *, purpose: str) -> bytes:
        """Must return *secret* encrypted and authenticated, openable only with the same *purpose*."""
        ...

    def unseal(self, sealed: bytes, *, purpose: str) -> bytes:
        """Must return what was sealed. Must raise `UnavailableError` where no key opens it."""
        ...

    def digest(self, data: str, *, purpose: str) -> str:
        """Must return a keyed hash of *data* for *purpose*: what is stored in place of a code, or signs a cursor."""
        ...

    def matches(self, data: str, digest: str, *, purpose: str) -> bool:
        """Must say, in constant time, whether *digest* is the keyed hash of *data* under any key of the ring."""
        ...


class Signer(Protocol):
    """Signs and verifies what Stairgate itself issues (EdDSA), with keys that rotate."""

    def sign(self, claims: Mapping[str, JsonValue], *, typ: str) -> str:
        """Must return a compact JWT of *claims* under the newest key, with *typ* and that key's `kid`."""
        ...

    def verify(self, token: str, *, typ: str) -> Mapping[str, Any]:
        """
        Must return the claims of a JWT that one of the keys signed, with exactly *typ*.

        Must raise `InvalidChallengeTokenError` otherwise. Times and audience are the caller's to check.
        """
        ...

    def public_keys(self) -> list[JsonWebKey]:
        """Must return every key that still verifies, in JWK form, each with a `kid`."""
        ...


class IssuerKeys(Protocol):
    """The published keys of trusted issuers."""

    async def find(self, issuer: Issuer, kid: str | None) -> JsonWebKey | None:
        """
        Must return the key *kid* of *issuer*, fetching at most as often as its cache allows.

        SECURITY: must follow no redirect, reach no address that the operator did not name, and be bounded in time and
        size (attack 23). Must raise `UnavailableError` where the keys cannot be had.
        """
        ...
