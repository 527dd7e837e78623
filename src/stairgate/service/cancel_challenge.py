"""Cancel a challenge: who opened it takes it back (semantics §7)."""

from __future__ import annotations

from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import ChallengeEndedError, DomainError, ForbiddenError, NotFoundError
from stairgate.model.ids import ChallengeId
from stairgate.model.tokens import Caller
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit, endings
from stairgate.service.context import Services
from stairgate.service.parties import opened_by, require_party


async def cancel_challenge(services: Services, caller: Caller, id: ChallengeId) -> None:  # noqa: A002
    """
    End the challenge as cancelled; one that was cancelled before stays so.

    Raises:
        NotFoundError: There is none, or the caller has no part in it.
        ForbiddenError: Somebody else opened it: the caller can decline it.
        ChallengeEndedError: It has ended otherwise.
    """
    found, party = await require_party(services, caller, id)
    if not opened_by(found, caller, party):
        raise ForbiddenError("only who opened the challenge can cancel it; it can be declined")
    by = audit.actor(caller)

    def run(transaction: WriteTransaction) -> DomainError | None:
        now = services.clock.now()
        stored = transaction.challenge(id)
        if stored is None:
            return NotFoundError()
        challenge = endings.settle(transaction, stored, now)
        if challenge.state is ChallengeState.CANCELLED:
            return None
        if not challenge.state.live:
            return ChallengeEndedError(challenge.state)
        endings.end_challenges(transaction, [challenge], ChallengeState.CANCELLED, by=by, at=now)
        return None

    error = await services.store.write(run)
    services.notices.tell([id])
    if error is not None:
        raise error
