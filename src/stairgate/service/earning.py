"""What an answer earns or costs, in the transaction of whoever brought it (semantics §7.4, §8)."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from datetime import datetime

from stairgate.model.audit import Event
from stairgate.model.canonical import JsonValue, digest_of
from stairgate.model.challenges import Challenge, ChallengeState, IssuedReturn, Ticket
from stairgate.model.decisions import Question
from stairgate.model.elevations import Elevation
from stairgate.model.errors import ChallengeEndedError, DomainError, WrongAnswerError
from stairgate.model.evidence import Evidence
from stairgate.model.ids import ElevationId
from stairgate.model.passkeys import signed_consent_document
from stairgate.model.protection import Method
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit, endings
from stairgate.service.context import Services
from stairgate.service.guard import opens
from stairgate.service.loading import facts_in
from stairgate.service.proving import Proof
from stairgate.service.wishes import asks_every_time
from stairgate.stepup.approvals import settled, used
from stairgate.stepup.challenges import MAX_WRONG, ended, proven, satisfied, wrong
from stairgate.stepup.elevations import issue
from stairgate.stepup.limits import standing_after_wrong

ELEVATION_ID_BITS = 160


@dataclass(frozen=True, slots=True)
class Earner:
    """Who brings an answer: a fresh id for the elevation, and whether it was given on the device that asked."""

    services: Services
    by: str
    elevation: ElevationId
    same_device: bool

    def satisfy(
        self, transaction: WriteTransaction, challenge: Challenge, proof: Proof, *, once: bool, now: datetime
    ) -> Challenge | DomainError:
        """End *challenge* by *proof* and elevate its token; `superseded` where that would not help today."""
        once = once or asks_every_time(transaction, challenge.ticket.user)
        elevation = self._issued(challenge, proof.evidence, once=once, now=now)
        outdated = self._outdated(transaction, challenge, elevation, now)
        if outdated is not None:
            return outdated
        done = satisfied(replace(challenge, signed=proof.signed), proof.evidence, elevation.id, now)
        request = None if done.request is None else transaction.request(done.request)
        if request is not None and settled(request, now).end is not None:
            return self._superseded(transaction, challenge, now)  # another token of the user was first (semantics §9)
        endings.store(transaction, done, by=self.by, at=now)
        if request is not None:
            endings.store_request(transaction, used(request, now), by=self.by, at=now)
        transaction.add_elevation(elevation)
        facts = {**_facts(proof, once=once), "factor": elevation.factor, "sameDevice": self.same_device}
        transaction.append_audit(
            audit.elevation_entry(Event.ELEVATION_ISSUED, elevation, by=self.by, at=now, facts=facts)
        )
        if proof.evidence.method is Method.APPROVAL:
            return done  # others agreed: that says nothing about who guessed with this token
        token = challenge.ticket.token
        cleared = replace(transaction.standing(token), wrong_answers=0, barred_until=None)
        transaction.set_standing(token, cleared)
        return done

    def prove(
        self, transaction: WriteTransaction, challenge: Challenge, proof: Proof, returning: IssuedReturn, now: datetime
    ) -> Challenge | DomainError:
        """Make *challenge* `proven`: the elevation is issued once the return code comes back (semantics §7.2)."""
        elevation = self._issued(challenge, proof.evidence, once=returning.once, now=now)
        outdated = self._outdated(transaction, challenge, elevation, now)
        if outdated is not None:
            return outdated
        done = proven(replace(challenge, signed=proof.signed), proof.evidence, returning, now)
        transaction.replace_challenge(done)
        facts = {**_facts(proof, once=returning.once), "factor": proof.evidence.factor}
        transaction.append_audit(audit.challenge_entry(Event.CHALLENGE_PROVEN, done, by=self.by, at=now, facts=facts))
        return done

    def _issued(self, challenge: Challenge, evidence: Evidence, *, once: bool, now: datetime) -> Elevation:
        return issue(challenge, evidence, id=self.elevation, now=now, once=once, same_device=self.same_device)

    def _outdated(
        self, transaction: WriteTransaction, challenge: Challenge, elevation: Elevation, now: datetime
    ) -> DomainError | None:
        if _meets_today(self.services, transaction, challenge.ticket, elevation, now):
            return None
        return self._superseded(transaction, challenge, now)

    def _superseded(self, transaction: WriteTransaction, challenge: Challenge, now: datetime) -> DomainError:
        outdated = ended(challenge, ChallengeState.SUPERSEDED, now)
        endings.store(transaction, outdated, by=self.by, at=now)
        return ChallengeEndedError(outdated.state)


def _facts(proof: Proof, *, once: bool) -> dict[str, JsonValue]:
    facts: dict[str, JsonValue] = {"method": proof.evidence.method.value, "once": once, "amr": list(proof.amr)}
    if proof.signed is not None:
        facts["signedConsent"] = digest_of(signed_consent_document(proof.signed))
    return facts


def count_wrong(
    transaction: WriteTransaction, challenge: Challenge, *, method: str, by: str, now: datetime, on_token: bool
) -> DomainError:
    """
    One more wrong answer of *challenge*; the fifth locks it.

    Args:
        transaction: Of the answer.
        challenge: Live.
        method: What it was tried by.
        by: Who tried.
        now: The time.
        on_token: It counts against the token, too: not where a page secret alone was held, which a stranger may have.

    Returns:
        The error to raise once this is stored.
    """
    challenge = wrong(challenge, now)
    left = MAX_WRONG - challenge.wrong_answers
    facts: dict[str, JsonValue] = {"method": method, "attemptsLeft": left}
    transaction.append_audit(audit.challenge_entry(Event.CHALLENGE_WRONG_ANSWER, challenge, by=by, at=now, facts=facts))
    if challenge.state.live:
        transaction.replace_challenge(challenge)
    else:
        endings.store(transaction, challenge, by=by, at=now)
    if on_token:
        token = challenge.ticket.token
        standing = standing_after_wrong(transaction.standing(token), now)
        transaction.set_standing(token, standing)
        if standing.barred(now):
            transaction.append_audit(audit.barred_entry(challenge, why="wrong answers", by=by, at=now))
    return WrongAnswerError(left)


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
