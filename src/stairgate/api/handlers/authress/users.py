"""Users over HTTP (authress-contract §1.3): those that this service knows of, by their ids."""

from __future__ import annotations

from stairgate.api.answers import Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress import listing
from stairgate.api.handlers.authress.showing import collection_links, pagination
from stairgate.api.wire import authress as wire
from stairgate.model.canonical import JsonValue
from stairgate.model.ids import UserId, user_id
from stairgate.service import users

MOST = 100
LONGEST_FILTER = 64


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/users`."""
    text = listing.text_of(call, least=0, most=LONGEST_FILTER)
    scope: JsonValue = ["users", text]
    limit, after = listing.limit_of(call, most=MOST, default=MOST), listing.after(call, scope)
    found = await users.list_users(call.services, call.caller, limit=limit, after=after, text=text)
    cursor = listing.cursor(call, scope, found.after)
    views = [wire.UserIdentity(user) for user in found.items]
    return json_answer(200, wire.UserIdentityCollection(views, pagination(cursor), collection_links(call, cursor)))


async def read(call: Call) -> Answer:
    """Answer `GET /v1/users/{userId}`."""
    return json_answer(200, wire.UserIdentity(await users.read_user(call.services, call.caller, _key(call))))


async def delete(call: Call) -> Answer:
    """Answer `DELETE /v1/users/{userId}`: 202 as official clients expect, although it is done."""
    written = await users.delete_user(call.services, call.caller, _key(call))
    return empty_answer(202, listing.revision(written.revision))


def _key(call: Call) -> UserId:
    return user_id(call.parameters["userId"])
