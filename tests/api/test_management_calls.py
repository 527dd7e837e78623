"""The Authress management API over HTTP: statuses, shapes, headers (authress-contract §1, §4)."""

import json
from typing import Any

import pytest
from tests.api.door import Answered, Door, encoded

pytestmark = pytest.mark.anyio

RECORD = {
    "recordId": "rec_1",
    "name": "r",
    "users": [{"userId": "ann"}],
    "statements": [{"roles": ["Authress:Owner"], "resources": [{"resourceUri": "/docs/1"}]}],
}
ROLE = {
    "roleId": "ro_1",
    "name": "n",
    "permissions": [{"action": "documents:read", "allow": True, "grant": False, "delegate": False}],
}
MARK = {"level": "strong", "lifetime": 60}


@pytest.fixture
async def owner(door: Door) -> str:
    """The assertion of a client that owns everything."""
    bearer = await door.service("owner")
    from stairgate.model.access import OWNER, AccessRecord, Statement
    from stairgate.model.ids import RecordId, UserId
    from stairgate.model.resources import parse_pattern

    everything = Statement((OWNER.id,), (parse_pattern("*"),))
    record = AccessRecord(RecordId("rec_owner"), "Owner", (everything,), users=(UserId("sc_owner"),))
    await door.world.services.store.write(lambda transaction: transaction.put_record(record))
    return bearer


def marked(**statement: Any) -> dict[str, Any]:
    return {**RECORD, "statements": [{**RECORD["statements"][0], **statement}]}  # type: ignore[dict-item]


async def created(door: Door, owner: str, body: object = RECORD, path: str = "/v1/records") -> Answered:
    answered = await door.call("POST", path, body, bearer=owner)
    assert answered.status == 201, answered
    return answered


async def test_a_record_from_its_making_to_its_deletion(door: Door, owner: str) -> None:
    made = await created(door, owner)
    assert made.header("last-modified") is not None
    assert int(made.header("stairgate-revision") or 0) > 0
    assert made.json["statements"][0] == {
        "roles": ["Authress:Owner"],
        "resources": [{"resourceUri": "docs/1"}],
        "users": [],
        "groups": [],
    }
    assert made.json["admins"] == [{"userId": "sc_owner"}]
    assert made.json["account"]["accountId"] == door.world.services.account
    assert made.json["links"]["self"]["href"].endswith("/v1/records/rec_1")

    again = await door.call("POST", "/v1/records", RECORD, bearer=owner)
    assert (again.status, again.code) == (409, "AccessRecordAlreadyExists")

    read = await door.call("GET", "/v1/records/rec_1", bearer=owner)
    assert (read.status, read.json) == (200, made.json)
    assert read.header("last-modified") == made.header("last-modified")
    assert read.header("cache-control") == "no-store"

    condition = [(b"if-unmodified-since", read.json["lastUpdated"].encode())]
    changed = {**read.json, "name": "new"}  # as the JavaScript SDK puts it back: with every read-only member
    replaced = await door.call("PUT", "/v1/records/rec_1", changed, bearer=owner, headers=condition)
    assert (replaced.status, replaced.json["name"]) == (202, "new")
    stale = await door.call("PUT", "/v1/records/rec_1", changed, bearer=owner, headers=condition)
    assert (stale.status, stale.code) == (412, "PreconditionFailed")
    assert stale.header("last-modified") == replaced.header("last-modified")

    deleted = await door.call("DELETE", "/v1/records/rec_1", bearer=owner)
    assert (deleted.status, deleted.body) == (204, b"")
    gone = await door.call("GET", "/v1/records/rec_1", bearer=owner)
    assert (gone.status, gone.json["status"]) == (200, "DELETED")
    assert (await door.call("PUT", "/v1/records/rec_1", RECORD, bearer=owner)).status == 404
    await created(door, owner)


