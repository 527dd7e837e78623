"""The official Python SDK, PyPI `authress` 3.1.126, unmodified against a real server (authress-contract §3..§5)."""

from __future__ import annotations

import json
from importlib import import_module
from importlib.metadata import version
from typing import Any

import pytest
from tests.acceptance.bank import answer
from tests.acceptance.support import Answer, Server, Totp, segment, unique

sdk: Any = import_module("authress")  # its types are not its strength
exceptions: Any = import_module("authress.exceptions")
models: Any = import_module("authress.models")

TRANSFER = "transfers:create"
MARK = {"level": "strong", "lifetime": 120}


@pytest.fixture(scope="module")
def back_end(server: Server) -> Any:
    """The bank's back end, with the owner's access key."""
    return sdk.AuthressClient(
        authress_api_url=server.url, service_client_access_key=server.owner.text, user_agent="test"
    )


def as_user(server: Server, token: str) -> Any:
    client = sdk.AuthressClient(authress_api_url=server.url)
    client.set_token(token)
    return client


def permission(action: str) -> Any:
    return models.PermissionObject(action=action, allow=True, grant=False, delegate=False)


def new_role(client: Any, action: str = TRANSFER) -> str:
    role = unique("ro_")
    client.roles.create_role(models.Role(roleId=role, name="Transfers", permissions=[permission(action)]))
    return role


def new_record(client: Any, role: str, user: str, resource: str) -> Any:
    record = models.AccessRecord(
        recordId=unique("rec_"),
        name="May transfer",
        users=[models.User(userId=user)],
        statements=[models.Statement(roles=[role], resources=[models.Resource(resourceUri=resource)])],
    )
    created = client.access_records.create_record(record)
    assert created is not None, "201 gives a record; 200 and 202 would give None"
    return created


def raw(server: Server, method: str, path: str, body: object = None) -> Answer:
    return server.call(method, path, body, bearer=server.owner_bearer)


def mark_statement(server: Server, record: str, mark: object = MARK) -> None:
    """Put a mark on the first statement by raw HTTP: the SDK's models drop fields that they do not know."""
    document = raw(server, "GET", f"/v1/records/{segment(record)}").expect(200).json
    document["statements"][0]["stepUp"] = mark
    raw(server, "PUT", f"/v1/records/{segment(record)}", document).expect(200, 202)


def refusal_of(error: Any) -> dict[str, Any]:
    body: dict[str, Any] = json.loads(error.body)
    assert body["errorCode"] == "StepUpAuthorizationRequired"
    assert body["stepUpChallengeToken"]
    return body


def step_up(server: Server, token: str, challenge_token: str, authenticator: Totp) -> None:
    body = {"stepUpChallengeToken": challenge_token}
    challenge = server.call("POST", "/v1/challenges", body, bearer=token).expect(201).json["challengeId"]
    answer(server, challenge, authenticator.code(), bearer=token).expect(200)
    server.call("POST", "/v1/step-up", body, bearer=token).expect(200)


def test_the_version_is_the_one_that_is_promised() -> None:
    assert version("authress") == "3.1.126"


