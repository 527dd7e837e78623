"""The account, lists of what there is none of, and calls of login, which say that they are not here (scope L)."""

import pytest
from tests.api.door import Door

from stairgate.api.handlers.authress.login import ROUTES
from stairgate.api.routing import RouteTable

pytestmark = pytest.mark.anyio
EMPTY = ("connections", "tenants", "applications", "extensions")


@pytest.fixture
async def reader(door: Door) -> str:
    """Reads the configuration and everything of login."""
    resources = ("Configuration", "Connections", "Tenants", "Applications", "Extensions")
    return await door.service("reader", *((f"Authress:{name}", "READ") for name in resources))


async def test_the_account_is_shown_alone_and_in_a_list(door: Door, reader: str) -> None:
    account = door.world.services.account
    listed = await door.call("GET", "/v1/accounts?earliestCacheTime=2030-01-31T12%3A00%3A00Z", bearer=reader)
    assert listed.status == 200
    [shown] = listed.json["accounts"]
    assert (shown["accountId"], shown["company"], shown["name"]) == (account, {}, account)
    assert shown["createdTime"]
    assert (await door.call("GET", f"/v1/accounts/{account}", bearer=reader)).json == shown
    assert (await door.call("GET", "/v1/accounts/acc_other", bearer=reader)).status == 404
    stranger = door.world.token("ann")
    for path in ("/v1/accounts", f"/v1/accounts/{account}", "/v1/accounts/acc_other"):
        assert (await door.call("GET", path, bearer=stranger)).status == 403


@pytest.mark.parametrize("name", EMPTY)
@pytest.mark.parametrize("slash", ["", "/"])
async def test_there_are_none_of_what_login_has(door: Door, reader: str, name: str, slash: str) -> None:
    """With a trailing slash, as the JavaScript SDK asks for extensions and connections."""
    listed = await door.call("GET", f"/v1/{name}{slash}", bearer=reader)
    assert (listed.status, listed.json[name], listed.json["pagination"]) == (200, [], {})
    assert listed.json["links"]["self"]["href"].endswith(f"/v1/{name}")
    assert (await door.call("GET", f"/v1/{name}?limit=20", bearer=reader)).status == 200
    for wrong in ("limit=0", "limit=101", "cursor=x", "x=1"):
        assert (await door.call("GET", f"/v1/{name}?{wrong}", bearer=reader)).status == 400
    refused = await door.call("GET", f"/v1/{name}", bearer=door.world.token("ann"))
    assert (refused.status, refused.code) == (403, "Forbidden")


@pytest.mark.parametrize("route", ROUTES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_call_of_login_says_why_it_does_nothing(door: Door, reader: str, route: object) -> None:
    """Whatever comes with it: query, body, a trailing slash."""
    [found] = [each for each in ROUTES if each is route]
    path = found.path.replace("{", "").replace("}", "")
    bearer = None if found.public else reader
    for target, body in (
        (path, b""),
        (f"{path}?client_id=x&client_id=y", b"{"),
        (f"{path.rstrip('/')}/", b""),
    ):
        answered = await door.call(found.method, target, raw=body, bearer=bearer)
        assert (answered.status, answered.code) == (501, "NotImplemented")
        assert answered.json["title"] == found.description
        assert answered.header("retry-after") is None
        assert not door.instruments.failures  # nothing failed, so that nobody fills the log with it
    if not found.public:
        assert (await door.call(found.method, path)).status == 401


def test_calls_of_login_say_what_to_do_instead() -> None:
    for route in ROUTES:
        assert "POST /v1/identities" in route.description or "your own service" in route.description
    RouteTable(ROUTES)
