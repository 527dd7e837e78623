"""The store in SQL: SQLAlchemy Core for the statements, Alembic for the schema, SQLite underneath."""

from stairgate.storage.sql.migrations import current_revision, migrate
from stairgate.storage.sql.revisions import HEAD, is_newer
from stairgate.storage.sql.store import SqlStore

__all__ = ["HEAD", "SqlStore", "current_revision", "is_newer", "migrate"]
