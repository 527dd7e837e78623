"""Keys, discovery, health."""

from __future__ import annotations

from typing import Any

from msgspec import Struct


class KeySet(Struct):
    """A JWK set (RFC 7517 §5). Every key has a `kid`."""

    keys: list[dict[str, Any]]


class Discovery(Struct):
    """Who signs, where the keys are, and where service clients get tokens. Users log in with an identity provider."""

    issuer: str
    jwks_uri: str
    token_endpoint: str
    grant_types_supported: list[str]
    token_endpoint_auth_methods_supported: list[str]


class RelatedOrigins(Struct):
    """Where passkeys of this service may be used (WebAuthn Level 3 §5.11)."""

    origins: list[str]


class Health(Struct):
    """`ok`."""

    status: str