@pytest.mark.parametrize("where", ["statement", "role", "resource"])
def test_the_seven_steps_with_the_users_own_token(server: Server, back_end: Any, where: str) -> None:
    """Role, record, check, denied with 404, refused with a readable 403, stepped up, allowed; wherever the mark is."""
    user, tree = unique("user|"), unique("accounts/")
    role = new_role(back_end)
    record = new_record(back_end, role, user, tree)
    token = server.token(user)
    client = as_user(server, token)
    assert client.user_permissions.authorize_user(user, tree, TRANSFER) is None

    with pytest.raises(exceptions.NotFoundException) as denied:
        client.user_permissions.authorize_user(user, "accounts/of-somebody-else", TRANSFER)
    assert denied.value.status == 404
    assert set(json.loads(denied.value.body)) >= {"title", "errorCode", "errorId"}

    if where == "statement":
        mark_statement(server, record.record_id)
    elif where == "role":
        marked = {"action": TRANSFER, "allow": True, "grant": False, "delegate": False, "stepUp": MARK}
        body = {"roleId": role, "name": "Transfers", "permissions": [marked]}
        raw(server, "PUT", f"/v1/roles/{role}", body).expect(200)
    else:
        body = {"permissions": [], "stepUp": [{"actions": [TRANSFER], **MARK}]}
        raw(server, "PUT", f"/v1/resources/{segment(tree)}", body).expect(200)

    with pytest.raises(exceptions.ForbiddenException) as refused:
        client.user_permissions.authorize_user(user, tree, TRANSFER)
    refusal = refusal_of(refused.value)
    assert refusal["reason"] == "elevation_required"
    assert refused.value.headers["Cache-Control"] == "no-store"
    assert "insufficient_user_authentication" in refused.value.headers["WWW-Authenticate"]
    assert "Retry-After" not in refused.value.headers

    step_up(server, token, refusal["stepUpChallengeToken"], server.totp(user))
    assert client.user_permissions.authorize_user(user, tree, TRANSFER) is None
    with pytest.raises(exceptions.ForbiddenException):
        as_user(server, server.token(user)).user_permissions.authorize_user(user, tree, TRANSFER)


def test_a_back_end_passes_the_users_token_in_a_header(server: Server, back_end: Any) -> None:
    """`*_with_http_info` sends `_headers`: the way to pass a user token with an unmodified SDK (§3.3, 7)."""
    user, tree = unique("user|"), unique("accounts/")
    record = new_record(back_end, new_role(back_end), user, tree)
    mark_statement(server, record.record_id)
    token = server.token(user)

    def check(**headers: str) -> int:
        answered = back_end.user_permissions.authorize_user_with_http_info(user, tree, TRANSFER, _headers=headers)
        return int(answered.status_code)

    with pytest.raises(exceptions.ForbiddenException) as bare:
        back_end.user_permissions.authorize_user(user, tree, TRANSFER)
    assert json.loads(bare.value.body)["reason"] == "token_required"
    with pytest.raises(exceptions.ForbiddenException) as refused:
        check(**{"Stairgate-User-Token": token})
    step_up(server, token, refusal_of(refused.value)["stepUpChallengeToken"], server.totp(user))
    assert check(**{"Stairgate-User-Token": token}) == 200


def test_a_record_that_is_read_and_put_back_keeps_its_protection(server: Server, back_end: Any) -> None:
    """The SDK drops `stepUp` on the way; absent keeps (semantics §4), also where other things were changed."""
    user, tree = unique("user|"), unique("accounts/")
    record = new_record(back_end, new_role(back_end), user, tree).record_id
    mark_statement(server, record)
    read = back_end.access_records.get_record(record)
    assert "stepUp" not in json.dumps(read.to_dict(), default=str)
    read.name = "Renamed"
    assert read.users is not None
    read.users.append(models.User(userId=unique("user|")))
    modified = read.last_updated.isoformat() if read.last_updated else None
    assert back_end.access_records.update_record(record, read, expected_last_modified_time=modified) is None
    stored = raw(server, "GET", f"/v1/records/{segment(record)}").expect(200).json
    assert (stored["name"], len(stored["users"])) == ("Renamed", 2)
    assert stored["statements"][0]["stepUp"]["level"] == "strong"
    assert stored["statements"][0]["stepUp"]["lifetime"] == 120
    with pytest.raises(exceptions.ForbiddenException):
        as_user(server, server.token(user)).user_permissions.authorize_user(user, tree, TRANSFER)


def test_a_change_that_would_drop_a_protected_statement_is_refused(server: Server, back_end: Any) -> None:
    """No counterpart is left, and the SDK cannot say `stepUp`: 409 `ProtectionWouldBeLost`, and nothing changes."""
    user, tree = unique("user|"), unique("accounts/")
    role = new_role(back_end)
    record = new_record(back_end, role, user, tree).record_id
    mark_statement(server, record)
    before = raw(server, "GET", f"/v1/records/{segment(record)}").json
    read = back_end.access_records.get_record(record)
    read.statements = [models.Statement(roles=[role], resources=[models.Resource(resourceUri=f"{tree}/other")])]
    with pytest.raises(exceptions.ApiException) as refused:
        back_end.access_records.update_record(record, read)
    assert refused.value.status == 409
    assert json.loads(refused.value.body)["errorCode"] == "ProtectionWouldBeLost"
    assert raw(server, "GET", f"/v1/records/{segment(record)}").json == before