async def test_what_a_record_gives_is_in_force_once_it_is_answered_and_gone_with_it(door: Door, owner: str) -> None:
    assert (await door.check(owner, "ann", "READ", "docs/1")).status == 404
    await created(door, owner)
    assert (await door.check(owner, "ann", "READ", "docs/1")).status == 200
    await door.call("DELETE", "/v1/records/rec_1", bearer=owner)
    assert (await door.check(owner, "ann", "READ", "docs/1")).status == 404


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({**RECORD, "name": ""}, "name"),
        ({**RECORD, "name": "a\x00b"}, "name"),
        ({**RECORD, "statments": []}, "statments"),
        ({**RECORD, "statements": []}, "statements"),
        ({**RECORD, "recordId": "a/b"}, "recordId"),
        ({**RECORD, "users": [{"userId": "ann", "x": 1}]}, "users[0].x"),
        ({**RECORD, "users": [{"userId": "é"}]}, "users[0].userId"),
        ({**RECORD, "tags": {"a": "x" * 129}}, "tags[...]"),
        (marked(roles=["a b"]), "statements[0].roles[0]"),
        (marked(resources=[{"resourceUri": "a//b"}]), "statements[0].resources[0].resourceUri"),
        (marked(users=[{"userId": "bob"}]), "statements[0].users"),
        (marked(stepup=MARK), "statements[0].stepup"),
        (marked(stepUp={**MARK, "levle": "strong"}), "statements[0].stepUp.levle"),
        (marked(stepUp={"level": "weak"}), "statements[0].stepUp.level"),
        (marked(stepUp={"lifetime": 5}), "statements[0].stepUp.lifetime"),
        (marked(stepUp="strong"), "statements[0].stepUp"),
    ],
)
async def test_what_is_not_valid_is_named_and_nothing_is_written(
    door: Door, owner: str, body: object, field: str
) -> None:
    answered = await door.call("POST", "/v1/records", body, bearer=owner)
    assert (answered.status, answered.code) == (400, "InvalidInputRequest"), answered
    assert answered.json["field"] == field
    assert (await door.call("GET", "/v1/records/rec_1", bearer=owner)).status == 404


async def test_a_record_put_back_by_the_python_sdk_keeps_its_protection(door: Door, owner: str) -> None:
    from authress.models.access_record import AccessRecord

    await created(door, owner, marked(stepUp=MARK))
    read = await door.call("GET", "/v1/records/rec_1", bearer=owner)
    assert read.json["statements"][0]["stepUp"]["lifetime"] == 60
    body = AccessRecord.from_dict(read.json).to_dict()  # type: ignore[no-untyped-call]
    assert "stepUp" not in body["statements"][0]
    body["description"] = None  # explicit nulls, as it sends them
    body["statements"][0]["users"] = body["statements"][0]["groups"] = None
    put = await door.call("PUT", "/v1/records/rec_1", body, bearer=owner)
    assert put.status == 202, put
    kept = await door.call("GET", "/v1/records/rec_1", bearer=owner)
    assert kept.json["statements"] == read.json["statements"]

    body["statements"][0]["resources"] = [{"resourceUri": "docs/2"}]
    lost = await door.call("PUT", "/v1/records/rec_1", body, bearer=owner)
    assert (lost.status, lost.code) == (409, "ProtectionWouldBeLost")
    assert "stepUp" in lost.json["title"]
    assert (await door.call("GET", "/v1/records/rec_1", bearer=owner)).json == kept.json

    removed = await door.call("PUT", "/v1/records/rec_1", marked(stepUp=None), bearer=owner)
    assert "stepUp" not in removed.json["statements"][0]


async def test_a_role_put_back_by_the_python_sdk_keeps_its_protection(door: Door, owner: str) -> None:
    from authress.models.role import Role

    permission = {**ROLE["permissions"][0], "stepUp": MARK}  # type: ignore[dict-item]
    await created(door, owner, {**ROLE, "permissions": [permission]}, "/v1/roles")
    read = await door.call("GET", "/v1/roles/ro_1", bearer=owner)
    body = Role.from_dict(read.json).to_dict()  # type: ignore[no-untyped-call]
    put = await door.call("PUT", "/v1/roles/ro_1", body, bearer=owner)
    assert (put.status, put.json) == (200, read.json)
    body["permissions"] = []
    assert (await door.call("PUT", "/v1/roles/ro_1", body, bearer=owner)).status == 409


async def test_roles(door: Door, owner: str) -> None:
    await created(door, owner, ROLE, "/v1/roles")
    assert (await door.call("POST", "/v1/roles", ROLE, bearer=owner)).status == 409
    listed = await door.call("GET", "/v1/roles?limit=1&filter=ro_", bearer=owner)
    assert [role["roleId"] for role in listed.json["roles"]] == ["ro_1"]
    assert (await door.call("DELETE", "/v1/roles/ro_1", bearer=owner)).status == 204
    assert (await door.call("GET", "/v1/roles/ro_1", bearer=owner)).status == 404
    owner_role = await door.call("GET", "/v1/roles/Authress%3AOwner", bearer=owner)
    assert owner_role.json["permissions"] == [{"action": "*", "allow": True, "grant": True, "delegate": True}]


