"""Roles over HTTP (authress-contract §1.3)."""

from __future__ import annotations

from stairgate.api.answers import Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress import listing
from stairgate.api.handlers.authress.drafting import role_draft
from stairgate.api.handlers.authress.making import made
from stairgate.api.handlers.authress.showing import collection_links, pagination, role_view
from stairgate.api.wire import authress as wire
from stairgate.model.canonical import JsonValue
from stairgate.model.ids import RoleId, role_id
from stairgate.service import roles

MOST = 100
LONGEST_FILTER = 128


async def create(call: Call) -> Answer:
    """Answer `POST /v1/roles`."""
    draft = role_draft(call.body(wire.Role))
    return await made(call, lambda services: roles.create_role(services, call.caller, draft), role_view)


async def read(call: Call) -> Answer:
    """Answer `GET /v1/roles/{roleId}`."""
    return json_answer(200, role_view(await roles.read_role(call.services, call.caller, _key(call))))


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/roles`."""
    text = listing.text_of(call, least=0, most=LONGEST_FILTER)
    scope: JsonValue = ["roles", text]
    limit, after = listing.limit_of(call, most=MOST, default=MOST), listing.after(call, scope)
    found = await roles.list_roles(call.services, call.caller, limit=limit, after=after, text=text)
    cursor = listing.cursor(call, scope, found.after)
    views = [role_view(role) for role in found.items]
    return json_answer(200, wire.RoleCollection(views, pagination(cursor), collection_links(call, cursor)))


async def replace(call: Call) -> Answer:
    """Answer `PUT /v1/roles/{roleId}`."""
    draft = role_draft(call.body(wire.Role))
    written = await roles.replace_role(call.services, call.caller, _key(call), draft)
    return json_answer(200, role_view(written.value), listing.revision(written.revision))


async def delete(call: Call) -> Answer:
    """Answer `DELETE /v1/roles/{roleId}`."""
    written = await roles.delete_role(call.services, call.caller, _key(call))
    return empty_answer(204, listing.revision(written.revision))


def _key(call: Call) -> RoleId:
    return role_id(call.parameters["roleId"])
