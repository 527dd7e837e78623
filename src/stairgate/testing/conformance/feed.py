"""The change feed's poll."""

# ruff: noqa: D103  # a case says what it claims in its name

from __future__ import annotations

from stairgate.model.errors import ConflictError
from stairgate.ports.store import WriteTransaction
from stairgate.testing.conformance.harness import Bench, must, raised, wrote
from stairgate.testing.conformance.samples import a_role


@must("poll")
async def a_poll_tells_of_a_write_of_this_store_and_of_any_other(bench: Bench) -> None:
    one, two = await bench.another(), await bench.another()
    watching = {id(one): one, id(two): two}.values()
    for store in watching:
        store.poll()
    for writer in (one, two, one):
        await wrote(writer, lambda tx: tx.put_role(a_role()))
        for store in watching:
            assert store.poll() is True


@must("poll")
async def a_poll_without_a_write_says_no(bench: Bench) -> None:
    store = await bench.another()
    await wrote(store, lambda tx: tx.put_role(a_role()))
    store.poll()
    for _ in range(3):
        assert store.poll() is False
        await store.read(lambda tx: tx.roles())


@must("poll", "write")
async def a_poll_is_never_told_before_the_change_can_be_read(bench: Bench) -> None:
    one, two = await bench.another(), await bench.another()
    two.poll()
    known = 0
    for number in range(1, 30):
        await wrote(one, lambda tx, it=f"ro_{number}": tx.put_role(a_role(it)))  # type: ignore[misc]
        if two.poll():
            known = await two.read(lambda tx: tx.revision())
        assert known == number


@must("poll")
async def a_write_that_raised_changes_no_revision(bench: Bench) -> None:
    store = await bench.another()

    def fails(tx: WriteTransaction) -> None:
        tx.put_role(a_role())
        raise ConflictError

    await raised(ConflictError, store.write(fails))
    assert await store.read(lambda tx: tx.revision()) == 0
    assert not await store.read(lambda tx: tx.changes_after(0))
