"""
Answer a challenge (semantics §7, §8).

One transaction counts the attempt, verifies it and, where it is right, ends the challenge, issues the elevation, moves
the factor's counter on and writes the entries. Whatever fails leaves nothing of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime

from stairgate.factors.catalogue import methods_meeting
from stairgate.model.challenges import Challenge, ChallengeState
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    DomainError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
)
from stairgate.model.ids import ChallengeId, ElevationId
from stairgate.model.messages import News
from stairgate.model.protection import Level, Method
from stairgate.model.tokens import Participant
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit, endings, pages, proving
from stairgate.service.context import Services
from stairgate.service.earning import ELEVATION_ID_BITS, Earner, count_wrong
from stairgate.service.eligible import offered_levels, others_first, view
from stairgate.service.issue_code import require_attester, require_external
from stairgate.service.parties import Party, offered_external, require_party
from stairgate.service.tell_user import Notice, notice_of, tell_user
from stairgate.service.views import ChallengeView

MAX_CODE_LENGTH = 64


@dataclass(frozen=True, slots=True)
class AnswerCall:
    """
    An answer. *once*: the user asked for "only this once" (semantics §8).

    *match_code* is what makes an answer by page secret alone count at once (semantics §7.2); given, it must be right.
    """

    method: Method
    code: str | None = None
    once: bool = False
    credential: Mapping[str, object] | None = None
    match_code: str | None = None

    def __repr__(self) -> str:
        return f"AnswerCall(method={self.method!r}, once={self.once})"  # SECURITY: never the code or credential


async def answer_challenge(
    services: Services,
    participant: Participant,
    id: ChallengeId,  # noqa: A002
    call: AnswerCall,
) -> ChallengeView:
    """
    Answer the challenge; where the answer is right, the token that the challenge names has its elevation.

    Raises:
        NotFoundError: There is no such challenge, or the participant has no part in it.
        InvalidInputError: The method does not meet the challenge, or the code or match code is missing.
        ForbiddenError: The participant may not answer by this method.
        NoEligibleFactorError: The user has no factor of this method that can be used now.
        WrongAnswerError: The answer is wrong; the fifth locks the challenge.
        ChallengeEndedError: It has ended, or this answer would not meet today's marks.
        ChallengeBarredError: The user token is barred.
        TooManyAttemptsError: The factor must be left alone for a while.
        ConflictError: The same code was used at the same time.
    """
    given = _given(call)
    found, party = await require_party(services, participant, id)
    external = await _require_may_answer(services, participant, found, party, call)
    offered = await offered_external(services, found, party)
    same_device = party.named or (party.page and call.match_code is None)
    elevation = ElevationId(services.entropy.token(bits=ELEVATION_ID_BITS))
    earner = Earner(services, audit.actor(participant), elevation, same_device)
    return_code = services.entropy.token(bits=pages.RETURN_CODE_BITS)
    answer = _Answer(services, call, given, external, party, earner, return_code)

    def run(transaction: WriteTransaction) -> ChallengeView | DomainError | _Disabled:
        now = services.clock.now()
        outcome = answer.apply(transaction, id, now)
        if isinstance(outcome, DomainError | _Disabled):
            return outcome
        seen = view(services, transaction, outcome, offered, now)
        if outcome.state is not ChallengeState.PROVEN:
            return seen
        return replace(seen, return_to=pages.return_address(outcome, return_code))

    try:
        outcome = await services.store.write(run)
    finally:
        services.notices.tell([id])
    if isinstance(outcome, _Disabled):
        for notice in outcome.notices:
            await tell_user(services, notice)
        raise outcome.error
    if isinstance(outcome, DomainError):
        raise outcome
    return outcome


@dataclass(frozen=True, slots=True)
class _Disabled:
    """A wrong answer that disabled factors: their owner is told, once it is durable (attack 26)."""

    error: DomainError
    notices: tuple[Notice, ...]


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


async def _require_may_answer(
    services: Services, participant: Participant, challenge: Challenge, party: Party, call: AnswerCall
) -> Level | None:
    """What `external` proves, where that is the method; None for others. A weaker method is no way in (attack 14)."""
    method, same = call.method, challenge.ticket.requirement.device is not None
    if same and not party.named and not party.page:
        raise ForbiddenError("this challenge is answered on the device that asked: by the user token that it names")
    if call.match_code is not None:
        pages.require_no_match(challenge)
    elif party.page and challenge.opening.return_uri is None:
        raise _match_required()
    if method is Method.EXTERNAL:
        return await require_external(services, challenge, require_attester(participant, party))
    if method not in methods_meeting(challenge.ticket.requirement, offered_levels(services)):
        raise InvalidInputError("method", f"`{method}` does not meet what this challenge asks for")
    if not party.may_answer:
        raise ForbiddenError("the client may not answer this challenge: it needs StepUp:Challenge on Authress:StepUp/…")
    return None


def _match_required() -> InvalidInputError:
    return InvalidInputError("matchCode", "is required: it is shown by the app that asked")


def _not_now(transaction: WriteTransaction, challenge: Challenge, now: datetime) -> DomainError | None:
    """Why nothing may prove *challenge* now; such an answer is not counted, as it is not looked at."""
    if challenge.state is not ChallengeState.OPEN:
        return ChallengeEndedError(challenge.state)
    if challenge.waiting:
        return others_first()
    return ChallengeBarredError() if transaction.standing(challenge.ticket.token).barred(now) else None


@dataclass(frozen=True, slots=True)
class _Answer:
    """An answer with everything that its transaction needs, as values."""

    services: Services
    call: AnswerCall
    given: proving.Given
    external: Level | None
    party: Party
    earner: Earner
    return_code: str = field(repr=False)

    def apply(
        self, transaction: WriteTransaction, challenge_id: ChallengeId, now: datetime
    ) -> Challenge | DomainError | _Disabled:
        """The challenge as the answer left it. An error is returned where what was counted must stay."""
        stored = transaction.challenge(challenge_id)
        if stored is None:
            return NotFoundError()
        challenge = endings.settle(transaction, stored, now)
        ticket = challenge.ticket
        refused = _not_now(transaction, challenge, now)
        if refused is not None:
            return refused
        once = self.call.once
        if self.given.method is Method.PASSKEY and challenge.ceremony is not None:
            if once and not challenge.ceremony.once:
                return InvalidInputError("once", "is chosen with the options of a passkey, so that it is signed")
            once = challenge.ceremony.once
        # SECURITY: before any factor is looked at, and refused in the same words: which of both was wrong is not said.
        if self.call.match_code is not None and not pages.is_match(self.services, challenge, self.call.match_code):
            return self._wrong(transaction, replace(challenge, ceremony=None), now)
        attempts = proving.attempts_for(
            self.services, transaction, challenge, self.given, external=self.external, now=now
        )
        if isinstance(attempts, DomainError):
            return attempts
        proof = proving.try_all(transaction, ticket.user, attempts, by=self.earner.by, now=now)
        challenge = replace(challenge, ceremony=None)  # a nonce is spent by any answer (WA-2)
        if proof is None:
            disabled = proving.disable_exhausted(transaction, attempts, by=self.earner.by, now=now)
            wrong = self._wrong(transaction, challenge, now)
            told = tuple(notice_of(self.services, transaction, factor, News.DISABLED) for factor in disabled)
            return _Disabled(wrong, told) if told else wrong
        return self._earned(transaction, challenge, proof, once=once, now=now)

    def _earned(
        self, transaction: WriteTransaction, challenge: Challenge, proof: proving.Proof, *, once: bool, now: datetime
    ) -> Challenge | DomainError:
        """Which device answered decides whether it counts at once or with the return code (semantics §7.2)."""
        if not self.party.page or self.call.match_code is not None:
            return self.earner.satisfy(transaction, challenge, proof, once=once, now=now)
        if challenge.opening.return_uri is None:
            return _match_required()
        returning = pages.return_pass(self.services, challenge.id, self.return_code, now, once=once, amr=proof.amr)
        return self.earner.prove(transaction, challenge, proof, returning, now)

    def _wrong(self, transaction: WriteTransaction, challenge: Challenge, now: datetime) -> DomainError:
        return count_wrong(
            transaction,
            challenge,
            method=self.call.method.value,
            by=self.earner.by,
            now=now,
            on_token=not self.party.page,
        )