def test_a_role_that_is_read_and_put_back_keeps_its_protection(server: Server, back_end: Any) -> None:
    role = new_role(back_end)
    marked = {"action": TRANSFER, "allow": True, "grant": False, "delegate": False, "stepUp": MARK}
    raw(server, "PUT", f"/v1/roles/{role}", {"roleId": role, "name": "n", "permissions": [marked]}).expect(200)
    read = back_end.roles.get_role(role)
    read.name = "Renamed"
    read.permissions.append(permission("documents:read"))
    back_end.roles.update_role(role, read)
    stored = raw(server, "GET", f"/v1/roles/{role}").json
    assert stored["name"] == "Renamed"
    marks = {each["action"]: each.get("stepUp") for each in stored["permissions"]}
    assert (marks[TRANSFER]["level"], marks["documents:read"]) == ("strong", None)


def test_a_resource_that_is_configured_by_the_sdk_keeps_its_protection(server: Server, back_end: Any) -> None:
    tree = unique("accounts/")
    body = {"permissions": [], "stepUp": [{"actions": [TRANSFER], **MARK}]}
    raw(server, "PUT", f"/v1/resources/{segment(tree)}", body).expect(200)
    public = models.PermissionedResource(permissions=[models.ResourcePermission(action="PUBLIC", allow=True)])
    back_end.resource_permissions.update_permissioned_resource(tree, public)
    read = back_end.resource_permissions.get_permissioned_resource(tree)
    assert [(each.action, each.allow) for each in read.permissions] == [("PUBLIC", True)]
    stored = raw(server, "GET", f"/v1/resources/{segment(tree)}").json
    assert stored["stepUp"][0]["level"] == "strong"


def test_the_writer_who_comes_second_is_told(server: Server, back_end: Any) -> None:
    """`If-Unmodified-Since` in ISO 8601, as the SDK sends it: 412, and the first change stays (§4.5)."""
    record = new_record(back_end, new_role(back_end), unique("user|"), unique("accounts/")).record_id
    first = back_end.access_records.get_record(record)
    assert first.last_updated is not None
    modified = first.last_updated.isoformat()
    first.name = "First"
    back_end.access_records.update_record(record, first, expected_last_modified_time=modified)
    first.name = "Second"
    with pytest.raises(exceptions.ApiException) as stale:
        back_end.access_records.update_record(record, first, expected_last_modified_time=modified)
    assert stale.value.status == 412
    assert stale.value.headers["Last-Modified"]
    assert back_end.access_records.get_record(record).name == "First"


def test_records_are_listed_deleted_and_made_again(back_end: Any) -> None:
    """A deleted record stays readable and its id can be taken again; a live one is 409 (§2.6)."""
    role, user, tree = new_role(back_end), unique("user|"), unique("accounts/")
    record = new_record(back_end, role, user, tree)
    again = models.AccessRecord(
        recordId=record.record_id,
        name="again",
        users=[models.User(userId=user)],
        statements=[models.Statement(roles=[role], resources=[models.Resource(resourceUri=tree)])],
    )
    with pytest.raises(exceptions.ApiException) as twice:
        back_end.access_records.create_record(again)
    assert twice.value.status == 409
    assert json.loads(twice.value.body)["errorCode"] == "AccessRecordAlreadyExists"

    listed, cursor = [], None
    while True:
        page = back_end.access_records.get_records(limit=2, cursor=cursor)
        listed += [each.record_id for each in page.records]
        cursor = page.pagination.next.cursor if page.pagination and page.pagination.next else None
        if not cursor:
            break
    assert record.record_id in listed
    assert len(listed) == len(set(listed))

    back_end.access_records.delete_record(record.record_id)
    assert back_end.access_records.get_record(record.record_id).status == "DELETED"
    with pytest.raises(exceptions.NotFoundException):
        back_end.user_permissions.authorize_user(user, tree, TRANSFER)
    assert back_end.access_records.create_record(again).status == "ACTIVE"
    back_end.user_permissions.authorize_user(user, tree, TRANSFER)


