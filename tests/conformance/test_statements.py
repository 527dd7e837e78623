"""The statements: both databases understand them, no key is looked up by a scan, and rows fit what they become."""

import sqlite3
from contextlib import closing
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from sqlalchemy.dialects import postgresql
from sqlalchemy.sql.base import Executable
from sqlalchemy.sql.elements import ClauseElement

from stairgate.storage.sql import access, invites, journal, listing, migrate, stepup, tables, trust
from stairgate.storage.sql.dialects import for_sqlite
from stairgate.storage.sql.stepup_documents import ChallengeRow, ElevationRow


def statements(module: ModuleType) -> dict[str, Executable]:
    """Every statement that *module* makes at import, by name."""
    found: dict[str, Executable] = {}
    for name, value in vars(module).items():
        values = value if isinstance(value, list) else value.values() if isinstance(value, dict) else [value]
        for place, one in enumerate(values):
            if isinstance(one, Executable) and isinstance(one, ClauseElement):
                found[f"{module.__name__.rpartition('.')[2]}.{name.strip('_').lower()}.{place}"] = one
    return found


STATEMENTS = {
    name: statement
    for module in (access, invites, journal, listing, stepup, trust)
    for name, statement in statements(module).items()
}
_POSTGRESQL: Any = postgresql.dialect  # without types in SQLAlchemy

# These show a whole small table, or run once, at a start without CEL.
WHOLE = {
    "access.conditional_statements.0",
    "access.roles.0",
    "access.resources.0",
    "journal.head.0",
    "trust.issuers.0",
    "trust.signing_keys.0",
}


def test_there_are_statements() -> None:
    assert len(STATEMENTS) > 50


@pytest.mark.parametrize("name", STATEMENTS)
def test_a_statement_compiles_for_postgresql_too(name: str) -> None:
    statement: Any = STATEMENTS[name]
    assert str(statement.compile(dialect=_POSTGRESQL()))


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("plans") / "stairgate.db"
    migrate(f"sqlite:///{path}")
    return path


@pytest.mark.parametrize("name", sorted(STATEMENTS.keys() - WHOLE))
def test_a_statement_never_walks_a_table(name: str, database: Path) -> None:
    anything: Any = STATEMENTS[name]
    statement = for_sqlite(anything)
    parameters = dict.fromkeys(anything.compile().params, 0) | dict(statement.constants)
    with closing(sqlite3.connect(database)) as connection:
        plan = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", parameters).fetchall()
    steps = [str(row[3]) for row in plan]
    # `found` is what a subquery found by an index: as many rows as the page has.
    assert not [step for step in steps if step.startswith("SCAN") and step != "SCAN found"], steps


def plan_of(name: str, database: Path) -> str:
    anything: Any = STATEMENTS[name]
    statement = for_sqlite(anything)
    parameters = dict.fromkeys(anything.compile().params, 0) | dict(statement.constants)
    with closing(sqlite3.connect(database)) as connection:
        rows = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", parameters).fetchall()
    return "\n".join(str(row[3]) for row in rows)


def test_grants_and_elevations_are_found_by_one_index_each(database: Path) -> None:
    def plan(name: str) -> str:
        statement = for_sqlite(STATEMENTS[name])
        with closing(sqlite3.connect(database)) as connection:
            names = ("kind", "row_id", "of_token", "of_user", "since")
            rows = connection.execute(f"EXPLAIN QUERY PLAN {statement.text}", dict.fromkeys(names, "x")).fetchall()
        return "\n".join(str(row[3]) for row in rows)

    assert "SEARCH grants USING PRIMARY KEY (principal_kind=? AND principal_id=?)" in plan("access.grants_of.0")
    assert "TEMP B-TREE" not in plan("access.grants_of.0")
    assert "(token=? AND user_id=? AND expires_at>?)" in plan("stepup.elevations_of_token.0")


LISTS = [name for name in STATEMENTS if name.startswith("listing.")]
LISTS += [f"access.{name}.0" for name in ("records", "records_in", "groups")]


@pytest.mark.parametrize("name", LISTS)
def test_a_page_is_read_in_order_and_not_sorted(name: str, database: Path) -> None:
    """So a page costs what it shows, wherever it begins."""
    steps = plan_of(name, database)
    assert "TEMP B-TREE" not in steps
    assert "SCAN" not in steps


@pytest.mark.parametrize("name", ["access.find_records.0", "access.find_records_in.0", "access.find_groups.0"])
def test_a_search_looks_at_names_and_not_at_documents(name: str, database: Path) -> None:
    assert "COVERING INDEX" in plan_of(name, database)


@pytest.mark.parametrize(("row", "table"), [(ChallengeRow, tables.challenges), (ElevationRow, tables.elevations)])
def test_a_row_has_the_columns_of_its_table_in_their_order(row: Any, table: Any) -> None:
    assert row._fields == tuple(column.name for column in table.columns)
