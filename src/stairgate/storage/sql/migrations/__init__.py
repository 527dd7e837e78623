"""Bringing a database to the schema of this program (Alembic, shipped with it)."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path

from stairgate.storage.sql.files import connect, create, database_path
from stairgate.storage.sql.revisions import require_not_newer, revision_in

_PATIENCE = 30.0  # seconds that a running service, or another migration, may take to let go of the database


def migrate(url: str) -> None:
    """
    Make the database at *url* if there is none, and bring it to the newest revision, in one transaction.

    Raises:
        InvalidInputError: *url* is not one of a database.
        UnavailableError: It cannot be opened, is another program's, or is newer than this one.
    """
    path = database_path(url)
    create(path)
    require_not_newer(current_revision(url), path)
    _upgrade(path)


def current_revision(url: str) -> str | None:
    """
    The revision of the schema at *url*, None where there is none yet.

    Raises:
        InvalidInputError: *url* is not one of a database.
        UnavailableError: It cannot be opened, or is another program's.
    """
    with closing(connect(database_path(url), patience=_PATIENCE)) as connection:
        return revision_in(connection)


def _upgrade(path: Path) -> None:
    # Alembic takes longer to import than the service takes to start, and serving does without it.
    from alembic import command  # noqa: PLC0415
    from alembic.config import Config  # noqa: PLC0415
    from sqlalchemy import NullPool, create_engine, event  # noqa: PLC0415
    from sqlalchemy.engine import Connection  # noqa: PLC0415
    from sqlalchemy.exc import DBAPIError  # noqa: PLC0415

    from stairgate.model.errors import UnavailableError  # noqa: PLC0415

    engine = create_engine("sqlite://", creator=lambda: connect(path, patience=_PATIENCE), poolclass=NullPool)

    @event.listens_for(engine, "begin")
    def _(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN IMMEDIATE")  # of two who migrate at once, the second finds nothing to do

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent).replace("%", "%%"))
    try:
        with engine.begin() as connection:
            config.attributes["connection"] = connection
            command.upgrade(config, "head")
    except DBAPIError as error:
        raise UnavailableError(f"the database `{path}` could not be migrated; it is as it was") from error
    finally:
        engine.dispose()
