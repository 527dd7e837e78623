"""Access records: make, read, list, replace, delete (semantics §3, §4; authress-contract §1.3, §2.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stairgate.model.access import AccessRecord, RecordStatus
from stairgate.model.actions import READ
from stairgate.model.audit import Event
from stairgate.model.errors import (
    AccessRecordAlreadyExistsError,
    InvalidInputError,
    NotFoundError,
    TooLargeError,
)
from stairgate.model.ids import RecordId
from stairgate.model.resources import Resource, management_resource
from stairgate.model.tokens import Caller
from stairgate.ports.store import Page, ReadTransaction, WriteTransaction
from stairgate.service.context import Services
from stairgate.service.drafts import RecordDraft
from stairgate.service.guard import UPDATE, Guard
from stairgate.service.handing_out import require_for_record
from stairgate.service.kept_protection import statements_of
from stairgate.service.management import (
    Listed,
    Shelf,
    Written,
    holds_text,
    listed,
    reading,
    record_change,
    require_small,
    updated_at,
    writing,
)
from stairgate.service.policy_documents import record_document
from stairgate.service.preconditions import UnmodifiedSince

ID_BITS = 80
KIND = "AccessRecords"
MOST_PAIRS = 100_000  # 1000 users, the most that a record has, on the 100 resources of a statement


@dataclass(frozen=True, slots=True)
class RecordFilter:
    """Which records a list shows. *text* is a part of the id or the name."""

    status: RecordStatus | None = None
    text: str | None = None


def guarding(record: RecordId) -> Resource:
    """What guards *record*."""
    return management_resource(KIND, record)


async def create_record(services: Services, caller: Caller, draft: RecordDraft) -> Written[AccessRecord]:
    """
    Make a record. Its id can be one of a deleted record. Without admins in the draft its creator becomes its admin.

    Raises:
        ForbiddenError: It hands out what the caller may not hand out.
        AccessRecordAlreadyExistsError: An active record has its id.
        InvalidInputError: Users or groups stand on the record and on a statement.
        TooLargeError: It is larger than a record may be.
    """
    fresh = RecordId(f"rec_{services.entropy.token(bits=ID_BITS)}")
    admins = (caller.principal,) if draft.admins is None else draft.admins

    def run(transaction: WriteTransaction, guard: Guard) -> AccessRecord:
        key = draft.id or fresh
        stored = transaction.record(key)
        before = None if stored is None else stored.last_updated
        record = AccessRecord(
            id=key,
            name=draft.name,
            statements=statements_of(draft.statements, ()),
            users=draft.users,
            groups=draft.groups,
            admins=admins,
            description=draft.description,
            tags=draft.tags,
            last_updated=updated_at(guard.now, before),
        )
        _require_well_formed(record)
        require_for_record(transaction, guard, record, None)
        if stored is not None and stored.status is RecordStatus.ACTIVE:
            raise AccessRecordAlreadyExistsError
        store_record(transaction, guard, record, stored)
        return record

    return await writing(services, caller, run)


async def read_record(services: Services, caller: Caller, key: RecordId) -> AccessRecord:
    """
    The record, a deleted one too.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller has some right on it, but may not read it.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> AccessRecord:
        record = transaction.record(key)
        guard.require(READ, guarding(key), admins=() if record is None else record.admins)
        if record is None:
            raise NotFoundError
        return record

    return await reading(services, caller, run)


async def list_records(
    services: Services, caller: Caller, *, limit: int, after: str | None, having: RecordFilter
) -> Listed[AccessRecord]:
    """The records that the caller may read, ascending by id."""

    def run(transaction: ReadTransaction, guard: Guard) -> Listed[AccessRecord]:
        def page(after: str | None, size: int, until: str | None) -> Sequence[AccessRecord]:
            return transaction.records(Page(size, after, until), status=having.status, filter_text=having.text)

        def wanted(record: AccessRecord) -> bool:
            return having.status in {None, record.status} and holds_text(having.text, record.id, record.name)

        def seen(record: AccessRecord) -> bool:
            return guard.sees(READ, guarding(record.id), admins=record.admins)

        shelf = Shelf(
            KIND,
            page,
            get=lambda key: transaction.record(RecordId(key)),
            key=lambda record: record.id,
            administered=lambda after, size: transaction.records_of_admin(guard.user, after=after, limit=size),
            having=wanted,
            ahead=lambda after, steps: None if having.text is None else transaction.record_ahead(after, steps=steps),
        )
        return listed(guard, shelf, seen=seen, limit=limit, after=after)

    return await reading(services, caller, run)


