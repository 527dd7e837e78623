"""Reading what a user may do, over HTTP (semantics §11; authress-contract §1.3, "User permissions")."""

from __future__ import annotations

from msgspec import UNSET, UnsetType

from stairgate.api.answers import Answer, json_answer
from stairgate.api.call import Call, Parameter
from stairgate.api.handlers.stepup.check import CONTEXT, MAX_CONTEXT, MAX_USER_TOKEN, USER_TOKEN, context_of
from stairgate.api.wire import access as wire
from stairgate.api.wire.authress import Account
from stairgate.model.documents import requirement_document
from stairgate.model.ids import user_id
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_resource
from stairgate.service.user_access import permissions_of, roles_of
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
