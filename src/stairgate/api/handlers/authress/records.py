"""Access records over HTTP (authress-contract §1.3)."""

from __future__ import annotations

from stairgate.api.answers import Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress import listing
from stairgate.api.handlers.authress.drafting import record_draft
from stairgate.api.handlers.authress.making import made
from stairgate.api.handlers.authress.showing import collection_links, pagination, record_view
from stairgate.api.wire import authress as wire
from stairgate.model.access import RecordStatus
from stairgate.model.canonical import JsonValue
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import RecordId, record_id
from stairgate.service import records
from stairgate.service.preconditions import FIELD, MAX_LENGTH, unmodified_since


async def create(call: Call) -> Answer:
    """Answer `POST /v1/records`: always 201, since official clients read a body from nothing else."""
    draft = record_draft(call.body(wire.AccessRecord))
    return await made(
        call,
        lambda services: records.create_record(services, call.caller, draft),
        lambda record: record_view(call, record),
        dated=lambda record: record.last_updated,
    )


async def read(call: Call) -> Answer:
    """Answer `GET /v1/records/{recordId}`."""
    record = await records.read_record(call.services, call.caller, _key(call))
    return json_answer(200, record_view(call, record), *listing.last_modified(record.last_updated))


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/records`."""
    having = records.RecordFilter(_status(call), listing.text_of(call))
    scope: JsonValue = ["records", having.text, having.status]
    limit, after = listing.limit_of(call), listing.after(call, scope)
    found = await records.list_records(call.services, call.caller, limit=limit, after=after, having=having)
    cursor = listing.cursor(call, scope, found.after)
    views = [record_view(call, record) for record in found.items]
    return json_answer(200, wire.AccessRecordCollection(views, pagination(cursor), collection_links(call, cursor)))


async def replace(call: Call) -> Answer:
    """Answer `PUT /v1/records/{recordId}`: 202 as official clients expect, although it is done."""
    condition = unmodified_since(call.header(FIELD, maximum=MAX_LENGTH))
    draft = record_draft(call.body(wire.AccessRecord))
    written = await records.replace_record(call.services, call.caller, _key(call), draft, condition)
    record = written.value
    fields = (*listing.last_modified(record.last_updated), listing.revision(written.revision))
    return json_answer(202, record_view(call, record), *fields)


async def delete(call: Call) -> Answer:
    """Answer `DELETE /v1/records/{recordId}`."""
    written = await records.delete_record(call.services, call.caller, _key(call))
    return empty_answer(204, listing.revision(written.revision))


def _key(call: Call) -> RecordId:
    return record_id(call.parameters["recordId"])


def _status(call: Call) -> RecordStatus | None:
    text = call.query.get("status")
    if text is None:
        return None
    if text not in {status.value for status in RecordStatus}:
        raise InvalidInputError("status", "must be `ACTIVE` or `DELETED`")
    return RecordStatus(text)