async def test_groups(door: Door, owner: str) -> None:
    body = {"groupId": "grp_1", "name": "g", "users": [{"userId": "ann"}], "admins": []}
    made = await created(door, owner, body, "/v1/groups")
    put = await door.call("PUT", "/v1/groups/grp_1", {**made.json, "users": []}, bearer=owner)
    assert (put.status, put.json["users"]) == (200, [])
    stale = [(b"if-unmodified-since", b"Thu, 01 Jan 1970 00:00:00 GMT")]
    assert (await door.call("PUT", "/v1/groups/grp_1", body, bearer=owner, headers=stale)).status == 412
    unreadable = [(b"if-unmodified-since", b"yesterday")]
    assert (await door.call("PUT", "/v1/groups/grp_1", body, bearer=owner, headers=unreadable)).status == 400
    listed = await door.call("GET", "/v1/groups", bearer=owner)
    assert [group["groupId"] for group in listed.json["groups"]] == ["grp_1"]
    assert (await door.call("DELETE", "/v1/groups/grp_1", bearer=owner)).status == 204


async def test_a_resource_configuration_keeps_what_is_not_said_and_removes_what_is_empty(
    door: Door, owner: str
) -> None:
    path = f"/v1/resources/{encoded('accounts/*/keys')}"
    assert (await door.call("GET", path, bearer=owner)).status == 404
    put = await door.call(
        "PUT", path, {"permissions": [], "stepUp": [{**MARK, "actions": ["PAY"]}, MARK]}, bearer=owner
    )
    assert (put.status, put.body) == (200, b"")
    read = await door.call("GET", path, bearer=owner)
    assert [mark["actions"] for mark in read.json["stepUp"]] == [["PAY"], ["*"]]
    await door.call("PUT", path, {"permissions": [{"action": "PUBLIC", "allow": True}]}, bearer=owner)
    kept = await door.call("GET", path, bearer=owner)
    assert kept.json["stepUp"] == read.json["stepUp"]
    assert (await door.call("PUT", path, kept.json, bearer=owner)).status == 200  # every read-only member
    await door.call("PUT", path, {"stepUp": [], "permissions": []}, bearer=owner)
    bare = await door.call("GET", path, bearer=owner)
    assert (bare.json["stepUp"], bare.json["permissions"]) == ([], [])
    listed = await door.call("GET", "/v1/resources", bearer=owner)
    assert [each["resourceUri"] for each in listed.json["resources"]] == ["accounts/*/keys"]


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"permissions": [{"action": "READ", "allow": True}]}, "permissions[0].action"),
        ({"stepUp": [{"actions": []}]}, "stepUp[0].actions"),
        ({"stepUp": [{"actions": ["a*"]}]}, "stepUp[0].actions[0]"),
        ({"stepUp": [{"actions": "PAY"}]}, "stepUp[0].actions"),
        ({"stepUp": [{"lifetime": "1"}]}, "stepUp[0].lifetime"),
        ({"stepUp": MARK}, "stepUp"),
        ({"resourceUri": "other"}, "resourceUri"),
        ({"stepup": []}, "stepup"),
    ],
)
async def test_a_resource_configuration_that_is_not_valid_is_named(
    door: Door, owner: str, body: object, field: str
) -> None:
    answered = await door.call("PUT", "/v1/resources/docs", body, bearer=owner)
    assert (answered.status, answered.json.get("field")) == (400, field), answered


async def test_a_deleted_access_key_is_refused_at_once(door: Door, owner: str) -> None:
    made = await created(door, owner, {"name": "c"}, "/v1/clients")
    client = made.json["clientId"]
    key = await door.call("POST", f"/v1/clients/{client}/access-keys", bearer=owner)
    assert key.status == 201
    assert key.json["accessKey"].startswith(f"{client}.{key.json['keyId']}.{door.world.services.account}.")
    door.world.access_keys[client] = key.json["accessKey"]
    bearer = door.world.assertion(client)
    assert (await door.call("GET", "/v1/records", bearer=bearer)).status == 200
    jwks = await door.call("GET", f"/v1/clients/{client}/.well-known/openid-configuration/jwks?kid=k&iss=h%3A1")
    assert [each["kid"] for each in jwks.json["keys"]] == [key.json["keyId"]]
    read = await door.call("GET", f"/v1/clients/{client}", bearer=owner)
    assert "accessKey" not in json.dumps(read.json)
    path = f"/v1/clients/{client}/access-keys/{key.json['keyId']}"
    assert (await door.call("DELETE", path, bearer=owner)).status == 204
    assert (await door.call("GET", "/v1/records", bearer=bearer)).status == 401
    assert (await door.call("DELETE", path, bearer=owner)).status == 404


