"""Decline a challenge; or say "this was not me", which bars the token until its end (semantics §7, §7.7)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from stairgate.model.challenges import Challenge, ChallengeState
from stairgate.model.elevations import EndReason
from stairgate.model.errors import ChallengeEndedError, DomainError, NotFoundError
from stairgate.model.ids import ChallengeId
from stairgate.model.requests import RequestEnd
from stairgate.model.tokens import Participant, UserCaller
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit, endings
from stairgate.service.context import Services
from stairgate.service.eligible import view
from stairgate.service.parties import require_party
from stairgate.service.views import ChallengeView


async def decline_challenge(
    services: Services,
    participant: Participant,
    id: ChallengeId,  # noqa: A002
    *,
    not_me: bool,
) -> ChallengeView:
    """
    End the challenge as declined.

    Args:
        services: The application's.
        participant: A party to it.
        id: Which one.
        not_me: "This was not me", in every state: ends every live challenge and every elevation of its token, too,
            and the token opens and redeems nothing further.

    Raises:
        NotFoundError: There is none, or the participant has no part in it.
        ChallengeEndedError: It has ended before, and *not_me* was not said.
    """
    await require_party(services, participant, id)
    return await _end(services, id, by=audit.actor(participant), not_me=not_me)


async def disown_challenge(services: Services, caller: UserCaller, id: ChallengeId) -> ChallengeView:  # noqa: A002
    """
    "This was not me", by the user whom the challenge names, with whichever token of theirs, in every state.

    Raises:
        NotFoundError: There is none, or it names another user: both look alike (attack 27).
    """
    found = await services.store.read(lambda transaction: transaction.challenge(id))
    if found is None or found.ticket.user != caller.principal:
        raise NotFoundError
    return await _end(services, id, by=audit.actor(caller), not_me=True)


async def _end(
    services: Services,
    id: ChallengeId,  # noqa: A002
    *,
    by: str,
    not_me: bool,
) -> ChallengeView:
    def run(transaction: WriteTransaction) -> tuple[ChallengeView | DomainError, list[ChallengeId]]:
        now = services.clock.now()
        stored = transaction.challenge(id)
        if stored is None:
            return NotFoundError(), []
        challenge = endings.settle(transaction, stored, now)
        if not challenge.state.live and not not_me:
            return ChallengeEndedError(challenge.state), []
        if not_me:
            touched = _bar(transaction, challenge, by=by, now=now)
        else:
            touched = endings.end_challenges(transaction, [challenge], ChallengeState.DECLINED, by=by, at=now)
        current = transaction.challenge(id) or challenge
        return view(services, transaction, current, None, now), touched

    outcome, touched = await services.store.write(run)
    services.notices.tell(touched)
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def _bar(transaction: WriteTransaction, challenge: Challenge, *, by: str, now: datetime) -> list[ChallengeId]:
    user, token = challenge.ticket.user, challenge.ticket.token
    live = endings.live_challenges(transaction, token, now)
    touched = endings.end_challenges(transaction, live, ChallengeState.DECLINED, by=by, at=now, not_me=True)
    elevations = endings.revocable_elevations(transaction, user, token, now)
    endings.end_elevations(transaction, elevations, EndReason.NOT_ME, by=by, at=now)
    endings.drop_enrolments(transaction, user)
    endings.end_requests_of(transaction, user, RequestEnd.NOT_ME, token=token, by=by, at=now)
    standing = transaction.standing(token)
    if not standing.not_me:
        transaction.set_standing(token, replace(standing, not_me=True))
        transaction.append_audit(audit.barred_entry(challenge, why="not me", by=by, at=now))
    return touched
