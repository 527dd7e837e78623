"""The store itself: one transaction at a time."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from stairgate.model.errors import UnavailableError
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.storage.memory.data import Data
from stairgate.storage.memory.reads import MemoryReads
from stairgate.storage.memory.writes import MemoryWrites

T = TypeVar("T")


class MemoryStore:
    """
    `ports.store.Store` and `ports.store.ChangeFeed` in memory.

    Transactions run one after the other, from whichever thread they come, so each reads one snapshot; one that raises
    is undone by its journal.
    """

    def __init__(self) -> None:
        self._data = Data()
        self._lock = threading.Lock()
        self._written = True  # the first poll cannot know
        self._closed = False

    async def read(self, function: Callable[[ReadTransaction], T]) -> T:
        with self._lock:
            self._require_open()
            return function(MemoryReads(self._data))

    async def write(self, function: Callable[[WriteTransaction], T]) -> T:
        with self._lock:
            self._require_open()
            try:
                result = function(MemoryWrites(self._data))
            except BaseException:
                self._data.undo()
                raise
            self._data.journal.clear()
            self._written = True
            return result

    async def close(self) -> None:
        with self._lock:
            self._closed = True

    def poll(self) -> bool:
        self._require_open()
        written, self._written = self._written, False
        return written

    def _require_open(self) -> None:
        if self._closed:
            raise UnavailableError("the store is closed")
