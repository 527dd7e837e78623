"""Indexed tables whose changes can be undone."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from typing import Any, Generic, TypeVar

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

# What undoes the changes of the transaction under way, oldest first.
Journal = list[Callable[[], None]]


class Table(Generic[K, V]):
    """
    Rows by key, found by index too.

    Args:
        journal: Where to note how each change is undone.
        indexes: By name, what a row is found under.
    """

    def __init__(self, journal: Journal, **indexes: Callable[[V], Iterable[Hashable]]) -> None:
        self._journal = journal
        self._rows: dict[K, V] = {}
        self._indexes = indexes
        self._found: dict[str, dict[Hashable, set[K]]] = {name: {} for name in indexes}

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
            found = self._found[name]
            for value in values_of(before) if before is not None else ():
                keys = found.get(value)
                if keys is not None:
                    keys.discard(key)
                    if not keys:
                        del found[value]
            for value in values_of(row) if row is not None else ():
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
