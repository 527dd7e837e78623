"""Users over HTTP (authress-contract §1.3)."""

import pytest
from tests.api.door import Door

from stairgate.model.ids import UserId
from stairgate.model.protection import Requirement

pytestmark = pytest.mark.anyio


@pytest.fixture
async def admin(door: Door) -> str:
    return await door.service("admin", ("Authress:Users", "*"))


async def test_users_are_listed_in_pages(door: Door, admin: str) -> None:
    for name in ("ann", "bob", "cat"):
        await door.world.grant(name, "docs", "READ")
    first = await door.call("GET", "/v1/users?limit=2", bearer=admin)
    assert (first.status, first.json["users"]) == (200, [{"userId": "ann"}, {"userId": "bob"}])
    cursor = first.json["pagination"]["next"]["cursor"]
    second = await door.call("GET", f"/v1/users?limit=2&cursor={cursor}", bearer=admin)
    assert (second.json["users"], second.json["pagination"]) == ([{"userId": "cat"}], {})
    filtered = await door.call("GET", "/v1/users?filter=A&tenantId=t", bearer=admin)
    assert filtered.json["users"] == [{"userId": "ann"}, {"userId": "cat"}]
    empty = await door.call("GET", "/v1/users?filter=&limit=100", bearer=admin)
    assert len(empty.json["users"]) == 3
    for wrong in ("limit=0", "limit=101", f"filter={'x' * 65}", "cursor=x", "x=1"):
        assert (await door.call("GET", f"/v1/users?{wrong}", bearer=admin)).status == 400
    refused = await door.call("GET", "/v1/users", bearer=door.world.token("ann"))
    assert (refused.status, refused.code) == (403, "Forbidden")


async def test_a_user_is_shown_and_a_stranger_is_not(door: Door, admin: str) -> None:
    await door.world.grant("a/b@c", "docs", "READ")
    shown = await door.call("GET", "/v1/users/a%2Fb%40c", bearer=admin)
    assert (shown.status, shown.json) == (200, {"userId": "a/b@c"})
    for bearer, name in ((admin, "nobody"), (door.world.token("ann"), "a%2Fb%40c"), (door.world.token("ann"), "x")):
        assert (await door.call("GET", f"/v1/users/{name}", bearer=bearer)).status == 404
    assert (await door.call("GET", "/v1/users/ann", bearer=door.world.token("ann"))).json == {"userId": "ann"}
    assert (await door.call("GET", "/v1/users/sc_admin", bearer=admin)).status == 404
    assert (await door.call("GET", "/v1/users/%C3%A9", bearer=admin)).status == 400


async def test_a_deleted_user_has_no_access_once_it_is_answered(door: Door, admin: str) -> None:
    await door.world.grant("ann", "docs", "READ")
    ann = door.world.token("ann")
    assert (await door.check(ann, "ann", "READ", "docs")).status == 200
    deleted = await door.call("DELETE", "/v1/users/ann", bearer=admin)
    assert (deleted.status, deleted.body) == (202, b"")
    assert int(deleted.header("stairgate-revision") or 0) > 0
    assert (await door.check(ann, "ann", "READ", "docs")).status == 404
    assert (await door.call("DELETE", "/v1/users/ann", bearer=admin)).status == 404


async def test_a_deleted_user_loses_live_challenges_and_factors(door: Door, admin: str) -> None:
    """Semantics §8: the deletion of the user ends all of theirs."""
    await door.world.grant("ann", "docs", "READ", mark=Requirement())
    await door.world.enrol("ann")
    ann = door.world.token("ann")
    opened = await door.opened(ann, "ann", "READ", "docs")
    assert (await door.call("DELETE", "/v1/users/ann", bearer=admin)).status == 202
    seen = await door.call("GET", f"/v1/challenges/{opened['challengeId']}", bearer=ann)
    assert seen.json["state"] == "cancelled"
    answer = {"method": "totp", "code": door.world.code("ann")}
    late = await door.call("POST", f"/v1/challenges/{opened['challengeId']}/answer", answer, bearer=ann)
    assert (late.status, late.code) == (409, "ChallengeEnded")
    assert await door.world.services.store.read(lambda tx: tx.factors_of(UserId("ann"))) == []


async def test_a_client_is_deleted_as_a_client(door: Door, admin: str) -> None:
    refused = await door.call("DELETE", "/v1/users/sc_admin", bearer=admin)
    assert refused.status == 400
    assert "/v1/clients/" in refused.json["title"]
