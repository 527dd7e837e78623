"""Requests sent again: an Idempotency-Key makes nothing twice; without one, ids chosen by the caller answer 409."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.api.door import Answered, Door, open_door
from tests.unit.service_stepup.world import STORES

from stairgate.api.app import Application
from stairgate.api.handlers.authress.routes import ROUTES as AUTHRESS
from stairgate.host.keyring import SealingKeyRing
from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.ids import ClientId, RecordId, UserId
from stairgate.model.resources import parse_pattern
from stairgate.testing.faults import FailingStore, Fault

pytestmark = pytest.mark.anyio

RECORD = {"name": "r", "statements": [{"roles": ["Authress:Owner"], "resources": [{"resourceUri": "docs/1"}]}]}
ROLE = {"roleId": "ro_1", "name": "n", "permissions": []}
GROUP = {"name": "g", "users": [{"userId": "ann"}]}
CLIENT = {"name": "shop"}
DAY = 24 * 3600


@pytest.fixture(params=STORES)
async def door(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    async for opened in open_door(request.param, tmp_path):
        yield opened


@pytest.fixture
async def owner(door: Door) -> str:
    """The assertion of a client that owns everything."""
    return await own(door, "owner")


async def own(door: Door, name: str) -> str:
    bearer = await door.service(name)
    everything = Statement((OWNER.id,), (parse_pattern("*"),))
    record = AccessRecord(RecordId(f"rec_{name}"), "Owner", (everything,), users=(UserId(f"sc_{name}"),))
    await door.world.services.store.write(lambda transaction: transaction.put_record(record))
    return bearer


async def post(door: Door, owner: str, path: str, body: object, key: str = "k1") -> Answered:
    return await door.call("POST", path, body, bearer=owner, headers=[(b"idempotency-key", key.encode())])


def plain(answered: Answered) -> tuple[int, bytes, list[tuple[bytes, bytes]]]:
    """What must be the same: everything but the id of the request."""
    return answered.status, answered.body, [field for field in answered.headers if field[0] != b"x-request-id"]


def test_every_call_of_the_contract_that_makes_something_can_be_repeated() -> None:
    making = [route for route in AUTHRESS if route.method == "POST" and 201 in route.responses]
    assert [route.path for route in making if not route.idempotent] == []
    assert {route.path for route in making} == {path.replace("sc_owner", "{clientId}") for path in MAKING}


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/records", RECORD), ("/v1/roles", ROLE), ("/v1/groups", GROUP), ("/v1/clients", CLIENT)],
)
async def test_a_repeat_makes_nothing_and_is_answered_the_same(door: Door, owner: str, path: str, body: Any) -> None:
    first = await post(door, owner, path, body)
    assert first.status == 201, first
    again = await post(door, owner, path, body)
    assert plain(again) == plain(first)
    other = await post(door, owner, path, {**body, "name": "other"}, key="k1")
    assert (other.status, other.code) == (409, "IdempotencyKeyReused")


async def test_a_repeat_leaves_one_thing_and_one_entry(door: Door, owner: str) -> None:
    first = await post(door, owner, "/v1/records", RECORD)
    revision = await door.world.services.store.read(lambda transaction: transaction.audit_head().number)
    for _ in range(3):
        assert (await post(door, owner, "/v1/records", RECORD)).json == first.json
    assert await door.world.services.store.read(lambda transaction: transaction.audit_head().number) == revision
    listed = await door.call("GET", "/v1/records?filter=r", bearer=owner)
    assert [each["recordId"] for each in listed.json["records"] if each["name"] == "r"] == [first.json["recordId"]]


STATEMENTS = RECORD["statements"]
MAKING: dict[str, Any] = {
    "/v1/records": RECORD,
    "/v1/roles": ROLE,
    "/v1/groups": GROUP,
    "/v1/clients": CLIENT,
    "/v1/clients/sc_owner/access-keys": None,
    "/v1/identities": {"issuer": "https://idp.example", "userIdExpression": "idp|{sub}"},
    "/v1/claims": {"collectionResource": "tenants", "resourceId": "t1"},
    "/v1/invites": {"statements": STATEMENTS},
    "/v1/requests": {"access": {"users": [{"userId": "ann"}], "statements": STATEMENTS}},
}


@pytest.mark.parametrize("fault", Fault)
@pytest.mark.parametrize("path", MAKING)
async def test_a_retry_after_a_lost_answer_makes_nothing_twice(door: Door, owner: str, path: str, fault: Fault) -> None:
    """The store breaks before, or after the commit: the caller sees a 5xx, as every SDK that repeats it does."""
    store = door.world.services.store
    failing = FailingStore(store, only=frozenset({1}), fault=fault, reads=False)
    broken = Door(door.world, Application(replace(door.world.services, store=failing)))
    entries = await store.read(lambda transaction: transaction.audit_head().number)
    assert (await post(broken, owner, path, MAKING[path])).status == 503
    after = await store.read(lambda transaction: transaction.audit_head().number)
    assert (after > entries) == (fault is Fault.AFTER)
    made = await post(broken, owner, path, MAKING[path])
    assert made.status == 201, made
    done = await store.read(lambda transaction: transaction.audit_head().number)
    assert (done > after) == (fault is Fault.BEFORE)
    assert plain(await post(broken, owner, path, MAKING[path])) == plain(made)
    assert await store.read(lambda transaction: transaction.audit_head().number) == done


async def test_a_key_is_of_one_caller_and_its_token(door: Door, owner: str) -> None:
    """Another caller's key is another key; another token of the same caller is not shown what this one was."""
    first = await post(door, owner, "/v1/groups", GROUP)
    other = await own(door, "other")
    assert (await post(door, other, "/v1/groups", GROUP)).json["groupId"] != first.json["groupId"]
    await door.world.grant("ann", "Authress:Groups", "CREATE")
    one, two = door.world.token("ann"), door.world.token("ann", ttl=1_800)
    made = await post(door, one, "/v1/groups", GROUP)
    assert made.status == 201
    refused = await post(door, two, "/v1/groups", GROUP)
    assert (refused.status, refused.code) == (409, "IdempotencyKeyReused")


