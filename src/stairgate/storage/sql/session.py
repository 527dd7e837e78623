"""
Statements on their way to the driver.

`Session` is all that the transactions know of a database. `SqliteSession` runs a compiled statement on the driver's own
connection: rows need no conversion (`dialects`), and SQLAlchemy's way to the same rows costs five times as much
(`bench/store.py`). A session for PostgreSQL can wrap the `Connection` that `AsyncConnection.run_sync` hands out.
"""

from __future__ import annotations

import sqlite3
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any, Protocol

from sqlalchemy.sql.base import Executable

from stairgate.model.errors import UnavailableError
from stairgate.storage.sql.dialects import DriverStatement, for_sqlite
from stairgate.storage.sql.failures import is_busy, unavailable

Row = tuple[Any, ...]

_PAUSE = 0.001  # seconds

_compiled: dict[Executable, DriverStatement] = {}  # statements are made at import, so there are only so many


class Session(Protocol):
    """Runs statements in the transaction under way."""

    def all(self, statement: Executable, **parameters: object) -> Sequence[Row]:
        """Must return every row."""
        ...

    def first(self, statement: Executable, **parameters: object) -> Row | None:
        """Must return the first row, None if there is none."""
        ...

    def run(self, statement: Executable, **parameters: object) -> int:
        """Must return how many rows were changed."""
        ...

    def run_each(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
        """Must run *statement* once for each of *rows*."""
        ...


class SqliteSession:
    """
    A session on one sqlite3 connection.

    INVARIANT: after a failure it runs nothing more until the next transaction. Some failures make SQLite end the one
    under way by itself, and whatever ran then would stand on its own.
    """

    def __init__(self, connection: sqlite3.Connection) -> None:
        self._connection = connection
        self.failure: UnavailableError | None = None

    def all(self, statement: Executable, **parameters: object) -> Sequence[Row]:
        """Every row."""
        try:
            return self._execute(statement, parameters).fetchall()
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def first(self, statement: Executable, **parameters: object) -> Row | None:
        """The first row, None if there is none."""
        rows = self.all(statement, **parameters)
        return rows[0] if rows else None

    def run(self, statement: Executable, **parameters: object) -> int:
        """How many rows were changed."""
        try:
            return self._execute(statement, parameters).rowcount
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def run_each(self, statement: Executable, rows: Sequence[Mapping[str, object]]) -> None:
        """Run *statement* once for each of *rows*."""
        if not rows:
            return
        try:
            compiled = self._compiled(statement)
            self._connection.executemany(compiled.text, [{**compiled.constants, **row} for row in rows])
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def command(self, text: str) -> None:
        """Run a command that steers transactions, such as `BEGIN`."""
        try:
            self._connection.execute(text)
        except sqlite3.Error as error:
            raise self._failed(error) from error

    def begin(self) -> None:
        """Begin a transaction that reads: one snapshot."""
        self.failure = None
        self.command("BEGIN")

    def begin_writing(self, *, patience: float) -> None:
        """
        Begin a transaction that writes, alone among all processes.

        Waits by asking every millisecond: SQLite's own waiting backs off to a tenth of a second, and who waits like
        that starves beside who does not.

        Raises:
            UnavailableError: Another process writes for longer than *patience* seconds.
        """
        self.failure = None
        deadline = time.monotonic() + patience
        while True:
            try:
                self._connection.execute("BEGIN IMMEDIATE")
                return
            except sqlite3.Error as error:
                if not is_busy(error) or time.monotonic() > deadline:
                    raise self._failed(error) from error
            time.sleep(_PAUSE)

    def abandon(self) -> None:
        """Undo the transaction, if SQLite has not done so by itself."""
        if self._connection.in_transaction:
            with suppress(sqlite3.Error):  # there is a failure to report already
                self._connection.execute("ROLLBACK")

    @property
    def intact(self) -> bool:
        """Whether the transaction is still under way, and nothing in it failed."""
        return self.failure is None and self._connection.in_transaction

    def _execute(self, statement: Executable, parameters: Mapping[str, object]) -> sqlite3.Cursor:
        compiled = self._compiled(statement)
        if compiled.constants:
            parameters = {**compiled.constants, **parameters}
        return self._connection.execute(compiled.text, parameters)

    def _compiled(self, statement: Executable) -> DriverStatement:
        if self.failure is not None:
            raise self.failure
        compiled = _compiled.get(statement)
        if compiled is None:
            compiled = _compiled[statement] = for_sqlite(statement)
        return compiled

    def _failed(self, error: sqlite3.Error) -> UnavailableError:
        failure = unavailable(error)
        self.failure = failure
        return failure
