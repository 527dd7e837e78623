"""Report the result of a step-up: the article's `stepUpAuthorization` (semantics §7). Never by itself a proof."""

from __future__ import annotations

from stairgate.model.challenges import ChallengeState, Ticket
from stairgate.model.elevations import Elevation
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    ChallengePendingError,
    InvalidInputError,
    NotFoundError,
    NotYetSupportedError,
    UnavailableError,
    UserTokenRefusedError,
)
from stairgate.model.ids import ClientId
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.ports.store import ReadTransaction
from stairgate.service.challenge_tokens import read_ticket
from stairgate.service.context import Services
from stairgate.service.whose_token import USER_TOKEN_HEADER, token_for
from stairgate.stepup.challenges import settled


async def report_step_up(
    services: Services, caller: Caller, challenge_token: str, *, user_token: str | None, code: str | None
) -> Elevation:
    """
    The elevation that the challenge of *challenge_token* ended with; each call gives the same answer.

    Args:
        services: The application's.
        caller: The named user token, or a service client that has it.
        challenge_token: Its `exp` limits opening only.
        user_token: What a service client passes.
        code: The return code of a page, which this version has none of.

    Raises:
        InvalidChallengeTokenError: The challenge token is malformed or forged.
        UserTokenRefusedError: The user token is not valid, or not a token of that user.
        NotFoundError: The challenge token names another user token, or another client.
        ChallengeBarredError: The user token is barred.
        ChallengePendingError: The challenge is not opened, or not satisfied yet.
        ChallengeEndedError: It ended otherwise.
    """
    if code is not None:
        raise NotYetSupportedError("code", "is not supported by this version: it comes from a page")
    ticket = read_ticket(services, challenge_token, allow_expired=True)
    await _require_named_token(services, caller, ticket, user_token)

    def run(transaction: ReadTransaction) -> Elevation:
        now = services.clock.now()
        if transaction.standing(ticket.token).barred(now):
            raise ChallengeBarredError
        challenge = transaction.challenge_of_ticket(ticket.id)
        if challenge is None:
            raise ChallengePendingError
        challenge = settled(challenge, now)
        if challenge.state.live:
            raise ChallengePendingError
        if challenge.state is not ChallengeState.SATISFIED or challenge.elevation is None:
            raise ChallengeEndedError(challenge.state)
        elevation = transaction.elevation(challenge.elevation)
        if elevation is None:
            raise UnavailableError("the elevation of a satisfied challenge cannot be found")
        return elevation

    return await services.store.read(run)


async def _require_named_token(services: Services, caller: Caller, ticket: Ticket, passed: str | None) -> None:
    about_itself = caller.principal == ticket.user
    if isinstance(caller, ClientCaller) and passed is None and not about_itself:
        raise InvalidInputError(USER_TOKEN_HEADER, "is required from a service client")
    if isinstance(caller, UserCaller) and not about_itself:
        raise NotFoundError
    token = await token_for(services, caller, ticket.user, passed, remembered=False)
    if token is None:
        raise UserTokenRefusedError
    if token.key != ticket.token:
        raise NotFoundError
    if isinstance(caller, ClientCaller) and ticket.client not in {None, caller.client, ClientId(ticket.user)}:
        raise NotFoundError