async def test_what_failed_is_not_remembered(door: Door, owner: str) -> None:
    """The first try is refused, so the second is made anew, and may succeed."""
    stranger = door.world.token("ann")
    assert (await post(door, stranger, "/v1/groups", GROUP)).status == 403
    await door.world.grant("ann", "Authress:Groups", "CREATE")
    assert (await post(door, stranger, "/v1/groups", GROUP)).status == 201


async def test_of_many_at_once_under_one_key_one_is_made(door: Door, owner: str) -> None:
    answers = await asyncio.gather(*(post(door, owner, "/v1/clients", CLIENT) for _ in range(16)))
    assert len({answered.json["clientId"] for answered in answers}) == 1
    listed = await door.call("GET", "/v1/clients", bearer=owner)
    assert sum(client["name"] == "shop" for client in listed.json["clients"]) == 1


async def test_an_access_key_is_shown_again_for_ten_minutes_and_then_not(door: Door, owner: str) -> None:
    client = (await post(door, owner, "/v1/clients", CLIENT)).json["clientId"]
    path = f"/v1/clients/{client}/access-keys"
    first = await post(door, owner, path, None, key="k2")
    assert first.json["accessKey"]
    door.world.clock.advance(599)
    assert (await post(door, owner, path, None, key="k2")).json == first.json
    door.world.clock.advance(2)
    gone = await post(door, owner, path, None, key="k2")
    assert (gone.status, gone.code) == (409, "AlreadyDone")
    seen = await door.call("GET", f"/v1/clients/{client}", bearer=owner)
    assert len(seen.json["verificationKeys"]) == 1


LINKS = "/v1/users/ann/account-links"


async def link(door: Door, owner: str, token: str | None = None) -> Answered:
    fields = [(b"idempotency-key", b"k3")]
    if token is not None:
        fields.append((b"stairgate-user-token", token.encode()))
    return await door.call("POST", LINKS, bearer=owner, headers=fields)


