"""Where CEL is not installed, a database that holds a condition is not served (semantics §3)."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.without_cel import without_cel

from stairgate.cli.commands import Exit, run
from stairgate.model.access import (
    AccessRecord,
    Permission,
    RecordStatus,
    ResourceConfiguration,
    ResourceMark,
    Role,
    Statement,
)
from stairgate.model.actions import ANY_ACTION
from stairgate.model.ids import RecordId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern
from stairgate.ports.store import WriteTransaction
from stairgate.storage.sql import SqlStore

CONDITIONAL = Requirement(when="false")


def record(statement: Statement, status: RecordStatus = RecordStatus.ACTIVE) -> AccessRecord:
    return AccessRecord(
        RecordId("rec_1"), "r", (statement,), users=(UserId("ann"),), status=status, tags={"when": "now"}
    )


def statement(requirement: Requirement | None = None, when: str | None = None) -> Statement:
    return Statement((RoleId("ro_1"),), (parse_pattern("a"),), step_up=requirement, when=when)


HOLDS = {
    "statement": lambda tx: tx.put_record(record(statement(when="true"))),
    "statement's mark": lambda tx: tx.put_record(record(statement(CONDITIONAL))),
    "role": lambda tx: tx.put_role(
        Role(
            RoleId("ro_1"), "n", (Permission(ANY_ACTION, allow=True, grant=False, delegate=False, step_up=CONDITIONAL),)
        )
    ),
    "resource": lambda tx: tx.put_resource(
        ResourceConfiguration(parse_pattern("a"), marks=(ResourceMark((ANY_ACTION,), CONDITIONAL),))
    ),
}
HOLDS_NONE = {
    "plain": lambda tx: tx.put_record(record(statement(Requirement()))),
    "deleted": lambda tx: tx.put_record(record(statement(when="true"), RecordStatus.DELETED)),
}


@pytest.fixture
def database(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    for name in list(os.environ):
        if name.startswith("STAIRGATE_"):
            monkeypatch.delenv(name)
    path = tmp_path / "stairgate.db"
    assert command(monkeypatch, "init", "--database", str(path)) == Exit.OK
    return path


def command(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["stairgate", *arguments])
    return run()


async def put(database: Path, what: object) -> None:
    store = await SqlStore.open(f"sqlite:///{database}")

    def work(transaction: WriteTransaction) -> None:
        what(transaction)  # type: ignore[operator]

    await store.write(work)
    await store.close()


@pytest.mark.parametrize("place", HOLDS)
def test_it_is_refused_in_words(
    database: Path, place: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    asyncio.run(put(database, HOLDS[place]))
    capsys.readouterr()
    with without_cel():
        code = command(monkeypatch, "clients", "create", "shop", "--database", str(database))
    said = capsys.readouterr().err
    assert (code, said.count("\n")) == (Exit.UNAVAILABLE, 1)
    assert "`when`" in said
    assert "stairgate[cel]" in said


def test_the_server_does_not_start(database: Path) -> None:
    asyncio.run(put(database, HOLDS["statement"]))
    arguments = ["stairgate", "serve", "--port", "0", "--database", str(database)]
    start = (
        f"import sys; sys.modules['cel'] = None; sys.argv = {arguments!r}; "
        "from stairgate.cli.commands import run; sys.exit(run())"
    )
    ended = subprocess.run([sys.executable, "-c", start], capture_output=True, text=True, timeout=60, check=False)
    assert ended.returncode == 3  # as scripts know it
    assert "stairgate[cel]" in ended.stderr


@pytest.mark.parametrize("content", HOLDS_NONE)
def test_one_that_holds_none_is_opened(database: Path, content: str, monkeypatch: pytest.MonkeyPatch) -> None:
    asyncio.run(put(database, HOLDS_NONE[content]))
    with without_cel():
        assert command(monkeypatch, "clients", "create", "shop", "--database", str(database)) == Exit.OK
