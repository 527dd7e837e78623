"""What a user may do and where, over HTTP (semantics §11; authress-contract §1.3, "User permissions")."""

from typing import Any

import pytest
from tests.api.door import Answered, Door, base64url, encoded

from stairgate.model.protection import Requirement

pytestmark = pytest.mark.anyio

STRONG = Requirement()


async def permissions(door: Door, bearer: str, user: str, resource: str, query: str = "", **more: Any) -> Answered:
    target = f"/v1/users/{encoded(user)}/resources/{encoded(resource)}/permissions{query}"
    return await door.call("GET", target, bearer=bearer, **more)


async def roles(door: Door, bearer: str, user: str, resource: str, query: str = "", **more: Any) -> Answered:
    target = f"/v1/users/{encoded(user)}/resources/{encoded(resource)}/roles{query}"
    return await door.call("GET", target, bearer=bearer, **more)


@pytest.fixture
async def ann(door: Door) -> str:
    """A user who may read documents, and pay after a step-up."""
    await door.world.grant("ann", "docs/1", "documents:read", record="rec_read")
    await door.world.grant("ann", "docs/1", "pay", mark=STRONG, record="rec_pay")
    await door.world.enrol("ann")
    return door.world.token("ann")


async def test_permissions_leave_out_what_wants_a_step_up(door: Door, ann: str) -> None:
    answered = await permissions(door, ann, "ann", "docs/1")
    assert answered.status == 200
    assert answered.header("cache-control") == "no-store"
    assert answered.json == {
        "account": {"accountId": door.world.services.account},
        "userId": "ann",
        "permissions": [{"action": "documents:read", "allow": True, "grant": False, "delegate": False}],
    }


async def test_permissions_carry_what_is_protected_where_that_is_asked_for(door: Door, ann: str) -> None:
    answered = await permissions(door, ann, "ann", "docs/1", "?includeProtected=true")
    plain, protected = answered.json["permissions"]
    assert "stepUp" not in plain
    assert protected["action"] == "pay"
    assert protected["stepUp"]["level"] == "strong"


async def test_permissions_are_those_of_the_very_token_that_is_elevated(door: Door, ann: str) -> None:
    world = door.world
    caller = await world.login("ann")
    await world.step_up(caller, "pay", "docs/1")
    service = await door.service()
    assert [each["action"] for each in (await permissions(door, ann, "ann", "docs/1")).json["permissions"]] == [
        "documents:read"
    ]
    elevated = world.token("ann")
    challenge = await door.opened(elevated, "ann", "pay", "docs/1")
    answer = {"method": "totp", "code": world.code("ann")}
    await door.call("POST", f"/v1/challenges/{challenge['challengeId']}/answer", answer, bearer=elevated)
    for bearer, headers in ((elevated, []), (service, [(b"stairgate-user-token", elevated.encode())])):
        answered = await permissions(door, bearer, "ann", "docs/1", headers=headers)
        assert [each["action"] for each in answered.json["permissions"]] == ["documents:read", "pay"]


async def test_nothing_to_show_is_404_whether_there_is_something_protected_or_not(door: Door) -> None:
    await door.world.grant("ann", "vault", "open", mark=STRONG)
    bearer = door.world.token("ann")
    bodies = [
        {**answered.json, "errorId": ""}
        for resource in ("vault", "elsewhere")
        if (answered := await permissions(door, bearer, "ann", resource)).status == 404
    ]
    assert len(bodies) == 2
    assert bodies[0] == bodies[1]
    assert (await roles(door, bearer, "ann", "vault")).status == 404
    carried = await roles(door, bearer, "ann", "vault", "?includeProtected=true")
    assert [(each["roleId"], each["stepUp"]["level"]) for each in carried.json["roles"]] == [
        ("rec_ann_vault", "strong")
    ]


async def test_roles_are_listed_for_exactly_the_resource(door: Door, ann: str) -> None:
    answered = await roles(door, ann, "ann", "docs/1")
    assert (answered.status, answered.json) == (200, {"userId": "ann", "roles": [{"roleId": "rec_read"}]})
    assert (await roles(door, ann, "ann", "docs/1/parts")).status == 404


async def test_who_may_not_ask_about_a_user_is_refused(door: Door, ann: str) -> None:
    stranger = door.world.token("bob")
    for call in (permissions, roles):
        refused = await call(door, stranger, "ann", "docs/1")
        assert (refused.status, refused.code) == (403, "Forbidden")
    await door.world.grant("bob", "Authress:UserPermissions/ann", "READ")
    assert (await permissions(door, stranger, "ann", "docs/1")).status == 200


