"""A user's factors. In this version they are enrolled by the operator's command alone (semantics §7.6)."""

from __future__ import annotations

from datetime import timedelta

from stairgate.factors.totp import SECRET_BYTES
from stairgate.model.audit import Event
from stairgate.model.errors import InvalidInputError, LimitReachedError
from stairgate.model.evidence import Factor
from stairgate.model.ids import FactorId, UserId
from stairgate.model.protection import Method
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit
from stairgate.service.context import Services
from stairgate.service.stored_factors import seal_purpose
from stairgate.service.storing_factors import MAX_FACTORS, MAX_NAME_LENGTH
from stairgate.service.user_tokens import require_user_id


async def enrol_totp(services: Services, user: UserId, name: str = "") -> tuple[Factor, bytes]:
    """
    A new totp factor of *user*, and its seed, which is shown once.

    It can be used after `rules.factor_hold`; the user's very first factor at once.

    Raises:
        InvalidInputError: The user is a service client, or the name is too long.
        LimitReachedError: The user has too many factors.
    """
    require_user_id(user)
    if len(name) > MAX_NAME_LENGTH:
        raise InvalidInputError("name", f"must have at most {MAX_NAME_LENGTH} characters")
    id_ = FactorId(services.entropy.token())
    secret = services.entropy.bytes(SECRET_BYTES)
    sealed = services.keys.seal(secret, purpose=seal_purpose(id_))

    def run(transaction: WriteTransaction) -> Factor:
        now = services.clock.now()
        known = transaction.factors_of(user)
        if len(known) >= MAX_FACTORS:
            raise LimitReachedError
        hold = timedelta(seconds=services.rules.factor_hold) if known else timedelta(0)
        factor = Factor(id_, user, Method.TOTP, sealed, now, now + hold, name)
        transaction.put_factor(factor)
        transaction.append_audit(audit.factor_entry(Event.FACTOR_ADDED, factor, by=audit.SYSTEM, at=now))
        return factor

    return await services.store.write(run), secret