async def test_return_addresses_stay_where_an_official_client_leaves_them_out(door: Door, owner: str) -> None:
    uris = ["https://app.example/back", "com.example.app:/back"]
    made = await created(door, owner, {"name": "c", "returnUris": uris}, "/v1/clients")
    assert made.json["returnUris"] == uris
    path = f"/v1/clients/{made.json['clientId']}"
    put = await door.call("PUT", path, {"name": "d"}, bearer=owner)
    assert put.json["returnUris"] == uris
    refused = await door.call("PUT", path, {"name": "d", "returnUris": ["javascript:alert(1)"]}, bearer=owner)
    assert (refused.status, refused.json["field"]) == (400, "returnUris[0]")
    put = await door.call("PUT", path, {"name": "d", "returnUris": []}, bearer=owner)
    assert put.json["returnUris"] == []
    issuer = {"issuer": "https://c.example", "returnUris": uris}
    assert (await created(door, owner, issuer, "/v1/identities")).json["returnUris"] == uris


async def test_clients(door: Door, owner: str) -> None:
    body = {"name": "c", "options": {"grantUserPermissionsAccess": True, "grantTokenGeneration": False}}
    made = await created(door, owner, body, "/v1/clients")
    client = made.json["clientId"]
    put = await door.call("PUT", f"/v1/clients/{client}", {**made.json, "name": "d"}, bearer=owner)
    assert (put.status, put.json["name"], put.json["options"]) == (200, "d", body["options"])
    limits = {"rateLimits": [{"duration": "P1D", "quota": 100}]}
    refused = await door.call("PUT", f"/v1/clients/{client}", limits, bearer=owner)
    assert (refused.status, refused.code) == (400, "NotYetSupported")
    listed = await door.call("GET", "/v1/clients", bearer=owner)
    assert client in [each["clientId"] for each in listed.json["clients"]]
    unknown = await door.call("GET", "/v1/clients/sc_none/.well-known/openid-configuration/jwks")
    assert unknown.status == 404


async def test_an_issuer_is_trusted_and_needs_a_prefix_of_its_own(door: Door, owner: str) -> None:
    first = {"issuer": "https://a.example", "preferredAudience": "app", "algorithms": ["RS256"], "trustAcr": True}
    made = await created(door, owner, first, "/v1/identities")
    assert made.json == {
        "issuer": "https://a.example",
        "audience": "app",
        "userIdExpression": "{sub}",
        "algorithms": ["RS256"],
        "trustAcr": True,
        "returnUris": [],
    }
    second = await door.call("POST", "/v1/identities", {"issuer": "https://b.example"}, bearer=owner)
    assert (second.status, second.json["field"]) == (400, "userIdExpression")
    listed = await door.call("GET", "/v1/identities", bearer=owner)
    assert [each["issuer"] for each in listed.json["identities"]] == ["https://a.example"]


async def test_pages_are_followed_by_cursors_and_forged_or_foreign_ones_are_refused(door: Door, owner: str) -> None:
    for number in range(5):
        await created(door, owner, {**RECORD, "recordId": f"rec_{number}"})
    seen: list[str] = []
    target, pages = "/v1/records?limit=2&status=ACTIVE", 0
    while target:
        page = (await door.call("GET", target, bearer=owner)).json
        seen += [record["recordId"] for record in page["records"]]
        following = page["pagination"].get("next")
        target = "/v1/records?" + page["links"]["next"]["href"].partition("?")[2] if following else ""
        pages += 1
    assert seen[:5] == [f"rec_{number}" for number in range(5)]
    assert (len(seen), len(set(seen)), pages) == (7, 7, 4)  # two owners' records are there, too
    cursor = (await door.call("GET", "/v1/records?limit=2", bearer=owner)).json["pagination"]["next"]["cursor"]
    for target in (
        f"/v1/records?limit=2&status=ACTIVE&cursor={cursor}",
        f"/v1/groups?limit=2&cursor={cursor}",
        f"/v1/records?cursor={cursor[:-2]}xx",
        "/v1/records?cursor=x",
        "/v1/records?cursor=",
    ):
        refused = await door.call("GET", target, bearer=owner)
        assert (refused.status, refused.json["field"]) == (400, "cursor"), target
    other = door.world.token("ann")
    assert (await door.call("GET", f"/v1/records?limit=2&cursor={cursor}", bearer=other)).status == 400


