"""
What the SQLite store costs: reads of the check's path, and durable writes one by one and 64 in flight.

    python bench/store.py [directory] [grants]

The directory should lie on the disk that counts: a commit is as slow as its fsync.
"""

import asyncio
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

from sqlalchemy import StaticPool, create_engine

from stairgate.model.access import AccessRecord, Group, Principal, PrincipalKind, Statement
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.ids import ElevationId, GroupId, RecordId, RoleId, UserId
from stairgate.model.resources import parse_pattern
from stairgate.ports.store import WriteTransaction
from stairgate.storage.sql import SqlStore, migrate, stepup
from stairgate.storage.sql.documents import micros, token_text
from stairgate.testing.conformance.samples import NOW, TOKEN, an_elevation

GRANTS_PER_USER = 5


async def per_call(name: str, function: Callable[[int], Awaitable[object]], calls: int = 5_000) -> None:
    costs = []
    for _ in range(5):
        begun = time.perf_counter()
        for number in range(calls):
            await function(number)
        costs.append((time.perf_counter() - begun) / calls)
    print(f"  {name:58} {statistics.median(costs) * 1e6:8.1f} µs")


def fill(tx: WriteTransaction, first: int, count: int) -> None:
    for number in range(first, first + count):
        statements = tuple(
            Statement((RoleId("ro_1"),), (parse_pattern(f"accounts/{number}/area-{place}"),))
            for place in range(GRANTS_PER_USER)
        )
        tx.put_record(AccessRecord(RecordId(f"rec_{number}"), "Bench", statements, users=(UserId(f"user-{number}"),)))


async def reads(store: SqlStore, path: Path, users: int) -> None:
    await store.write(lambda tx: tx.add_elevation(an_elevation("plain", uses=None, uses_left=None, details={})))
    await store.write(lambda tx: tx.put_group(Group(GroupId("g"), "g", (UserId("user-1"),))))

    def spread(number: int) -> int:
        return number * 7_919 % users

    def grants(number: int) -> Awaitable[object]:
        principal = Principal(PrincipalKind.USER, f"user-{spread(number)}")
        return store.read(lambda tx: tx.grants_of(principal))

    def cold(number: int) -> Awaitable[object]:
        user = UserId(f"user-{spread(number)}")
        return store.read(lambda tx: (tx.grants_of(Principal(PrincipalKind.USER, user)), tx.groups_of(user)))

    def elevations(_: int) -> Awaitable[object]:
        return store.read(lambda tx: tx.elevations_of_token(UserId("alice"), TOKEN, since=NOW))

    def no_elevations(_: int) -> Awaitable[object]:
        return store.read(lambda tx: tx.elevations_of_token(UserId("nobody"), TOKEN, since=NOW))

    async def poll(_: int) -> None:
        store.poll()

    print("reads, one caller, each in its own snapshot")
    await per_call("nothing", lambda _: store.read(lambda _: None))
    await per_call("elevations_of_token, one found", elevations)
    await per_call("elevations_of_token, none found", no_elevations)
    await per_call(f"grants_of, {GRANTS_PER_USER} found, random users", grants)
    await per_call("a cold user: grants_of and groups_of", cold)
    await per_call("poll of the change feed", poll)

    engine = create_engine(
        "sqlite://",
        creator=lambda: sqlite3.connect(path, isolation_level=None),
        poolclass=StaticPool,
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as connection:
        parameters = {"of_token": token_text(TOKEN), "of_user": "alice", "since": micros(NOW)}

        async def through_sqlalchemy(_: int) -> None:
            connection.execute(stepup._ELEVATIONS_OF_TOKEN, parameters).all()  # noqa: SLF001

        def through_the_session(_: int) -> Awaitable[object]:
            return store.read(lambda tx: tx._session.all(stepup._ELEVATIONS_OF_TOKEN, **parameters))  # type: ignore[attr-defined]  # noqa: SLF001

        await per_call("its rows alone, in a snapshot, as the store does it", through_the_session)
        await per_call("its rows alone, no transaction, SQLAlchemy's execute", through_sqlalchemy)
    engine.dispose()


async def writes(store: SqlStore) -> None:
    elevation = an_elevation("counted", uses=1_000, uses_left=10**9)
    await store.write(lambda tx: tx.add_elevation(elevation))

    def use(tx: WriteTransaction) -> None:
        tx.take_use(ElevationId("counted"), now=NOW)
        tx.append_audit(AuditDraft(Event.ELEVATION_USED, NOW, "alice", {"elevation": "counted"}))

    async def rate(in_flight: int, each: int) -> float:
        async def some() -> None:
            for _ in range(each):
                await store.write(use)

        begun = time.perf_counter()
        await asyncio.gather(*(some() for _ in range(in_flight)))
        return in_flight * each / (time.perf_counter() - begun)

    print("durable writes (a use taken, an audit entry), medians of 5 interleaved runs")
    one, many = [], []
    for _ in range(5):
        one.append(await rate(1, 400))
        many.append(await rate(64, 100))
    alone, crowd = statistics.median(one), statistics.median(many)
    print(f"  one at a time, a commit each {alone:>37.0f} /s")
    print(f"  64 in flight {crowd:>53.0f} /s   {crowd / alone:.1f} ×")


async def main(folder: Path, grants: int) -> None:
    path = folder / "bench.db"
    migrate(f"sqlite:///{path}")
    store = await SqlStore.open(f"sqlite:///{path}")
    users = grants // GRANTS_PER_USER
    begun = time.perf_counter()
    for first in range(0, users, 1_000):
        await store.write(lambda tx, first=first: fill(tx, first, min(1_000, users - first)))  # type: ignore[misc]
    seconds, size = time.perf_counter() - begun, path.stat().st_size >> 20
    print(f"{grants} grants of {users} users written in {seconds:.1f} s, {size} MiB")
    await reads(store, path, users)
    await writes(store)
    await store.close()


if __name__ == "__main__":
    where = sys.argv[1] if len(sys.argv) > 1 else None
    with tempfile.TemporaryDirectory(dir=where) as temporary:
        asyncio.run(main(Path(temporary), int(sys.argv[2]) if len(sys.argv) > 2 else 100_000))
