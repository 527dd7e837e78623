"""The token endpoint's shapes (RFC 6749 §4.4, §5)."""

from __future__ import annotations

from typing import Literal

from msgspec import UNSET, Struct, UnsetType


class TokenRequest(Struct):
    """
    Asks for a token of a service client. As a form or as JSON; HTTP Basic may carry the client's id and secret.

    The names are those of OAuth; `clientId` and `clientSecret` are taken, too. Other parameters have no effect.
    """

    grant_type: str
    client_id: str | UnsetType = UNSET
    client_secret: str | UnsetType = UNSET
    scope: str | UnsetType = UNSET


class TokenResponse(Struct):
    """A token of the service client; `expires_in` is in seconds."""

    access_token: str
    token_type: Literal["Bearer"]
    expires_in: int
    scope: str


class OAuthError(Struct):
    """Why there is no token, in the form of RFC 6749 §5.2."""

    error: Literal["invalid_request", "invalid_client", "unsupported_grant_type"]
    error_description: str
