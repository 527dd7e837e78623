"""Management: records, roles, groups, resources, service clients, trusted issuers. One pattern for all of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final, Generic, TypeVar

from stairgate.client.codec import from_wire, to_wire
from stairgate.client.errors import ArgumentError, UnexpectedAnswerError
from stairgate.client.exchange import (
    NO_HEADERS,
    Conversation,
    Found,
    Operation,
    Reply,
    Request,
    Stream,
    document_in,
    encoded,
    exchange,
    path,
)
from stairgate.client.refusals import refusal
from stairgate.client.shapes import (
    AccessRecord,
    AccountLink,
    Claim,
    Group,
    Identity,
    Invite,
    NewAccessKey,
    Resource,
    Role,
    ServiceClient,
)

T = TypeVar("T")
MOST_KEY: Final = 255
_DONE = frozenset({200, 201, 202, 204})


@dataclass(frozen=True, slots=True)
class Kind(Generic[T]):
    """Where the items of one kind lie, what a list of them is called, whether one is guarded by when it was read."""

    shape: type[T]
    segment: str
    listed_as: str
    conditional: bool = False


RECORDS: Final = Kind(AccessRecord, "records", "records", conditional=True)
ROLES: Final = Kind(Role, "roles", "roles")
GROUPS: Final = Kind(Group, "groups", "groups", conditional=True)
RESOURCES: Final = Kind(Resource, "resources", "resources")
CLIENTS: Final = Kind(ServiceClient, "clients", "clients")
INVITES: Final = Kind(Invite, "invites", "invites")
IDENTITIES: Final = Kind(Identity, "identities", "identities")


def create(kind: Kind[T], item: T, *, key: str | None = None) -> Operation[T]:
    """Create *item* and return it as it is kept; under an idempotency *key* it is created once, however often sent."""
    reply = yield from _call(making(path("v1", kind.segment), encoded(to_wire(item)), key))
    return from_wire(kind.shape, document_in(reply))


def get(kind: Kind[T], item_id: str) -> Operation[T]:
    """Read one item."""
    reply = yield from _call(Request("GET", path("v1", kind.segment, item_id), repeatable=True))
    return from_wire(kind.shape, document_in(reply))


def replace(kind: Kind[T], item_id: str, item: T, *, unchanged_since: datetime | None = None) -> Operation[None]:
    """Put *item* in the place of the one with this id; refused where that was changed after *unchanged_since*."""
    if unchanged_since is None and kind.conditional:
        unchanged_since = getattr(item, "last_updated", None)
    headers = {} if unchanged_since is None else {"if-unmodified-since": unchanged_since.isoformat()}
    yield from _call(Request("PUT", path("v1", kind.segment, item_id), headers, encoded(to_wire(item))))


def delete(kind: Kind[Any], item_id: str) -> Operation[None]:
    """Remove one item."""
    yield from _call(Request("DELETE", path("v1", kind.segment, item_id)))


def each(kind: Kind[T], query: Mapping[str, str | int | None]) -> Stream[T]:
    """Every item, page by page."""
    yield from paged(kind.shape, kind.listed_as, ("v1", kind.segment), query)


def paged(
    shape: type[T],
    listed_as: str,
    segments: Sequence[str],
    query: Mapping[str, str | int | None],
    headers: Mapping[str, str] = NO_HEADERS,
) -> Stream[T]:
    """Every item of the list at *segments*, page by page; one without items can still be followed by another."""
    cursor: str | None = None
    seen: set[str] = set()
    while True:
        request = Request("GET", path(*segments, query={**query, "cursor": cursor}), headers, repeatable=True)
        document = document_in((yield from _call(request)))
        items = document.get(listed_as)
        if not isinstance(items, list):
            raise UnexpectedAnswerError(f"unexpected answer: no list of `{listed_as}`")
        for item in items:
            yield Found(from_wire(shape, item))
        cursor = _next_cursor(document)
        if cursor is None:
            return
        if cursor in seen:  # a list that never ends would never return
            raise UnexpectedAnswerError("unexpected answer: a page leads back to an earlier one")
        seen.add(cursor)


def create_identity(identity: Identity, *, key: str | None = None) -> Operation[Identity]:
    """Trust an issuer. Written, its audience has another name than read."""
    document = to_wire(identity)
    document["preferredAudience"] = document.pop("audience")
    reply = yield from _call(making(path("v1", "identities"), encoded(document), key))
    return from_wire(Identity, document_in(reply))


def create_key(client_id: str, *, key: str | None = None) -> Operation[NewAccessKey]:
    """A new access key for the client; the service shows it this once."""
    reply = yield from _call(making(path("v1", "clients", client_id, "access-keys"), None, key))
    return from_wire(NewAccessKey, document_in(reply))


def delete_key(client_id: str, key_id: str) -> Operation[None]:
    """Remove one access key."""
    yield from _call(Request("DELETE", path("v1", "clients", client_id, "access-keys", key_id)))


def claim(collection: str, resource_id: str, *, key: str | None = None) -> Operation[Claim]:
    """Make the resource in the collection the caller's."""
    body = encoded({"collectionResource": collection, "resourceId": resource_id})
    reply = yield from _call(making(path("v1", "claims"), body, key))
    return from_wire(Claim, document_in(reply))


def accept_invite(invite_id: str) -> Operation[None]:
    """Give the calling user what the invite gives; a repeat does nothing."""
    yield from _call(Request("PATCH", path("v1", "invites", invite_id), repeatable=True))


def create_account_link(
    conversation: Conversation, user_id: str, *, user_token: str | None, key: str | None = None
) -> Operation[AccountLink]:
    """A link to the user's account page, entered as *user_token* where one is given."""
    target = path("v1", "users", user_id, "account-links")
    reply = yield from _call(making(target, None, key, conversation.on_behalf_of(user_token)))
    return from_wire(AccountLink, document_in(reply))


def delete_user(user_id: str) -> Operation[None]:
    """Remove all of the user's access."""
    yield from _call(Request("DELETE", path("v1", "users", user_id)))


def making(target: str, body: bytes | None, key: str | None, headers: Mapping[str, str] = NO_HEADERS) -> Request:
    """What makes something; with an idempotency *key* it may be sent again."""
    if key is None:
        return Request("POST", target, headers, body)
    if not 1 <= len(key) <= MOST_KEY or not key.isascii() or not key.isprintable() or key != key.strip():
        raise ArgumentError(f"idempotency_key must be 1 to {MOST_KEY} visible ASCII characters")
    return Request("POST", target, {**headers, "idempotency-key": key}, body, repeatable=True)


def _call(request: Request) -> Operation[Reply]:
    reply = yield from exchange(request)
    if reply.status not in _DONE:
        raise refusal(reply)
    return reply


def _next_cursor(document: Mapping[str, Any]) -> str | None:
    pagination = document.get("pagination")
    following = pagination.get("next") if isinstance(pagination, Mapping) else None
    cursor = following.get("cursor") if isinstance(following, Mapping) else None
    return cursor if isinstance(cursor, str) and cursor else None
