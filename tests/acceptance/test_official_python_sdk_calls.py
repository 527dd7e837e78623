"""
Every call of the official Python SDK, PyPI `authress` 3.1.126: who may not is refused as its documentation says, and
what belongs to login says so.

The table below is complete: a test compares it with the methods that the SDK has. What each call does when it succeeds
is told in `test_official_python_sdk.py` and `test_official_python_sdk_stories.py`.
"""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from importlib import import_module
from typing import Any

import pytest
from tests.acceptance.support import Server, unique

sdk: Any = import_module("authress")
exceptions: Any = import_module("authress.exceptions")
models: Any = import_module("authress.models")

CallOf = Callable[[Any], Any]
EXCEPTIONS = {401: "UnauthorizedException", 403: "ForbiddenException", 404: "NotFoundException"}


@dataclass(frozen=True)
class Attempt:
    """One call with arguments that fit; what a user without any right is answered (0: nothing is wrong)."""

    make: CallOf
    stranger: int


def statement(role: str = "Authress:Owner", resource: str = "sdk/calls") -> Any:
    return models.Statement(roles=[role], resources=[models.Resource(resourceUri=resource)])


def record() -> Any:
    return models.AccessRecord(name="n", users=[models.User(userId="u")], statements=[statement()])


def request() -> Any:
    return models.AccessRequest(access=models.AccessTemplate(users=[models.User(userId="u")], statements=[statement()]))


def role() -> Any:
    permission = models.PermissionObject(action="read", allow=True, grant=False, delegate=False)
    return models.Role(roleId="ro_none", name="n", permissions=[permission])


def group() -> Any:
    return models.Group(groupId="grp_none", name="g", users=[models.User(userId="u")], admins=[])


def invite() -> Any:
    invited = models.InviteStatement(roles=["Authress:Owner"], resources=[models.Resource(resourceUri="sdk/calls")])
    return models.Invite(inviteId="", statements=[invited])


def client() -> Any:
    return models.Client(name="n")


def configuration() -> Any:
    return models.PermissionedResource(permissions=[models.ResourcePermission(action="PUBLIC", allow=True)])


def decision() -> Any:
    return models.AccessRequestResponse(status="APPROVED")


def blank(model: Any) -> Any:
    """Of *model*, with nothing in it: what is refused anyway needs no content."""
    return model.construct(**dict.fromkeys(model.__fields__))


SOMEBODY = "somebody-else"

