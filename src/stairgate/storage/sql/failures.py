"""What the driver's errors mean."""

from __future__ import annotations

import sqlite3

from stairgate.model.errors import UnavailableError

_MEANINGS = {
    sqlite3.SQLITE_BUSY: "the database is locked by another process: try again",
    sqlite3.SQLITE_LOCKED: "the database is locked: try again",
    sqlite3.SQLITE_FULL: "the disk of the database is full: make room",
    sqlite3.SQLITE_READONLY: "the database is read-only: give the service write access to its file and directory",
    sqlite3.SQLITE_CANTOPEN: "the database cannot be opened: see that its directory exists and the service may use it",
    sqlite3.SQLITE_PERM: "the service may not use the database: give it access to the file",
    sqlite3.SQLITE_CORRUPT: "the database is damaged: restore it from a backup",
    sqlite3.SQLITE_NOTADB: "the file is not a SQLite database: see that the setting names the right one",
    sqlite3.SQLITE_IOERR: "the disk of the database fails: see the system's log",
    sqlite3.SQLITE_NOMEM: "the database has no memory left",
}
_PRIMARY = 0xFF  # extended codes carry the primary one in their low byte


def unavailable(error: sqlite3.Error) -> UnavailableError:
    """
    The error of the port for the driver's *error*, saying what to do but nothing of files and statements.

    Raises:
        sqlite3.ProgrammingError: It was that: not a failure of the store but a flaw of this program.
    """
    if isinstance(error, sqlite3.ProgrammingError):
        raise error
    code = getattr(error, "sqlite_errorcode", None)
    if code is None:
        return UnavailableError("the database does not answer")
    return UnavailableError(_MEANINGS.get(code & _PRIMARY, "the database refuses what it was asked"))


def is_busy(error: sqlite3.Error) -> bool:
    """Whether waiting can help: another connection holds a lock."""
    code = getattr(error, "sqlite_errorcode", None)
    return code is not None and code & _PRIMARY == sqlite3.SQLITE_BUSY
