"""Begin a passkey's ceremony for a challenge: a fresh nonce, bound to exactly this access (semantics §7, §7.3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from stairgate.factors.catalogue import methods_meeting
from stairgate.factors.passkey import TIMEOUT_SECONDS, request_options
from stairgate.model.canonical import JsonValue
from stairgate.model.challenges import Ceremony, Challenge, ChallengeState
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    DomainError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from stairgate.model.ids import ChallengeId
from stairgate.model.passkeys import Passkey, RelyingParty
from stairgate.model.protection import Method
from stairgate.model.tokens import Participant
from stairgate.ports.store import WriteTransaction
from stairgate.service.context import Services
from stairgate.service.eligible import no_eligible_factor, offered_levels, others_first
from stairgate.service.endings import settle
from stairgate.service.parties import Party, require_party
from stairgate.service.stored_factors import passkey_in, usable_factors
from stairgate.service.wishes import asks_every_time
from stairgate.stepup.consent import NONCE_BYTES, consent_document, webauthn_challenge


async def passkey_options(
    services: Services,
    participant: Participant,
    id: ChallengeId,  # noqa: A002
    *,
    once: bool,
) -> Mapping[str, JsonValue]:
    """
    `PublicKeyCredentialRequestOptionsJSON` for one attempt; the nonce of the attempt before it is dead.

    Args:
        services: The application's.
        participant: A party to the challenge.
        id: Which one.
        once: The user asks for "only this once": it enters what is signed (semantics §7.3).

    Raises:
        NotFoundError: There is no such challenge, or the participant has no part in it.
        ForbiddenError: The participant may not answer it.
        InvalidInputError: A passkey does not meet the challenge, or is not offered.
        NoEligibleFactorError: The user has no passkey that can be used now.
        ChallengeEndedError: It has ended.
        ChallengePendingError: Other people have yet to agree.
        ChallengeBarredError: The user token is barred.
    """
    found, party = await require_party(services, participant, id)
    relying_party = _require_offered(services, found, party)
    nonce = services.entropy.bytes(NONCE_BYTES)

    def run(transaction: WriteTransaction) -> Mapping[str, JsonValue] | DomainError:
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
        allowed = _allowed(services, transaction, challenge, now)
        if not allowed:
            return no_eligible_factor(challenge.ticket.user)
        ends = min(now + timedelta(seconds=TIMEOUT_SECONDS), challenge.expires_at)
        only_once = once or asks_every_time(transaction, challenge.ticket.user)
        ceremony = Ceremony(nonce, only_once, ends)
        transaction.replace_challenge(replace(challenge, ceremony=ceremony, version=challenge.version + 1))
        signed = webauthn_challenge(nonce, consent_document(challenge, once=only_once))
        seconds = int((ends - now).total_seconds())
        return request_options(relying_party, challenge=signed, allowed=allowed, seconds=seconds)

    outcome = await services.store.write(run)
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def _require_offered(services: Services, challenge: Challenge, party: Party) -> RelyingParty:
    offered = methods_meeting(challenge.ticket.requirement, offered_levels(services))
    if services.rules.party is None or Method.PASSKEY not in offered:
        raise InvalidInputError("method", "`passkey` does not meet what this challenge asks for")
    if not party.may_answer:
        raise ForbiddenError("the client may not answer this challenge: it needs StepUp:Challenge on Authress:StepUp/…")
    return services.rules.party


def _allowed(
    services: Services, transaction: WriteTransaction, challenge: Challenge, now: datetime
) -> tuple[Passkey, ...]:
    ticket = challenge.ticket
    level = ticket.requirement.level
    usable = usable_factors(services, transaction, ticket.user, Method.PASSKEY, now, level=level)
    return tuple(passkey_in(services, factor) for factor in usable)