async def test_a_user_token_that_is_not_this_users_is_refused(door: Door, ann: str) -> None:
    service = await door.service()
    for token in (door.world.token("bob"), "nonsense"):
        for call in (permissions, roles):
            refused = await call(door, service, "ann", "docs/1", headers=[(b"stairgate-user-token", token.encode())])
            assert (refused.status, refused.code) == (403, "UserTokenRefused")
    from_a_user = await permissions(door, ann, "ann", "docs/1", headers=[(b"stairgate-user-token", ann.encode())])
    assert (from_a_user.status, from_a_user.code) == (400, "InvalidInputRequest")


async def test_bound_details_come_in_the_context_and_count_for_these_only(door: Door) -> None:
    await door.world.grant("ann", "docs/1", "pay", mark=Requirement(bind=frozenset({"amount"})))
    await door.world.enrol("ann")
    bearer = door.world.token("ann")
    headers = [(b"stairgate-context", base64url({"amount": 5}))]
    challenge = await door.opened(bearer, "ann", "pay", "docs/1", headers=headers)
    answer = {"method": "totp", "code": door.world.code("ann")}
    await door.call("POST", f"/v1/challenges/{challenge['challengeId']}/answer", answer, bearer=bearer)
    assert (await permissions(door, bearer, "ann", "docs/1", headers=headers)).status == 200
    assert (await permissions(door, bearer, "ann", "docs/1")).status == 404
    other = [(b"stairgate-context", base64url({"amount": 6}))]
    assert (await permissions(door, bearer, "ann", "docs/1", headers=other)).status == 404


@pytest.mark.parametrize("query", ["?includeProtected=1", "?limit=5", "?includeProtected=true&includeProtected=true"])
async def test_a_parameter_that_means_nothing_is_refused(door: Door, ann: str, query: str) -> None:
    assert (await permissions(door, ann, "ann", "docs/1", query)).status == 400


async def test_listing_takes_no_use(door: Door) -> None:
    await door.world.grant("ann", "docs/1", "pay", mark=Requirement(uses=1))
    await door.world.enrol("ann")
    bearer = door.world.token("ann")
    challenge = await door.opened(bearer, "ann", "pay", "docs/1")
    answer = {"method": "totp", "code": door.world.code("ann")}
    await door.call("POST", f"/v1/challenges/{challenge['challengeId']}/answer", answer, bearer=bearer)
    for _ in range(3):
        assert (await permissions(door, bearer, "ann", "docs/1")).status == 200
    assert (await door.check(bearer, "ann", "pay", "docs/1")).status == 200
    assert (await permissions(door, bearer, "ann", "docs/1")).status == 404


# --- where


async def resources(door: Door, bearer: str, user: str = "ann", query: str = "", **more: Any) -> Answered:
    return await door.call("GET", f"/v1/users/{encoded(user)}/resources{query}", bearer=bearer, **more)


def uris(answered: Answered) -> list[str]:
    assert answered.status == 200, answered
    return [each["resourceUri"] for each in answered.json["resources"]]


async def test_resources_of_a_user_in_the_official_shape(door: Door, ann: str) -> None:
    answered = await resources(door, ann)
    assert answered.header("cache-control") == "no-store"
    assert answered.json == {
        "account": {"accountId": door.world.services.account},
        "userId": "ann",
        "resources": [{"resourceUri": "docs/1"}],
        "pagination": {},
        "links": {"self": {"href": f"{door.world.services.rules.public_origins[0]}/v1/users/ann/resources"}},
    }


async def test_resources_are_filtered_by_collection_depth_and_action(door: Door, ann: str) -> None:
    await door.world.grant("ann", "docs/1/parts/2", "documents:read", record="rec_part")
    await door.world.grant("ann", "other", "documents", record="rec_other")
    assert uris(await resources(door, ann)) == ["docs/1", "other"]
    assert uris(await resources(door, ann, query="?resourceUri=undefined")) == ["docs/1", "other"]
    assert uris(await resources(door, ann, query="?resourceUri=undefined/*")) == []
    assert uris(await resources(door, ann, query="?resourceUri=*")) == ["docs/1", "other"]
    nested = "collectionConfiguration=INCLUDE_NESTED"
    assert uris(await resources(door, ann, query=f"?{nested}")) == ["docs/1", "docs/1/parts/2", "other"]
    for collection in ("docs", "docs/*", "docs%2F%2A", "/docs/"):
        assert uris(await resources(door, ann, query=f"?resourceUri={collection}")) == ["docs/1"]
        assert uris(await resources(door, ann, query=f"?resourceUri={collection}&{nested}")) == [
            "docs/1",
            "docs/1/parts/2",
        ]
    assert uris(await resources(door, ann, query="?permissions=documents")) == ["other"]
    assert uris(await resources(door, ann, query="?permissions=documents%3Aread")) == ["docs/1", "other"]


