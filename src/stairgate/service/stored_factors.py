"""A user's registered factors as the store keeps them: what is sealed in each, and which can be used now."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from stairgate.factors.passkey import passkey_of, passkey_text
from stairgate.factors.recovery_code import CODES
from stairgate.model.evidence import Factor
from stairgate.model.ids import UserId
from stairgate.model.passkeys import Passkey
from stairgate.model.protection import BEST_LEVELS, Level, Method, reaches
from stairgate.ports.store import ReadTransaction
from stairgate.service.context import Services


def seal_purpose(factor: str) -> str:
    """What a factor's secret is sealed for: one that was moved to another factor does not open."""
    return f"factor {factor}"


def recovery_purpose(factor: str) -> str:
    """What the first parts of a factor's recovery codes are hashed for."""
    return f"recovery code {factor}"


def unsealed(services: Services, factor: Factor) -> bytes:
    """What *factor* keeps. Raises `UnavailableError` where no key opens it."""
    return services.keys.unseal(factor.secret, purpose=seal_purpose(factor.id))


def passkey_in(services: Services, factor: Factor) -> Passkey:
    """The credential that *factor* is. It is public, and sealed all the same, so that nobody can swap it."""
    return passkey_of(unsealed(services, factor).decode())


def with_passkey(services: Services, factor: Factor, passkey: Passkey) -> Factor:
    """*factor* with *passkey* in place of the one that it keeps."""
    return replace(factor, secret=services.keys.seal(passkey_text(passkey).encode(), purpose=seal_purpose(factor.id)))


def codes_left(factor: Factor) -> int | None:
    """How many codes a set of recovery codes has left; its counter counts those that were used. None: it is none."""
    return max(CODES - factor.counter, 0) if factor.method is Method.RECOVERY else None


def level_of(services: Services, factor: Factor) -> Level:
    """What a proof by *factor* gives (semantics §4, `level`)."""
    if factor.method is Method.PASSKEY:
        return passkey_in(services, factor).level
    return BEST_LEVELS[factor.method]


def usable_factors(
    services: Services,
    transaction: ReadTransaction,
    user: UserId,
    method: Method,
    now: datetime,
    *,
    level: Level | None = Level.BASIC,
) -> Sequence[Factor]:
    """The user's factors of *method* that can be used now for *level*: not disabled, and their hold is over."""
    return [
        factor
        for factor in transaction.factors_of(user)
        if factor.method is method
        and not factor.disabled
        and factor.usable_from <= now
        and codes_left(factor) != 0
        and reaches(level_of(services, factor), level)
    ]
