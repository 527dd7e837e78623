"""Service clients and their access keys over HTTP (authress-contract §1.3, §5)."""

from __future__ import annotations

from msgspec import UnsetType

from stairgate.api.answers import Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress import listing
from stairgate.api.handlers.authress.drafting import client_draft
from stairgate.api.handlers.authress.making import made
from stairgate.api.handlers.authress.showing import client_view, collection_links, key_view, new_key_view, pagination
from stairgate.api.wire import authress as wire
from stairgate.api.wire.wellknown import KeySet
from stairgate.model.canonical import JsonValue
from stairgate.model.ids import ClientId, KeyId, client_id
from stairgate.service import client_keys, clients


async def create(call: Call) -> Answer:
    """Answer `POST /v1/clients`."""
    draft = client_draft(call.body(wire.Client))
    return await made(call, lambda services: clients.create_client(services, call.caller, draft), client_view)


async def read(call: Call) -> Answer:
    """Answer `GET /v1/clients/{clientId}`."""
    return json_answer(200, client_view(await clients.read_client(call.services, call.caller, _key(call))))


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/clients`."""
    scope: JsonValue = "clients"
    limit, after = listing.limit_of(call), listing.after(call, scope)
    found = await clients.list_clients(call.services, call.caller, limit=limit, after=after)
    cursor = listing.cursor(call, scope, found.after)
    views = [client_view(client) for client in found.items]
    return json_answer(200, wire.ClientCollection(views, pagination(cursor), collection_links(call, cursor)))


async def replace(call: Call) -> Answer:
    """Answer `PUT /v1/clients/{clientId}`."""
    draft = client_draft(call.body(wire.Client))
    written = await clients.replace_client(call.services, call.caller, _key(call), draft)
    return json_answer(200, client_view(written.value), listing.revision(written.revision))


async def delete(call: Call) -> Answer:
    """Answer `DELETE /v1/clients/{clientId}`."""
    written = await clients.delete_client(call.services, call.caller, _key(call))
    return empty_answer(204, listing.revision(written.revision))


async def create_key(call: Call) -> Answer:
    """Answer `POST /v1/clients/{clientId}/access-keys`."""
    text = call.body(wire.AccessKeyRequest).public_key
    own = None if isinstance(text, UnsetType) or not text else client_keys.read_public_key(text)
    key = _key(call)
    return await made(call, lambda services: client_keys.create_key(services, call.caller, key, own), new_key_view)


async def delete_key(call: Call) -> Answer:
    """Answer `DELETE /v1/clients/{clientId}/access-keys/{keyId}`."""
    key = KeyId(client_id(call.parameters["keyId"], field="keyId"))  # of the same grammar
    written = await client_keys.delete_key(call.services, call.caller, _key(call), key)
    return empty_answer(204, listing.revision(written.revision))


async def keys(call: Call) -> Answer:
    """Answer `GET /v1/clients/{clientId}/.well-known/openid-configuration/jwks`: public, as every JWKS is."""
    client = await clients.published_client(call.services, _key(call))
    return json_answer(200, KeySet([key_view(key) for key in client.keys]))


def _key(call: Call) -> ClientId:
    return client_id(call.parameters["clientId"])
