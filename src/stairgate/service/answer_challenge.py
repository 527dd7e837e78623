"""
Answer a challenge (semantics §7, §8).

One transaction counts the attempt, verifies it and, where it is right, ends the challenge, issues the elevation, moves
the factor's counter on and writes the entries. Whatever fails leaves nothing of it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from stairgate.factors.catalogue import methods_meeting
from stairgate.model.audit import Event
from stairgate.model.canonical import JsonValue, digest_of
from stairgate.model.challenges import Challenge, ChallengeState, Ticket
from stairgate.model.decisions import Question
from stairgate.model.elevations import Elevation
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    DomainError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    WrongAnswerError,
)
from stairgate.model.ids import ChallengeId, ElevationId
from stairgate.model.passkeys import signed_consent_document
from stairgate.model.protection import Level, Method
from stairgate.model.tokens import Caller
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit, endings, proving
from stairgate.service.context import Services
from stairgate.service.eligible import offered_levels, view
from stairgate.service.guard import opens
from stairgate.service.issue_code import require_attester, require_external
from stairgate.service.loading import facts_in
from stairgate.service.parties import Party, attesting_level, require_party
from stairgate.service.views import ChallengeView
from stairgate.stepup.challenges import MAX_WRONG, ended, satisfied, wrong
from stairgate.stepup.elevations import issue
from stairgate.stepup.limits import standing_after_wrong

ELEVATION_ID_BITS = 160
MAX_CODE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class AnswerCall:
    """*once*: the user asked for "only this once" (semantics §8)."""

    method: Method
    code: str | None = None
    once: bool = False
    credential: Mapping[str, object] | None = None

    def __repr__(self) -> str:
        return f"AnswerCall(method={self.method!r}, once={self.once})"  # SECURITY: never the code or credential


async def answer_challenge(
    services: Services,
    caller: Caller,
    id: ChallengeId,  # noqa: A002
    call: AnswerCall,
) -> ChallengeView:
    """
    Answer the challenge; where the answer is right, the token that the challenge names has its elevation.

    Raises:
        NotFoundError: There is no such challenge, or the caller has no part in it.
        InvalidInputError: The method does not meet the challenge, or the code is missing.
        ForbiddenError: The caller may not answer by this method.
        NoEligibleFactorError: The user has no factor of this method that can be used now.
        WrongAnswerError: The answer is wrong; the fifth locks the challenge.
        ChallengeEndedError: It has ended, or this answer would not meet today's marks.
        ChallengeBarredError: The user token is barred.
        TooManyAttemptsError: The factor must be left alone for a while.
        ConflictError: The same code was used at the same time.
    """
    given = _given(call)
    found, party = await require_party(services, caller, id)
    external = await _require_may_answer(services, caller, found, party, call.method)
    offered = await attesting_level(services, found.ticket)
    answer = _Answer(
        services,
        call,
        given,
        external,
        audit.actor(caller),
        ElevationId(_fresh_id(services)),
        same_device=party.named,
    )

    def run(transaction: WriteTransaction) -> ChallengeView | DomainError:
        now = services.clock.now()
        outcome = answer.apply(transaction, id, now)
        return outcome if isinstance(outcome, DomainError) else view(services, transaction, outcome, offered, now)

    try:
        outcome = await services.store.write(run)
    finally:
        services.notices.tell([id])
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


def _given(call: AnswerCall) -> proving.Given:
    """
    What was given back.

    Raises:
        InvalidInputError: It is missing, too long, or what another method takes.
    """
    passkey = call.method is Method.PASSKEY
    wanted, other = ("credential", "code") if passkey else ("code", "credential")
    if (call.code if passkey else call.credential) is not None:
        raise InvalidInputError(other, f"is not for `{call.method}`: send `{wanted}`")
    if (call.credential if passkey else call.code) is None:
        raise InvalidInputError(wanted, "is required")
    if call.code is not None and len(call.code) > MAX_CODE_LENGTH:
        raise InvalidInputError("code", f"must have at most {MAX_CODE_LENGTH} characters")
    return proving.Given(call.method, call.code or "", call.credential)


def _fresh_id(services: Services) -> str:
    return services.entropy.token(bits=ELEVATION_ID_BITS)


async def _require_may_answer(
    services: Services, caller: Caller, challenge: Challenge, party: Party, method: Method
) -> Level | None:
    """What `external` proves, where that is the method; None for others. A weaker method is no way in (attack 14)."""
    if challenge.ticket.requirement.device is not None and not party.named:
        raise ForbiddenError("this challenge is answered on the device that asked: by the user token that it names")
    if method is Method.EXTERNAL:
        return await require_external(services, challenge, require_attester(caller, party))
    if method not in methods_meeting(challenge.ticket.requirement, offered_levels(services)):
        raise InvalidInputError("method", f"`{method}` does not meet what this challenge asks for")
    if not party.may_answer:
        raise ForbiddenError("the client may not answer this challenge: it needs StepUp:Challenge on Authress:StepUp/…")
    return None


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer with everything that its transaction needs, as values."""

    services: Services
    call: AnswerCall
    given: proving.Given
    external: Level | None
    by: str
    elevation: ElevationId
    same_device: bool

    def apply(self, transaction: WriteTransaction, challenge_id: ChallengeId, now: datetime) -> Challenge | DomainError:
        """The challenge as the answer left it. An error is returned where what was counted must stay."""
        stored = transaction.challenge(challenge_id)
        if stored is None:
            return NotFoundError()
        challenge = endings.settle(transaction, stored, now)
        if not challenge.state.live:
            return ChallengeEndedError(challenge.state)
        ticket = challenge.ticket
        if transaction.standing(ticket.token).barred(now):
            return ChallengeBarredError()
        once = self.call.once
        if self.given.method is Method.PASSKEY and challenge.ceremony is not None:
            if once and not challenge.ceremony.once:
                return InvalidInputError("once", "is chosen with the options of a passkey, so that it is signed")
            once = challenge.ceremony.once
        attempts = proving.attempts_for(
            self.services, transaction, challenge, self.given, external=self.external, now=now
        )
        if isinstance(attempts, DomainError):
            return attempts
        proof = proving.try_all(transaction, ticket.user, attempts, by=self.by, now=now)
        challenge = replace(challenge, ceremony=None)  # a nonce is spent by any answer (WA-2)
        if proof is None:
            proving.disable_exhausted(transaction, attempts, by=self.by, now=now)
            return self._wrong(transaction, challenge, now)
        standing = transaction.standing(ticket.token)
        transaction.set_standing(ticket.token, replace(standing, wrong_answers=0, barred_until=None))
        return self._right(transaction, challenge, proof, once=once, now=now)

    def _wrong(self, transaction: WriteTransaction, challenge: Challenge, now: datetime) -> DomainError:
        challenge = wrong(challenge, now)
        left = MAX_WRONG - challenge.wrong_answers
        facts = {"method": self.call.method.value, "attemptsLeft": left}
        entry = audit.challenge_entry(Event.CHALLENGE_WRONG_ANSWER, challenge, by=self.by, at=now, facts=facts)
        transaction.append_audit(entry)
        if challenge.state.live:
            transaction.replace_challenge(challenge)
        else:
            endings.store(transaction, challenge, by=self.by, at=now)
        token = challenge.ticket.token
        standing = standing_after_wrong(transaction.standing(token), now)
        transaction.set_standing(token, standing)
        if standing.barred(now):
            entry = audit.barred_entry(challenge.ticket.user, token, why="wrong answers", by=self.by, at=now)
            transaction.append_audit(entry)
        return WrongAnswerError(left)

    def _right(
        self, transaction: WriteTransaction, challenge: Challenge, proof: proving.Proof, *, once: bool, now: datetime
    ) -> Challenge | DomainError:
        elevation = issue(
            challenge, proof.evidence, id=self.elevation, now=now, once=once, same_device=self.same_device
        )
        if not _meets_today(self.services, transaction, challenge.ticket, elevation, now):
            outdated = ended(challenge, ChallengeState.SUPERSEDED, now)
            endings.store(transaction, outdated, by=self.by, at=now)
            return ChallengeEndedError(outdated.state)
        done = satisfied(replace(challenge, signed=proof.signed), proof.evidence, elevation.id, now)
        endings.store(transaction, done, by=self.by, at=now)
        transaction.add_elevation(elevation)
        facts: dict[str, JsonValue] = {"factor": elevation.factor, "once": once, "amr": list(proof.amr)}
        if proof.signed is not None:
            facts["signedConsent"] = digest_of(signed_consent_document(proof.signed))
        transaction.append_audit(
            audit.elevation_entry(Event.ELEVATION_ISSUED, elevation, by=self.by, at=now, facts=facts)
        )
        return done


def _meets_today(
    services: Services, transaction: WriteTransaction, ticket: Ticket, elevation: Elevation, now: datetime
) -> bool:
    """
    Whether *elevation* would allow, today, the very thing that was refused (semantics §7, the law of progress).

    Marks may have become stricter since, or the grant may be gone: then the answer must not leave an elevation that
    does not do what was agreed to.
    """
    context = {name: json.loads(value) for name, value in ticket.details.items()}
    question = Question(ticket.user, ticket.resource, ticket.action, ticket.token, context)
    facts = facts_in(transaction, ticket.user, asker=ticket.client, methods=services.rules.methods)
    return opens(transaction, question, facts, elevation, now)
