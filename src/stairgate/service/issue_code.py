"""Hand out the code of a challenge for the app to deliver in its own way: `external` (semantics §7, §7.4)."""

from __future__ import annotations

from datetime import timedelta

from stairgate.factors.catalogue import methods_meeting
from stairgate.factors.delivered_code import CODE_DIGITS
from stairgate.model.audit import Event
from stairgate.model.challenges import CODE_SECONDS, Challenge, ChallengeState, IssuedCode
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    DomainError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    TooManyPromptsError,
)
from stairgate.model.ids import ChallengeId, ClientId
from stairgate.model.protection import Level, Method
from stairgate.model.tokens import ClientCaller, Participant
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit
from stairgate.service.context import Services
from stairgate.service.eligible import others_first
from stairgate.service.endings import settle
from stairgate.service.loading import best_levels
from stairgate.service.parties import Party, require_party
from stairgate.service.views import IssuedCodeView
from stairgate.stepup.challenges import CHALLENGE_SECONDS, with_code
from stairgate.stepup.limits import PROMPT_WINDOW, prompt_wait

CODE_PURPOSE = "challenge code"


def bound_code(challenge: ChallengeId, code: str) -> str:
    """What is hashed: the code together with its challenge, so that it is good for that one only (semantics §7.4)."""
    return f"{challenge} {code}"


def require_attester(participant: Participant, party: Party) -> ClientId:
    """
    The service client that attests.

    Raises:
        ForbiddenError: The caller is none, or lacks `StepUp:Attest`.
    """
    if not isinstance(participant, ClientCaller) or not party.may_attest:
        raise ForbiddenError("`external` is for service clients with StepUp:Attest on Authress:StepUp/…")
    return participant.client


async def require_external(services: Services, challenge: Challenge, attester: ClientId) -> Level:
    """
    What `external` proves where *attester* attests.

    Raises:
        InvalidInputError: That does not meet the challenge: a weaker method is no way in (attack 14).
    """
    levels = best_levels(await services.facts.external_levels(), attester, services.rules.methods)
    if Method.EXTERNAL not in methods_meeting(challenge.ticket.requirement, levels):
        raise InvalidInputError("method", "`external` does not meet what this challenge asks for")
    return levels[Method.EXTERNAL]


async def issue_code(
    services: Services,
    participant: Participant,
    id: ChallengeId,  # noqa: A002
    method: Method,
) -> IssuedCodeView:
    """
    A fresh code for the challenge; the one before it is dead.

    Raises:
        NotFoundError: There is no such challenge, or the participant has no part in it.
        InvalidInputError: *method* has no code to hand out, or does not meet the challenge.
        ForbiddenError: The caller may not attest.
        ChallengeEndedError: It has ended.
        ChallengePendingError: Other people have yet to agree.
        ChallengeBarredError: The user token is barred.
        TooManyPromptsError: The user was asked three times without an answer.
    """
    if method is not Method.EXTERNAL:
        raise InvalidInputError("method", f"`{method}` has no code to hand out: use `external`")
    found, party = await require_party(services, participant, id)
    attester = require_attester(participant, party)
    await require_external(services, found, attester)
    code = services.entropy.digits(CODE_DIGITS)
    digest = services.keys.digest(bound_code(id, code), purpose=CODE_PURPOSE)

    def run(transaction: WriteTransaction) -> IssuedCode | DomainError:
        now = services.clock.now()
        stored = transaction.challenge(id)
        if stored is None:
            return NotFoundError()
        challenge = settle(transaction, stored, now)
        if challenge.state is not ChallengeState.OPEN:
            return ChallengeEndedError(challenge.state)
        if challenge.waiting:
            return others_first()
        if transaction.standing(challenge.ticket.token).barred(now):
            return ChallengeBarredError()
        # A prompt can be as late as the last moment of a challenge.
        since = now - timedelta(seconds=PROMPT_WINDOW + CHALLENGE_SECONDS)
        wait = prompt_wait(transaction.challenges_of_user(challenge.ticket.user, since=since), now)
        if wait > 0:
            return TooManyPromptsError(wait)
        issued = IssuedCode(digest, now + timedelta(seconds=CODE_SECONDS))
        challenge = with_code(challenge, issued)
        transaction.replace_challenge(challenge)
        entry = audit.challenge_entry(
            Event.CHALLENGE_CODE, challenge, by=audit.actor(participant), at=now, facts={"method": method.value}
        )
        transaction.append_audit(entry)
        return issued

    outcome = await services.store.write(run)
    if isinstance(outcome, DomainError):
        raise outcome
    services.notices.tell([id])
    return IssuedCodeView(code, outcome.expires_at)
