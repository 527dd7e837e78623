"""
Who calls, and whose token this is (semantics §1, §6; authress-contract §5).

Every bearer is a JWT: a service client's own assertion, or a user's access token of a trusted issuer. What was verified
is remembered by the token's text until its end, but counts only while the key or issuer that it was verified under is
still the one that is trusted: a deleted key is refused at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from stairgate.model.canonical import JsonValue
from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.errors import InvalidInputError, UnauthenticatedError, UserTokenRefusedError
from stairgate.model.evidence import TokenEvidence
from stairgate.model.ids import ClientId, UserId, client_id
from stairgate.model.jwk import ed25519_key, verifying_key
from stairgate.model.jwt import Jwt, numeric_date, read_jwt, verified_claims
from stairgate.model.protection import Level
from stairgate.model.tokens import Caller, ClientCaller, UserCaller, UserToken
from stairgate.service import user_tokens
from stairgate.service.context import Services
from stairgate.service.user_tokens import refused

MOST_REMEMBERED = 10_000
REMEMBERED_FOR = timedelta(minutes=5)  # then an issuer is asked again whether it still publishes the key
LONGEST_ASSERTION = timedelta(hours=24, minutes=5)  # official clients sign for 24 hours
ASSERTION_ALGORITHMS = frozenset({"EdDSA"})
ASSERTION_TYPES = frozenset({"jwt", "at+jwt"})
CLIENTS_PATH = "/v1/clients/"
TEST_TOKEN_TYP = "at+jwt"  # noqa: S105  # a type, not a secret

_LEVEL_OF_ACR = {level.acr: level for level in Level}


@dataclass(frozen=True, slots=True)
class _Remembered:
    """A token that was verified, and under whose trust."""

    who: Caller
    trust: ServiceClient | tuple[Issuer, ...]
    until: datetime


def client_audience(services: Services) -> str:
    """The `aud` of service clients' assertions, as official clients write it (authress-contract §5.2)."""
    return f"{services.account}.accounts.authress.io"


async def authenticate(services: Services, bearer: str | None, *, remembered: bool = False) -> Caller:
    """
    Who sends *bearer*.

    Args:
        services: The application's.
        bearer: The token alone, without `Bearer`; None where none was sent.
        remembered: While the store is away, what is in memory will do; for checks only (semantics §10).

    Raises:
        UnauthenticatedError: It is missing, or not verifiable. Why is not told to whoever cannot be told apart.
        UnavailableError: Trust or keys cannot be known now.
    """
    if bearer is None:
        raise UnauthenticatedError
    try:
        return await _caller(services, bearer, remembered=remembered)
    except InvalidInputError as error:
        raise UnauthenticatedError(f"the bearer token {error.problem}") from error


async def verify_user_token(
    services: Services, token: str, *, user: UserId | None = None, remembered: bool = False
) -> UserToken:
    """
    The user token that a service client passed.

    Args:
        services: The application's.
        token: The user's access token.
        user: Whose it must be; None: any user's.
        remembered: As for `authenticate`.

    Raises:
        UserTokenRefusedError: It is not valid, or not a token of *user*.
        UnavailableError: Trust or keys cannot be known now.
    """
    try:
        caller = await _caller(services, token, remembered=remembered)
    except InvalidInputError as error:
        raise UserTokenRefusedError(f"the user token {error.problem}") from error
    if not isinstance(caller, UserCaller) or (user is not None and caller.token.user != user):
        raise UserTokenRefusedError
    return caller.token


def token_evidence(token: UserToken | None) -> TokenEvidence | None:
    """What the token's own `acr` and `auth_time` prove; None where its issuer is not trusted with that."""
    level = None if token is None or token.acr is None else _LEVEL_OF_ACR.get(token.acr)
    return None if token is None or level is None else TokenEvidence(level, token.auth_time)


async def require_known(services: Services, caller: Caller, passed: UserToken | None = None) -> None:
    """
    Refuse whom nothing vouches for any more, though they were authenticated a moment ago, perhaps from memory.

    To be called once the facts of the decision are there: it answers for the same moment as they do.

    Args:
        services: The application's.
        caller: Who asks.
        passed: The user token that a service client passed.

    Raises:
        UnauthenticatedError: The client's key was deleted, or the user token's issuer is no longer trusted.
        UserTokenRefusedError: The passed token's issuer is no longer trusted.
        UnavailableError: That cannot be known now.
    """
    if isinstance(caller, ClientCaller):
        client = await services.facts.client_at_revision(caller.client)
        if client is None or all(key.id != caller.key for key in client.keys):
            raise UnauthenticatedError
        if passed is not None and passed.key != caller.token.key and not await _is_trusted(services, passed):
            raise UserTokenRefusedError
    elif not await _is_trusted(services, caller.token):
        raise UnauthenticatedError


