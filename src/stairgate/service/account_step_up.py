"""
The step-up of whoever is on the account page (semantics §7.2, §7.6).

The page opens the challenge as the app would, for the token that it was entered with, and is the way back itself. What
comes of it is bound to this session of the page (`factor_rights`).
"""

from __future__ import annotations

from stairgate.model.canonical import canonical_json
from stairgate.model.challenges import Challenge, Opening
from stairgate.model.errors import NoEligibleFactorError, NotFoundError, StepUpRefusedError
from stairgate.model.ids import ChallengeId
from stairgate.model.tokens import UserCaller
from stairgate.ports.store import ReadTransaction
from stairgate.service import audit
from stairgate.service.account_links import AccountSession, account_return
from stairgate.service.context import Services
from stairgate.service.eligible import no_eligible_factor
from stairgate.service.guard import PAGE
from stairgate.service.open_challenge import OpenCall, open_challenge
from stairgate.service.report_step_up import redeem


async def begin_step_up(
    services: Services, session: AccountSession, refused: StepUpRefusedError, *, state: str, locale: str
) -> str:
    """
    Open the challenge that a refusal of *session* asks for.

    Args:
        services: The application's.
        session: Whose.
        refused: Why something on the page was refused.
        state: Comes back with the browser.
        locale: What the person reads.

    Returns:
        The address of the challenge page, with its secret.

    Raises:
        NotFoundError: The session has no token that could be elevated.
        NoEligibleFactorError: The user has no factor that is strong enough and can be used now.
        ChallengeBarredError: The token is barred.
        TooManyChallengesError: The token has five live challenges.
    """
    if session.caller is None:
        raise NotFoundError
    if refused.challenge_token is None:  # no method that this service offers would do
        raise no_eligible_factor(session.user)
    opening = Opening(return_uri=account_return(services), state=state, locale=locale)
    view = await open_challenge(services, session.caller, OpenCall(refused.challenge_token, opening))
    if view.page_uri is None:
        raise NoEligibleFactorError
    return view.page_uri


async def finish_step_up(services: Services, session: AccountSession, challenge: ChallengeId, code: str) -> None:
    """
    Take the return code that the browser brought back from the challenge page: it elevates this session.

    Raises:
        NotFoundError: This session opened no such challenge.
        ChallengeBarredError: The token is barred.
        ChallengeEndedError: The proof would not meet today's marks.
        WrongAnswerError: The code is wrong: that counts as a wrong answer.
    """

    def run(transaction: ReadTransaction) -> Challenge | None:
        return transaction.challenge(challenge)

    found = await services.store.read(run)
    if session.caller is None or found is None or not _opened_here(found, session.caller):
        raise NotFoundError
    await redeem(services, found.ticket, code, by=audit.actor(session.caller))


def _opened_here(challenge: Challenge, caller: UserCaller) -> bool:
    ticket = challenge.ticket
    bound = ticket.details.get(PAGE)
    return caller.page is not None and ticket.token == caller.token.key and bound == canonical_json(caller.page)
