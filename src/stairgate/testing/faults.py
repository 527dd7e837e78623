"""A store that fails on demand, to show that what is built on a store fails closed (semantics §10)."""

from __future__ import annotations

from collections.abc import Callable
from enum import StrEnum
from typing import TypeVar

from stairgate.model.errors import UnavailableError
from stairgate.ports.store import ReadTransaction, Store, WriteTransaction

T = TypeVar("T")


class Fault(StrEnum):
    """When a call fails: before anything was done, or after it was done and before anyone heard of it."""

    BEFORE = "before"
    AFTER = "after"  # as when the network to the database breaks during a commit


class FailingStore:
    """
    A store whose calls fail as told; the others reach the store behind.

    Args:
        store: The store behind.
        every: Each call whose number is a multiple of this fails: 1 is every call, None is none.
        only: The numbers of the calls that fail, counted from 1, besides.
        fault: When they fail.
        reads: Whether reads are counted and can fail.
        writes: Whether writes are counted and can fail.
    """

    def __init__(
        self,
        store: Store,
        *,
        every: int | None = None,
        only: frozenset[int] = frozenset(),
        fault: Fault = Fault.BEFORE,
        reads: bool = True,
        writes: bool = True,
    ) -> None:
        self.store = store
        self.every = every
        self.only = only
        self.fault = fault
        self.reads = reads
        self.writes = writes
        self.calls = 0  # those that were counted
        self.failures = 0

    async def read(self, function: Callable[[ReadTransaction], T]) -> T:
        """`Store.read`, unless it is the turn of a failure."""
        if self.reads and self._fails():
            raise UnavailableError
        return await self.store.read(function)

    async def write(self, function: Callable[[WriteTransaction], T]) -> T:
        """`Store.write`, unless it is the turn of a failure."""
        fails = self.writes and self._fails()
        if fails and self.fault is Fault.BEFORE:
            raise UnavailableError
        result = await self.store.write(function)
        if fails:
            raise UnavailableError
        return result

    async def close(self) -> None:
        """Close the store behind."""
        await self.store.close()

    def _fails(self) -> bool:
        self.calls += 1
        fails = self.calls in self.only or (self.every is not None and self.calls % self.every == 0)
        self.failures += fails
        return fails