async def test_a_protected_resource_is_left_out_or_carried(door: Door, ann: str) -> None:
    assert uris(await resources(door, ann, query="?permissions=pay")) == []
    carried = await resources(door, ann, query="?permissions=pay&includeProtected=true")
    assert carried.json["resources"][0]["stepUp"]["level"] == "strong"
    service = await door.service()
    without = await resources(door, service, query="?permissions=pay")
    assert uris(without) == []
    await door.world.step_up(await door.world.login("ann"), "pay", "docs/1")
    assert uris(await resources(door, ann, query="?permissions=pay")) == []


async def test_resources_are_paged_and_a_cursor_is_good_for_its_own_list_only(door: Door, ann: str) -> None:
    for number in range(5):
        await door.world.grant("ann", f"more/{number}", "documents:read", record=f"rec_{number}")
    first = await resources(door, ann, query="?limit=4")
    assert uris(first) == ["docs/1", "more/0", "more/1", "more/2"]
    cursor = first.json["pagination"]["next"]["cursor"]
    assert first.json["links"]["next"]["href"].endswith(f"/v1/users/ann/resources?limit=4&cursor={encoded(cursor)}")
    second = await resources(door, ann, query=f"?limit=4&cursor={encoded(cursor)}")
    assert uris(second) == ["more/3", "more/4"]
    assert second.json["pagination"] == {}
    for query in ("&permissions=pay", "&resourceUri=more", "&includeProtected=true"):
        refused = await resources(door, ann, query=f"?cursor={encoded(cursor)}{query}")
        assert (refused.status, refused.code) == (400, "InvalidInputRequest")


@pytest.mark.parametrize(
    "query",
    [
        "?limit=0",
        "?limit=21",
        "?collectionConfiguration=ALL",
        "?resourceUri=a/*/b",
        "?resourceUri=",
        "?permissions=a:*:b",
        "?cursor=x",
        "?action=read",
    ],
)
async def test_a_query_that_cannot_be_meant_is_refused(door: Door, ann: str, query: str) -> None:
    assert (await resources(door, ann, query=query)).status == 400


async def test_who_may_not_ask_for_a_users_resources_is_refused(door: Door, ann: str) -> None:
    refused = await resources(door, door.world.token("bob"))
    assert (refused.status, refused.code) == (403, "Forbidden")
    headers = [(b"stairgate-user-token", door.world.token("bob").encode())]
    refused = await resources(door, await door.service(), headers=headers)
    assert (refused.status, refused.code) == (403, "UserTokenRefused")


# --- who


async def test_users_of_a_resource_over_http(door: Door, ann: str) -> None:
    for name in ("bob", "cy"):
        await door.world.grant(name, "docs/1", "documents:read", record=f"rec_{name}")
    service = await door.service("owner", ("Authress:ResourcePermissions/docs", "*"))
    target = "/v1/resources/docs%2F1/users"
    refused = await door.call("GET", target, bearer=service)
    assert (refused.status, refused.code) == (403, "Forbidden")
    await door.world.own("sc_owner", "Authress:ResourcePermissions/docs")
    page = await door.call("GET", f"{target}?limit=2", bearer=service)
    assert page.status == 200
    assert page.json["users"] == [
        {"userId": "ann", "roles": [{"roleId": "rec_pay"}, {"roleId": "rec_read"}]},
        {"userId": "bob", "roles": [{"roleId": "rec_bob"}]},
    ]
    cursor = encoded(page.json["pagination"]["next"]["cursor"])
    rest = await door.call("GET", f"{target}?limit=2&cursor={cursor}", bearer=service)
    assert [each["userId"] for each in rest.json["users"]] == ["cy"]
    assert rest.json["links"]["self"]["href"].startswith(f"{door.world.services.rules.public_origins[0]}{target}?")
    assert (await door.call("GET", target, bearer=ann)).status == 403