IN_SCOPE: dict[str, Attempt] = {
    "access_records.create_claim": Attempt(
        lambda c: c.access_records.create_claim(models.ClaimRequest(collectionResource="none", resourceId="1")), 403
    ),
    "access_records.create_record": Attempt(lambda c: c.access_records.create_record(record()), 403),
    "access_records.create_request": Attempt(lambda c: c.access_records.create_request(request()), 0),
    "access_records.delete_record": Attempt(lambda c: c.access_records.delete_record("rec_none"), 404),
    "access_records.delete_request": Attempt(lambda c: c.access_records.delete_request("req_none"), 404),
    "access_records.get_record": Attempt(lambda c: c.access_records.get_record("rec_none"), 404),
    "access_records.get_records": Attempt(lambda c: c.access_records.get_records(), 0),  # those that the caller sees
    "access_records.get_request": Attempt(lambda c: c.access_records.get_request("req_none"), 404),
    "access_records.get_requests": Attempt(lambda c: c.access_records.get_requests(), 0),
    "access_records.respond_to_access_request": Attempt(
        lambda c: c.access_records.respond_to_access_request("req_none", decision()), 404
    ),
    "access_records.update_record": Attempt(lambda c: c.access_records.update_record("rec_none", record()), 404),
    "accounts.delegate_authentication": Attempt(
        lambda c: c.accounts.delegate_authentication(models.IdentityRequest(issuer="https://none.example")), 403
    ),
    "accounts.get_account": Attempt(lambda c: c.accounts.get_account("acc_none"), 403),
    "accounts.get_account_identities": Attempt(lambda c: c.accounts.get_account_identities(), 403),
    "accounts.get_accounts": Attempt(lambda c: c.accounts.get_accounts(), 403),
    "groups.create_group": Attempt(lambda c: c.groups.create_group(group()), 403),
    "groups.delete_group": Attempt(lambda c: c.groups.delete_group("grp_none"), 404),
    "groups.get_group": Attempt(lambda c: c.groups.get_group("grp_none"), 404),
    "groups.get_groups": Attempt(lambda c: c.groups.get_groups(), 0),
    "groups.update_group": Attempt(lambda c: c.groups.update_group("grp_none", group()), 404),
    "invites.create_invite": Attempt(lambda c: c.invites.create_invite(invite()), 403),
    "invites.delete_invite": Attempt(lambda c: c.invites.delete_invite("inv_none"), 404),
    "invites.get_invite": Attempt(lambda c: c.invites.get_invite("inv_none"), 404),
    "invites.respond_to_invite": Attempt(lambda c: c.invites.respond_to_invite("inv_none"), 404),
    "resource_permissions.get_permissioned_resource": Attempt(
        lambda c: c.resource_permissions.get_permissioned_resource("none"), 404
    ),
    "resource_permissions.get_permissioned_resources": Attempt(
        lambda c: c.resource_permissions.get_permissioned_resources(), 403
    ),
    "resource_permissions.get_resource_users": Attempt(
        lambda c: c.resource_permissions.get_resource_users("none"), 403
    ),
    "resource_permissions.update_permissioned_resource": Attempt(
        lambda c: c.resource_permissions.update_permissioned_resource("none", configuration()), 404
    ),
    "roles.create_role": Attempt(lambda c: c.roles.create_role(role()), 403),
    "roles.delete_role": Attempt(lambda c: c.roles.delete_role("ro_none"), 404),
    "roles.get_role": Attempt(lambda c: c.roles.get_role("ro_none"), 404),
    "roles.get_roles": Attempt(lambda c: c.roles.get_roles(), 403),
    "roles.update_role": Attempt(lambda c: c.roles.update_role("ro_none", role()), 404),
    "service_clients.create_client": Attempt(lambda c: c.service_clients.create_client(client()), 403),
    "service_clients.delete_access_key": Attempt(
        lambda c: c.service_clients.delete_access_key("sc_none", "key_none"), 404
    ),
    "service_clients.delete_client": Attempt(lambda c: c.service_clients.delete_client("sc_none"), 404),
    "service_clients.get_client": Attempt(lambda c: c.service_clients.get_client("sc_none"), 404),
    "service_clients.get_clients": Attempt(lambda c: c.service_clients.get_clients(), 0),
    "service_clients.request_access_key": Attempt(lambda c: c.service_clients.request_access_key("sc_none"), 404),
    "service_clients.update_client": Attempt(lambda c: c.service_clients.update_client("sc_none", client()), 404),
    "user_permissions.authorize_user": Attempt(
        lambda c: c.user_permissions.authorize_user(SOMEBODY, "sdk/calls", "read"), 403
    ),
    "user_permissions.get_user_permissions_for_resource": Attempt(
        lambda c: c.user_permissions.get_user_permissions_for_resource(SOMEBODY, "sdk/calls"), 403
    ),
    "user_permissions.get_user_resources": Attempt(lambda c: c.user_permissions.get_user_resources(SOMEBODY), 403),
    "user_permissions.get_user_roles_for_resource": Attempt(
        lambda c: c.user_permissions.get_user_roles_for_resource(SOMEBODY, "sdk/calls"), 403
    ),
    "users.delete_user": Attempt(lambda c: c.users.delete_user(SOMEBODY), 404),
    "users.get_user": Attempt(lambda c: c.users.get_user(SOMEBODY), 404),
    "users.get_users": Attempt(lambda c: c.users.get_users(), 403),
}

# What belongs to login. The SDK repeats a call five times after a 5xx, so that each takes 0.6 s.
LOGIN: dict[str, CallOf] = {
    "applications.create_application": lambda c: c.applications.create_application(blank(models.ApplicationRequest)),
    "applications.delegate_user_login": lambda c: c.applications.delegate_user_login("app_1", "u"),
    "applications.delete_application": lambda c: c.applications.delete_application("app_1"),
    "applications.get_application": lambda c: c.applications.get_application("app_1"),
    "applications.update_application": lambda c: c.applications.update_application(
        "app_1", blank(models.ApplicationRequest)
    ),
    "connections.create_connection": lambda c: c.connections.create_connection(blank(models.Connection)),
    "connections.delete_connection": lambda c: c.connections.delete_connection("con_1"),
    "connections.get_connection": lambda c: c.connections.get_connection("con_1"),
    "connections.get_connection_credentials": lambda c: c.connections.get_connection_credentials("con_1", "u"),
    "connections.update_connection": lambda c: c.connections.update_connection("con_1", blank(models.Connection)),
    "extensions.create_extension": lambda c: c.extensions.create_extension(blank(models.Extension)),
    "extensions.delete_extension": lambda c: c.extensions.delete_extension("ext_1"),
    "extensions.get_extension": lambda c: c.extensions.get_extension("ext_1"),
    "extensions.login": lambda c: c.extensions.login("ext_1", "challenge", "https://app.example", "S256"),
    "extensions.update_extension": lambda c: c.extensions.update_extension("ext_1", blank(models.Extension)),
    "tenants.create_tenant": lambda c: c.tenants.create_tenant(blank(models.Tenant)),
    "tenants.delete_tenant": lambda c: c.tenants.delete_tenant("ten_1"),
    "tenants.get_tenant": lambda c: c.tenants.get_tenant("ten_1"),
    "tenants.link_tenant_user": lambda c: c.tenants.link_tenant_user("ten_1", blank(models.TenantUser)),
    "tenants.update_tenant": lambda c: c.tenants.update_tenant("ten_1", blank(models.Tenant)),
}