async def replace_record(
    services: Services, caller: Caller, key: RecordId, draft: RecordDraft, condition: UnmodifiedSince | None
) -> Written[AccessRecord]:
    """
    Put *draft* in place of the record; a protection that it says nothing of stays (semantics §4).

    Raises:
        NotFoundError: There is none, it was deleted, or the caller has no right on it.
        ForbiddenError: The caller may not change it, or not hand out what it newly gives.
        PreconditionFailedError: It has changed since *condition*.
        ProtectionWouldBeLostError: A marked statement is gone and the draft says nothing of `stepUp`.
        InvalidInputError: Users or groups stand on the record and on a statement, or the draft has another id.
        TooLargeError: It is larger than a record may be.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> AccessRecord:
        stored = _changeable(transaction, guard, key)
        if stored.status is RecordStatus.DELETED:
            raise NotFoundError("the record was deleted: create it again under its id")
        if condition is not None:
            condition.require(stored.last_updated)
        if draft.id not in {None, key}:
            raise InvalidInputError("recordId", "must be the one in the address, or left out")
        record = replace(
            stored,
            name=draft.name,
            statements=statements_of(draft.statements, stored.statements),
            users=draft.users,
            groups=draft.groups,
            admins=stored.admins if draft.admins is None else draft.admins,
            description=draft.description,
            tags=draft.tags,
            last_updated=updated_at(guard.now, stored.last_updated),
        )
        _require_well_formed(record)
        require_for_record(transaction, guard, record, stored)
        store_record(transaction, guard, record, stored)
        return record

    return await writing(services, caller, run)


async def delete_record(services: Services, caller: Caller, key: RecordId) -> Written[None]:
    """
    Take back what the record gives. It stays readable, and its id can be used again.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller may not change it.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> None:
        stored = _changeable(transaction, guard, key)
        if stored.status is RecordStatus.ACTIVE:
            at = updated_at(guard.now, stored.last_updated)
            gone = replace(stored, status=RecordStatus.DELETED, last_updated=at)
            store_record(transaction, guard, gone, stored)

    return await writing(services, caller, run)


def _changeable(transaction: WriteTransaction, guard: Guard, key: RecordId) -> AccessRecord:
    record = transaction.record(key)
    guard.require(UPDATE, guarding(key), admins=() if record is None else record.admins)
    if record is None:
        raise NotFoundError
    return record


def store_record(
    transaction: WriteTransaction, guard: Guard, record: AccessRecord, before: AccessRecord | None
) -> None:
    """
    Store *record* in place of *before*, with its entry. Whether its writer may, was asked.

    Raises:
        TooLargeError: It is larger than a record may be.
        StepUpRefusedError: It makes a protection weaker, and its writer wants a step-up first.
    """
    require_small(record_document(record))
    if _named_pairs(record) > MOST_PAIRS:
        raise TooLargeError(f"it may name at most {MOST_PAIRS} users or groups times resources: split it")
    transaction.put_record(record)
    record_change(transaction, guard, Event.RECORD_CHANGED, key=record.id, before=before, after=record)


def _named_pairs(record: AccessRecord) -> int:
    """How often the record names somebody on something: so much is written with it, for lists."""
    everywhere = len(record.users) + len(record.groups)
    return sum(
        (everywhere + len(statement.users) + len(statement.groups)) * len(statement.resources)
        for statement in record.statements
    )


def _require_well_formed(record: AccessRecord) -> None:
    if not record.users and not record.groups:
        return
    for place, statement in enumerate(record.statements):
        for name, own in (("users", statement.users), ("groups", statement.groups)):
            if own:
                raise InvalidInputError(
                    f"statements[{place}].{name}", "users and groups stand on the record or on its statements, not both"
                )
