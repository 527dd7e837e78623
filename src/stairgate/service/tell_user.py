"""
Tell the user what changed about how they confirm, on every other channel (semantics §7.4, §7.6, §8; WA-9, attack 19).

No notice has a link that does something: what fetches addresses in mails would do it (attack 24). It says whom to tell.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from stairgate.model.audit import AuditDraft, Event
from stairgate.model.errors import DeliveryFailedError
from stairgate.model.evidence import Factor
from stairgate.model.ids import FactorId, UserId
from stairgate.model.messages import News
from stairgate.model.protection import Method
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit, messages
from stairgate.service.context import Services
from stairgate.service.stored_factors import unsealed


@dataclass(frozen=True, slots=True)
class Notice:
    """Who is to be told of what, gathered in the transaction of the change and sent after it."""

    user: UserId
    factor: FactorId | None
    method: Method | None
    news: News
    recipients: tuple[tuple[Method, str], ...]

    def __repr__(self) -> str:
        return f"Notice(user={self.user!r}, news={self.news!r})"  # SECURITY: never the addresses


def notice_of(services: Services, transaction: ReadTransaction, factor: Factor, news: News) -> Notice:
    """
    What is to be told of *factor*.

    An address that was just added is not told of itself; one that is removed is: it may be the thief who removes it.
    """
    itself = factor.id if news is News.ADDED else None
    return Notice(factor.user, factor.id, factor.method, news, _recipients(services, transaction, factor.user, itself))


def caution_lifted(services: Services, transaction: ReadTransaction, user: UserId) -> Notice:
    """That the user is not asked every time any more: a thief would like that, too (semantics §8)."""
    return Notice(user, None, None, News.CAUTION_LIFTED, _recipients(services, transaction, user, None))


def _recipients(
    services: Services, transaction: ReadTransaction, user: UserId, without: FactorId | None
) -> tuple[tuple[Method, str], ...]:
    return tuple(
        (each.method, unsealed(services, each).decode())
        for each in transaction.factors_of(user)
        if each.method in services.senders and each.id != without
    )


async def tell_user(services: Services, notice: Notice) -> None:
    """
    Send *notice*. The change is done, whatever becomes of it; that somebody could not be told is recorded.

    The factor that changed is named by its method alone.
    """

    async def send(channel: Method, recipient: str) -> Method | None:
        message = messages.notice(services, notice.news, notice.method, channel=channel, recipient=recipient)
        try:
            await services.senders[channel].send(message)
        except DeliveryFailedError:
            return channel
        return None

    outcomes = await asyncio.gather(*(send(channel, recipient) for channel, recipient in notice.recipients))
    failed = sorted(channel.value for channel in outcomes if channel is not None)
    if not failed:
        return

    def record(transaction: WriteTransaction) -> None:
        facts = {"user": notice.user, "factor": notice.factor, "change": notice.news.value, "channels": list(failed)}
        transaction.append_audit(AuditDraft(Event.NOTICE_FAILED, services.clock.now(), audit.SYSTEM, facts))

    await services.store.write(record)
