"""
The official Python SDK, PyPI `authress` 3.1.126, where a call succeeds: listings, claims, invites, access requests,
users, accounts, trust. Each story ends in what the check says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from functools import partial
from importlib import import_module
from typing import Any

import pytest
from tests.acceptance.support import Server, segment, unique

sdk: Any = import_module("authress")
exceptions: Any = import_module("authress.exceptions")
models: Any = import_module("authress.models")

READ = "documents:read"
WRITE = "documents:write"


@pytest.fixture(scope="module")
def owner(server: Server) -> Any:
    """A back end with the owner's access key."""
    return sdk.AuthressClient(authress_api_url=server.url, service_client_access_key=server.owner.text)


@pytest.fixture(scope="module")
def reader(owner: Any) -> str:
    """A role that reads."""
    return new_role(owner, READ)


def as_user(server: Server, user: str) -> Any:
    asking = sdk.AuthressClient(authress_api_url=server.url)
    asking.set_token(server.log_in(user))
    return asking


def new_role(owner: Any, *actions: str, grant: bool = False) -> str:
    name = unique("ro_")
    permissions = [
        models.PermissionObject(action=action, allow=True, grant=grant, delegate=False) for action in actions
    ]
    owner.roles.create_role(models.Role(roleId=name, name=name, permissions=permissions))
    return name


def statement(role: str, *resources: str) -> Any:
    return models.Statement(roles=[role], resources=[models.Resource(resourceUri=each) for each in resources])


def give(owner: Any, user: str, role: str, *resources: str) -> str:
    users = [models.User(userId=user)]
    record = models.AccessRecord(name="given", users=users, statements=[statement(role, *resources)])
    return str(owner.access_records.create_record(record).record_id)


def may(owner: Any, user: str, resource: str, action: str = READ) -> bool:
    try:
        owner.user_permissions.authorize_user(user, resource, action)
    except exceptions.NotFoundException:
        return False
    return True


def pages(fetch: Callable[..., Any], items: str, **query: Any) -> Iterable[Any]:
    """Every item of a list, a page of two at a time."""
    cursor = None
    for _ in range(200):
        page = fetch(limit=2, cursor=cursor, **query)
        found = getattr(page, items) or []
        assert len(found) <= 2
        yield from found
        cursor = page.pagination.next.cursor if page.pagination and page.pagination.next else None
        if cursor is None:
            return
    raise AssertionError("the pages have no end")


def status_of(call: Callable[[], Any]) -> int:
    try:
        call()
    except exceptions.ApiException as error:
        return int(error.status)
    return 200


# --- what a user may do


def test_what_a_user_may_do_on_a_resource(server: Server, owner: Any) -> None:
    user, tree = unique("user|"), unique("docs/")
    role = new_role(owner, READ, WRITE)
    give(owner, user, role, tree)
    for asking in (owner, as_user(server, user)):
        answer = asking.user_permissions.get_user_permissions_for_resource(user, f"{tree}/1")
        assert answer.user_id == user
        assert {(each.action, each.allow, each.grant, each.delegate) for each in answer.permissions} == {
            (READ, True, False, False),
            (WRITE, True, False, False),
        }
        roles = asking.user_permissions.get_user_roles_for_resource(user, tree)
        assert [each.role_id for each in roles.roles] == [role]
    assert status_of(lambda: owner.user_permissions.get_user_permissions_for_resource(user, "elsewhere")) == 404
    assert status_of(lambda: owner.user_permissions.get_user_roles_for_resource(user, f"{tree}/1")) == 404  # inherited


def test_the_resources_of_a_user_are_listed_in_pages(server: Server, owner: Any, reader: str) -> None:
    user, tree = unique("user|"), unique("docs")
    ones = [f"{tree}/{number}" for number in range(5)]
    give(owner, user, reader, *ones, f"{tree}/1/deep/er")
    asking = as_user(server, user)
    fetch: Any = asking.user_permissions.get_user_resources

    def listed(**query: Any) -> list[str]:
        found = list(pages(partial(fetch, user, resource_uri=f"{tree}/*", permissions=READ), "resources", **query))
        return [each.resource_uri for each in found]

    assert sorted(listed()) == ones
    nested = listed(collection_configuration="INCLUDE_NESTED")
    assert sorted(nested) == sorted([*ones, f"{tree}/1/deep/er"])
    assert not fetch(user, resource_uri=f"{tree}/*", permissions="documents:delete").resources
    assert fetch(user).user_id == user


