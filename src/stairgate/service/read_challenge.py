"""See a challenge, or wait for it to change (semantics §7). Nothing is written: that its time is over is just seen."""

from __future__ import annotations

import asyncio

from stairgate.model.challenges import Challenge
from stairgate.model.errors import InvalidInputError, NotFoundError
from stairgate.model.ids import ChallengeId
from stairgate.model.protection import Level
from stairgate.model.tokens import Participant
from stairgate.ports.store import ReadTransaction
from stairgate.service.context import Services
from stairgate.service.eligible import view
from stairgate.service.parties import offered_external, require_party
from stairgate.service.views import ChallengeView
from stairgate.stepup.challenges import settled

LONGEST_WAIT = 60  # seconds
SLOW_POLL = 1.0  # seconds; what this process does is told at once, this is for what others do


async def read_challenge(services: Services, participant: Participant, id: ChallengeId) -> ChallengeView:  # noqa: A002  # its name everywhere
    """
    The challenge as it is now.

    Raises:
        NotFoundError: There is none, or the participant has no part in it.
    """
    found, party = await require_party(services, participant, id)
    external = await offered_external(services, found, party)
    return await _view(services, id, external)


async def wait_for_challenge(
    services: Services,
    participant: Participant,
    id: ChallengeId,  # noqa: A002
    seconds: int,
) -> ChallengeView:
    """
    The challenge, as soon as it has changed since this call, or has ended, or *seconds* are over.

    Raises:
        InvalidInputError: *seconds* is not from 0 to 60.
        NotFoundError: There is none, or the participant has no part in it.
    """
    if not 0 <= seconds <= LONGEST_WAIT:
        raise InvalidInputError("wait", f"must be from 0 to {LONGEST_WAIT} seconds")
    found, party = await require_party(services, participant, id)
    external = await offered_external(services, found, party)
    loop = asyncio.get_running_loop()
    deadline = loop.time() + seconds
    with services.notices.listening(id) as changed:
        while True:
            changed.clear()
            current = await _view(services, id, external)
            left = deadline - loop.time()
            if left <= 0 or not current.challenge.state.live or current.challenge.version != found.version:
                return current
            try:
                async with asyncio.timeout(min(left, SLOW_POLL)):
                    await changed.wait()
            except TimeoutError:
                continue


async def _view(services: Services, challenge: ChallengeId, external: Level | None) -> ChallengeView:
    def run(transaction: ReadTransaction) -> ChallengeView:
        found: Challenge | None = transaction.challenge(challenge)
        if found is None:
            raise NotFoundError
        now = services.clock.now()
        return view(services, transaction, settled(found, now), external, now)

    return await services.store.read(run)
