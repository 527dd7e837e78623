"""How factors come and go, in the transaction of whatever adds or removes them, each with its audit entry."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from stairgate.model.audit import Event
from stairgate.model.challenges import ChallengeState
from stairgate.model.elevations import EndReason
from stairgate.model.enrolment import AccountLink
from stairgate.model.errors import AlreadyExistsError, ConflictError
from stairgate.model.evidence import AttemptCount, Factor
from stairgate.model.ids import ChallengeId
from stairgate.model.protection import Method
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit, endings
from stairgate.service.context import Services
from stairgate.service.factor_rights import require_first
from stairgate.service.stored_factors import level_of

MAX_FACTORS = 20
MAX_NAME_LENGTH = 64


def add_factor(
    services: Services,
    transaction: WriteTransaction,
    factor: Factor,
    link: AccountLink | None,
    *,
    by: str,
    now: datetime,
) -> Factor:
    """
    Store a new *factor*: usable after `factor_hold`, the user's very first one at once (semantics §7.6).

    Args:
        services: The application's.
        transaction: Where to store it.
        factor: The factor; when it can be used is set here.
        link: The link that allows it, None where an elevation did. It is spent by this.
        by: Who adds it.
        now: The time.

    Returns:
        The factor as it is stored.

    Raises:
        ForbiddenError: The link adds no factor of this level, or is spent.
        AlreadyExistsError: This very credential is registered already.
    """
    level = level_of(services, factor)
    known = transaction.factors_of(factor.user)
    if link is not None:
        require_first(services, transaction, factor.user, level, link)
        transaction.put_account_link(replace(link, spent=True))
    hold = timedelta(seconds=services.rules.factor_hold) if known else timedelta(0)
    factor = replace(factor, usable_from=now + hold)
    for old in known:
        if old.method is factor.method is Method.RECOVERY:  # a new set ends the one before it
            remove_factor(transaction, old, by=by, now=now)
    try:
        transaction.put_factor(factor)
    except ConflictError:
        raise AlreadyExistsError("this passkey is registered already") from None
    facts = {
        "level": level.wire,
        "usableFrom": factor.usable_from.isoformat(),
        "link": None if link is None else link.id,
    }
    transaction.append_audit(audit.factor_entry(Event.FACTOR_ADDED, factor, by=by, at=now, facts=facts))
    return factor


def remove_factor(transaction: WriteTransaction, factor: Factor, *, by: str, now: datetime) -> list[ChallengeId]:
    """
    Remove *factor*, with the elevations that rest on it and the challenges that were proven with it (semantics §8).

    Returns:
        The challenges that ended.
    """
    user = factor.user
    resting = [
        each for each in endings.revocable_elevations_of_user(transaction, user, now) if each.factor == factor.id
    ]
    endings.end_elevations(transaction, resting, EndReason.FACTOR_REMOVED, by=by, at=now)
    proven = [
        each
        for each in endings.live_challenges_of_user(transaction, user, now)
        if each.state is ChallengeState.PROVEN and each.evidence is not None and each.evidence.factor == factor.id
    ]
    ended = endings.end_challenges(transaction, proven, ChallengeState.CANCELLED, by=by, at=now)
    endings.drop_enrolments(transaction, user)
    transaction.remove_factor(factor.id)
    transaction.set_attempts(user, factor.id, AttemptCount())
    transaction.append_audit(audit.factor_entry(Event.FACTOR_REMOVED, factor, by=by, at=now))
    return ended
