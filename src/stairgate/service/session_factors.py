"""What whoever is on the account page does to their factors: by the link they came with, else by a step-up (§7.6)."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TypeVar

from stairgate.factors.addresses import masked
from stairgate.model.errors import ForbiddenError, NotFoundError
from stairgate.model.ids import EnrolmentId, FactorId
from stairgate.model.protection import Method
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service.account_factors import require_may_touch
from stairgate.service.account_links import AccountSession
from stairgate.service.confirm_enrolment import MAX_WRONG
from stairgate.service.context import Services
from stairgate.service.enrolment import BeginCall, Begun, begin_enrolment, require_may_begin, secret_of
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


@dataclass(frozen=True, slots=True)
class PendingView:
    """What was begun and waits for its code. No secret. *sent_to* is where the code went, masked."""

    id: EnrolmentId
    method: Method
    attempts_left: int
    sent_to: str | None


async def pending_enrolment(services: Services, session: AccountSession, id: EnrolmentId) -> PendingView:  # noqa: A002
    """
    What *session* began and has yet to confirm.

    Raises:
        NotFoundError: It began no such factor, or its time is over.
    """

    def run(transaction: ReadTransaction) -> PendingView:
        now = services.clock.now()
        for found in transaction.enrolments_of(session.user):
            if found.id == id and found.started_by == session.authority.actor and now < found.expires_at:
                address = secret_of(services, found).get("address")
                sent_to = None if address is None else masked(address)
                return PendingView(found.id, found.method, MAX_WRONG - found.wrong_answers, sent_to)
        raise NotFoundError("there is no such enrolment, or its 15 minutes are over: begin again")

    return await services.store.read(run)
