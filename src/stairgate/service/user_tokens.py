"""
What a user's access token must be, beside signed by a trusted issuer (semantics §1; RFC 8725, RFC 9068; attack 21).

Pure reading of claims: nothing here fetches, caches or believes anything that was not verified.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta

from stairgate.model.canonical import JsonValue
from stairgate.model.clients import Issuer
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import CLIENT_PREFIX, UserId, user_id
from stairgate.model.jwt import Jwt, numeric_date
from stairgate.model.tokens import UserToken, token_key

SKEW = timedelta(seconds=60)  # between the issuer's clock and ours, for `nbf` and `iat`; `exp` is exact
ACCESS_TOKEN_TYPES = frozenset({"at+jwt", "application/at+jwt"})
PLAIN_TYPES = frozenset({"jwt", "application/jwt"})
# Only ID and logout tokens have these; but a token whose `typ` says that it is an access token may have a nonce.
_ID_TOKEN_CLAIMS = ("nonce", "at_hash", "c_hash", "s_hash", "events")
_PLACEHOLDER = re.compile(r"\{([A-Za-z0-9_:./-]{1,64})\}")
_FIELD = "token"


def refused(problem: str) -> InvalidInputError:
    """Why a token is refused, for whoever translates it: the caller's own is 401, a passed one `UserTokenRefused`."""
    return InvalidInputError(_FIELD, problem)


def require_access_token(jwt: Jwt) -> None:
    """
    Refuse ID tokens, logout tokens and whatever else an issuer signs, where they can be told apart (TK-8).

    Raises:
        InvalidInputError: It is not an access token.
    """
    typ = None if jwt.typ is None else jwt.typ.lower()
    if typ is not None and typ not in ACCESS_TOKEN_TYPES | PLAIN_TYPES:
        raise refused("is of a type that is not an access token's")
    claims = jwt.unverified_claims
    if str(claims.get("token_use", "access")).lower() != "access":
        raise refused("is not an access token: see its `token_use`")
    if str(claims.get("typ", "Bearer")).lower() not in {"bearer", *ACCESS_TOKEN_TYPES, *PLAIN_TYPES}:
        raise refused("is not an access token: see its claim `typ`")
    if typ not in ACCESS_TOKEN_TYPES and any(name in claims for name in _ID_TOKEN_CLAIMS):
        raise refused("looks like an ID token: pass the access token")


def require_in_time(claims: Mapping[str, JsonValue], now: datetime) -> datetime:
    """
    When the token ends.

    Raises:
        InvalidInputError: It says no end, has ended, or is not valid yet.
    """
    expires_at = numeric_date(claims, "exp")
    if expires_at is None:
        raise refused("has no `exp`")
    if now >= expires_at:
        raise refused("has expired")
    for name in ("nbf", "iat"):
        begins_at = numeric_date(claims, name)
        if begins_at is not None and begins_at > now + SKEW:
            raise refused(f"is not valid yet: see its `{name}`")
    return expires_at


def audiences(claims: Mapping[str, JsonValue]) -> tuple[str, ...]:
    """
    Whom the token is for (RFC 7519 §4.1.3).

    Raises:
        InvalidInputError: `aud` is neither a text nor a list of texts.
    """
    value = claims.get("aud")
    if isinstance(value, str):
        return (value,)
    if isinstance(value, list):
        texts = tuple(item for item in value if isinstance(item, str))
        if len(texts) == len(value):
            return texts
    raise refused("names no audience")


def prefix_of(issuer: Issuer) -> str:
    """The literal text that every user id of *issuer* begins with; empty for the one with bare subjects."""
    return issuer.user_id_expression.partition("{")[0]


def user_of(claims: Mapping[str, JsonValue], issuer: Issuer, trusted: Iterable[Issuer]) -> UserId:
    """
    The user that *issuer* means.

    Raises:
        InvalidInputError: A claim is missing, the id is none that a user can have, is a service client's, or begins
            with what is another issuer's own prefix.
    """

    def claim(found: re.Match[str]) -> str:
        value = claims.get(found[1])
        if not isinstance(value, str) or not value:
            raise refused(f"has no claim `{found[1]}`")
        return value

    if not isinstance(claims.get("sub"), str):
        raise refused("has no `sub`")
    user = require_user_id(_PLACEHOLDER.sub(claim, issuer.user_id_expression))
    own = prefix_of(issuer)
    for other in trusted:
        prefix = prefix_of(other)
        if other.issuer != issuer.issuer and len(prefix) > len(own) and user.startswith(prefix):
            raise refused("names a user of another issuer")
    return user


def require_user_id(text: str) -> UserId:
    """*text* as a user's id that is not a service client's. Raises `InvalidInputError`."""
    user = user_id(text, field=_FIELD)
    if user.startswith(CLIENT_PREFIX):
        raise refused("names a service client")
    return user


def user_token(
    jwt: Jwt, claims: Mapping[str, JsonValue], issuer: Issuer, trusted: Iterable[Issuer], now: datetime
) -> UserToken:
    """
    The user token that verified *claims* make.

    Raises:
        InvalidInputError: It has ended, is for somebody else, names no user of this issuer, or is bound to a key whose
            possession cannot be checked here.
    """
    expires_at = require_in_time(claims, now)
    if issuer.audience != "*" and issuer.audience not in audiences(claims):
        raise refused("is for another audience")
    if "cnf" in claims:
        # SECURITY: taking it as a plain bearer token would drop the very binding that its issuer asked for (TK-5).
        raise refused("is sender-constrained, which this version cannot check")
    acr, auth_time = None, None
    if issuer.trust_acr:
        value = claims.get("acr")
        acr = value if isinstance(value, str) else None
        auth_time = numeric_date(claims, "auth_time")
    key = token_key(issuer.issuer, jwt.one_form())
    return UserToken(user_of(claims, issuer, trusted), key, expires_at, acr, auth_time)
