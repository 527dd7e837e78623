"""
One answer to a challenge, counted and then verified, within the transaction of the answer (semantics §7.4).

The counter moves before the code is looked at. Because both happen in one transaction, no crash and no second request
can come between them; what a right answer pays for is stored in the same transaction.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from stairgate.factors import delivered_code, totp
from stairgate.model.audit import Event
from stairgate.model.challenges import Challenge
from stairgate.model.errors import DomainError, ProofRefusedError, TooManyAttemptsError
from stairgate.model.evidence import AttemptCount, Evidence, Factor
from stairgate.model.ids import UserId
from stairgate.model.protection import Level, Method
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit
from stairgate.service.context import Services
from stairgate.service.eligible import no_eligible_factor, usable_factors
from stairgate.service.issue_code import CODE_PURPOSE, bound_code
from stairgate.stepup.limits import DISABLE_AT, after_wrong, wait_seconds


@dataclass(frozen=True, slots=True)
class Attempt:
    """One way to verify the answer, and the counter that it is counted on."""

    counted_on: str  # a factor's id or, where nothing is enrolled, the method's name
    factor: Factor | None
    before: AttemptCount
    verify: Callable[[], Evidence]  # raises ProofRefusedError


def seal_purpose(factor: str) -> str:
    """What a factor's secret is sealed for: one that was moved to another factor does not open."""
    return f"factor {factor}"


def attempts_for(
    services: Services,
    transaction: WriteTransaction,
    challenge: Challenge,
    *,
    method: Method,
    code: str,
    external: Level | None,
    now: datetime,
) -> list[Attempt] | DomainError:
    """
    The ways to verify *code*, each with its counter; or why none may be tried now.

    With several factors of one method the code is tried on each, and a wrong one counts for each.
    """
    user = challenge.ticket.user
    attempts: list[Attempt] = []
    if method is Method.TOTP:
        for factor in usable_factors(transaction, user, method, now):
            before = transaction.attempts(user, factor.id)
            attempts.append(Attempt(factor.id, factor, before, _totp(services, factor, code, now)))
    elif method is Method.EXTERNAL and external is not None:
        before = transaction.attempts(user, method.value)
        if before.failures < DISABLE_AT:
            check = _external(services, challenge, code, level=external, now=now)
            attempts.append(Attempt(method.value, None, before, check))
    if not attempts:
        return no_eligible_factor(user)
    waits = [wait_seconds(attempt.before, now) for attempt in attempts]
    ready = [attempt for attempt, wait in zip(attempts, waits, strict=True) if wait == 0]
    return ready or TooManyAttemptsError(min(waits))


def _totp(services: Services, factor: Factor, code: str, now: datetime) -> Callable[[], Evidence]:
    def check() -> Evidence:
        secret = services.keys.unseal(factor.secret, purpose=seal_purpose(factor.id))
        return totp.verify(
            secret, code, now=now, last_step=factor.counter, factor=factor.id, strict=services.rules.totp_strict
        )

    return check


def _external(
    services: Services, challenge: Challenge, code: str, *, level: Level, now: datetime
) -> Callable[[], Evidence]:
    def matches(typed: str, digest: str) -> bool:
        return services.keys.matches(bound_code(challenge.id, typed), digest, purpose=CODE_PURPOSE)

    def check() -> Evidence:
        return delivered_code.verify(
            code, challenge.code, now=now, matches=matches, method=Method.EXTERNAL, level=level
        )

    return check


def try_all(transaction: WriteTransaction, user: UserId, attempts: list[Attempt], now: datetime) -> Evidence | None:
    """
    Count every attempt as wrong, then verify; a success takes its factor's new counter and sets its count back.

    Returns:
        The evidence, None where no attempt succeeded; then all of them stay counted.

    Raises:
        ConflictError: The factor's counter was moved on meanwhile: the same code was used twice (attack 4).
    """
    for attempt in attempts:
        transaction.set_attempts(user, attempt.counted_on, after_wrong(attempt.before, now))
    for attempt in attempts:
        try:
            evidence = attempt.verify()
        except ProofRefusedError:
            continue
        if attempt.factor is not None and evidence.counter is not None:
            transaction.advance_factor(attempt.factor.id, counter=evidence.counter, at=now)
        for other in attempts:
            count = AttemptCount() if other is attempt else other.before  # the code was the other factor's: no guess
            transaction.set_attempts(user, other.counted_on, count)
        return evidence
    return None


def disable_exhausted(transaction: WriteTransaction, attempts: list[Attempt], *, by: str, now: datetime) -> None:
    """Disable each factor whose wrong answers have come to 50 since its last success (NIST-3)."""
    for attempt in attempts:
        if attempt.factor is not None and attempt.before.failures + 1 >= DISABLE_AT:
            transaction.set_factor_disabled(attempt.factor.id, disabled=True)
            transaction.append_audit(audit.factor_entry(Event.FACTOR_DISABLED, attempt.factor, by=by, at=now))