def test_a_protected_access_is_never_listed_as_open(server: Server, owner: Any, reader: str) -> None:
    """Semantics §11: it is left out until it is asked for, so that this SDK, which drops `stepUp`, sees nothing."""
    user, tree = unique("user|"), unique("docs")
    give(owner, user, reader, f"{tree}/plain", f"{tree}/guarded")
    body = {"permissions": [], "stepUp": [{"actions": [READ], "level": "strong"}]}
    server.call("PUT", f"/v1/resources/{segment(f'{tree}/guarded')}", body, bearer=server.owner_bearer).expect(200)
    asking = as_user(server, user)
    found = asking.user_permissions.get_user_resources(user, resource_uri=f"{tree}/*", permissions=READ).resources
    assert [each.resource_uri for each in found] == [f"{tree}/plain"]
    guarded = lambda: asking.user_permissions.get_user_permissions_for_resource(user, f"{tree}/guarded")  # noqa: E731
    assert status_of(guarded) == 404


def test_the_users_of_a_resource(owner: Any, reader: str) -> None:
    tree = unique("docs/")
    users = sorted(unique("user|") for _ in range(5))
    for user in users:
        give(owner, user, reader, tree)
    give(owner, unique("user|"), reader, f"{tree}/below")
    found = list(pages(partial(owner.resource_permissions.get_resource_users, tree), "users"))
    assert sorted(each.user_id for each in found) == users
    assert {role.role_id for each in found for role in each.roles} == {reader}


# --- claims and invites


def test_a_claim_makes_its_claimant_the_owner_once(server: Server, owner: Any) -> None:
    collection, tenant = unique("tenants"), unique("t")
    claim = models.ClaimRequest(collectionResource=collection, resourceId=tenant)
    first, second = unique("user|"), unique("user|")

    def attempt(user: str) -> int:
        return status_of(lambda: as_user(server, user).access_records.create_claim(claim))

    assert attempt(first) == 403  # not claimable yet
    owner.resource_permissions.update_permissioned_resource(
        collection,
        models.PermissionedResource(permissions=[models.ResourcePermission(action="CLAIM", allow=True)]),
    )
    assert attempt(first) == 200
    assert may(owner, first, f"{collection}/{tenant}", "anything:at:all")
    assert not may(owner, first, f"{collection}/other", READ)
    assert attempt(second) == 409
    assert not may(owner, second, f"{collection}/{tenant}", READ)


def test_an_invite_is_accepted_once_by_a_user(server: Server, owner: Any, reader: str) -> None:
    tree, guest, late = unique("docs/"), unique("user|"), unique("user|")
    invited = models.InviteStatement(roles=[reader], resources=[models.Resource(resourceUri=tree)])
    invite = owner.invites.create_invite(models.Invite(inviteId="", statements=[invited]))
    assert invite.invite_id
    assert owner.invites.get_invite(invite.invite_id).statements[0].roles == [reader]
    assert status_of(lambda: owner.invites.respond_to_invite(invite.invite_id)) in {400, 403}  # no user
    as_user(server, guest).invites.respond_to_invite(invite.invite_id)
    assert may(owner, guest, tree)
    assert status_of(lambda: as_user(server, late).invites.respond_to_invite(invite.invite_id)) == 404
    assert not may(owner, late, tree)


def test_an_invite_that_is_taken_back_is_gone(server: Server, owner: Any, reader: str) -> None:
    tree, guest = unique("docs/"), unique("user|")
    invited = models.InviteStatement(roles=[reader], resources=[models.Resource(resourceUri=tree)])
    invite = owner.invites.create_invite(models.Invite(inviteId="", statements=[invited])).invite_id
    owner.invites.delete_invite(invite)
    assert status_of(lambda: owner.invites.get_invite(invite)) == 404
    assert status_of(lambda: as_user(server, guest).invites.respond_to_invite(invite)) == 404
    assert not may(owner, guest, tree)


# --- access requests


def ask(asking: Any, user: str, role: str, tree: str) -> Any:
    template = models.AccessTemplate(users=[models.User(userId=user)], statements=[statement(role, tree)])
    return asking.access_records.create_request(models.AccessRequest(access=template))


def test_an_access_request_is_approved_by_one_who_may_give_it(server: Server, owner: Any, reader: str) -> None:
    user, tree = unique("user|"), unique("docs/")
    asking = as_user(server, user)
    request = ask(asking, user, reader, tree)
    assert (request.status, asking.access_records.get_request(request.request_id).status) == ("OPEN", "OPEN")
    approved = models.AccessRequestResponse(status="APPROVED")
    assert status_of(lambda: asking.access_records.respond_to_access_request(request.request_id, approved)) in {
        403,
        404,
    }
    assert not may(owner, user, tree)
    done = owner.access_records.respond_to_access_request(request.request_id, approved)
    assert done.status == "APPROVED"
    assert may(owner, user, tree)
    again = lambda: owner.access_records.respond_to_access_request(request.request_id, approved)  # noqa: E731
    assert status_of(again) == 409
    listed = pages(owner.access_records.get_requests, "records", status="APPROVED")
    assert request.request_id in {each.request_id for each in listed}


