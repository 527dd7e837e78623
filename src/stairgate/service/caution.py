"""A user's wish to be asked every time: each step-up opens one access, once (semantics §8)."""

from __future__ import annotations

from datetime import datetime

from stairgate.model.actions import READ
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.canonical import JsonValue
from stairgate.model.ids import UserId
from stairgate.model.protection import BEST_LEVELS, Level, Method
from stairgate.model.tokens import Caller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service.context import Services
from stairgate.service.eligible import factors_resource
from stairgate.service.factor_rights import Authority, require_may_change
from stairgate.service.guard import Guard
from stairgate.service.management import reading
from stairgate.service.rehearsal import rehearse
from stairgate.service.stored_factors import level_of
from stairgate.service.tell_user import Notice, caution_lifted, tell_user
from stairgate.service.user_tokens import require_user_id
from stairgate.service.wishes import asks_every_time, keep_wish


async def read_caution(services: Services, caller: Caller, user: UserId) -> bool:
    """
    Whether the user wants to be asked every time.

    Raises:
        NotFoundError: The caller is not the user, and has no right there.
        ForbiddenError: The caller has some right there, but not `READ` on `Authress:Users/{userId}/factors`.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> bool:
        if guard.user != user:
            guard.require(READ, factors_resource(user))
        return asks_every_time(transaction, user)

    return await reading(services, caller, run)


async def set_caution(services: Services, authority: Authority, user: UserId, *, always: bool) -> bool:
    """
    Ask the user every time, or no more.

    The user alone asks for it, with nothing but their token. Lifting it takes an elevation as for factors (§7.6), of
    the highest level that the user has a factor for: a thief with the weakest must not undo it. The user is told.

    Raises:
        InvalidInputError: The user is a service client.
        NotFoundError: The caller has no right there.
        ForbiddenError: The caller has some right there, but not `UPDATE`.
        StepUpRefusedError: It takes an elevation first.
    """
    require_user_id(user)

    def run(transaction: WriteTransaction) -> Notice | None:
        now = services.clock.now()
        own = authority.caller is not None and authority.caller.principal == user
        if not own or (not always and asks_every_time(transaction, user)):
            _require_may_change(services, transaction, authority, user, now)
        if always == asks_every_time(transaction, user):
            return None
        keep_wish(transaction, user, always=always)
        facts: dict[str, JsonValue] = {"user": user, "always": always}
        transaction.append_audit(AuditDraft(Event.CAUTION_CHANGED, now, authority.actor, facts))
        return None if always else caution_lifted(services, transaction, user)

    notice = await services.store.write(run)
    if notice is not None:
        await tell_user(services, notice)
    return always


async def rehearse_lifting(services: Services, authority: Authority, user: UserId) -> None:
    """Ask whether *authority* may lift the wish of *user*; raises what `set_caution` would refuse it with."""
    await rehearse(
        services,
        lambda transaction: _require_may_change(services, transaction, authority, user, services.clock.now()),
    )


def _require_may_change(
    services: Services, transaction: WriteTransaction, authority: Authority, user: UserId, now: datetime
) -> None:
    require_may_change(services, transaction, authority, user, _highest(services, transaction, user), now)


def _highest(services: Services, transaction: ReadTransaction, user: UserId) -> Level:
    levels = [
        level_of(services, factor) for factor in transaction.factors_of(user) if factor.method is not Method.RECOVERY
    ]
    return max(levels, default=BEST_LEVELS[Method.RECOVERY])
