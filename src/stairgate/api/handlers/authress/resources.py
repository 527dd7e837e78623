"""Resource configurations over HTTP (authress-contract §1.3; semantics §4)."""

from __future__ import annotations

from stairgate.api.answers import Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress import listing
from stairgate.api.handlers.authress.drafting import resource_draft
from stairgate.api.handlers.authress.showing import collection_links, pagination, resource_view
from stairgate.api.wire import authress as wire
from stairgate.model.canonical import JsonValue
from stairgate.model.resources import parse_pattern
from stairgate.service import resources


async def read(call: Call) -> Answer:
    """Answer `GET /v1/resources/{resourceUri}`."""
    pattern = parse_pattern(call.parameters["resourceUri"])
    return json_answer(200, resource_view(await resources.read_resource(call.services, call.caller, pattern)))


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/resources`."""
    scope: JsonValue = "resources"
    limit, after = listing.limit_of(call), listing.after(call, scope)
    found = await resources.list_resources(call.services, call.caller, limit=limit, after=after)
    cursor = listing.cursor(call, scope, found.after)
    views = [resource_view(configuration) for configuration in found.items]
    return json_answer(
        200, wire.PermissionedResourceCollection(views, pagination(cursor), collection_links(call, cursor))
    )


async def configure(call: Call) -> Answer:
    """Answer `PUT /v1/resources/{resourceUri}`."""
    pattern = parse_pattern(call.parameters["resourceUri"])
    draft = resource_draft(call.body(wire.PermissionedResource), pattern)
    written = await resources.configure_resource(call.services, call.caller, pattern, draft)
    return empty_answer(200, listing.revision(written.revision))
