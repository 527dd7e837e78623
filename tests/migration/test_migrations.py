"""The shipped migrations make the schema that the program needs, and a database that does not fit is refused."""

import json
import os
import sqlite3
import stat
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import create_engine

from stairgate.model.access import RecordStatus, Statement
from stairgate.model.documents import requirement_document
from stairgate.model.errors import InvalidInputError, UnavailableError
from stairgate.model.ids import RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern
from stairgate.ports.store import WriteTransaction
from stairgate.storage.sql import HEAD, SqlStore, current_revision, is_newer, migrate, migrations
from stairgate.storage.sql.revisions import REVISIONS
from stairgate.storage.sql.tables import metadata
from stairgate.testing.conformance.samples import ALICE, BOB, CAROL, a_group, a_record, a_resource


def url_of(path: Path) -> str:
    return f"sqlite:///{path}"


def schema_of(path: Path) -> dict[str, str]:
    """What SQLite says of every table and index but Alembic's own, blanks and line ends aside."""
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql IS NOT NULL").fetchall()
    return {
        name: " ".join(sql.split()).replace('"', "")
        for name, sql in rows
        if name not in {"alembic_version", "sqlite_sequence"}
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "stairgate.db"


def content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def make(path: Path, text: str = "") -> None:
    path.write_text(text)


def modes(folder: Path) -> dict[str, int]:
    return {file.name: stat.S_IMODE(file.stat().st_mode) for file in folder.iterdir()}


def stamp(path: Path, revision: str) -> None:
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = ?", (revision,))


def test_migrating_from_nothing_makes_the_schema_of_the_metadata(path: Path, tmp_path: Path) -> None:
    migrate(url_of(path))
    created = tmp_path / "created.db"
    engine = create_engine(url_of(created))
    metadata.create_all(engine)
    engine.dispose()
    migrated, expected = schema_of(path), schema_of(created)
    assert migrated == expected
    assert len(expected) > 20


def test_alembic_finds_no_difference_either(path: Path) -> None:
    migrate(url_of(path))
    engine = create_engine(url_of(path))
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_the_list_of_revisions_is_that_of_the_scripts() -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    scripts = ScriptDirectory.from_config(config)
    walked = [script.revision for script in scripts.walk_revisions()]
    assert tuple(reversed(walked)) == REVISIONS
    assert scripts.get_current_head() == HEAD


def test_migrating_again_changes_nothing(path: Path) -> None:
    migrate(url_of(path))
    before = content(path)
    migrate(url_of(path))
    assert content(path) == before
    assert current_revision(url_of(path)) == HEAD


@pytest.mark.anyio
async def test_migrating_keeps_what_is_stored(path: Path) -> None:
    migrate(url_of(path))
    store = await SqlStore.open(url_of(path))
    await store.write(lambda tx: tx.put_fact("account", "acc_1"))
    await store.close()
    migrate(url_of(path))
    store = await SqlStore.open(url_of(path))
    assert await store.read(lambda tx: tx.fact("account")) == "acc_1"
    await store.close()


def migrate_to(path: Path, revision: str) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = create_engine(url_of(path))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


@pytest.mark.anyio
async def test_the_marks_of_statements_that_stood_before_they_were_listed_are_listed(path: Path) -> None:
    migrate_to(path, "0005")
    asked = requirement_document(Requirement(lifetime=77))
    with closing(sqlite3.connect(path)) as connection, connection:
        for position, mark in enumerate((None, asked, asked)):
            document = json.dumps({"roles": ["ro_1"], "resources": ["docs"], "stepUp": mark})
            connection.execute("INSERT INTO statements VALUES ('rec_1', ?, ?)", (position, document))
    migrate(url_of(path))
    store = await SqlStore.open(url_of(path))
    assert await store.read(lambda tx: list(tx.statement_marks())) == [Requirement(lifetime=77)]
    await store.close()


@pytest.mark.anyio
async def test_users_who_were_named_before_they_were_listed_are_listed(path: Path) -> None:
    migrate_to(path, "0003")
    record = {"users": ["ann", "bob"], "admins": ["ann", "cat"], "statements": [{"users": ["dan"]}, {"users": []}]}
    group = {"users": ["eve"], "admins": []}
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("INSERT INTO records VALUES ('r', 'DELETED', 'r', 'r', ?)", (json.dumps(record),))
        connection.execute("INSERT INTO groups VALUES ('g', 'g', 'g', ?)", (json.dumps(group),))
    migrate_to(path, "0004")
    with closing(sqlite3.connect(path)) as connection:
        rows = connection.execute("SELECT user_id, kind, named_by FROM named_users ORDER BY user_id").fetchall()
    people = [(name, "record", "r") for name in ("ann", "bob", "cat", "dan")]
    assert rows == [*people, ("eve", "group", "g")]


@pytest.mark.anyio
async def test_every_file_of_the_database_is_its_owners_alone(path: Path) -> None:
    before = os.umask(0)
    try:
        migrate(url_of(path))
        store = await SqlStore.open(url_of(path))
        await store.write(lambda tx: tx.put_fact("account", "acc_1"))
        found = modes(path.parent)
        await store.close()
    finally:
        os.umask(before)
    assert found == {"stairgate.db": 0o600, "stairgate.db-wal": 0o600, "stairgate.db-shm": 0o600}


@pytest.mark.anyio
async def test_a_newer_database_is_refused_and_left_alone(path: Path) -> None:
    migrate(url_of(path))
    stamp(path, "9999")
    before = content(path)
    with pytest.raises(UnavailableError, match="newer than this program"):
        await SqlStore.open(url_of(path))
    with pytest.raises(UnavailableError, match="newer than this program"):
        migrate(url_of(path))
    assert is_newer(current_revision(url_of(path)))
    assert content(path) == before


@pytest.mark.anyio
async def test_an_unmigrated_database_says_what_to_run(path: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no database at .* run `stairgate migrate`"):
        await SqlStore.open(url_of(path))
    assert content(path) is None
    make(path)
    with pytest.raises(UnavailableError, match="no tables yet: run `stairgate migrate`"):
        await SqlStore.open(url_of(path))
    assert current_revision(url_of(path)) is None


@pytest.mark.anyio
async def test_an_older_database_says_what_to_run(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    migrate(url_of(path))
    monkeypatch.setattr("stairgate.storage.sql.revisions.REVISIONS", (*REVISIONS, "9999"))
    monkeypatch.setattr("stairgate.storage.sql.revisions.HEAD", "9999")
    with pytest.raises(UnavailableError, match=r"older than this program .* run `stairgate migrate`"):
        await SqlStore.open(url_of(path))


@pytest.mark.anyio
async def test_a_file_that_is_no_database_is_refused_and_left_alone(path: Path) -> None:
    make(path, "this is not a database, but it is long enough to have a header" * 20)
    before = content(path)
    with pytest.raises(UnavailableError, match="not a SQLite database"):
        await SqlStore.open(url_of(path))
    with pytest.raises(UnavailableError, match="not a SQLite database"):
        migrate(url_of(path))
    assert content(path) == before


@pytest.mark.anyio
async def test_another_programs_database_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE theirs (id)")
    for attempt in (migrate, current_revision):
        with pytest.raises(UnavailableError, match="another program's"):
            attempt(url_of(path))
    with pytest.raises(UnavailableError, match="another program's"):
        await SqlStore.open(url_of(path))


@pytest.mark.parametrize(
    "url", ["", "sqlite://", "sqlite:///:memory:", "postgresql://host/name", "sqlite:///a.db?mode=ro", "nonsense"]
)
def test_an_address_of_no_file_is_refused(url: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        migrate(url)
    assert refused.value.field == "database"


def test_a_directory_that_is_missing_is_named(tmp_path: Path) -> None:
    with pytest.raises(UnavailableError, match="cannot be made"):
        migrate(url_of(tmp_path / "missing" / "stairgate.db"))


def test_of_many_who_migrate_at_once_all_succeed(path: Path) -> None:
    program = f"from stairgate.storage.sql import migrate; migrate({url_of(path)!r})"
    running = [subprocess.Popen([sys.executable, "-c", program]) for _ in range(4)]
    assert [process.wait(timeout=60) for process in running] == [0] * 4
    assert current_revision(url_of(path)) == HEAD


@pytest.mark.anyio
async def test_lists_know_what_was_stored_before_there_were_any(path: Path, tmp_path: Path) -> None:
    """A database of the first release, with data: what its lists are read by is as if it had been written today."""
    today = tmp_path / "today.db"
    migrate(url_of(today))
    store = await SqlStore.open(url_of(today))
    await store.write(fill)
    await store.close()
    upgrade_to("0001", path)
    copy_first_tables(today, path)
    migrate(url_of(path))
    for table in ("resource_grants", "known_resources", "record_admins", "group_admins"):
        expected = rows_of(today, table)
        assert expected
        assert rows_of(path, table) == expected


def fill(transaction: WriteTransaction) -> None:
    def on(*resources: str, users: tuple[UserId, ...] = ()) -> Statement:
        return Statement((RoleId("reader"),), tuple(parse_pattern(each) for each in resources), users=users)

    transaction.put_record(a_record("rec_1", statements=(on("a/b", "a/*", "*"), on("c/d-e"))))
    transaction.put_record(a_record("rec_2", users=(), groups=(), statements=(on("a/b", users=(BOB,)),)))
    transaction.put_record(a_record("rec_3", admins=(CAROL, CAROL), status=RecordStatus.DELETED))
    transaction.put_group(a_group("staff", BOB, admins=(ALICE, BOB)))
    for text in ("a/b", "x/y", "x/*"):
        transaction.put_resource(a_resource(text))


def upgrade_to(revision: str, path: Path) -> None:
    config = Config()
    config.set_main_option("script_location", str(Path(migrations.__file__).parent))
    engine = create_engine(url_of(path))
    with engine.begin() as connection:
        config.attributes["connection"] = connection
        command.upgrade(config, revision)
    engine.dispose()


def copy_first_tables(source: Path, target: Path) -> None:
    """The rows of *source* in each table and column that *target* has."""
    with closing(sqlite3.connect(target)) as connection, connection:
        connection.execute("ATTACH ? AS source", (str(source),))
        tables = connection.execute("SELECT name FROM main.sqlite_master WHERE type = 'table'").fetchall()
        for (table,) in tables:
            if table not in {"alembic_version", "sqlite_sequence"}:
                columns = ", ".join(f'"{row[1]}"' for row in connection.execute(f"PRAGMA main.table_info({table})"))
                copy = f"INSERT INTO main.{table} ({columns}) SELECT {columns} FROM source.{table}"  # noqa: S608  # its own names
                connection.execute(copy)


def rows_of(path: Path, table: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(path)) as connection:
        return sorted(connection.execute(f"SELECT * FROM {table}").fetchall())  # noqa: S608  # one of ours
