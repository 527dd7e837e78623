"""
One answer to a challenge, counted and then verified, within the transaction of the answer (semantics §7.4).

The counter moves before the answer is looked at. Because both happen in one transaction, no crash and no second
request can come between them; what a right answer pays for is stored in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from stairgate.factors import delivered_code, passkey, recovery_code, totp
from stairgate.factors.catalogue import amr_of
from stairgate.model.audit import Event
from stairgate.model.challenges import Challenge
from stairgate.model.errors import DomainError, ProofRefusedError, SignCounterError, TooManyAttemptsError
from stairgate.model.evidence import AttemptCount, Evidence, Factor
from stairgate.model.ids import UserId
from stairgate.model.passkeys import RelyingParty, SignedConsent
from stairgate.model.protection import BEST_LEVELS, Level, Method
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit
from stairgate.service.context import Services
from stairgate.service.eligible import no_eligible_factor
from stairgate.service.issue_code import CODE_PURPOSE, bound_code
from stairgate.service.stored_factors import (
    passkey_in,
    recovery_purpose,
    seal_purpose,
    unsealed,
    usable_factors,
    with_passkey,
)
from stairgate.stepup.consent import consent_document, webauthn_challenge
from stairgate.stepup.limits import DISABLE_AT, after_wrong, wait_seconds


@dataclass(frozen=True, slots=True)
class Given:
    """What the caller gave back: a code, or a credential. SECURITY: neither is ever shown."""

    method: Method
    code: str = ""
    credential: Mapping[str, object] | None = None

    def __repr__(self) -> str:
        return f"Given(method={self.method!r})"


@dataclass(frozen=True, slots=True)
class Proof:
    """What was proven. *factor* is as it is to be stored after it, where the factor changed by more than a counter."""

    evidence: Evidence
    amr: tuple[str, ...]
    factor: Factor | None = None
    signed: SignedConsent | None = None


@dataclass(frozen=True, slots=True)
class Attempt:
    """
    One way to verify the answer, and the counter that it is counted on.

    *counted_on* is a factor's id or, where nothing is enrolled, the method's name; None: a passkey, which cannot be
    guessed, so that nobody may make its owner wait (attack 26).
    """

    counted_on: str | None
    factor: Factor | None
    before: AttemptCount
    verify: Callable[[], Proof]  # raises ProofRefusedError


def attempts_for(
    services: Services,
    transaction: WriteTransaction,
    challenge: Challenge,
    given: Given,
    *,
    external: Level | None,
    now: datetime,
) -> list[Attempt] | DomainError:
    """
    The ways to verify what was *given*, each with its counter; or why none may be tried now.

    With several factors of one method a code is tried on each, and a wrong one counts for each.
    """
    user, method = challenge.ticket.user, given.method
    attempts: list[Attempt] = []
    if method is Method.PASSKEY:
        attempts = _passkeys(services, transaction, challenge, given, now)
    elif method is Method.TOTP:
        for factor in usable_factors(services, transaction, user, method, now):
            before = transaction.attempts(user, factor.id)
            attempts.append(Attempt(factor.id, factor, before, _totp(services, factor, given.code, now)))
    elif method in {Method.EMAIL, Method.SMS}:
        attempts = _delivered(services, transaction, challenge, given, now)
    elif method is Method.RECOVERY:
        for factor in usable_factors(services, transaction, user, method, now):
            before = transaction.attempts(user, factor.id)
            attempts.append(Attempt(factor.id, factor, before, _recovery(services, factor, given.code, now)))
    elif method is Method.EXTERNAL and external is not None:
        before = transaction.attempts(user, method.value)
        if before.failures < DISABLE_AT:
            check = _external(services, challenge, given.code, level=external, now=now)
            attempts.append(Attempt(method.value, None, before, check))
    if not attempts:
        return no_eligible_factor(user)
    waits = [wait_seconds(attempt.before, now) for attempt in attempts]
    ready = [attempt for attempt, wait in zip(attempts, waits, strict=True) if wait == 0]
    return ready or TooManyAttemptsError(min(waits))


def _passkeys(
    services: Services, transaction: WriteTransaction, challenge: Challenge, given: Given, now: datetime
) -> list[Attempt]:
    """One attempt: with the passkey that the answer names, or with none, which fails."""
    ticket, party = challenge.ticket, services.rules.party
    level = ticket.requirement.level
    usable = usable_factors(services, transaction, ticket.user, Method.PASSKEY, now, level=level)
    if not usable or party is None:
        return []
    return [Attempt(None, None, AttemptCount(), _assertion(services, challenge, usable, party, given.credential, now))]


def _assertion(
    services: Services,
    challenge: Challenge,
    usable: Sequence[Factor],
    party: RelyingParty,
    credential: Mapping[str, object] | None,
    now: datetime,
) -> Callable[[], Proof]:
    def check() -> Proof:
        ceremony = challenge.ceremony
        if ceremony is None or credential is None or now >= ceremony.expires_at:
            raise ProofRefusedError
        wanted = passkey.credential_id_of(credential)
        for factor in usable:
            known = passkey_in(services, factor)
            if known.credential_id == wanted:
                break
        else:
            raise ProofRefusedError
        document = consent_document(challenge, once=ceremony.once)
        try:
            asserted = passkey.verify(
                credential,
                known,
                challenge=webauthn_challenge(ceremony.nonce, document),
                party=party,
                sign_count=max(factor.counter, 0),
                factor=factor.id,
                now=now,
            )
        except SignCounterError:
            raise _CloneSuspectedError(factor) from None
        count = asserted.evidence.counter or 0
        after = with_passkey(services, replace(factor, counter=count, last_used_at=now), asserted.passkey)
        signed = SignedConsent(
            document=document,
            nonce=ceremony.nonce,
            rp_id=party.id,
            credential_id=known.credential_id,
            public_key=known.public_key,
            client_data=asserted.client_data,
            authenticator_data=asserted.authenticator_data,
            signature=asserted.signature,
        )
        amr = amr_of(Method.PASSKEY, backup_eligible=known.backup_eligible)
        return Proof(asserted.evidence, amr, after, signed)

    return check


class _CloneSuspectedError(Exception):
    """The counter of this passkey did not go up. Caught where it is counted and recorded."""

    def __init__(self, factor: Factor) -> None:
        super().__init__(factor.id)
        self.factor = factor


def _totp(services: Services, factor: Factor, code: str, now: datetime) -> Callable[[], Proof]:
    def check() -> Proof:
        secret = unsealed(services, factor)
        evidence = totp.verify(
            secret, code, now=now, last_step=factor.counter, factor=factor.id, strict=services.rules.totp_strict
        )
        return Proof(evidence, amr_of(Method.TOTP))

    return check


def _recovery(services: Services, factor: Factor, code: str, now: datetime) -> Callable[[], Proof]:
    def matches(typed: str, digest: str) -> bool:
        return services.keys.matches(typed, digest, purpose=recovery_purpose(factor.id))

    def check() -> Proof:
        stored = recovery_code.codes_of(unsealed(services, factor).decode())
        evidence, left = recovery_code.verify(code, stored, now=now, matches=matches, factor=factor.id)
        sealed = services.keys.seal(recovery_code.codes_text(left).encode(), purpose=seal_purpose(factor.id))
        after = replace(factor, counter=factor.counter + 1, last_used_at=now, secret=sealed)
        return Proof(evidence, amr_of(Method.RECOVERY), after)

    return check


def _delivered(
    services: Services, transaction: WriteTransaction, challenge: Challenge, given: Given, now: datetime
) -> list[Attempt]:
    """
    One attempt, at the code that was sent by this very method, counted on the address that it was sent to.

    Where none was sent there is nothing to guess: that is a wrong answer of the challenge, and of no factor.
    """
    user, method = challenge.ticket.user, given.method
    usable = usable_factors(services, transaction, user, method, now)
    if not usable:
        return []
    code = challenge.code
    sent = None if code is None or code.method is not method else code
    factor = next((each for each in usable if sent is not None and each.id == sent.factor), None)
    level = BEST_LEVELS[method]

    def matches(typed: str, digest: str) -> bool:
        return services.keys.matches(bound_code(challenge.id, typed), digest, purpose=CODE_PURPOSE)

    def check() -> Proof:
        evidence = delivered_code.verify(
            given.code, sent if factor is not None else None, now=now, matches=matches, method=method, level=level
        )
        after = None if factor is None else replace(factor, last_used_at=now)
        return Proof(replace(evidence, factor=None if factor is None else factor.id), amr_of(method), after)

    if factor is None:
        return [Attempt(None, None, AttemptCount(), check)]
    return [Attempt(factor.id, factor, transaction.attempts(user, factor.id), check)]


def _external(
    services: Services, challenge: Challenge, code: str, *, level: Level, now: datetime
) -> Callable[[], Proof]:
    # A code that was sent to the user's own address is none that the app was given (attack 14).
    known = challenge.code
    issued = None if known is None or known.method is not Method.EXTERNAL else known

    def matches(typed: str, digest: str) -> bool:
        return services.keys.matches(bound_code(challenge.id, typed), digest, purpose=CODE_PURPOSE)

    def check() -> Proof:
        evidence = delivered_code.verify(code, issued, now=now, matches=matches, method=Method.EXTERNAL, level=level)
        return Proof(evidence, amr_of(Method.EXTERNAL))

    return check


def try_all(
    transaction: WriteTransaction, user: UserId, attempts: list[Attempt], *, by: str, now: datetime
) -> Proof | None:
    """
    Count every attempt as wrong, then verify; a success takes its factor's new counter and sets its count back.

    Returns:
        The proof, None where no attempt succeeded; then all of them stay counted.

    Raises:
        ConflictError: The factor's counter was moved on meanwhile: the same code was used twice (attack 4).
    """
    for attempt in attempts:
        if attempt.counted_on is not None:
            transaction.set_attempts(user, attempt.counted_on, after_wrong(attempt.before, now))
    for attempt in attempts:
        try:
            proof = attempt.verify()
        except _CloneSuspectedError as error:
            transaction.append_audit(audit.factor_entry(Event.FACTOR_SUSPECT, error.factor, by=by, at=now))
            continue
        except ProofRefusedError:
            continue
        if proof.factor is not None:
            transaction.replace_factor(proof.factor)
        elif attempt.factor is not None and proof.evidence.counter is not None:
            transaction.advance_factor(attempt.factor.id, counter=proof.evidence.counter, at=now)
        for other in attempts:
            if other.counted_on is not None:
                # Where the code was the other factor's, it was no guess.
                count = AttemptCount() if other is attempt else other.before
                transaction.set_attempts(user, other.counted_on, count)
        return proof
    return None


def disable_exhausted(
    transaction: WriteTransaction, attempts: list[Attempt], *, by: str, now: datetime
) -> list[Factor]:
    """
    Disable each factor whose wrong answers have come to 50 since its last success (NIST-3); never a passkey.

    Returns:
        Those that were disabled.
    """
    disabled: list[Factor] = []
    for attempt in attempts:
        if attempt.factor is not None and attempt.before.failures + 1 >= DISABLE_AT:
            transaction.set_factor_disabled(attempt.factor.id, disabled=True)
            transaction.append_audit(audit.factor_entry(Event.FACTOR_DISABLED, attempt.factor, by=by, at=now))
            disabled.append(attempt.factor)
    return disabled
