"""The surface that reads what users may do, on one page."""

from __future__ import annotations

from stairgate.api.call import Route
from stairgate.api.handlers.authress import access
from stairgate.api.handlers.authress.listing import CURSOR, LIMIT
from stairgate.api.wire import access as wire

_PROTECTED = (
    "What wants a step-up is left out unless this token is elevated for it; `includeProtected=true` carries it, with "
    "its requirement. No use of an elevation is taken."
)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/users/{userId}/resources/{resourceUri}/permissions",
        access.permissions,
        "What may this user do on that resource?",
        "access",
        {200: wire.PermissionCollection},
        description=(
            "As the user's grants spell it. Where a part of a held action is protected, the known actions below it "
            f"that are open stand in its place. {_PROTECTED}"
        ),
        query=(access.INCLUDE_PROTECTED,),
        headers=access.HEADERS,
        errors=(403, 404, 503),
    ),
    Route(
        "GET",
        "/v1/users/{userId}/resources/{resourceUri}/roles",
        access.roles,
        "Which roles is this user given on exactly that resource?",
        "access",
        {200: wire.UserRoleCollection},
        description=(
            "By statements that stand on this very resource, directly or through a group; what comes from above is "
            f"not listed. A role of which nothing is open counts as protected. {_PROTECTED}"
        ),
        query=(access.INCLUDE_PROTECTED,),
        headers=access.HEADERS,
        errors=(403, 404, 503),
    ),
    Route(
        "GET",
        "/v1/users/{userId}/resources",
        access.resources,
        "Where may this user do something?",
        "access",
        {200: wire.UserResourcesCollection},
        description=(
            "Of the resources that a statement or a resource configuration names without a wildcard, those that are "
            "open to the user. With `resourceUri` what lies one level below it, with `INCLUDE_NESTED` at any depth; "
            f"without it the topmost, with `INCLUDE_NESTED` all. {_PROTECTED}"
        ),
        query=access.RESOURCES_QUERY,
        headers=access.HEADERS,
        errors=(403, 503),
    ),
    Route(
        "GET",
        "/v1/resources/{resourceUri}/users",
        access.resource_users,
        "Who is given roles on exactly that resource?",
        "access",
        {200: wire.ResourceUsersCollection},
        description=(
            "By statements that stand on this very resource; who has access from above or below is not listed. Needs "
            "`READ` on `Authress:UserPermissions` and `grant` of `*` on `Authress:ResourcePermissions/{resourceUri}`."
        ),
        query=(LIMIT, CURSOR),
        errors=(403, 404, 503),
    ),
)
