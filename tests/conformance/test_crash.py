"""Kill the writer in the middle: nothing acknowledged is missing, nothing is there by half, the chain holds."""

import asyncio
import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from stairgate.model.audit import AuditEntry, chain_faults
from stairgate.ports.store import ReadTransaction
from stairgate.storage.sql import SqlStore, migrate

PROGRAM = Path(__file__).with_name("writer_process.py")


def start(url: str, name: str) -> subprocess.Popen[str]:
    return subprocess.Popen([sys.executable, str(PROGRAM), url, name], stdout=subprocess.PIPE, text=True)


def acknowledged_until_killed(process: subprocess.Popen[str], after: int) -> list[int]:
    """Kill *process* once it has acknowledged so many writes; all that it had acknowledged by then."""
    assert process.stdout is not None
    numbers = []
    for line in process.stdout:
        numbers.append(int(line))
        if len(numbers) == after:
            process.send_signal(signal.SIGKILL)
    process.stdout.close()
    assert process.wait(timeout=30) == -signal.SIGKILL
    return numbers


def all_entries(tx: ReadTransaction) -> list[AuditEntry]:
    entries: list[AuditEntry] = []
    while part := tx.audit_entries(after=len(entries)):
        entries += part
    return entries


async def require_whole(url: str, acknowledged: dict[str, list[int]]) -> None:
    store = await SqlStore.open(url)
    try:
        entries, head = await store.read(lambda tx: (all_entries(tx), tx.audit_head()))
        assert list(chain_faults(entries, head)) == []
        for name, numbers in acknowledged.items():
            written = [json.loads(entry.facts)["number"] for entry in entries if entry.actor == name]
            assert len(written) == len(set(written)), "a write was done twice"
            assert set(numbers) <= set(written), "an acknowledged write is missing"

            def halves(tx: ReadTransaction, name: str = name, upto: int = max(written) + 64) -> set[int]:
                left = {number for number in range(upto) if tx.fact(f"{name} left {number}") is not None}
                right = {number for number in range(upto) if tx.fact(f"{name} right {number}") is not None}
                assert left == right, "a write is there by half"
                return left

            assert await store.read(halves) == set(written)
    finally:
        await store.close()


@pytest.mark.anyio
async def test_kill_9_loses_nothing_that_was_acknowledged(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'stairgate.db'}"
    migrate(url)
    acknowledged = {}
    for round_number, after in enumerate((1, 23, 150, 600)):
        name = f"round-{round_number}"
        acknowledged[name] = acknowledged_until_killed(start(url, name), after)
        assert len(acknowledged[name]) >= after
        await require_whole(url, acknowledged)


@pytest.mark.anyio
async def test_kill_9_of_one_process_leaves_another_at_work(tmp_path: Path) -> None:
    url = f"sqlite:///{tmp_path / 'stairgate.db'}"
    migrate(url)
    killed, survivor = start(url, "killed"), start(url, "survivor")
    first = asyncio.to_thread(acknowledged_until_killed, killed, 100)
    second = asyncio.to_thread(acknowledged_until_killed, survivor, 500)
    numbers = await asyncio.gather(first, second)
    await require_whole(url, {"killed": numbers[0], "survivor": numbers[1]})
