"""How the verbs of the management API run: guarded and recorded in their transaction, in force once they return."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Generic, TypeVar

from stairgate.model.access import AccessRecord, RecordStatus
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.canonical import JsonValue, canonical_json, digest_of
from stairgate.model.errors import TooLargeError, UnavailableError
from stairgate.model.ids import ClientId
from stairgate.model.tokens import Caller, ClientCaller
from stairgate.ports.store import Page, ReadTransaction, WriteTransaction
from stairgate.service import audit
from stairgate.service.context import Services
from stairgate.service.guard import Guard, UseMustBeTakenError
from stairgate.service.loading import facts_in
from stairgate.service.policy_documents import Changed, document_of
from stairgate.service.weakening import require_for_change

T = TypeVar("T")

MAX_DOCUMENT = 100_000  # bytes of a record or a group (authress-contract §1.2)
SCAN_PAGE = 100
MOST_SCANS = 10  # a list looks at no more than 1000 things to find those that the caller may see


@dataclass(frozen=True, slots=True)
class Written(Generic[T]):
    """What a write left, and the revision from which on every node knows it (`Stairgate-Revision`)."""

    value: T
    revision: int


@dataclass(frozen=True, slots=True)
class Listed(Generic[T]):
    """A page of what the caller may see, and the id after which the next one starts; None: this is the last."""

    items: tuple[T, ...]
    after: str | None


async def reading(services: Services, caller: Caller, function: Callable[[ReadTransaction, Guard], T]) -> T:
    """Run *function* against one snapshot, with the guard of *caller*."""
    facts = await services.facts.facts_of(caller.principal, asker=_asker(caller))
    now = services.clock.now()

    def look(transaction: ReadTransaction) -> T:
        return function(transaction, Guard(services, caller, facts, transaction, now))

    try:
        return await services.store.read(look)
    except UseMustBeTakenError:
        return (await writing(services, caller, function)).value


async def writing(services: Services, caller: Caller, function: Callable[[WriteTransaction, Guard], T]) -> Written[T]:
    """Run *function* in one transaction, with the guard of *caller*, whose facts are those of the transaction."""
    now = services.clock.now()

    def change(transaction: WriteTransaction) -> Written[T]:
        facts = facts_in(transaction, caller.principal, asker=_asker(caller), methods=services.rules.methods)
        value = function(transaction, Guard(services, caller, facts, transaction, now, writing=transaction))
        return Written(value, transaction.revision())

    written = await services.store.write(change)
    with suppress(UnavailableError):  # it is done; the facts are caught up with before the next answer
        await services.facts.catch_up()
    return written


def record_change(
    transaction: WriteTransaction,
    guard: Guard,
    event: Event,
    *,
    key: str,
    before: Changed | None,
    after: Changed | None,
) -> None:
    """
    Append what was done to the chain, in its transaction (semantics §12).

    NOTE: every change of a record, role, group, mark, client, key or issuer passes here, as it was and as it will be.
    So what is asked of a user who makes a protection weaker is asked here (semantics §4, "Weakening"), after all else
    that could refuse the change.

    Args:
        transaction: Where it was done.
        guard: Under which it was done.
        event: What kind of thing was changed.
        key: Which one.
        before: As it was, None if it is new. Only digests are kept.
        after: As it is now, None if it is gone.

    Raises:
        StepUpRefusedError: A user makes a protection weaker, and wants a step-up first.
    """
    require_for_change(transaction, guard, event, key=key, before=before, after=after)
    change = "deleted" if not _in_force(after) else "replaced" if _in_force(before) else "created"
    facts: dict[str, JsonValue] = {
        "change": change,
        "id": key,
        "digest": None if after is None else digest_of(document_of(after)),
        "before": None if before is None else digest_of(document_of(before)),
        "token": str(guard.caller.token.key),
        "elevations": list(guard.taken),
        "policyRevision": transaction.revision(),
    }
    transaction.append_audit(AuditDraft(event, guard.now, audit.actor(guard.caller), facts))


def _in_force(thing: Changed | None) -> bool:
    """A deleted record stays, and gives nothing; everything else that is there is in force."""
    return thing is not None and not (isinstance(thing, AccessRecord) and thing.status is RecordStatus.DELETED)


def require_small(document: JsonValue) -> None:
    """
    Refuse a record or group that is too large.

    Raises:
        TooLargeError: It has more than 100 kB.
    """
    if len(canonical_json(document).encode()) > MAX_DOCUMENT:
        raise TooLargeError(f"it may have at most {MAX_DOCUMENT} bytes: split it")


def updated_at(now: datetime, previous: datetime | None) -> datetime:
    """
    When something was last updated, in whole milliseconds, which is what JavaScript carries.

    Never in the same second as *previous*, so that an HTTP date, which has no fraction, tells every two versions
    apart: several updates within one second are dated ahead.
    """
    at = now.replace(microsecond=now.microsecond // 1000 * 1000)
    if previous is None:
        return at
    next_second = previous.replace(microsecond=0) + timedelta(seconds=1)
    return max(at, next_second)


def listed(
    fetch: Callable[[Page], Sequence[T]],
    *,
    key: Callable[[T], str],
    seen: Callable[[T], bool],
    limit: int,
    after: str | None,
) -> Listed[T]:
    """
    The next *limit* things that are *seen*.

    It looks at a bounded number of things, so a page may have fewer items, and still be followed by another.
    """
    items: list[T] = []
    for _ in range(MOST_SCANS):
        found = fetch(Page(SCAN_PAGE, after))
        for thing in found:
            if seen(thing):
                if len(items) == limit:
                    return Listed(tuple(items), after)
                items.append(thing)
            after = key(thing)
        if len(found) < SCAN_PAGE:
            return Listed(tuple(items), None)
    return Listed(tuple(items), after)


def _asker(caller: Caller) -> ClientId | None:
    return caller.client if isinstance(caller, ClientCaller) else None