@pytest.mark.parametrize(
    "query", ["limit=0", "limit=21", "limit=x", "filter=", "status=OPEN", "order=asc", "limit=1&limit=2"]
)
async def test_a_query_that_is_not_valid_is_refused(door: Door, owner: str, query: str) -> None:
    assert (await door.call("GET", f"/v1/records?{query}", bearer=owner)).status == 400


async def test_a_stranger_is_told_nothing_and_the_unauthenticated_nothing_at_all(door: Door, owner: str) -> None:
    await created(door, owner)
    eve = door.world.token("eve")
    bodies = set()
    for key in ("rec_1", "rec_none"):
        answered = await door.call("GET", f"/v1/records/{key}", bearer=eve)
        bodies.add((answered.status, answered.code, answered.json["title"]))
    assert bodies == {(404, "NotFound", "not found")}
    assert (await door.call("POST", "/v1/records", {**RECORD, "recordId": "rec_2"}, bearer=eve)).status == 403
    assert (await door.call("GET", "/v1/records", bearer=eve)).json["records"] == []
    for method, path in (("GET", "/v1/records"), ("POST", "/v1/roles"), ("PUT", "/v1/resources/docs")):
        assert (await door.call(method, path)).status == 401


async def test_a_mark_on_the_management_api_is_refused_as_a_check_is_and_opens_after_a_step_up(
    door: Door, owner: str
) -> None:
    await door.world.enrol("ann")
    await created(door, owner, {**RECORD, "admins": [{"userId": "ann"}]})
    once = {"stepUp": [{"level": "strong", "uses": 1, "actions": ["UPDATE"]}]}
    await door.call("PUT", f"/v1/resources/{encoded('Authress:AccessRecords')}", once, bearer=owner)
    ann = door.world.token("ann")
    refused = await door.call("DELETE", "/v1/records/rec_1", bearer=ann)
    assert (refused.status, refused.code) == (403, "StepUpAuthorizationRequired")
    assert refused.json["requirement"]["uses"] == 1
    assert "insufficient_user_authentication" in (refused.header("www-authenticate") or "")
    opening = {"stepUpChallengeToken": refused.json["stepUpChallengeToken"]}
    challenge = await door.call("POST", "/v1/challenges", opening, bearer=ann)
    assert challenge.status == 201, challenge
    code = {"method": "totp", "code": door.world.code("ann")}
    path = f"/v1/challenges/{challenge.json['challengeId']}/answer"
    assert (await door.call("POST", path, code, bearer=ann)).status == 200
    assert (await door.call("DELETE", "/v1/records/rec_1", bearer=door.world.token("ann"))).status == 403
    assert (await door.call("DELETE", "/v1/records/rec_1", bearer=ann)).status == 204
    assert (await door.call("DELETE", "/v1/records/rec_1", bearer=ann)).status == 403


async def test_handing_out_under_a_mark_opens_after_a_step_up(door: Door, owner: str) -> None:
    await door.world.enrol("ann")
    giving = {"action": "READ", "allow": False, "grant": True, "delegate": False}
    await created(door, owner, {"roleId": "ro_giver", "name": "g", "permissions": [giving]}, "/v1/roles")
    statement = {"roles": ["ro_giver"], "resources": [{"resourceUri": "docs"}]}
    await created(door, owner, {"name": "r", "users": [{"userId": "ann"}], "statements": [statement]})
    await created(door, owner, {**ROLE, "permissions": [{**giving, "allow": True, "grant": False}]}, "/v1/roles")
    await door.call("PUT", "/v1/resources/docs", {"stepUp": [MARK]}, bearer=owner)
    ann = door.world.token("ann")
    body = marked(roles=["ro_1"])
    refused = await door.call("POST", "/v1/records", body, bearer=ann)
    assert (refused.status, refused.code) == (403, "StepUpAuthorizationRequired")
    opening = {"stepUpChallengeToken": refused.json["stepUpChallengeToken"]}
    challenge = (await door.call("POST", "/v1/challenges", opening, bearer=ann)).json["challengeId"]
    code = {"method": "totp", "code": door.world.code("ann")}
    assert (await door.call("POST", f"/v1/challenges/{challenge}/answer", code, bearer=ann)).status == 200
    assert (await door.call("POST", "/v1/records", body, bearer=ann)).status == 201
    # … and not one thing more than before: what is not hers to do stays denied.
    assert (await door.check(ann, "ann", "READ", "docs/1")).status == 200  # she gave it to herself, under the mark
    assert (await door.check(door.world.token("ann"), "ann", "READ", "docs/1")).status == 403
