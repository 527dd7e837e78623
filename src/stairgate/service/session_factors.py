"""What whoever is on the account page does to their factors: by the link they came with, else by a step-up (§7.6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from stairgate.model.errors import ForbiddenError
from stairgate.model.ids import FactorId
from stairgate.model.protection import Method
from stairgate.ports.store import WriteTransaction
from stairgate.service.account_factors import require_may_touch
from stairgate.service.account_links import AccountSession
from stairgate.service.context import Services
from stairgate.service.enrolment import BeginCall, Begun, begin_enrolment, require_may_begin
from stairgate.service.factor_rights import Authority
from stairgate.service.rehearsal import rehearse

T = TypeVar("T")


async def rehearse_adding(services: Services, session: AccountSession, method: Method) -> None:
    """
    Ask whether *session* may begin to add a factor of *method*; raises what `begin_enrolment` would refuse it with.

    It says nothing of what is typed: name and address are looked at when they come.
    """

    async def ask(authority: Authority) -> None:
        def attempt(transaction: WriteTransaction) -> object:
            now = services.clock.now()
            return require_may_begin(services, transaction, authority, session.user, method, now)

        await rehearse(services, attempt)

    await _by_any_right(session, ask)


async def rehearse_change(services: Services, session: AccountSession, factor: FactorId, *, clear: bool) -> None:
    """Ask whether *session* may rename, remove or, with *clear*, clear *factor*; raises what would refuse it."""

    def attempt(transaction: WriteTransaction) -> object:
        authority, now = session.authority, services.clock.now()
        return require_may_touch(services, transaction, authority, session.user, factor, now, clear=clear)

    await rehearse(services, attempt)


async def begin_session_enrolment(services: Services, session: AccountSession, call: BeginCall) -> Begun:
    """Begin to add a factor; raises what `begin_enrolment` does."""

    async def begin(authority: Authority) -> Begun:
        return await begin_enrolment(services, authority, session.user, call)

    return await _by_any_right(session, begin)


async def _by_any_right(session: AccountSession, use: Callable[[Authority], Awaitable[T]]) -> T:
    """Use the link, where it adds a factor; what it does not add, a step-up of the session's token may."""
    try:
        return await use(session.authority)
    except ForbiddenError:
        if not session.enrols or session.caller is None:
            raise
    return await use(Authority(session.caller))
