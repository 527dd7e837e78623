"""Both stores conform: every "must" of `ports.store`, without exemptions."""

import gc
import inspect
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from stairgate.ports import store as port
from stairgate.storage.memory import MemoryStore
from stairgate.storage.sql import SqlStore, migrate
from stairgate.testing import conformance


class MemoryBackend:
    shared = False

    async def open(self) -> conformance.FullStore:
        return MemoryStore()

    def still_open(self) -> Sequence[str]:
        return []


class SqliteBackend:
    shared = True

    def __init__(self, path: Path) -> None:
        self.path = path
        self.url = f"sqlite:///{path}"
        self.others = set(threading.enumerate())  # such as the writer of a server that other tests share
        migrate(self.url)

    async def open(self) -> conformance.FullStore:
        return await SqlStore.open(self.url)

    def still_open(self) -> Sequence[str]:
        gc.collect()
        files = [f"file {name}" for name in open_files() if name.startswith(str(self.path))]
        ours = [thread for thread in threading.enumerate() if thread not in self.others]
        return files + [f"thread {thread.name}" for thread in ours if thread.name == "stairgate-writer"]


def open_files() -> list[str]:
    folder = Path("/proc/self/fd")
    names = []
    for descriptor in folder.iterdir() if folder.is_dir() else ():
        try:
            names.append(str(descriptor.readlink()))
        except FileNotFoundError:  # the one that lists the folder
            continue
    return names


@pytest.fixture(params=["memory", "sqlite"])
def backend(request: pytest.FixtureRequest, tmp_path: Path) -> conformance.Backend:
    return MemoryBackend() if request.param == "memory" else SqliteBackend(tmp_path / "stairgate.db")


@pytest.mark.anyio
@pytest.mark.parametrize("case", conformance.CASES, ids=conformance.name_of)
async def test_store(case: conformance.Case, backend: conformance.Backend) -> None:
    await conformance.run(case, backend)


def test_every_must_of_the_port_has_a_case() -> None:
    protocols = (port.ReadTransaction, port.WriteTransaction, port.Store, port.ChangeFeed)
    musts = {
        name
        for protocol in protocols
        for name, method in inspect.getmembers(protocol, inspect.isfunction)
        if "Must" in (method.__doc__ or "")
    }
    tested = {name for case in conformance.CASES for name in conformance.musts_of(case)}
    assert musts == tested


@pytest.mark.anyio
async def test_a_store_that_keeps_a_connection_is_caught(tmp_path: Path) -> None:
    class Leaking(SqliteBackend):
        async def open(self) -> conformance.FullStore:
            self.leaked = await super().open()
            return await super().open()

    backend = Leaking(tmp_path / "stairgate.db")
    with pytest.raises(AssertionError, match="still open"):
        await conformance.run(conformance.CASES[0], backend)
    await backend.leaked.close()
    assert not backend.still_open()