def test_groups(server: Server, back_end: Any) -> None:
    """Create, read, give access through, change, delete; access follows at once."""
    member, joiner, tree = unique("user|"), unique("user|"), unique("accounts/")
    group = unique("grp_")
    back_end.groups.create_group(
        models.Group(groupId=group, name="Payers", users=[models.User(userId=member)], admins=[])
    )
    record = models.AccessRecord(
        name="Group access",
        groups=[models.LinkedGroup(groupId=group)],
        statements=[models.Statement(roles=[new_role(back_end)], resources=[models.Resource(resourceUri=tree)])],
    )
    assert back_end.access_records.create_record(record).record_id
    check = back_end.user_permissions.authorize_user
    check(member, tree, TRANSFER)
    with pytest.raises(exceptions.NotFoundException):
        check(joiner, tree, TRANSFER)
    read = back_end.groups.get_group(group)
    read.users = [models.User(userId=joiner)]
    back_end.groups.update_group(group, read, expected_last_modified_time=read.last_updated.isoformat())
    check(joiner, tree, TRANSFER)
    with pytest.raises(exceptions.NotFoundException):
        check(member, tree, TRANSFER)
    assert group in {each.group_id for each in back_end.groups.get_groups(filter=group).groups}
    back_end.groups.delete_group(group)
    with pytest.raises(exceptions.NotFoundException):
        check(joiner, tree, TRANSFER)


def test_service_clients_and_their_keys(server: Server, back_end: Any) -> None:
    """A client made by the SDK asks with the key that the SDK was given, until the key is deleted."""
    made = back_end.service_clients.create_client(
        models.Client(name="asker", options=models.ClientOptions(grantUserPermissionsAccess=True))
    )
    key = back_end.service_clients.request_access_key(made.client_id)
    asker = sdk.AuthressClient(authress_api_url=server.url, service_client_access_key=key.access_key)
    user, tree = unique("user|"), unique("accounts/")
    new_record(back_end, new_role(back_end), user, tree)
    asker.user_permissions.authorize_user(user, tree, TRANSFER)
    read = back_end.service_clients.get_client(made.client_id)
    assert [each.key_id for each in read.verification_keys] == [key.key_id]
    with pytest.raises(exceptions.ApiException) as forbidden:
        new_role(asker)
    assert forbidden.value.status in {403, 404}
    back_end.service_clients.delete_access_key(made.client_id, key.key_id)
    with pytest.raises(exceptions.UnauthorizedException):
        asker.user_permissions.authorize_user(user, tree, TRANSFER)
    back_end.service_clients.delete_client(made.client_id)
    with pytest.raises(exceptions.NotFoundException):
        back_end.service_clients.get_client(made.client_id)


def test_verify_token_finds_the_keys(server: Server, back_end: Any) -> None:
    """User tokens of the test issuer, and the client's own assertions, by the published keys (§5.3)."""
    user = unique("user|")
    assert back_end.verify_token(server.token(user))["sub"] == user
    assert back_end.verify_token(back_end.get_client_token())["sub"] == server.owner.client
    good = server.token(user)
    with pytest.raises(Exception, match="Unauthorized"):
        back_end.verify_token(f"{good[:-4]}{'AAAA' if good[-4:] != 'AAAA' else 'BBBB'}")


def test_a_bad_token_is_401(server: Server) -> None:
    with pytest.raises(exceptions.UnauthorizedException) as refused:
        as_user(server, "not.a.token").user_permissions.authorize_user("u", "a", "READ")
    assert set(json.loads(refused.value.body)) >= {"title", "errorCode", "errorId"}
