"""How cases are found, run and cleaned up after."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, Protocol, TypeVar

from stairgate.ports.store import ChangeFeed, ReadTransaction, Store, WriteTransaction

T = TypeVar("T")


class FullStore(Store, ChangeFeed, Protocol):
    """A store that can be watched, too."""


class Backend(Protocol):
    """One set of data, empty at first, and how to open stores on it."""

    @property
    def shared(self) -> bool:
        """Whether several open stores see the same data, as those of several processes do."""
        ...

    async def open(self) -> FullStore:
        """Open a store."""
        ...

    def still_open(self) -> Sequence[str]:
        """What is still held once every store is closed: connections, files, threads, each in words."""
        ...


class Bench:
    """What a case works with: stores on one set of data, closed for it in the end."""

    def __init__(self, backend: Backend) -> None:
        self._backend = backend
        self._stores: list[FullStore] = []

    @property
    def shared(self) -> bool:
        """Whether `another` shows the same data."""
        return self._backend.shared

    async def another(self) -> FullStore:
        """Open one more store; the first on data that is not shared stands for all."""
        if self._stores and not self.shared:
            return self._stores[0]
        store = await self._backend.open()
        self._stores.append(store)
        return store

    async def finish(self) -> None:
        """Close every store, and see that nothing is left."""
        for store in self._stores:
            await store.close()
        left = list(self._backend.still_open())
        assert not left, f"still open after every store was closed: {left}"


Case = Callable[[Bench], Coroutine[Any, Any, None]]

CASES: list[Case] = []
_MUSTS: dict[str, tuple[str, ...]] = {}


def must(*methods: str) -> Callable[[Case], Case]:
    """Register a case; *methods* are those of the port whose "must" it tests, such as `write` or `take_use`."""

    def register(case: Case) -> Case:
        name = name_of(case)
        assert name not in _MUSTS, f"there are two cases `{name}`"
        _MUSTS[name] = methods
        CASES.append(case)
        return case

    return register


def name_of(case: Case) -> str:
    """The claim that *case* tests."""
    return str(getattr(case, "__name__", case))


def musts_of(case: Case) -> tuple[str, ...]:
    """The methods of the port that *case* is about."""
    return _MUSTS[name_of(case)]


async def run(case: Case, backend: Backend) -> None:
    """
    Run *case* on *backend*, and close what it opened.

    Raises:
        AssertionError: The store does not conform, or holds something after it was closed.
    """
    bench = Bench(backend)
    try:
        await case(bench)
    except BaseException:
        # The first failure is the one to tell; closing may well fail after it.
        await _closed_somehow(bench)
        raise
    await bench.finish()


async def _closed_somehow(bench: Bench) -> None:
    for store in bench._stores:
        try:
            await store.close()
        except Exception:  # noqa: BLE001, S112  # see above
            continue


async def wrote(store: Store, *actions: Callable[[WriteTransaction], object]) -> None:
    """Do every one of *actions* in one transaction."""

    def all_of_them(tx: WriteTransaction) -> None:
        for action in actions:
            action(tx)

    await store.write(all_of_them)


async def seen(store: Store, question: Callable[[ReadTransaction], T]) -> T:
    """The answer to *question*, the same from a read and from within a write."""
    from_read = await store.read(question)
    from_write = await store.write(question)
    assert from_read == from_write, f"a write sees {from_write!r}, a read sees {from_read!r}"
    return from_read


async def raised(kind: type[BaseException], awaitable: Awaitable[object]) -> BaseException:
    """The error that *awaitable* raises, which must be a *kind*."""
    try:
        result = await awaitable
    except kind as error:
        return error
    message = f"expected {kind.__name__}, got {result!r}"
    raise AssertionError(message)