def test_an_access_request_is_denied_or_taken_back(server: Server, owner: Any, reader: str) -> None:
    user, tree = unique("user|"), unique("docs/")
    asking = as_user(server, user)
    denied, withdrawn = (ask(asking, user, reader, tree).request_id for _ in range(2))
    response = models.AccessRequestResponse(status="DENIED")
    assert owner.access_records.respond_to_access_request(denied, response).status == "DENIED"
    asking.access_records.delete_request(withdrawn)
    opened = {each.request_id for each in pages(owner.access_records.get_requests, "records", status="OPEN")}
    assert not {denied, withdrawn} & opened
    assert not may(owner, user, tree)


# --- roles, clients, users, accounts, trust


def test_roles_are_listed_found_and_deleted(owner: Any) -> None:
    names = sorted(new_role(owner, READ) for _ in range(3))
    listed = [each.role_id for each in pages(owner.roles.get_roles, "roles")]
    assert set(names) <= set(listed)
    assert len(listed) == len(set(listed))
    assert [each.role_id for each in owner.roles.get_roles(filter=names[0]).roles] == [names[0]]
    owner.roles.delete_role(names[0])
    assert status_of(lambda: owner.roles.get_role(names[0])) == 404
    duplicate = models.Role(roleId=names[1], name="again", permissions=[])
    assert status_of(lambda: owner.roles.create_role(duplicate)) == 409


def test_a_client_is_renamed_and_listed_and_has_at_most_five_keys(owner: Any) -> None:
    made = owner.service_clients.create_client(models.Client(name="one"))
    renamed = owner.service_clients.update_client(made.client_id, models.Client(name="two"))
    assert (renamed.client_id, renamed.name) == (made.client_id, "two")
    assert made.client_id in {each.client_id for each in pages(owner.service_clients.get_clients, "clients")}
    for _ in range(5):
        owner.service_clients.request_access_key(made.client_id)
    assert 400 <= status_of(lambda: owner.service_clients.request_access_key(made.client_id)) < 500
    assert len(owner.service_clients.get_client(made.client_id).verification_keys) == 5


def test_a_user_is_deleted_with_all_access(server: Server, owner: Any, reader: str) -> None:
    user, other, tree = unique("user|"), unique("user|"), unique("docs/")
    give(owner, user, reader, tree)
    give(owner, other, reader, tree)
    assert owner.users.get_user(user).user_id == user
    assert user in {each.user_id for each in pages(owner.users.get_users, "users", filter=user)}
    owner.users.delete_user(user)
    assert not may(owner, user, tree)
    assert may(owner, other, tree)
    assert status_of(lambda: owner.users.get_user(user)) == 404


def test_the_account_and_its_trusted_issuers(server: Server, owner: Any) -> None:
    account = server.owner.account
    assert owner.accounts.get_account(account).account_id == account
    listed = owner.accounts.get_accounts_with_http_info()
    assert [each["accountId"] for each in json.loads(listed.raw_data)["accounts"]] == [account]
    issuer = f"https://{unique('idp')}.example"
    owner.accounts.delegate_authentication(
        models.IdentityRequest(issuer=issuer, preferredAudience="bank", userIdExpression=f"{unique('x')}|{{sub}}")
    )
    known = {each.issuer: each.audience for each in owner.accounts.get_account_identities().identities}
    assert known[issuer] == "bank"


def test_a_client_has_a_token_by_its_secret(server: Server, owner: Any) -> None:
    made = owner.service_clients.create_client(models.Client(name="oauth"))
    key = owner.service_clients.request_access_key(made.client_id)
    body = models.OAuthTokenRequest(
        client_id=made.client_id, client_secret=key.client_secret, grant_type="client_credentials"
    )
    answer = owner.extensions.request_token(body)
    claims = as_token(server, answer.access_token).verify_token(answer.access_token)
    assert claims["sub"] == made.client_id
    listed = as_token(server, answer.access_token).service_clients.get_clients()  # it may see nothing, and is let in
    assert listed.clients == []
    body.client_secret = "wrong"
    assert status_of(lambda: owner.extensions.request_token(body)) in {400, 401}


def as_token(server: Server, token: str) -> Any:
    asking = sdk.AuthressClient(authress_api_url=server.url)
    asking.set_token(token)
    return asking
