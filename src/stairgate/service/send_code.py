"""
Send the code of a challenge by email or sms (semantics §7, §7.4, §7.5).

The hash of the code is stored first, and the message leaves after that, so that no code is out that nobody knows of.
Where it cannot be handed over, the code is dead again and the caller is told.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from stairgate.factors.addresses import masked
from stairgate.factors.catalogue import CATALOGUE, methods_meeting
from stairgate.factors.delivered_code import CODE_DIGITS
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.challenges import CODE_SECONDS, Challenge, ChallengeState, IssuedCode
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    DeliveryFailedError,
    DomainError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    TooManyPromptsError,
)
from stairgate.model.evidence import AttemptCount, Factor
from stairgate.model.ids import ChallengeId, FactorId, UserId
from stairgate.model.protection import Method
from stairgate.model.tokens import Participant
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit, messages
from stairgate.service.context import Services
from stairgate.service.eligible import no_eligible_factor, offered_levels
from stairgate.service.endings import settle
from stairgate.service.issue_code import CODE_PURPOSE, bound_code
from stairgate.service.parties import require_party
from stairgate.service.stored_factors import unsealed, usable_factors
from stairgate.stepup.challenges import CHALLENGE_SECONDS, with_code
from stairgate.stepup.limits import PROMPT_WINDOW, prompt_wait, resend_wait

SENT = frozenset(method for method, entry in CATALOGUE.items() if entry.sends)
_STOPPED = "prompts stopped"  # under which it is kept when that was last recorded


@dataclass(frozen=True, slots=True)
class SentCode:
    """Where a code went, masked, and until when it is good."""

    sent_to: str
    expires_at: datetime


async def send_code(
    services: Services,
    participant: Participant,
    id: ChallengeId,  # noqa: A002
    method: Method,
    *,
    factor: FactorId | None = None,
    locale: str | None = None,
) -> SentCode:
    """
    A fresh code, on its way; the one before it is dead.

    Args:
        services: The application's.
        participant: A party to the challenge.
        id: Which one.
        method: `email` or `sms`.
        factor: Which of the user's addresses; None: the one that was used last, or else added first.
        locale: What the person reads; None: what the challenge was opened with.

    Raises:
        NotFoundError: There is no such challenge, or the participant has no part in it.
        InvalidInputError: *method* does not meet the challenge, or is not offered.
        ForbiddenError: The client may not answer this challenge.
        NoEligibleFactorError: The user has no such address that can be used now.
        ChallengeEndedError: It has ended.
        ChallengeBarredError: The user token is barred.
        TooManyPromptsError: The user was asked three times without an answer, or a moment ago.
        DeliveryFailedError: The message could not be handed over.
    """
    found, party = await require_party(services, participant, id)
    if method not in services.senders or method not in methods_meeting(
        found.ticket.requirement, offered_levels(services)
    ):
        raise InvalidInputError("method", f"`{method}` does not meet what this challenge asks for")
    if not party.may_answer:
        raise ForbiddenError("the client may not answer this challenge: it needs StepUp:Challenge on Authress:StepUp/…")
    code = services.entropy.digits(CODE_DIGITS)
    digest = services.keys.digest(bound_code(id, code), purpose=CODE_PURPOSE)
    by = audit.actor(participant)

    def run(transaction: WriteTransaction) -> tuple[Challenge, str] | DomainError:
        now = services.clock.now()
        stored = transaction.challenge(id)
        if stored is None:
            return NotFoundError()
        challenge = settle(transaction, stored, now)
        if challenge.state is not ChallengeState.OPEN:
            return ChallengeEndedError(challenge.state)
        user = challenge.ticket.user
        if transaction.standing(challenge.ticket.token).barred(now):
            return ChallengeBarredError()
        address = _address(usable_factors(services, transaction, user, method, now), factor)
        if address is None:
            return no_eligible_factor(user)
        wait = _wait(transaction, challenge, by=by, now=now)
        if wait > 0:
            return TooManyPromptsError(wait)
        issued = IssuedCode(digest, now + timedelta(seconds=CODE_SECONDS), method, address.id)
        challenge = with_code(challenge, issued)
        transaction.replace_challenge(challenge)
        facts = {"method": method.value, "factor": address.id}
        transaction.append_audit(audit.challenge_entry(Event.CHALLENGE_CODE, challenge, by=by, at=now, facts=facts))
        return challenge, unsealed(services, address).decode()

    outcome = await services.store.write(run)
    if isinstance(outcome, DomainError):
        raise outcome
    challenge, recipient = outcome
    services.notices.tell([id])
    wanted = locale or challenge.opening.locale
    message = await messages.challenge_code(
        services, challenge, code, channel=method, recipient=recipient, locale=wanted
    )
    try:
        await services.senders[method].send(message)
    except DeliveryFailedError as error:
        await _take_back(services, challenge, uncertain=error.uncertain)
        raise
    issued = challenge.code
    ends = services.clock.now() if issued is None else issued.expires_at
    return SentCode(masked(recipient), min(ends, challenge.expires_at))


def _address(usable: Sequence[Factor], wanted: FactorId | None) -> Factor | None:
    if wanted is not None:
        return next((factor for factor in usable if factor.id == wanted), None)
    used = [factor for factor in usable if factor.last_used_at is not None]
    if used:
        return max(used, key=lambda factor: (factor.last_used_at or factor.created_at, factor.id))
    return usable[0] if usable else None


def _wait(transaction: WriteTransaction, challenge: Challenge, *, by: str, now: datetime) -> int:
    """How many seconds nothing may be sent; that the user was asked too often is recorded, once in a while."""
    user = challenge.ticket.user
    # A prompt can be as late as the last moment of a challenge.
    since = now - timedelta(seconds=PROMPT_WINDOW + CHALLENGE_SECONDS)
    wait = prompt_wait(transaction.challenges_of_user(user, since=since), now)
    if wait > 0:
        _record_stop(transaction, user, challenge, by=by, now=now)
    return max(wait, resend_wait(challenge, now))


def _record_stop(transaction: WriteTransaction, user: UserId, challenge: Challenge, *, by: str, now: datetime) -> None:
    before = transaction.attempts(user, _STOPPED)
    recent = before.last_failure_at is not None and now < before.last_failure_at + timedelta(seconds=PROMPT_WINDOW)
    if recent:
        return
    transaction.set_attempts(user, _STOPPED, AttemptCount(before.failures + 1, now))
    facts = {"user": user, "token": str(challenge.ticket.token), "challenge": challenge.id}
    transaction.append_audit(AuditDraft(Event.PROMPTS_STOPPED, now, by, facts))


async def _take_back(services: Services, sent: Challenge, *, uncertain: bool) -> None:
    """
    Nothing was sent, so there is no code. What may have gone out all the same stays counted as a prompt.

    A newer code, or the end of the challenge, is left alone.
    """

    def run(transaction: WriteTransaction) -> None:
        stored = transaction.challenge(sent.id)
        if stored is None or stored.code != sent.code or stored.state is not ChallengeState.OPEN:
            return
        prompts = stored.prompts if uncertain else stored.prompts - 1
        transaction.replace_challenge(replace(stored, code=None, prompts=prompts, version=stored.version + 1))

    await services.store.write(run)
    services.notices.tell([sent.id])
