"""Report the result of a step-up: the article's `stepUpAuthorization` (semantics §7). Never by itself a proof."""

from __future__ import annotations

from datetime import datetime

from stairgate.model.challenges import Challenge, ChallengeState, Ticket
from stairgate.model.elevations import Elevation
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    ChallengePendingError,
    DomainError,
    InvalidInputError,
    NotFoundError,
    UnavailableError,
    UserTokenRefusedError,
)
from stairgate.model.ids import ChallengeId, ClientId, ElevationId
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit
from stairgate.service.challenge_tokens import read_ticket
from stairgate.service.context import Services
from stairgate.service.earning import ELEVATION_ID_BITS, Earner, count_wrong
from stairgate.service.pages import is_return_code
from stairgate.service.proving import Proof
from stairgate.service.whose_token import USER_TOKEN_HEADER, token_for
from stairgate.stepup.challenges import settled

RETURN = "return"  # what entries call an answer that is a return code


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
        code: The return code that the browser brought back from the page (semantics §7.2).

    Raises:
        InvalidChallengeTokenError: The challenge token is malformed or forged.
        UserTokenRefusedError: The user token is not valid, or not a token of that user.
        NotFoundError: The challenge token names another user token, or another client.
        ChallengeBarredError: The user token is barred.
        ChallengePendingError: The challenge is not opened, or not satisfied yet.
        ChallengeEndedError: It ended otherwise; a proof waits 60 seconds for its return code.
        WrongAnswerError: The return code is wrong: that counts as a wrong answer.
    """
    ticket = read_ticket(services, challenge_token, allow_expired=True)
    await _require_named_token(services, caller, ticket, user_token)

    if code is not None:
        await redeem(services, ticket, code, by=audit.actor(caller))

    def run(transaction: ReadTransaction) -> Elevation:
        now = services.clock.now()
        challenge = _opened(transaction, ticket, now)
        if challenge.state.live:
            raise ChallengePendingError
        if challenge.state is not ChallengeState.SATISFIED or challenge.elevation is None:
            raise ChallengeEndedError(challenge.state)
        elevation = transaction.elevation(challenge.elevation)
        if elevation is None:
            raise UnavailableError("the elevation of a satisfied challenge cannot be found")
        return elevation

    return await services.store.read(run)


def _opened(transaction: ReadTransaction, ticket: Ticket, now: datetime) -> Challenge:
    if transaction.standing(ticket.token).barred(now):
        raise ChallengeBarredError
    challenge = transaction.challenge_of_ticket(ticket.id)
    if challenge is None:
        raise ChallengePendingError
    return settled(challenge, now)


async def redeem(services: Services, ticket: Ticket, code: str, *, by: str) -> None:
    """
    Satisfy the proven challenge of *ticket* with the return code *code*; one in another state is left as it is.

    Whether whoever brings it has the token that the ticket names is the caller's to know.

    Raises:
        ChallengeBarredError: The user token is barred.
        ChallengePendingError: No challenge was opened with the ticket.
        ChallengeEndedError: The proof would not meet today's marks.
        WrongAnswerError: The return code is wrong: that counts as a wrong answer.
    """
    elevation = ElevationId(services.entropy.token(bits=ELEVATION_ID_BITS))

    def run(transaction: WriteTransaction) -> tuple[ChallengeId | None, DomainError | None]:
        now = services.clock.now()
        challenge = _opened(transaction, ticket, now)
        returning, evidence = challenge.returning, challenge.evidence
        if challenge.state is not ChallengeState.PROVEN or returning is None or evidence is None:
            return None, None
        if not is_return_code(services, challenge, code):
            error = count_wrong(transaction, challenge, method=RETURN, by=by, now=now, on_token=True)
            return challenge.id, error
        proof = Proof(evidence, returning.amr, signed=challenge.signed)
        earner = Earner(services, by, elevation, same_device=True)
        outcome = earner.satisfy(transaction, challenge, proof, once=returning.once, now=now)
        return challenge.id, outcome if isinstance(outcome, DomainError) else None

    changed, error = await services.store.write(run)
    services.notices.tell([] if changed is None else [changed])
    if error is not None:
        raise error


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
