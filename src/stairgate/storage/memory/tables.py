"""Indexed tables whose changes can be undone."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")
_FEW = 64  # changes that are put in order one by one

# What undoes the changes of the transaction under way, oldest first.
Journal = list[Callable[[], None]]


class Ascending:
    """
    The keys of *present* in order, found by the next one.

    What is added is put in its place when it is asked for next, and what is gone is passed over: so neither costs more
    where many are written at once.
    """

    def __init__(self, present: Mapping[Any, object]) -> None:
        self._present = present
        self._keys: list[Any] = []
        self._added: list[Any] = []
        self._gone = 0

    def add(self, key: Any) -> None:  # noqa: ANN401  # whatever the index has
        """Note that *key* is there now."""
        self._added.append(key)

    def remove(self) -> None:
        """Note that one is gone."""
        self._gone += 1

    def first_from(self, key: Any) -> Any:  # noqa: ANN401
        """The first that is not before *key*, None if there is none."""
        self._settle()
        for place in range(bisect_left(self._keys, key), len(self._keys)):
            if self._keys[place] in self._present:
                return self._keys[place]
        return None

    def _settle(self) -> None:
        if len(self._added) > _FEW or self._gone > _FEW:
            self._keys = sorted(self._present)
            self._gone = 0
        else:
            for key in self._added:
                insort(self._keys, key)
        self._added.clear()


class Table(Generic[K, V]):
    """
    Rows by key, found by index too.

    Args:
        journal: Where to note how each change is undone.
        ascending: The names of the indexes that are walked in order.
        indexes: By name, what a row is found under.
    """

    def __init__(
        self, journal: Journal, *, ascending: Iterable[str] = (), **indexes: Callable[[V], Iterable[Hashable]]
    ) -> None:
        self._journal = journal
        self._rows: dict[K, V] = {}
        self._indexes = indexes
        self._found: dict[str, dict[Hashable, set[K]]] = {name: {} for name in indexes}
        self._ascending = {name: Ascending(self._found[name]) for name in ascending}

    def get(self, key: K) -> V | None:
        """The row, None if there is none."""
        return self._rows.get(key)

    def values(self) -> Iterable[V]:
        """Every row, in no order."""
        return self._rows.values()

    def find(self, index: str, value: Hashable) -> list[V]:
        """The rows that stand under *value* in *index*, in no order."""
        return [self._rows[key] for key in self._found[index].get(value, ())]

    def found_under(self, index: str) -> Iterable[Hashable]:
        """Every value that some row stands under in *index*, in no order."""
        return self._found[index].keys()

    def first_from(self, index: str, value: Any) -> Any:  # noqa: ANN401  # whatever the index has
        """The first value of an ascending *index* that is not before *value*, None if there is none."""
        return self._ascending[index].first_from(value)

    def put(self, key: K, row: V) -> None:
        """Store *row* in place of the one at *key*."""
        before = self._rows.get(key)
        self._journal.append(lambda: self._place(key, before))
        self._place(key, row)

    def remove(self, key: K) -> bool:
        """Remove the row; returns whether there was one."""
        before = self._rows.get(key)
        if before is None:
            return False
        self._journal.append(lambda: self._place(key, before))
        self._place(key, None)
        return True

    def _place(self, key: K, row: V | None) -> None:
        before = self._rows.pop(key, None)
        for name, values_of in self._indexes.items():
            found, order = self._found[name], self._ascending.get(name)
            for value in values_of(before) if before is not None else ():
                keys = found.get(value)
                if keys is not None:
                    keys.discard(key)
                    if not keys:
                        del found[value]
                        if order is not None:
                            order.remove()
            for value in values_of(row) if row is not None else ():
                if order is not None and value not in found:
                    order.add(value)
                found.setdefault(value, set()).add(key)
        if row is not None:
            self._rows[key] = row


class Log(Generic[V]):
    """Rows that are only ever added at the end, numbered from 1."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._rows: list[V] = []

    def __len__(self) -> int:
        return len(self._rows)

    def append(self, row: V) -> None:
        """Add *row* at the end."""
        self._journal.append(self._undo)
        self._rows.append(row)

    def after(self, number: int, limit: int) -> list[V]:
        """At most *limit* rows with a greater number."""
        start = max(number, 0)
        return self._rows[start : start + max(limit, 0)]

    def _undo(self) -> Any:  # noqa: ANN401  # what `pop` returns is of no interest
        self._rows.pop()
