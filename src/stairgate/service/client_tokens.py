"""
Tokens for service clients that do not sign for themselves (RFC 6749 §4.4; authress-contract §5.2).

A client's secret is the private half of an access key. The token is the one that the client could have signed with it:
the same claims, for at most an hour. So the endpoint gives nothing that its caller does not have, stores nothing, and a
deleted key ends its tokens at once.
"""

from __future__ import annotations

import binascii
import hmac
from base64 import b64decode
from dataclasses import dataclass, field

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

from stairgate.model.canonical import JsonValue
from stairgate.model.clients import AccessKey
from stairgate.model.errors import InvalidInputError, UnauthenticatedError
from stairgate.model.ids import client_id
from stairgate.model.jwt import sign_jwt
from stairgate.service.authentication import CLIENTS_PATH, client_audience
from stairgate.service.context import Services

TOKEN_SECONDS = 3_600
TOKEN_TYP = "at+jwt"  # noqa: S105  # a type, not a secret
SCOPE = "openid"
MAX_SECRET = 256


@dataclass(frozen=True, slots=True)
class ClientToken:
    """A token of a service client. SECURITY: it is in no `repr`."""

    token: str = field(repr=False)
    expires_in: int  # seconds


async def issue_client_token(services: Services, client: str, secret: str) -> ClientToken:
    """
    A fresh token of *client*, which proves itself by *secret*.

    A secret has 256 random bits: there is nothing to guess, and so nothing to slow down.

    Args:
        services: The application's.
        client: Its id.
        secret: The private half of one of its access keys: base64 of its PKCS #8 DER, the last part of the key.

    Raises:
        UnauthenticatedError: There is no such client, or the secret is not one of its. Which of the two is not told.
        UnavailableError: That cannot be known now.
    """
    private = _private_key(secret)
    try:
        known = await services.facts.client(client_id(client))
    except InvalidInputError:
        known = None
    key = None if known is None or private is None else _matching(known.keys, private)
    if known is None or private is None or key is None:
        raise UnauthenticatedError("the client is not known, or this is not its secret")
    now = int(services.clock.now().timestamp())
    claims: dict[str, JsonValue] = {
        "iss": f"{services.rules.public_origins[0]}{CLIENTS_PATH}{known.id}",
        "sub": known.id,
        "client_id": known.id,
        "aud": client_audience(services),
        "iat": now,
        "exp": now + TOKEN_SECONDS,
        "scope": SCOPE,
        "jti": services.entropy.token(),
    }
    return ClientToken(sign_jwt(claims, typ=TOKEN_TYP, kid=key.id, key=private), TOKEN_SECONDS)


def _private_key(secret: str) -> Ed25519PrivateKey | None:
    try:
        key = load_der_private_key(b64decode(secret, validate=True), None) if len(secret) <= MAX_SECRET else None
    except (binascii.Error, ValueError, TypeError, UnsupportedAlgorithm):
        return None
    return key if isinstance(key, Ed25519PrivateKey) else None


def _matching(keys: tuple[AccessKey, ...], private: Ed25519PrivateKey) -> AccessKey | None:
    public = private.public_key().public_bytes_raw()
    found = None
    for key in keys:
        if hmac.compare_digest(key.public_key, public):
            found = key
    return found
