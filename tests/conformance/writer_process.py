"""
A process to be killed: writes without end, and prints the number of each write once it was acknowledged.

Each write puts two facts and an audit entry, so that a half of it would be seen.
"""

import asyncio
import itertools
import sys

from stairgate.model.audit import AuditDraft, Event
from stairgate.ports.store import WriteTransaction
from stairgate.storage.sql import SqlStore
from stairgate.testing.clock import START

IN_FLIGHT = 16


async def main(url: str, name: str) -> None:
    store = await SqlStore.open(url)
    numbers = itertools.count()

    async def write_on() -> None:
        for number in numbers:

            def put(tx: WriteTransaction, number: int = number) -> None:
                tx.put_fact(f"{name} left {number}", "x" * 200)
                tx.append_audit(AuditDraft(Event.ELEVATION_USED, START, name, {"number": number}))
                tx.put_fact(f"{name} right {number}", "x" * 200)

            await store.write(put)
            print(number, flush=True)

    await asyncio.gather(*(write_on() for _ in range(IN_FLIGHT)))


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
