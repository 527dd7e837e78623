"""Service clients, their access keys, and the issuers whose user tokens are trusted (semantics §1)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from stairgate.model.access import NO_TAGS
from stairgate.model.ids import ClientId, KeyId

MAX_KEYS = 5


@dataclass(frozen=True, slots=True)
class AccessKey:
    """The public half of a client's Ed25519 access key; the private half is shown once and not kept."""

    id: KeyId
    public_key: bytes  # 32 bytes, raw
    created_at: datetime


@dataclass(frozen=True, slots=True)
class ServiceClient:
    """A back end that asks."""

    id: ClientId
    name: str
    created_at: datetime
    keys: tuple[AccessKey, ...] = ()
    may_check_any_user: bool = False  # grantUserPermissionsAccess
    may_mint_tokens: bool = False  # grantTokenGeneration: kept for the wire, gives nothing here
    external_level: str | None = None  # an operator may raise `external` for this client (semantics §4, level)
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    return_uris: tuple[str, ...] = ()  # where a browser that finished a challenge may be sent (semantics §7.2)


@dataclass(frozen=True, slots=True)
class Issuer:
    """
    An identity provider whose access tokens are accepted.

    *algorithms* are pinned: a token signed otherwise is refused. *audience* `*` accepts any.
    *keys_uri* is where its JWKS lies; None: by discovery under the issuer itself.
    """

    issuer: str
    audience: str
    user_id_expression: str = "{sub}"
    algorithms: frozenset[str] = frozenset({"EdDSA", "ES256", "RS256"})
    keys_uri: str | None = None
    trust_acr: bool = False  # its `acr` and `auth_time` count as evidence (semantics §5)
    return_uris: tuple[str, ...] = ()  # as a client's, for apps that ask with the user's own token
