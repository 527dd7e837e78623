"""Access tokens as the domain knows them: by key, never by value (semantics §1)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime

from stairgate.model.canonical import base64url
from stairgate.model.ids import ClientId, KeyId, LinkId, UserId


@dataclass(frozen=True, slots=True)
class TokenKey:
    """
    Which token: `(issuer, base64url(SHA-256(token bytes)))`, plus the `cnf` thumbprint of a sender-constrained one.

    A service client's own token key is `(clientId, keyId)`, however often it signs.
    """

    issuer: str
    digest: str
    confirmation: str | None = None

    def __str__(self) -> str:
        return " ".join(part for part in (self.issuer, self.digest, self.confirmation) if part)


def token_key(issuer: str, token: str, confirmation: str | None = None) -> TokenKey:
    """The key of the token with exactly these bytes."""
    return TokenKey(issuer, base64url(hashlib.sha256(token.encode()).digest()), confirmation)


@dataclass(frozen=True, slots=True)
class UserToken:
    """A user's access token that was verified."""

    user: UserId
    key: TokenKey
    expires_at: datetime | None  # None: an opaque token without a known end
    acr: str | None = None
    auth_time: datetime | None = None


def body_digest(body: bytes) -> str:
    """SHA-256 of the bytes of a request's body, in hex, as `sha256sum` prints it."""
    return hashlib.sha256(body).hexdigest()


NO_BODY = body_digest(b"")


@dataclass(frozen=True, slots=True)
class UserCaller:
    """
    A user who calls with their own access token. *body* is the digest of what this very call carries.

    *page* is the session of the account page that they are on, None where they call the API themselves.
    """

    token: UserToken
    body: str = NO_BODY
    page: LinkId | None = None

    @property
    def principal(self) -> UserId:
        """Whom the guard of the management API looks up."""
        return self.token.user


@dataclass(frozen=True, slots=True)
class ClientCaller:
    """A service client that calls with an assertion signed by its access key."""

    client: ClientId
    key: KeyId
    may_check_any_user: bool = False  # the client option `grantUserPermissionsAccess`

    @property
    def principal(self) -> UserId:
        """Whom the guard of the management API looks up: a client is a user whose id is the client id."""
        return UserId(self.client)

    @property
    def token(self) -> UserToken:
        """The client's own token, as the token of the user that it is (semantics §1)."""
        return UserToken(UserId(self.client), TokenKey(self.client, self.key), None)


Caller = UserCaller | ClientCaller


@dataclass(frozen=True, slots=True)
class PageHolder:
    """Somebody who has the page of a challenge, and so its secret. Who they are, nobody knows (semantics §7.8)."""

    secret: str

    def __repr__(self) -> str:
        return "PageHolder()"  # SECURITY: never the secret


Participant = Caller | PageHolder
