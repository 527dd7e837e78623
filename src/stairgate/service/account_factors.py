"""A user's factors as they are listed, renamed, cleared and removed (semantics §7.6, §8)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from stairgate.factors.addresses import masked
from stairgate.factors.catalogue import CATALOGUE
from stairgate.model.actions import READ
from stairgate.model.audit import Event
from stairgate.model.errors import InvalidInputError, NotFoundError
from stairgate.model.evidence import AttemptCount, Factor
from stairgate.model.ids import ChallengeId, FactorId, UserId
from stairgate.model.messages import News
from stairgate.model.protection import Level, Method
from stairgate.model.tokens import Caller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit
from stairgate.service.account_links import AccountSession
from stairgate.service.context import Services
from stairgate.service.eligible import factors_resource
from stairgate.service.enrolment import require_name
from stairgate.service.factor_rights import Authority, require_may_change
from stairgate.service.guard import Guard
from stairgate.service.management import reading
from stairgate.service.stored_factors import codes_left, level_of, passkey_in, unsealed
from stairgate.service.storing_factors import remove_factor
from stairgate.service.tell_user import Notice, notice_of, tell_user


@dataclass(frozen=True, slots=True)
class FactorView:
    """A factor as its user sees it: no secret. *synced*: of a passkey, whether it may leave its device."""

    id: FactorId
    method: Method
    level: Level
    name: str
    created_at: datetime
    usable_from: datetime
    last_used_at: datetime | None
    disabled: bool
    codes_left: int | None = None
    synced: bool | None = None
    address: str | None = None  # masked

    @property
    def restricted(self) -> bool:
        """Whether it proves little (NIST SP 800-63B §3.1.3, NIST-5): email and sms."""
        return CATALOGUE[self.method].sends


def view_of(services: Services, factor: Factor) -> FactorView:
    """*factor* as its user sees it."""
    return FactorView(
        id=factor.id,
        method=factor.method,
        level=level_of(services, factor),
        name=factor.name,
        created_at=factor.created_at,
        usable_from=factor.usable_from,
        last_used_at=factor.last_used_at,
        disabled=factor.disabled,
        codes_left=codes_left(factor),
        synced=passkey_in(services, factor).backup_eligible if factor.method is Method.PASSKEY else None,
        address=masked(unsealed(services, factor).decode()) if CATALOGUE[factor.method].sends else None,
    )


async def list_factors(services: Services, caller: Caller, user: UserId) -> list[FactorView]:
    """
    The user's factors, oldest first.

    Raises:
        NotFoundError: The caller is not the user, and has no right there.
        ForbiddenError: The caller has some right there, but not `READ` on `Authress:Users/{userId}/factors`.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> list[FactorView]:
        if guard.user != user:
            guard.require(READ, factors_resource(user))
        return [view_of(services, factor) for factor in transaction.factors_of(user)]

    return await reading(services, caller, run)


async def list_session_factors(services: Services, session: AccountSession) -> list[FactorView]:
    """The factors of whoever is on the account page, oldest first: the session itself is the right to see them."""

    def run(transaction: ReadTransaction) -> list[FactorView]:
        return [view_of(services, factor) for factor in transaction.factors_of(session.user)]

    return await services.store.read(run)


async def change_factor(
    services: Services,
    authority: Authority,
    user: UserId,
    id: FactorId,  # noqa: A002
    *,
    name: str | None = None,
    clear: bool = False,
) -> FactorView:
    """
    Rename a factor, or clear one that wrong answers have disabled.

    Args:
        services: The application's.
        authority: By what right.
        user: Whose.
        id: Which one.
        name: Its new name; None: as it is.
        clear: Make it usable again. The user themselves needs a stronger factor for it (semantics §7.4).

    Raises:
        InvalidInputError: There is nothing to change, or the name is too long.
        NotFoundError: The user has no such factor, or the caller has no right there.
        ForbiddenError: The caller has some right there, but not `UPDATE`; or no factor is stronger than this one.
        StepUpRefusedError: It takes an elevation first.
    """
    if name is None and not clear:
        raise InvalidInputError("name", "is required: there is nothing else to change")
    if name is not None:
        require_name(name)

    def run(transaction: WriteTransaction) -> tuple[FactorView, Notice]:
        now = services.clock.now()
        factor = require_may_touch(services, transaction, authority, user, id, now, clear=clear)
        changed = replace(factor, name=factor.name if name is None else name)
        if clear:
            changed = replace(changed, disabled=False)
            transaction.set_attempts(user, id, AttemptCount())
        transaction.replace_factor(changed)
        facts = {"renamed": changed.name != factor.name, "cleared": clear}
        by = authority.actor
        transaction.append_audit(audit.factor_entry(Event.FACTOR_CHANGED, changed, by=by, at=now, facts=facts))
        return view_of(services, changed), notice_of(services, transaction, changed, News.CHANGED)

    view, notice = await services.store.write(run)
    await tell_user(services, notice)
    return view


async def delete_factor(
    services: Services,
    authority: Authority,
    user: UserId,
    id: FactorId,  # noqa: A002
) -> None:
    """
    Remove a factor, with every elevation that rests on it and every challenge that was proven with it.

    Raises:
        NotFoundError: The user has no such factor, or the caller has no right there.
        ForbiddenError: The caller has some right there, but not `UPDATE`.
        StepUpRefusedError: It takes an elevation of at least its level first.
    """

    def run(transaction: WriteTransaction) -> tuple[list[ChallengeId], Notice]:
        now = services.clock.now()
        factor = require_may_touch(services, transaction, authority, user, id, now)
        notice = notice_of(services, transaction, factor, News.REMOVED)
        return remove_factor(transaction, factor, by=authority.actor, now=now), notice

    ended, notice = await services.store.write(run)
    services.notices.tell(ended)
    await tell_user(services, notice)


def require_may_touch(
    services: Services,
    transaction: WriteTransaction,
    authority: Authority,
    user: UserId,
    id: FactorId,  # noqa: A002
    now: datetime,
    *,
    clear: bool = False,
) -> Factor:
    """
    The factor *id*, which *authority* may rename and remove or, with *clear*, make usable again.

    Raises:
        NotFoundError: The user has no such factor, or the caller has no right there.
        ForbiddenError: The caller has some right there, but not `UPDATE`.
        StepUpRefusedError: It takes an elevation of at least its level first; to clear it, of the one above.
    """
    factor = _found(transaction, user, id)
    own = authority.caller is not None and authority.caller.principal == user
    level = level_of(services, factor)
    if clear and own:
        level = Level(min(level + 1, max(Level)))
    require_may_change(services, transaction, authority, user, level, now)
    return factor


def _found(
    transaction: ReadTransaction,
    user: UserId,
    id: FactorId,  # noqa: A002
) -> Factor:
    for factor in transaction.factors_of(user):
        if factor.id == id:
            return factor
    raise NotFoundError