async def test_a_link_to_the_account_page_is_made_once(door: Door, owner: str) -> None:
    """It is shown again for ten minutes, and takes one of the five places that a user has."""
    first = await link(door, owner)
    assert (first.status, first.json["enrols"]) == (201, True)
    for _ in range(6):
        assert plain(await link(door, owner)) == plain(first)
    door.world.clock.advance(601)
    gone = await link(door, door.world.assertion(ClientId("sc_owner")))
    assert (gone.status, gone.code) == (409, "AlreadyDone")


async def test_a_link_of_another_login_is_not_shown_under_the_same_key(door: Door, owner: str) -> None:
    """The token that is passed on belongs to what was sent: a link enters the page as that login."""
    one, two = door.world.token("ann"), door.world.token("ann", ttl=1_800)
    first = await link(door, owner, one)
    assert (first.status, plain(await link(door, owner, one))) == (201, plain(first))
    for token in (two, None):
        other = await link(door, owner, token)
        assert (other.status, other.code) == (409, "IdempotencyKeyReused")
    refused = await link(door, owner, door.world.token("bob"))
    assert (refused.status, refused.code) == (403, "UserTokenRefused")


async def test_nobody_who_reads_the_store_learns_an_access_key(door: Door, owner: str) -> None:
    client = (await post(door, owner, "/v1/clients", CLIENT)).json["clientId"]
    shown = (await post(door, owner, f"/v1/clients/{client}/access-keys", None, key="k2")).json["accessKey"]
    kept = await door.world.services.store.read(lambda tx: tx.remembered_answer(UserId("sc_owner"), "k2"))
    assert kept is not None
    for part in (shown, shown.rsplit(".", 1)[1]):
        assert part.encode() not in kept.answer
        assert part not in repr(kept)


async def test_what_was_sealed_with_a_key_that_has_left_the_ring_was_done_all_the_same(door: Door, owner: str) -> None:
    """A repeat is told so; it is neither answered 5xx, for ever, nor carried out again."""
    assert (await post(door, owner, "/v1/groups", GROUP)).status == 201
    rotated = replace(door.world.services, keys=SealingKeyRing([b"n" * 32]))
    again = await post(Door(door.world, Application(rotated)), owner, "/v1/groups", GROUP)
    assert (again.status, again.code) == (409, "AlreadyDone")


async def test_after_a_day_the_key_is_free_again_and_old_answers_are_forgotten(door: Door, owner: str) -> None:
    first = await post(door, owner, "/v1/groups", GROUP)
    await post(door, owner, "/v1/groups", GROUP, key="old")
    door.world.clock.advance(DAY + 1)
    owner = door.world.assertion(ClientId("sc_owner"))
    assert (await post(door, owner, "/v1/groups", GROUP)).json["groupId"] != first.json["groupId"]
    kept = await door.world.services.store.read(lambda tx: tx.remembered_answer(UserId("sc_owner"), "old"))
    assert kept is None


@pytest.mark.parametrize("key", ["", " ", "é", "a" * 256])
async def test_a_key_that_is_none_is_refused(door: Door, owner: str, key: str) -> None:
    answered = await post(door, owner, "/v1/groups", GROUP, key=key)
    assert (answered.status, answered.code) == (400, "InvalidInputRequest")


async def test_without_a_key_a_chosen_id_is_taken_once_and_free_again_when_deleted(door: Door, owner: str) -> None:
    """The 409 contract (authress-contract §2.6, §4.3): what was made stays readable under its id."""
    record = {**RECORD, "recordId": "rec:1"}
    group = {**GROUP, "groupId": "grp_1"}
    for path, body, code in (
        ("/v1/records", record, "AccessRecordAlreadyExists"),
        ("/v1/roles", ROLE, "AlreadyExists"),
        ("/v1/groups", group, "AlreadyExists"),
    ):
        assert (await door.call("POST", path, body, bearer=owner)).status == 201
        again = await door.call("POST", path, body, bearer=owner)
        assert (again.status, again.code) == (409, code)
    assert (await door.call("DELETE", "/v1/records/rec%3A1", bearer=owner)).status == 204
    assert (await door.call("POST", "/v1/records", record, bearer=owner)).status == 201