async def _is_trusted(services: Services, token: UserToken) -> bool:
    issuers = await services.facts.issuers_at_revision()
    return services.rules.dev or any(issuer.issuer == token.key.issuer for issuer in issuers)


async def _caller(services: Services, token: str, *, remembered: bool) -> Caller:
    now = services.clock.now()
    known = services.token_cache.get(token)
    if isinstance(known, _Remembered):
        if now < known.until and await _still_trusted(services, known, remembered=remembered):
            return known.who
        services.token_cache.pop(token, None)
    jwt = read_jwt(token)
    issuer = jwt.unverified_claims.get("iss")
    if not isinstance(issuer, str):
        raise refused("names no issuer")
    client = _client_named_by(services, issuer)
    if client is not None:
        fresh = await _verified_client(services, jwt, client, now, remembered=remembered)
    else:
        fresh = await _verified_user(services, token, jwt, issuer, now, remembered=remembered)
    _remember(services, token, fresh)
    return fresh.who


async def _still_trusted(services: Services, known: _Remembered, *, remembered: bool) -> bool:
    if isinstance(known.who, ClientCaller):
        return await services.facts.client(known.who.client, remembered=remembered) is known.trust
    return await services.facts.issuers(remembered=remembered) is known.trust


def _remember(services: Services, token: str, fresh: _Remembered) -> None:
    cache = services.token_cache
    while len(cache) >= MOST_REMEMBERED:
        cache.pop(next(iter(cache)))
    cache[token] = fresh


def _client_named_by(services: Services, issuer: str) -> ClientId | None:
    """The client whose own name *issuer* is under one of our origins, None for any other issuer."""
    for origin in services.rules.public_origins:
        name = issuer.removeprefix(origin + CLIENTS_PATH)
        if name != issuer:
            return client_id(name)
    return None


async def _verified_client(
    services: Services, jwt: Jwt, client: ClientId, now: datetime, *, remembered: bool
) -> _Remembered:
    known = await services.facts.client(client, remembered=remembered)
    key = None if known is None else next((key for key in known.keys if key.id == jwt.kid), None)
    if known is None or key is None:
        raise refused("is signed with a key that is not known")
    if jwt.typ is None or jwt.typ.lower() not in ASSERTION_TYPES:
        raise refused("is of a type that is not accepted")
    claims = verified_claims(jwt, ed25519_key(key.public_key), expected_algorithms=ASSERTION_ALGORITHMS)
    if claims.get("sub") != client or claims.get("client_id", client) != client:
        raise refused("names another client than its issuer")
    if client_audience(services) not in user_tokens.audiences(claims):
        raise refused("is for another audience")
    until = user_tokens.require_in_time(claims, now)
    issued_at = numeric_date(claims, "iat")
    if issued_at is None or until - issued_at > LONGEST_ASSERTION:
        raise refused("is valid for longer than a day")
    return _Remembered(ClientCaller(client, key.id, known.may_check_any_user), known, until)


async def _verified_user(
    services: Services, token: str, jwt: Jwt, issuer: str, now: datetime, *, remembered: bool
) -> _Remembered:
    user_tokens.require_access_token(jwt)
    trusted = await services.facts.issuers(remembered=remembered)
    claims = _claims_of_test_issuer(services, token, jwt)
    if claims is not None:
        # NOTE: it exists in development only, and is exempt from the rule of one issuer with bare subjects.
        found = Issuer(issuer, services.account)
        verified = user_tokens.user_token(jwt, claims, found, (), now)
    else:
        configured = next((each for each in trusted if each.issuer == issuer), None)
        if configured is None:
            raise refused("is of an issuer that is not trusted")
        verified = user_tokens.user_token(jwt, await _claims_of(services, jwt, configured), configured, trusted, now)
    until = now + REMEMBERED_FOR
    if verified.expires_at is not None:
        until = min(until, verified.expires_at)
    return _Remembered(UserCaller(verified), trusted, until)


async def _claims_of(services: Services, jwt: Jwt, issuer: Issuer) -> Mapping[str, JsonValue]:
    if jwt.algorithm not in issuer.algorithms:
        raise refused("is signed with an algorithm that is not expected here")
    jwk = await services.issuer_keys.find(issuer, jwt.kid)
    if jwk is None:
        raise refused("is signed with a key that its issuer does not publish")
    return verified_claims(jwt, verifying_key(jwk), expected_algorithms=issuer.algorithms)


def _claims_of_test_issuer(services: Services, token: str, jwt: Jwt) -> Mapping[str, JsonValue] | None:
    """The claims of a token of the built-in test identity provider, None where it is not one of its tokens."""
    signer = services.test_issuer
    if signer is None or not services.rules.dev:
        return None
    if all(key.get("kid") != jwt.kid for key in signer.public_keys()):
        return None
    return signer.verify(token, typ=TEST_TOKEN_TYP)
