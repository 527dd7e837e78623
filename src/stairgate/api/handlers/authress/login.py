"""
Calls of login and identity, which this service has no part in (authress-contract §1.3, scope L).

Each is there, so that whoever sends it is told why it does nothing and what to do instead: 501, never an address that
seems to be mistyped.
"""

from __future__ import annotations

from typing import Literal

from stairgate.api.answers import Answer
from stairgate.api.call import Call, Route
from stairgate.api.wire.problem import Problem
from stairgate.model.errors import OutOfScopeError

Method = Literal["GET", "POST", "PUT", "PATCH", "DELETE"]

_INSTEAD = "authentication stops at login: have your identity provider do this, and trust it with POST /v1/identities"
_CONNECTIONS = f"this service connects to no identity providers for login; {_INSTEAD}"
_TENANTS = f"tenants, which choose how their users log in, are not kept here; {_INSTEAD}"
_APPLICATIONS = f"applications that users log in to are not registered here; {_INSTEAD}"
_EXTENSIONS = f"extensions of login are not run here; {_INSTEAD}"
_TOKENS = f"user tokens are not issued here; {_INSTEAD}"
_LOGIN = f"users do not log in here; {_INSTEAD}"
_METADATA = "metadata of resources is not kept here: keep it with the resource, in your own service"

# What, by which methods, needing no credential; and why not.
_CALLS: tuple[tuple[str, tuple[Method, ...], bool, str], ...] = (
    ("/", ("GET",), True, f"{_LOGIN}; the calls that are here are described at /docs"),
    ("/api/authentication", ("POST", "PATCH"), True, _LOGIN),
    ("/api/session", ("GET", "PATCH", "DELETE"), True, _LOGIN),
    ("/api/session/credentials", ("GET", "POST", "DELETE"), True, _LOGIN),
    ("/api/session/devices", ("GET", "POST", "DELETE"), True, _LOGIN),
    ("/api/session/profile", ("GET", "PATCH", "PUT"), True, _LOGIN),
    ("/api/session/identities", ("GET", "POST", "DELETE"), True, _LOGIN),
    ("/v1/connections", ("POST",), False, _CONNECTIONS),
    ("/v1/connections/{connectionId}", ("GET", "PUT", "DELETE"), False, _CONNECTIONS),
    ("/v1/connections/{connectionId}/users/{userId}/credentials", ("GET",), False, _CONNECTIONS),
    ("/v1/tenants", ("POST",), False, _TENANTS),
    ("/v1/tenants/{tenantId}", ("GET", "PUT", "DELETE"), False, _TENANTS),
    ("/v1/tenants/{tenantId}/users", ("PATCH",), False, _TENANTS),
    ("/v1/extensions", ("POST",), False, _EXTENSIONS),
    ("/v1/extensions/{extensionId}", ("GET", "PUT", "DELETE"), False, _EXTENSIONS),
    ("/v1/applications", ("POST",), False, _APPLICATIONS),
    ("/v1/applications/{applicationId}", ("GET", "PUT", "DELETE"), False, _APPLICATIONS),
    ("/v1/applications/{applicationId}/users/{userId}/delegation", ("POST",), False, _APPLICATIONS),
    ("/v1/users/{userId}", ("PUT",), False, _TOKENS),
    ("/v1/users/{userId}/tokens", ("POST",), False, _TOKENS),
    ("/v1/users/{userId}/tokens/{tokenId}", ("DELETE",), False, _TOKENS),
    ("/v1/users/{userId}/resources/{resourceUri}/metadata", ("GET", "PUT"), False, _METADATA),
)


async def refuse(call: Call) -> Answer:
    """Answer what is out of scope, whatever was sent with it."""
    raise OutOfScopeError(call.route.description)


ROUTES: tuple[Route, ...] = tuple(
    Route(
        method,
        path,
        refuse,
        "Not part of this service",
        "login",
        {501: Problem},
        description=why,
        public=public,
        raw=True,
    )
    for path, methods, public, why in _CALLS
    for method in methods
)
