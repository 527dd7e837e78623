"""SQLite files: where they are, how they are made and opened."""

from __future__ import annotations

import os
import sqlite3
from pathlib import Path

from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from stairgate.model.errors import InvalidInputError, UnavailableError
from stairgate.storage.sql.failures import unavailable

_OLDEST = (3, 35)  # RETURNING
_STATEMENTS = 256  # more than there are, so that the driver prepares each once
_PAGES_KIB = 32_768


def database_path(url: str) -> Path:
    """
    The file that *url* names, such as `sqlite:////var/lib/stairgate/stairgate.db`.

    Raises:
        InvalidInputError: It names none.
    """
    try:
        parsed = make_url(url)
    except ArgumentError:
        raise InvalidInputError("database", "must be an address such as `sqlite:////path/to/stairgate.db`") from None
    if parsed.drivername != "sqlite":
        raise InvalidInputError("database", f"`{parsed.drivername}` is not supported by this version: use `sqlite`")
    if parsed.database in {None, "", ":memory:"} or parsed.query:
        raise InvalidInputError("database", "must name a file and nothing else, such as `sqlite:////path/to/file.db`")
    return Path(str(parsed.database)).absolute()


def create(path: Path) -> None:
    """
    Make an empty file that its owner alone can read, unless there is one; SQLite gives its other files the same mode.

    Raises:
        UnavailableError: It cannot be made.
    """
    try:
        os.close(os.open(path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600))
    except FileExistsError:
        return
    except OSError as error:
        raise UnavailableError(f"the database `{path}` cannot be made: {error.strerror}") from error


def connect(path: Path, *, query_only: bool = False, patience: float = 0) -> sqlite3.Connection:
    """
    A connection to the file at *path*, which must exist; it begins no transaction by itself.

    Args:
        path: The file.
        query_only: Refuse every write.
        patience: Seconds to wait for a lock.

    Raises:
        UnavailableError: It cannot be opened; the message says why and names the file.
    """
    if sqlite3.sqlite_version_info < _OLDEST:
        raise UnavailableError(f"SQLite {sqlite3.sqlite_version} is too old: install 3.35 or newer")
    if not path.is_file():
        raise UnavailableError(f"there is no database at `{path}`: run `stairgate migrate`")
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode=rw",
            uri=True,
            isolation_level=None,
            timeout=patience,
            check_same_thread=False,
            cached_statements=_STATEMENTS,
        )
        # Reading anything finds out whether it is a database at all.
        mode = connection.execute("PRAGMA journal_mode").fetchone()[0]
        if mode != "wal":
            connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=FULL")
        connection.execute("PRAGMA trusted_schema=OFF")
        connection.execute(f"PRAGMA cache_size=-{_PAGES_KIB}")
        if query_only:
            connection.execute("PRAGMA query_only=ON")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        raise UnavailableError(f"{unavailable(error).title} (`{path}`)") from error
    return connection
