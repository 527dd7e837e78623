"""How the verbs of the management API run: guarded and recorded in their transaction, in force once they return."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime, timedelta
from heapq import merge
from typing import Generic, TypeVar

from stairgate.engine.reach import Reach
from stairgate.model.access import AccessRecord, RecordStatus
from stairgate.model.actions import READ
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.canonical import JsonValue, canonical_json, digest_of
from stairgate.model.errors import InvalidInputError, TooLargeError, UnavailableError
from stairgate.model.ids import ClientId
from stairgate.model.resources import management_resource, unescape_segment
from stairgate.model.tokens import Caller, ClientCaller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit
from stairgate.service.context import Services
from stairgate.service.guard import Guard, UseMustBeTakenError
from stairgate.service.loading import facts_in
from stairgate.service.policy_documents import Changed, document_of
from stairgate.service.weakening import require_for_change

T = TypeVar("T")

MAX_DOCUMENT = 100_000  # bytes of a record or a group (authress-contract §1.2)
SCAN_PAGE = 100
SEARCHED = 20_000  # names that a list looks through for a text
MOST_LOOKED = 1000  # things that a list looks at to find those that the caller may see


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


# An id, the thing if there is one that may be wanted, and what looking at it counts.
_Candidate = tuple[str, T | None, int]


@dataclass(frozen=True, slots=True)
class Shelf(Generic[T]):
    """
    How the things of one kind are found.

    Args:
        kind: What guards them all: `Authress:{kind}`, and each as its child.
        page: At most so many whose id comes after the given one, ascending, up to another one if one is given.
        get: The one of this id.
        administered: The ids after the given one, at most so many, of those that the caller is an admin of.
        key: The id of one.
        having: Whether one is wanted at all, where `page` does not see to it.
        ahead: Where `page` searches: the id that is so many steps after the given one, None where the end is nearer.
    """

    kind: str
    page: Callable[[str | None, int, str | None], Sequence[T]]
    get: Callable[[str], T | None]
    key: Callable[[T], str]
    administered: Callable[[str | None, int], Sequence[str]] = lambda _after, _limit: ()
    having: Callable[[T], bool] = lambda _thing: True
    ahead: Callable[[str | None, int], str | None] = lambda _after, _steps: None

    def all(self, after: str | None, size: int) -> Iterator[_Candidate[T]]:
        """Everything after *after*, *size* things read first."""
        while True:
            until = self.ahead(after, SEARCHED)
            found = self.page(after, size, until)
            for thing in found:
                after = self.key(thing)
                yield after, thing, 1
            if len(found) < size:
                if until is None:
                    return
                after = until
                yield after, None, MOST_LOOKED  # searching that far is enough for a page
            size = SCAN_PAGE

    def few(self, named: frozenset[str], after: str | None) -> Iterator[_Candidate[T]]:
        """What is *named*, by its segment, or administered, after *after*; None: there is no such thing."""
        ids = sorted(key for segment in named if (key := _unescaped(segment)) is not None and key > (after or ""))
        previous = None
        for key in merge(ids, self._administered(after)):
            if key != previous:
                yield key, self.get(key), 1
            previous = key

    def _administered(self, after: str | None) -> Iterator[str]:
        while True:
            found = self.administered(after, SCAN_PAGE)
            yield from found
            if len(found) < SCAN_PAGE:
                return
            after = found[-1]


def listed(guard: Guard, shelf: Shelf[T], *, seen: Callable[[T], bool], limit: int, after: str | None) -> Listed[T]:
    """
    The next *limit* things that are *seen* and wanted.

    Whose grants reach all things of the kind is shown them in their order. For everybody else the few that their grants
    name, and that they administer, are looked up: so a page costs the same wherever it begins, and however many
    others there are. It looks at a bounded number of things, so a page may have fewer items, and still be followed by
    another.
    """
    named = Reach(guard.facts, READ).children_of(management_resource(shelf.kind).segments)
    candidates = shelf.all(after, limit + 1) if named is None else shelf.few(named, after)
    items: list[T] = []
    looked = 0
    for key, thing, effort in candidates:
        if thing is not None and shelf.having(thing) and seen(thing):
            if len(items) == limit:
                return Listed(tuple(items), after)
            items.append(thing)
        after = key
        looked += effort
        if looked >= MOST_LOOKED:
            return Listed(tuple(items), after)
    return Listed(tuple(items), None)


def _unescaped(segment: str) -> str | None:
    try:
        return unescape_segment(segment)
    except InvalidInputError:  # a segment that is no thing's
        return None


def holds_text(text: str | None, *places: str) -> bool:
    """Whether *text* is a part of one of *places*, case ignored; None: always."""
    return text is None or any(text.casefold() in place.casefold() for place in places)


def _asker(caller: Caller) -> ClientId | None:
    return caller.client if isinstance(caller, ClientCaller) else None
