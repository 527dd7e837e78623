"""When the database fails: a clear word, nothing done, nobody else hurt, and work goes on afterwards."""

import asyncio
import os
import sqlite3
from collections.abc import AsyncIterator
from contextlib import closing, suppress
from pathlib import Path

import pytest

from stairgate.model.access import Principal, PrincipalKind
from stairgate.model.errors import ConflictError, UnavailableError
from stairgate.model.ids import ElevationId
from stairgate.ports.store import WriteTransaction
from stairgate.storage.memory import MemoryStore
from stairgate.storage.sql import SqlStore, migrate
from stairgate.testing.conformance.samples import a_draft, a_record, an_elevation
from stairgate.testing.faults import FailingStore, Fault

pytestmark = pytest.mark.anyio


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "stairgate.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.fixture
async def store(path: Path) -> AsyncIterator[SqlStore]:
    store = await SqlStore.open(f"sqlite:///{path}", patience=0.05)
    yield store
    await store.close()


async def test_a_database_that_another_process_writes_to_is_waited_for(path: Path) -> None:
    store = await SqlStore.open(f"sqlite:///{path}", patience=30)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        waiting = asyncio.create_task(store.write(lambda tx: tx.put_fact("a", "b")))
        assert await store.read(lambda tx: tx.fact("a")) is None  # reading goes on meanwhile
        assert not waiting.done()
        other.execute("COMMIT")
        await waiting
    assert await store.read(lambda tx: tx.fact("a")) == "b"
    await store.close()


async def test_a_database_that_stays_locked_is_unavailable_and_nothing_was_done(path: Path, store: SqlStore) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError, match="locked by another process"):
            await store.write(lambda tx: tx.put_fact("a", "b"))
        other.execute("ROLLBACK")
    assert await store.read(lambda tx: tx.fact("a")) is None
    await store.write(lambda tx: tx.put_fact("a", "c"))
    assert await store.read(lambda tx: tx.fact("a")) == "c"


async def test_a_full_disk_is_unavailable_takes_back_all_and_can_be_made_room_on(store: SqlStore) -> None:
    def pages(limit: int) -> None:
        store._writer._connection.execute(f"PRAGMA max_page_count={limit}")

    await store.write(lambda tx: tx.append_audit(a_draft(1)))
    pages(1)  # as many as there are: no page more

    def too_much(tx: WriteTransaction) -> None:
        tx.append_audit(a_draft(2))
        for number in range(2000):
            tx.put_fact(f"n{number}", "x" * 2000)

    with pytest.raises(UnavailableError, match="disk of the database is full"):
        await store.write(too_much)
    assert (await store.read(lambda tx: tx.audit_head())).number == 1
    assert await store.read(lambda tx: tx.fact("n0")) is None
    pages(1_000_000)
    await store.write(too_much)
    assert (await store.read(lambda tx: tx.audit_head())).number == 2


async def test_a_function_that_hides_a_failure_of_the_database_does_not_pass(store: SqlStore) -> None:
    """Some failures end the transaction by themselves: what follows must not stand on its own."""
    store._writer._connection.execute("PRAGMA max_page_count=1")

    def hiding(tx: WriteTransaction) -> str:
        tx.put_fact("before", "x")
        with suppress(UnavailableError):
            for number in range(2000):
                tx.put_fact(f"n{number}", "x" * 2000)
        with suppress(UnavailableError):
            tx.put_fact("after", "x")
        return "done"

    with pytest.raises(UnavailableError):
        await store.write(hiding)
    facts = await store.read(lambda tx: [tx.fact(name) for name in ("before", "n0", "after")])
    assert facts == [None, None, None]


async def test_one_function_that_breaks_the_transaction_does_not_take_its_neighbours_along(store: SqlStore) -> None:
    store._writer._connection.execute("PRAGMA max_page_count=1")

    def breaks(tx: WriteTransaction) -> None:
        for number in range(2000):
            tx.put_fact(f"n{number}", "x" * 2000)

    work = [
        store.write(breaks if number == 7 else lambda tx, n=number: tx.put_fact(f"ok{n}", ""))  # type: ignore[misc]
        for number in range(16)
    ]
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    assert [number for number, outcome in enumerate(outcomes) if outcome is not None] == [7]
    assert isinstance(outcomes[7], UnavailableError)
    assert await store.read(lambda tx: [tx.fact(f"ok{number}") for number in range(16) if number != 7]) == [""] * 15


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write to everything")
async def test_a_read_only_file_is_named_as_such(path: Path) -> None:
    os.chmod(path, 0o400)  # noqa: PTH101  # of no concern to the loop
    with pytest.raises(UnavailableError, match=r"read-only|cannot be opened"):
        await SqlStore.open(f"sqlite:///{path}")


