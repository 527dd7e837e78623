"""Tell the user of a change of their factors, on every other channel (semantics §7.6, WA-9, attack 19)."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from stairgate.model.audit import AuditDraft, Event
from stairgate.model.errors import DeliveryFailedError
from stairgate.model.evidence import Factor
from stairgate.model.ids import FactorId, UserId
from stairgate.model.protection import Method
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit, messages
from stairgate.service.context import Services
from stairgate.service.stored_factors import unsealed


@dataclass(frozen=True, slots=True)
class Notice:
    """Who is to be told of what, gathered in the transaction of the change and sent after it."""

    user: UserId
    factor: FactorId
    method: Method
    change: str  # `added`, `changed`, `removed`
    recipients: tuple[tuple[Method, str], ...]

    def __repr__(self) -> str:
        return f"Notice(user={self.user!r}, change={self.change!r})"  # SECURITY: never the addresses


def notice_of(services: Services, transaction: ReadTransaction, factor: Factor, change: str) -> Notice:
    """
    What is to be told of *factor*.

    An address that was just added is not told of itself; one that is removed is: it may be the thief who removes it.
    """
    recipients = tuple(
        (each.method, unsealed(services, each).decode())
        for each in transaction.factors_of(factor.user)
        if each.method in services.senders and (change != "added" or each.id != factor.id)
    )
    return Notice(factor.user, factor.id, factor.method, change, recipients)


async def tell_user(services: Services, notice: Notice) -> None:
    """
    Send *notice*. The change is done, whatever becomes of it; that somebody could not be told is recorded.

    The factor that changed is named by its method alone.
    """

    async def send(channel: Method, recipient: str) -> Method | None:
        message = messages.factor_changed(services, notice.change, notice.method, channel=channel, recipient=recipient)
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
        facts = {"user": notice.user, "factor": notice.factor, "change": notice.change, "channels": list(failed)}
        transaction.append_audit(AuditDraft(Event.NOTICE_FAILED, services.clock.now(), audit.SYSTEM, facts))

    await services.store.write(record)
