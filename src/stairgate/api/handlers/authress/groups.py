"""Groups over HTTP (authress-contract §1.3)."""

from __future__ import annotations

from stairgate.api.answers import Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress import listing
from stairgate.api.handlers.authress.drafting import group_draft
from stairgate.api.handlers.authress.making import made
from stairgate.api.handlers.authress.showing import collection_links, group_view, pagination
from stairgate.api.wire import authress as wire
from stairgate.model.canonical import JsonValue
from stairgate.model.ids import GroupId, group_id
from stairgate.service import groups
from stairgate.service.preconditions import FIELD, MAX_LENGTH, unmodified_since


async def create(call: Call) -> Answer:
    """Answer `POST /v1/groups`."""
    draft = group_draft(call.body(wire.Group))
    return await made(
        call,
        lambda services: groups.create_group(services, call.caller, draft),
        lambda group: group_view(call, group),
        dated=lambda group: group.last_updated,
    )


async def read(call: Call) -> Answer:
    """Answer `GET /v1/groups/{groupId}`."""
    group = await groups.read_group(call.services, call.caller, _key(call))
    return json_answer(200, group_view(call, group), *listing.last_modified(group.last_updated))


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/groups`."""
    text = listing.text_of(call)
    scope: JsonValue = ["groups", text]
    limit, after = listing.limit_of(call), listing.after(call, scope)
    found = await groups.list_groups(call.services, call.caller, limit=limit, after=after, text=text)
    cursor = listing.cursor(call, scope, found.after)
    views = [group_view(call, group) for group in found.items]
    return json_answer(200, wire.GroupCollection(views, pagination(cursor), collection_links(call, cursor)))


async def replace(call: Call) -> Answer:
    """Answer `PUT /v1/groups/{groupId}`."""
    condition = unmodified_since(call.header(FIELD, maximum=MAX_LENGTH))
    draft = group_draft(call.body(wire.Group))
    written = await groups.replace_group(call.services, call.caller, _key(call), draft, condition)
    group = written.value
    fields = (*listing.last_modified(group.last_updated), listing.revision(written.revision))
    return json_answer(200, group_view(call, group), *fields)


async def delete(call: Call) -> Answer:
    """Answer `DELETE /v1/groups/{groupId}`."""
    written = await groups.delete_group(call.services, call.caller, _key(call))
    return empty_answer(204, listing.revision(written.revision))


def _key(call: Call) -> GroupId:
    return group_id(call.parameters["groupId"])
