"""Which schema this program needs, and which one a database has; without Alembic, which only migrating needs."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from stairgate.model.errors import UnavailableError
from stairgate.storage.sql.failures import unavailable

# Every revision in `migrations.versions`, oldest first; a test compares.
REVISIONS = ("0001", "0002", "0003", "0004", "0005", "0006")
HEAD = REVISIONS[-1]


def revision_in(connection: sqlite3.Connection) -> str | None:
    """
    The revision of the schema in a database, None where there is none yet.

    Raises:
        UnavailableError: It cannot be read, or the database is another program's.
    """
    try:
        names = {row[0] for row in connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if not names:
            return None
        if "alembic_version" not in names:
            raise UnavailableError("the database is another program's: see that the setting names the right one")
        row = connection.execute("SELECT version_num FROM alembic_version").fetchone()
    except sqlite3.Error as error:
        raise unavailable(error) from error
    return None if row is None else str(row[0])


def is_newer(revision: str | None) -> bool:
    """Whether a schema of this *revision* was made by a newer program."""
    return revision is not None and revision not in REVISIONS


def require_not_newer(revision: str | None, path: Path) -> None:
    """Refuse a schema that this program does not know. Raises `UnavailableError`."""
    if is_newer(revision):
        raise UnavailableError(
            f"the database `{path}` is newer than this program (revision `{revision}`): run the version that made it"
        )


def require_current(revision: str | None, path: Path) -> None:
    """Refuse every schema but the one that this program needs. Raises `UnavailableError`."""
    require_not_newer(revision, path)
    if revision != HEAD:
        have = "has no tables yet" if revision is None else f"is older than this program (revision `{revision}`)"
        raise UnavailableError(f"the database `{path}` {have}: run `stairgate migrate`")
