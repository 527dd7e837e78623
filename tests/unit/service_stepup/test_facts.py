"""What is in memory is never older than what was acknowledged, whatever happens at the same time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from typing import TypeVar

import pytest
from tests.unit.service_stepup.world import World

from stairgate.engine.decide import assess
from stairgate.model.access import AccessRecord, Group, Permission, RecordStatus, Role, Statement
from stairgate.model.actions import parse_action
from stairgate.model.clients import ServiceClient
from stairgate.model.decisions import Allow, Question
from stairgate.model.errors import UnavailableError
from stairgate.model.ids import ClientId, GroupId, RecordId, RoleId, UserId
from stairgate.model.protection import Level, Method
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.ports.store import ReadTransaction, Store, WriteTransaction
from stairgate.service.facts import MOST_CHANGES, FactCache
from stairgate.storage.memory import MemoryStore
from stairgate.testing.clock import FakeClock
from stairgate.testing.faults import FailingStore

pytestmark = pytest.mark.anyio

T = TypeVar("T")
ANN, STAFF = UserId("ann"), GroupId("staff")
READER = Role(RoleId("reader"), "Reader", (Permission(parse_action("READ"), allow=True, grant=False, delegate=False),))


def record(status: RecordStatus = RecordStatus.ACTIVE, *, number: int = 0, resource: str = "docs") -> AccessRecord:
    """The group `staff` may read."""
    statement = Statement((READER.id,), (parse_pattern(resource),))
    return AccessRecord(RecordId(f"rec_{number}"), "r", (statement,), groups=(STAFF,), status=status)


def group(*users: UserId) -> Group:
    return Group(STAFF, "Staff", users)


async def may_read(cache: FactCache, user: UserId = ANN, resource: str = "docs") -> bool:
    facts = await cache.facts_of(user)
    return isinstance(assess(Question(user, parse_resource(resource), parse_action("READ")), facts), Allow)


async def put(store: Store, *things: object) -> None:
    def run(transaction: WriteTransaction) -> None:
        for thing in things:
            match thing:
                case Role():
                    transaction.put_role(thing)
                case Group():
                    transaction.put_group(thing)
                case AccessRecord():
                    transaction.put_record(thing)
                case ServiceClient():
                    transaction.put_client(thing)

    await store.write(run)


@pytest.mark.parametrize("followed", [True, False])
async def test_each_kind_of_change_is_in_force_at_the_next_answer(world: World, followed: bool) -> None:
    """Membership, a group's record, a role and a user's own record, with a change feed and without one."""
    store = world.services.store
    feed = world.services.facts._feed if followed else None
    cache = FactCache(store, feed, world.clock)
    assert not await may_read(cache)
    await put(store, READER, record())
    assert not await may_read(cache)
    await put(store, group(ANN))
    assert await may_read(cache)
    await put(store, record(RecordStatus.DELETED))
    assert not await may_read(cache)
    await put(store, record())
    assert await may_read(cache)
    await store.write(lambda transaction: transaction.delete_role(READER.id))
    assert not await may_read(cache)
    await put(store, READER)
    assert await may_read(cache)
    await put(store, group())
    assert not await may_read(cache)


async def test_more_changes_than_can_be_followed_forget_everything() -> None:
    store = MemoryStore()
    cache = FactCache(store, store, FakeClock())
    await put(store, READER, record(), group(ANN))
    assert await may_read(cache)
    await put(store, *(record(number=number, resource=f"other/{number}") for number in range(1, MOST_CHANGES + 2)))
    await put(store, group())
    assert not await may_read(cache)
    assert cache.revision == await store.read(lambda transaction: transaction.revision())


class GatedStore:
    """A store whose answers to reads are held back: the snapshot is taken, and told of later."""

    def __init__(self, store: MemoryStore) -> None:
        self.store = store
        self.gates: list[asyncio.Event] = []
        self.held = asyncio.Event()

    async def read(self, function: Callable[[ReadTransaction], T]) -> T:
        result = await self.store.read(function)
        if self.gates:
            self.held.set()
            await self.gates.pop(0).wait()
        return result

    async def write(self, function: Callable[[WriteTransaction], T]) -> T:
        return await self.store.write(function)

    async def close(self) -> None:
        await self.store.close()


async def test_what_was_loaded_before_a_change_is_not_kept_after_it() -> None:
    """The load of Ann's facts is on its way while her access ends, and another user's load already saw that."""
    store = MemoryStore()
    gated = GatedStore(store)
    cache = FactCache(gated, store, FakeClock())
    await put(store, READER, record(), group(ANN))
    assert not await may_read(cache, UserId("warm"))
    gate = asyncio.Event()
    gated.gates = [gate]
    slow = asyncio.create_task(may_read(cache))
    await gated.held.wait()
    await put(store, group())
    assert not await may_read(cache, UserId("bob"))
    gate.set()
    assert not await slow
    assert not await may_read(cache)


async def test_the_first_loads_of_all_do_not_mix_two_states() -> None:
    """Nothing is known yet; of two first loads the older one arrives last."""
    store = MemoryStore()
    gated = GatedStore(store)
    cache = FactCache(gated, store, FakeClock())
    await put(store, READER, record(), group(ANN))
    gate = asyncio.Event()
    gated.gates = [gate]
    slow = asyncio.create_task(cache._fetch(lambda t: cache._missing_of(t, ANN)))
    await gated.held.wait()
    await put(store, group())
    assert not await may_read(cache, UserId("bob"))
    gate.set()
    await slow
    assert not await may_read(cache)


async def test_access_never_comes_from_a_membership_and_a_record_that_were_never_there_together() -> None:
    """The record ends before Ann joins the group: no answer may say that she may read, however loads interleave."""
    store = MemoryStore()
    cache = FactCache(store, store, FakeClock())
    await put(store, READER, record(), group())

    async def flip() -> None:
        for _ in range(50):
            await put(store, record(RecordStatus.DELETED))
            await asyncio.sleep(0)
            await put(store, group(ANN))
            await asyncio.sleep(0)
            await put(store, group())
            await asyncio.sleep(0)
            await put(store, record())
            await asyncio.sleep(0)

    async def ask() -> bool:
        seen = False
        for _ in range(200):
            seen = seen or await may_read(cache)
            await asyncio.sleep(0)
        return seen

    answers = await asyncio.gather(ask(), flip(), ask())
    assert not answers[0]
    assert not answers[2]


async def test_a_poll_that_told_one_asker_of_a_change_holds_for_all_others() -> None:
    """The feed says it once; whoever asks while that change is still being read waits for it, too."""
    store = MemoryStore()
    gated = GatedStore(store)
    cache = FactCache(gated, store, FakeClock())
    await put(store, READER, record(), group(ANN))
    assert await may_read(cache)
    await put(store, group())
    gate = asyncio.Event()
    gated.gates = [gate]
    first = asyncio.create_task(may_read(cache))
    await gated.held.wait()
    second = asyncio.create_task(may_read(cache))
    await asyncio.sleep(0)
    assert cache.peek(ANN) is None
    gate.set()
    assert [await first, await second] == [False, False]


async def test_a_change_during_a_catch_up_is_not_taken_for_caught_up_with() -> None:
    """The read that is under way began before this change, so whoever was told of the change needs another one."""
    store = MemoryStore()
    gated = GatedStore(store)
    cache = FactCache(gated, store, FakeClock())
    await put(store, READER, record(), group(ANN))
    assert await may_read(cache)
    await put(store, replace(record(number=1), groups=(GroupId("others"),)))  # nothing of Ann's
    gate = asyncio.Event()
    gated.gates = [gate]
    before = asyncio.create_task(may_read(cache))  # may be answered from before the change, which it began before
    await gated.held.wait()
    await put(store, group())
    after = asyncio.create_task(may_read(cache))
    await asyncio.sleep(0)
    gate.set()
    await before
    assert not await after


async def test_the_working_set_is_bounded_and_evicted_facts_come_back() -> None:
    store = MemoryStore()
    cache = FactCache(store, store, FakeClock(), capacity=10)
    await put(store, READER, record(), group(ANN))
    for number in range(100):
        assert not await may_read(cache, UserId(f"u{number}"))
        assert len(cache._entries) <= 10
        assert len(cache._facts) <= 10
    assert await may_read(cache)


async def test_facts_that_are_in_memory_need_no_read() -> None:
    store = MemoryStore()
    counting = FailingStore(store)
    cache = FactCache(counting, store, FakeClock())
    await put(store, READER, record(), group(ANN))
    await may_read(cache)
    calls = counting.calls
    for _ in range(10):
        assert await may_read(cache)
        assert cache.peek(ANN) is not None
    assert counting.calls == calls


async def test_what_cannot_be_loaded_is_refused() -> None:
    store = MemoryStore()
    cache = FactCache(FailingStore(store, every=1), store, FakeClock())
    with pytest.raises(UnavailableError):
        await cache.facts_of(ANN)
    assert cache.remembered(ANN) is None


async def test_a_store_that_answers_from_the_past_is_not_believed() -> None:
    """A database that was put back to an older state must not bring revoked access back unseen."""
    old, new = MemoryStore(), MemoryStore()
    for store in (old, new):
        await put(store, READER, record(), group(ANN))
    await put(new, group())
    failing = FailingStore(new)
    cache = FactCache(failing, None, FakeClock())
    assert not await may_read(cache)
    failing.store = old
    with pytest.raises(UnavailableError):
        await cache.facts_of(ANN)


async def test_external_is_raised_for_the_client_that_asks_and_for_users_where_any_client_is() -> None:
    store = MemoryStore()
    clock = FakeClock()
    cache = FactCache(store, store, clock)
    raised = ServiceClient(ClientId("sc_raised"), "r", clock.now(), external_level="strong")
    usual = ServiceClient(ClientId("sc_usual"), "u", clock.now())
    await put(store, usual)
    assert (await cache.facts_of(ANN)).best_levels[Method.EXTERNAL] is Level.BASIC
    await put(store, raised)
    assert (await cache.facts_of(ANN)).best_levels[Method.EXTERNAL] is Level.STRONG
    assert (await cache.facts_of(ANN, asker=raised.id)).best_levels[Method.EXTERNAL] is Level.STRONG
    assert (await cache.facts_of(ANN, asker=usual.id)).best_levels[Method.EXTERNAL] is Level.BASIC