# What a user interface lists: there are none, honestly.
EMPTY: dict[str, tuple[CallOf, str]] = {
    "applications.get_applications": (lambda c: c.applications.get_applications(), "applications"),
    "connections.get_connections": (lambda c: c.connections.get_connections(), "connections"),
    "extensions.get_extensions": (lambda c: c.extensions.get_extensions(), "extensions"),
    "tenants.get_tenants": (lambda c: c.tenants.get_tenants(), "tenants"),
}

# The token endpoint has the errors of OAuth; see the stories.
ELSEWHERE = {"extensions.request_token"}


@pytest.fixture(scope="module")
def owner(server: Server) -> Any:
    return sdk.AuthressClient(authress_api_url=server.url, service_client_access_key=server.owner.text)


@pytest.fixture(scope="module")
def stranger(server: Server) -> Any:
    """A user who was never given anything."""
    return as_user(server, server.log_in(unique("stranger")))


def as_user(server: Server, token: str) -> Any:
    asking = sdk.AuthressClient(authress_api_url=server.url)
    asking.set_token(token)
    return asking


def test_the_table_has_every_call_of_the_sdk(owner: Any) -> None:
    kinds = [name for name, _ in inspect.getmembers(type(owner), lambda member: isinstance(member, property))]
    methods = {
        f"{kind}.{name}"
        for kind in kinds
        for name, _ in inspect.getmembers(getattr(owner, kind), inspect.ismethod)
        if not name.startswith("_") and not name.endswith("_with_http_info")
    }
    assert methods == {*IN_SCOPE, *LOGIN, *EMPTY, *ELSEWHERE}


def refused(call: CallOf, asking: Any, status: int) -> dict[str, Any]:
    """The body of the refusal that *call* must end in."""
    with pytest.raises(getattr(exceptions, EXCEPTIONS.get(status, "ServiceException"))) as error:
        call(asking)
    assert error.value.status == status
    body: dict[str, Any] = json.loads(error.value.body)
    assert {"title", "errorCode", "errorId"} <= set(body)
    return body


@pytest.mark.parametrize("name", IN_SCOPE)
def test_a_call_with_a_bad_token_is_401(server: Server, name: str) -> None:
    refused(IN_SCOPE[name].make, as_user(server, "not.a.token"), 401)


@pytest.mark.parametrize("name", [name for name, attempt in IN_SCOPE.items() if attempt.stranger])
def test_a_user_without_any_right_is_refused(stranger: Any, name: str) -> None:
    """404 where there is nothing that they could know of, 403 where the thing itself is no secret (§2.7)."""
    attempt = IN_SCOPE[name]
    refused(attempt.make, stranger, attempt.stranger)


@pytest.mark.parametrize("name", [name for name, attempt in IN_SCOPE.items() if attempt.stranger == 404])
def test_what_is_not_there_is_404_to_its_owner_too(owner: Any, name: str) -> None:
    if name in {"resource_permissions.update_permissioned_resource", "users.delete_user", "invites.respond_to_invite"}:
        return  # the owner makes the first; the second is accepted for whoever it may be; the third is for users
    refused(IN_SCOPE[name].make, owner, 404)


def test_what_belongs_to_login_is_501_and_says_so(owner: Any) -> None:
    def ends(name: str) -> tuple[str, dict[str, Any]]:
        return name, refused(LOGIN[name], owner, 501)

    with ThreadPoolExecutor(8) as pool:
        bodies = dict(pool.map(ends, LOGIN))
    for name, body in bodies.items():
        assert "login" in body["title"], (name, body)


@pytest.mark.parametrize("name", EMPTY)
def test_what_a_user_interface_lists_of_login_is_empty(owner: Any, name: str) -> None:
    call, member = EMPTY[name]
    assert getattr(call(owner), member) == []
