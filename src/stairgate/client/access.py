"""Reading access: what a user may do on a resource, through which roles, where; and who is named on a resource."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypeVar

from stairgate.client.administration import paged
from stairgate.client.checks import check_headers
from stairgate.client.codec import from_wire
from stairgate.client.errors import NotFoundError, UnexpectedAnswerError
from stairgate.client.exchange import Conversation, Operation, Request, Stream, document_in, exchange, path
from stairgate.client.refusals import refusal
from stairgate.client.shapes import ResourceUser, UserPermission, UserResource, UserRole

T = TypeVar("T")


def permissions(
    conversation: Conversation,
    user_id: str,
    resource_uri: str,
    *,
    user_token: str | None,
    context: Mapping[str, object] | None,
    include_protected: bool,
) -> Operation[list[UserPermission]]:
    """What the user may do on the resource."""
    headers = check_headers(conversation, user_token, context, None, None)
    target = path("v1", "users", user_id, "resources", resource_uri, "permissions", query=_shown(include_protected))
    return (yield from _shown_in(Request("GET", target, headers, repeatable=True), "permissions", UserPermission))


def roles(
    conversation: Conversation,
    user_id: str,
    resource_uri: str,
    *,
    user_token: str | None,
    context: Mapping[str, object] | None,
    include_protected: bool,
) -> Operation[list[UserRole]]:
    """The roles that the user is given on exactly the resource."""
    headers = check_headers(conversation, user_token, context, None, None)
    target = path("v1", "users", user_id, "resources", resource_uri, "roles", query=_shown(include_protected))
    return (yield from _shown_in(Request("GET", target, headers, repeatable=True), "roles", UserRole))


def resources(
    conversation: Conversation,
    user_id: str,
    *,
    collection: str | None,
    permission: str | None,
    nested: bool,
    user_token: str | None,
    context: Mapping[str, object] | None,
    include_protected: bool,
    page_size: int | None,
) -> Stream[UserResource]:
    """Where the user may do something, page by page."""
    query = {
        "resourceUri": collection,
        "permissions": permission,
        "collectionConfiguration": "INCLUDE_NESTED" if nested else None,
        "limit": page_size,
        **_shown(include_protected),
    }
    headers = check_headers(conversation, user_token, context, None, None)
    yield from paged(UserResource, "resources", ("v1", "users", user_id, "resources"), query, headers)


def users(resource_uri: str, *, page_size: int | None) -> Stream[ResourceUser]:
    """Who is named on exactly the resource, page by page."""
    yield from paged(ResourceUser, "users", ("v1", "resources", resource_uri, "users"), {"limit": page_size})


def _shown_in(request: Request, member: str, shape: type[T]) -> Operation[list[T]]:
    """The list *member* of the answer; 404 says that there is nothing to show."""
    reply = yield from exchange(request)
    if reply.status != 200:  # noqa: PLR2004
        error = refusal(reply)
        if isinstance(error, NotFoundError):
            return []
        raise error
    items = document_in(reply).get(member)
    if not isinstance(items, list):
        raise UnexpectedAnswerError(f"unexpected answer: no list of `{member}`")
    return [from_wire(shape, item) for item in items]


def _shown(include_protected: bool) -> dict[str, str | int | None]:  # noqa: FBT001  # one of a kind
    return {"includeProtected": "true" if include_protected else None}
