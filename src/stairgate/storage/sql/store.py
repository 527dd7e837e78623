"""The store on a SQLite file."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

import sqlite3
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import TypeVar

from stairgate.model.errors import UnavailableError
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.storage.sql.failures import unavailable
from stairgate.storage.sql.files import connect, database_path
from stairgate.storage.sql.revisions import require_current, revision_in
from stairgate.storage.sql.session import SqliteSession
from stairgate.storage.sql.transactions import SqlReadTransaction
from stairgate.storage.sql.writer import PATIENCE, Writer

T = TypeVar("T")

_PATIENCE_READING = 1.0  # seconds: readers wait only while a database is recovered after a crash


class SqlStore:
    """
    `ports.store.Store` and `ports.store.ChangeFeed` on a SQLite file that any number of processes may share.

    Reads run on the calling thread, one at a time; writes on the writer's.
    """

    def __init__(self, path: Path, *, patience: float = PATIENCE) -> None:
        with ExitStack() as opened:

            def opening(*, query_only: bool) -> sqlite3.Connection:
                connection = connect(path, query_only=query_only, patience=_PATIENCE_READING)
                opened.callback(connection.close)
                return connection

            writing = opening(query_only=False)
            require_current(revision_in(writing), path)
            self._reading = opening(query_only=True)
            self._watching = opening(query_only=True)
            opened.pop_all()
        writing.execute("PRAGMA busy_timeout=0")  # the session waits by itself
        self._writer = Writer(writing, patience=patience)
        self._session = SqliteSession(self._reading)
        self._transaction = SqlReadTransaction(self._session)
        self._lock = threading.Lock()
        self._closed = False
        self._version: int | None = None  # the first poll cannot know

    @classmethod
    async def open(cls, url: str, *, patience: float = PATIENCE) -> SqlStore:
        """
        The store in the database at *url*, which must be migrated.

        Args:
            url: Such as `sqlite:////var/lib/stairgate/stairgate.db`.
            patience: Seconds that a write waits for another process.

        Raises:
            InvalidInputError: *url* is not one of a database.
            UnavailableError: It is missing, not migrated, newer than this program, or cannot be opened.
        """
        return cls(database_path(url), patience=patience)

    async def read(self, function: Callable[[ReadTransaction], T]) -> T:
        with self._lock:
            if self._closed:
                raise UnavailableError("the store is closed")
            session = self._session
            session.begin()
            try:
                result = function(self._transaction)
                session.command("COMMIT")
            except BaseException:
                session.abandon()
                raise
            return result

    async def write(self, function: Callable[[WriteTransaction], T]) -> T:
        return await self._writer.write(function)

    async def close(self) -> None:
        with self._lock:
            if self._closed:
                return
            self._closed = True
            self._writer.close()
            self._reading.close()
            self._watching.close()

    def poll(self) -> bool:
        """
        Whether anything may have been written since the last call, by any process.

        `data_version` changes with every commit of another connection, and this one commits nothing.
        """
        if self._closed:
            raise UnavailableError("the store is closed")
        try:
            version: int = self._watching.execute("PRAGMA data_version").fetchone()[0]
        except sqlite3.Error as error:
            raise unavailable(error) from error
        changed = version != self._version
        self._version = version
        return changed
