"""The built-in test identity provider: user tokens without anything outside, in development only."""

from __future__ import annotations

from datetime import timedelta

from stairgate.model.errors import InvalidInputError, OutOfScopeError
from stairgate.model.ids import UserId
from stairgate.service.authentication import TEST_TOKEN_TYP
from stairgate.service.context import Services
from stairgate.service.user_tokens import require_user_id

TEST_TOKEN_SECONDS = 3_600
LONGEST_TEST_TOKEN_SECONDS = 86_400


def issue_test_token(services: Services, user: UserId, *, ttl: int = TEST_TOKEN_SECONDS) -> str:
    """
    A fresh access token of *user*; each call gives another one, as each login does.

    Args:
        services: The application's, with `rules.dev`.
        user: Whose token.
        ttl: Seconds until it ends.

    Raises:
        OutOfScopeError: The test identity provider is off.
        InvalidInputError: The user id is none, or a service client's; or *ttl* is out of bounds.
    """
    if services.test_issuer is None or not services.rules.dev:
        raise OutOfScopeError
    if not 1 <= ttl <= LONGEST_TEST_TOKEN_SECONDS:
        raise InvalidInputError("ttl", f"must be from 1 to {LONGEST_TEST_TOKEN_SECONDS} seconds")
    require_user_id(user)
    now = services.clock.now()
    return services.test_issuer.sign(
        {
            "iss": services.rules.public_origins[0],
            "sub": user,
            "aud": services.account,
            "iat": int(now.timestamp()),
            "exp": int((now + timedelta(seconds=ttl)).timestamp()),
            "jti": services.entropy.token(),
        },
        typ=TEST_TOKEN_TYP,
    )
