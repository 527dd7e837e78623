"""Keys, discovery, health."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class KeySet(Struct):
    """A JWK set (RFC 7517 §5). Every key has a `kid`."""

    keys: list[dict[str, Any]]


class Discovery(Struct):
    """Who signs, and where the keys are. There are no other endpoints: authentication stops at login."""

    issuer: str
    jwks_uri: str


class Health(Struct):
    """`ok`."""

    status: str
