"""Who may ask about whom, and with which user token (semantics §6, "Whose token?")."""

from __future__ import annotations

from stairgate.engine.decide import assess
from stairgate.model.actions import READ
from stairgate.model.decisions import Allow, Question
from stairgate.model.errors import ForbiddenError, InvalidInputError, UnavailableError
from stairgate.model.ids import UserId
from stairgate.model.resources import management_resource
from stairgate.model.tokens import Caller, ClientCaller, UserCaller, UserToken
from stairgate.service.authentication import verify_user_token
from stairgate.service.context import Services

USER_TOKEN_HEADER = "Stairgate-User-Token"  # noqa: S105  # a header's name


async def may_ask(services: Services, caller: Caller, user: UserId) -> None:
    """
    Refuse a caller who may not ask about *user*.

    Everyone may ask about themselves; a client with the option about anyone; others with `READ` on
    `Authress:UserPermissions/{user}`, which no mark guards: through it marks are met (semantics §4).

    Raises:
        ForbiddenError: The caller may not.
        UnavailableError: That cannot be known now.
    """
    if caller.principal == user or (isinstance(caller, ClientCaller) and caller.may_check_any_user):
        return
    question = Question(caller.principal, management_resource("UserPermissions", user), READ)
    try:
        facts = await services.facts.facts_of(caller.principal)
    except UnavailableError:
        memory = services.facts.remembered(caller.principal)
        if memory is None:
            raise
        facts, _ = memory
    if not isinstance(assess(question, facts), Allow):
        raise ForbiddenError("the caller may not ask about this user: it needs READ on Authress:UserPermissions")


async def token_for(
    services: Services, caller: Caller, user: UserId, passed: str | None, *, remembered: bool = True
) -> UserToken | None:
    """
    The token of *user* that the caller's question is for; None where there is none.

    Args:
        services: The application's.
        caller: Who asks.
        user: Whom the question is about.
        passed: What came in `Stairgate-User-Token`.
        remembered: While the store is away, trust that is in memory will do.

    Raises:
        InvalidInputError: A user passed one.
        UserTokenRefusedError: It is not valid, or not *user*'s.
    """
    match caller:
        case UserCaller():
            if passed is not None:
                raise InvalidInputError(USER_TOKEN_HEADER, "is for service clients; a user's own token is the bearer")
            return caller.token if caller.token.user == user else None
        case ClientCaller():
            if passed is not None:
                return await verify_user_token(services, passed, user=user, remembered=remembered)
            return caller.token if caller.principal == user else None
