"""What a user was asked to confirm lately, and what came of it: for the user's own eyes (semantics §7.7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from stairgate.model.actions import Action
from stairgate.model.challenges import Challenge, ChallengeState
from stairgate.model.ids import ChallengeId, ClientId, UserId
from stairgate.model.protection import Method
from stairgate.model.resources import Resource
from stairgate.model.tokens import UserCaller
from stairgate.ports.store import ReadTransaction
from stairgate.service.context import Services
from stairgate.stepup.challenges import settled

MOST = 20


@dataclass(frozen=True, slots=True)
class PastStepUp:
    """
    One challenge as its user sees it afterwards. SECURITY: no token key, code, hash or page secret.

    *details* are the bound values (name -> JCS), *device* is what the app said. *method* is how it was confirmed.
    *not_me*: it was ended by "this was not me". *stopped*: the login that asked can ask for nothing more, because of
    that. *here*: that login is the one that looks.
    """

    id: ChallengeId
    user: UserId
    action: Action
    resource: Resource
    details: Mapping[str, str]
    asked_by: ClientId | None
    device: str | None
    opened_at: datetime
    state: ChallengeState
    method: Method | None
    not_me: bool
    stopped: bool
    here: bool


async def list_step_ups(services: Services, caller: UserCaller) -> list[PastStepUp]:
    """The 20 newest step-ups that *caller* was asked for, with whichever token, newest first."""

    def run(transaction: ReadTransaction) -> list[PastStepUp]:
        now = services.clock.now()
        found = transaction.newest_challenges_of(caller.principal, most=MOST)
        return [_past(transaction, settled(challenge, now), caller) for challenge in found]

    return await services.store.read(run)


def _past(transaction: ReadTransaction, challenge: Challenge, caller: UserCaller) -> PastStepUp:
    ticket, evidence = challenge.ticket, challenge.evidence
    confirmed = challenge.state in {ChallengeState.PROVEN, ChallengeState.SATISFIED}
    return PastStepUp(
        id=challenge.id,
        user=ticket.user,
        action=ticket.action,
        resource=ticket.resource,
        details=ticket.details,
        asked_by=ticket.client,
        device=challenge.opening.device,
        opened_at=challenge.opened_at,
        state=challenge.state,
        method=evidence.method if confirmed and evidence is not None else None,
        not_me=challenge.not_me,
        stopped=transaction.standing(ticket.token).not_me,
        here=ticket.token == caller.token.key,
    )
