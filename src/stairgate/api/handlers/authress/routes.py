"""The surface of the management API on one page."""

from __future__ import annotations

from stairgate.api.call import Parameter, Route
from stairgate.api.handlers.authress import groups, records, resources, roles
from stairgate.api.handlers.authress.access_routes import ROUTES as ACCESS
from stairgate.api.handlers.authress.listing import CURSOR, FILTER, LIMIT
from stairgate.api.handlers.authress.request_routes import ROUTES as REQUESTS
from stairgate.api.handlers.authress.trust_routes import ROUTES as TRUST
from stairgate.api.wire import authress as wire
from stairgate.service.preconditions import FIELD, MAX_LENGTH

_WEAKENING = (
    "A user who weakens a protection by it steps up first, for this very body: 403 `StepUpAuthorizationRequired`."
)
_KEPT = (
    "What says nothing of `stepUp` keeps the protection that it had; null removes it. 409 `ProtectionWouldBeLost` "
    "where a protected part is gone and the body has no `stepUp` at all."
)
_CONDITION = Parameter(
    FIELD,
    "The `lastUpdated` that you read, or an HTTP date: 412 if it has changed since.",
    minimum=1,
    maximum=MAX_LENGTH,
)
_STATUS = Parameter("status", "Only those of this status.", choices=("ACTIVE", "DELETED"))

ROUTES: tuple[Route, ...] = (
    *ACCESS,
    *REQUESTS,
    Route(
        "GET",
        "/v1/records",
        records.list_,
        "See access records",
        "records",
        {200: wire.AccessRecordCollection},
        query=(LIMIT, CURSOR, FILTER, _STATUS),
        errors=(403, 503),
    ),
    Route(
        "POST",
        "/v1/records",
        records.create,
        "Give access",
        "records",
        {201: wire.AccessRecord},
        description="Needs `grant` on everything that it hands out, `delegate` where that can be handed on.",
        request=wire.AccessRecord,
        errors=(403, 409, 503),
        idempotent=True,
    ),
    Route(
        "GET",
        "/v1/records/{recordId}",
        records.read,
        "See an access record",
        "records",
        {200: wire.AccessRecord},
        errors=(403, 404, 503),
    ),
    Route(
        "PUT",
        "/v1/records/{recordId}",
        records.replace,
        "Change an access record",
        "records",
        {202: wire.AccessRecord},
        description=f"{_KEPT} {_WEAKENING}",
        request=wire.AccessRecord,
        headers=(_CONDITION,),
        errors=(403, 404, 409, 412, 503),
    ),
    Route(
        "DELETE",
        "/v1/records/{recordId}",
        records.delete,
        "Take back what an access record gives",
        "records",
        {204: None},
        description=f"It stays readable as `DELETED`, and its id can be used again. {_WEAKENING}",
        errors=(403, 404, 503),
    ),
    Route(
        "GET",
        "/v1/roles",
        roles.list_,
        "See roles",
        "roles",
        {200: wire.RoleCollection},
        query=(
            Parameter("limit", LIMIT.description, "integer", minimum=1, maximum=roles.MOST),
            CURSOR,
            Parameter("filter", FILTER.description, minimum=0, maximum=roles.LONGEST_FILTER),
        ),
        errors=(403, 503),
    ),
    Route(
        "POST",
        "/v1/roles",
        roles.create,
        "Make a role",
        "roles",
        {201: wire.Role},
        request=wire.Role,
        errors=(403, 409, 503),
        idempotent=True,
    ),
    Route("GET", "/v1/roles/{roleId}", roles.read, "See a role", "roles", {200: wire.Role}, errors=(403, 404, 503)),
    Route(
        "PUT",
        "/v1/roles/{roleId}",
        roles.replace,
        "Change a role",
        "roles",
        {200: wire.Role},
        description=f"{_KEPT} {_WEAKENING}",
        request=wire.Role,
        errors=(403, 404, 409, 503),
    ),
    Route(
        "DELETE",
        "/v1/roles/{roleId}",
        roles.delete,
        "Delete a role",
        "roles",
        {204: None},
        description=f"Records keep naming it, and give nothing through it. {_WEAKENING}",
        errors=(403, 404, 503),
    ),
    Route(
        "GET",
        "/v1/groups",
        groups.list_,
        "See groups",
        "groups",
        {200: wire.GroupCollection},
        query=(LIMIT, CURSOR, FILTER),
        errors=(403, 503),
    ),
    Route(
        "POST",
        "/v1/groups",
        groups.create,
        "Make a group",
        "groups",
        {201: wire.Group},
        request=wire.Group,
        errors=(403, 409, 503),
        idempotent=True,
    ),
    Route(
        "GET",
        "/v1/groups/{groupId}",
        groups.read,
        "See a group",
        "groups",
        {200: wire.Group},
        errors=(403, 404, 503),
    ),
    Route(
        "PUT",
        "/v1/groups/{groupId}",
        groups.replace,
        "Change a group",
        "groups",
        {200: wire.Group},
        request=wire.Group,
        headers=(_CONDITION,),
        errors=(403, 404, 412, 503),
    ),
    Route(
        "DELETE",
        "/v1/groups/{groupId}",
        groups.delete,
        "Delete a group",
        "groups",
        {204: None},
        description="Records keep naming it, and give nobody anything through it.",
        errors=(403, 404, 503),
    ),
    Route(
        "GET",
        "/v1/resources",
        resources.list_,
        "See what holds for resources",
        "resources",
        {200: wire.PermissionedResourceCollection},
        query=(LIMIT, CURSOR),
        errors=(403, 503),
    ),
    Route(
        "GET",
        "/v1/resources/{resourceUri}",
        resources.read,
        "See what holds for a resource",
        "resources",
        {200: wire.PermissionedResource},
        errors=(403, 404, 503),
    ),
    Route(
        "PUT",
        "/v1/resources/{resourceUri}",
        resources.configure,
        "Protect a resource, or open it",
        "resources",
        {200: None},
        description=(
            "An absent member keeps what stands, an empty list removes it; an empty body registers the URI. "
            f"{_WEAKENING}"
        ),
        request=wire.PermissionedResource,
        errors=(403, 404, 503),
    ),
    *TRUST,
)