async def test_a_database_that_turns_read_only_is_unavailable(store: SqlStore) -> None:
    store._writer._connection.execute("PRAGMA query_only=ON")
    with pytest.raises(UnavailableError, match="read-only"):
        await store.write(lambda tx: tx.put_fact("a", "b"))


def damage(path: Path) -> None:
    """Leave the first page, which makes it a database, and spoil the rest."""
    content = path.read_bytes()
    path.write_bytes(content[:4096] + b"\xa5" * (len(content) - 4096))


async def test_a_damaged_database_is_unavailable_and_says_so_at_the_start(path: Path) -> None:
    store = await SqlStore.open(f"sqlite:///{path}")
    await store.write(lambda tx: tx.put_record(a_record()))
    await store.close()
    damage(path)
    with pytest.raises(UnavailableError, match="damaged"):
        await SqlStore.open(f"sqlite:///{path}")


async def test_a_document_that_this_program_cannot_read_refuses_and_hurts_no_other(path: Path, store: SqlStore) -> None:
    """Fail closed: a mark that is not understood is never a mark that is absent."""
    await store.write(lambda tx: tx.put_record(a_record()))
    with closing(sqlite3.connect(path)) as other, other:
        other.execute('UPDATE statements SET document = replace(document, \'"uses":3\', \'"uses":"many"\')')
    alice = Principal(PrincipalKind.USER, "alice")
    with pytest.raises(UnavailableError, match="cannot read"):
        await store.read(lambda tx: tx.grants_of(alice))
    with pytest.raises(UnavailableError, match="cannot read"):
        await store.write(lambda tx: tx.grants_of(alice))
    assert await store.read(lambda tx: tx.revision()) == 2
    await store.write(lambda tx: tx.put_fact("a", "b"))


async def test_messages_at_work_name_no_file(path: Path, store: SqlStore) -> None:
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(UnavailableError) as refused:
            await store.write(lambda tx: tx.put_fact("a", "b"))
    assert str(path.parent) not in refused.value.title


async def test_a_flaw_of_a_function_is_its_callers_and_the_writer_lives_on(store: SqlStore) -> None:
    def flawed(tx: WriteTransaction) -> None:
        tx.put_fact("a", "b")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        await store.write(flawed)
    await store.write(lambda tx: tx.put_fact("c", "d"))
    assert await store.read(lambda tx: (tx.fact("a"), tx.fact("c"))) == (None, "d")


async def test_a_waiting_write_whose_caller_left_is_not_done(path: Path) -> None:
    store = await SqlStore.open(f"sqlite:///{path}", patience=30)
    with closing(sqlite3.connect(path, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        first = asyncio.create_task(store.write(lambda tx: tx.put_fact("first", "x")))
        await asyncio.sleep(0)
        second = asyncio.create_task(store.write(lambda tx: tx.put_fact("second", "x")))
        await asyncio.sleep(0)
        second.cancel()
        other.execute("COMMIT")
    await first
    with pytest.raises(asyncio.CancelledError):
        await second
    await store.write(lambda tx: tx.put_fact("last", "x"))
    assert await store.read(lambda tx: [tx.fact(name) for name in ("first", "second", "last")]) == ["x", None, "x"]
    await store.close()


async def test_the_failing_store_fails_before_or_after_as_told() -> None:
    behind = MemoryStore()
    elevation = an_elevation(uses=2, uses_left=2)
    await behind.write(lambda tx: tx.add_elevation(elevation))
    before, after = FailingStore(behind, every=2), FailingStore(behind, only=frozenset({1}), fault=Fault.AFTER)
    assert await before.read(lambda tx: tx.fact("x")) is None
    with pytest.raises(UnavailableError):
        await before.write(lambda tx: tx.take_use(ElevationId("el_1"), now=elevation.issued_at))
    with pytest.raises(UnavailableError):
        await after.write(lambda tx: tx.take_use(ElevationId("el_1"), now=elevation.issued_at))
    left = await behind.read(lambda tx: tx.elevation(ElevationId("el_1")))
    assert left is not None
    assert left.uses_left == 1
    assert (before.calls, before.failures, after.failures) == (2, 1, 1)
    with pytest.raises(ConflictError):
        await after.write(lambda tx: tx.take_use(ElevationId("unknown"), now=elevation.issued_at))
