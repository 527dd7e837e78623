"""Reading what a user may do, over HTTP (semantics §11; authress-contract §1.3, "User permissions")."""

from __future__ import annotations

from dataclasses import replace

from msgspec import UNSET, UnsetType

from stairgate.api.answers import Answer, json_answer
from stairgate.api.call import Call, Parameter
from stairgate.api.handlers.authress import listing
from stairgate.api.handlers.authress.listing import CURSOR, LIMIT
from stairgate.api.handlers.authress.showing import collection_links, pagination
from stairgate.api.handlers.stepup.check import CONTEXT, MAX_CONTEXT, MAX_USER_TOKEN, USER_TOKEN, context_of
from stairgate.api.wire import access as wire
from stairgate.api.wire.authress import Account
from stairgate.model.actions import parse_action
from stairgate.model.canonical import JsonValue
from stairgate.model.documents import requirement_document
from stairgate.model.ids import user_id
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.service.resources import list_users
from stairgate.service.user_access import permissions_of, roles_of
from stairgate.service.user_resources import ResourceSearch, resources_of
from stairgate.service.viewing import ViewCall

INCLUDE_PROTECTED = Parameter(
    "includeProtected",
    "Carry what wants a step-up, each with its requirement in `stepUp`. Otherwise it is left out.",
    "boolean",
)
HEADERS = (
    Parameter(
        USER_TOKEN,
        "From a service client: the user's own access token, without `Bearer`. Its elevations count; no use is taken.",
        minimum=1,
        maximum=MAX_USER_TOKEN,
    ),
    Parameter(
        CONTEXT,
        "base64url of a JSON object of at most 4 KiB: the details that a mark may bind.",
        minimum=1,
        maximum=MAX_CONTEXT * 4 // 3 + 4,
    ),
)


TOP_LEVEL, NESTED = "TOP_LEVEL_ONLY", "INCLUDE_NESTED"
NOT_GIVEN = "undefined"  # what the official JavaScript client sends where it is given no resource
RESOURCES_QUERY = (
    Parameter("resourceUri", "The collection; `/*` at its end changes nothing.", minimum=1, maximum=512),
    Parameter("collectionConfiguration", "How deep.", choices=(TOP_LEVEL, NESTED)),
    Parameter("permissions", "An action that must be open there; without it any is enough.", minimum=1, maximum=64),
    LIMIT,
    CURSOR,
    INCLUDE_PROTECTED,
)


async def permissions(call: Call) -> Answer:
    """Answer `GET /v1/users/{userId}/resources/{resourceUri}/permissions`."""
    viewed = view_call(call)
    resource = parse_resource(call.parameters["resourceUri"])
    shown = await permissions_of(call.services, call.caller, viewed, resource)
    views = [
        wire.UserPermission(str(each.action), each.allow, each.grant, each.delegate, step_up_view(each.step_up))
        for each in shown
    ]
    return json_answer(200, wire.PermissionCollection(Account(call.services.account), viewed.user, views))


async def roles(call: Call) -> Answer:
    """Answer `GET /v1/users/{userId}/resources/{resourceUri}/roles`."""
    viewed = view_call(call)
    shown = await roles_of(call.services, call.caller, viewed, parse_resource(call.parameters["resourceUri"]))
    views = [wire.UserRole(each.role, step_up_view(each.step_up)) for each in shown]
    return json_answer(200, wire.UserRoleCollection(viewed.user, views))


async def resources(call: Call) -> Answer:
    """Answer `GET /v1/users/{userId}/resources`."""
    viewed, search = view_call(call), _search(call)
    scope: JsonValue = [
        "user resources",
        viewed.user,
        None if search.collection is None else str(search.collection),
        search.nested,
        None if search.action is None else search.action.key,
        viewed.include_protected,
    ]
    limit, after = listing.limit_of(call), listing.after(call, scope)
    found = await resources_of(call.services, call.caller, viewed, search, limit=limit, after=after)
    cursor = listing.cursor(call, scope, found.after)
    views = [wire.UserResource(str(each.resource), step_up_view(each.step_up)) for each in found.items]
    account = Account(call.services.account)
    return json_answer(
        200,
        wire.UserResourcesCollection(account, viewed.user, views, pagination(cursor), collection_links(call, cursor)),
    )


async def resource_users(call: Call) -> Answer:
    """Answer `GET /v1/resources/{resourceUri}/users`."""
    pattern = parse_pattern(call.parameters["resourceUri"])
    scope: JsonValue = ["resource users", str(pattern)]
    limit, after = listing.limit_of(call), listing.after(call, scope)
    found = await list_users(call.services, call.caller, pattern, limit=limit, after=after)
    cursor = listing.cursor(call, scope, found.after)
    views = [wire.ResourceUser(each.user, [wire.UserRole(role) for role in each.roles]) for each in found.items]
    return json_answer(200, wire.ResourceUsersCollection(views, pagination(cursor), collection_links(call, cursor)))


def _search(call: Call) -> ResourceSearch:
    uri, action = call.query.get("resourceUri"), call.query.get("permissions")
    node = None if uri in {None, NOT_GIVEN} else parse_resource(str(uri))
    return ResourceSearch(
        collection=None if node is None or not node.segments else replace(node, children=False),
        nested=call.query.get("collectionConfiguration") == NESTED,
        action=None if action is None else parse_action(action, field="permissions"),
    )


def view_call(call: Call) -> ViewCall:
    """Whose access *call* asks for. Raises `InvalidInputError`."""
    return ViewCall(
        user=user_id(call.parameters["userId"]),
        user_token=call.header(USER_TOKEN, maximum=MAX_USER_TOKEN),
        context=context_of(call),
        include_protected=call.boolean("includeProtected") or False,
    )


def step_up_view(requirement: Requirement | None) -> dict[str, object] | UnsetType:
    """What a step-up must be; of what is open, nothing."""
    return UNSET if requirement is None else dict(requirement_document(requirement))
