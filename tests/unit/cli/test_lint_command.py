"""`stairgate lint`: an error is exit code 1, a warning is not, and neither changes anything."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from tests.unit.cli.conftest import Command

from stairgate.cli.commands import Exit
from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.ids import RecordId, RoleId, UserId
from stairgate.model.protection import Level, Requirement
from stairgate.model.resources import parse_pattern
from stairgate.storage.sql import SqlStore


def put(path: Path, *statements: Statement) -> None:
    async def run() -> None:
        store = await SqlStore.open(f"sqlite:///{path}")
        record = AccessRecord(RecordId("rec_1"), "r", statements, users=(UserId("ann"),))
        await store.write(lambda transaction: transaction.put_record(record))
        await store.close()

    asyncio.run(run())


def giving(role: str, resource: str, mark: Requirement | None = None) -> Statement:
    return Statement((RoleId(role),), (parse_pattern(resource),), step_up=mark)


def test_a_fresh_account_has_nothing_to_find(command: Command, database: Path) -> None:
    assert command("lint").out == "Nothing found.\n"
    said = command("lint", "--json")
    assert (said.code, said.json) == (Exit.OK, {"errors": 0, "warnings": 0, "findings": []})


def test_a_void_mark_is_an_error_and_says_why(command: Command, database: Path) -> None:
    put(database, giving(OWNER.id, "docs", Requirement()), giving(OWNER.id, "*"))
    said = command("lint")
    assert said.code == Exit.REFUSED
    assert said.out == (
        "error: record `rec_1` statement 0: `*` on `docs` is open to everybody whom it names without it: "
        "by record `rec_1` statement 1, role `Authress:Owner` on `*` (mark-void)\n"
        "1 error, 0 warnings.\n"
    )
    (found,) = command("lint", "--json").json["findings"]
    assert (found["severity"], found["code"], found["place"]) == ("error", "mark-void", "record `rec_1` statement 0")


def test_a_warning_is_no_reason_to_fail(command: Command, database: Path) -> None:
    put(database, giving("ro_gone", "docs"))
    said = command("lint")
    assert (said.code, "(unknown-role)" in said.out) == (Exit.OK, True)


def test_what_can_be_met_is_a_matter_of_the_service_s_settings(
    command: Command, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A passkey needs a domain: a service that is reached by an address alone offers none."""
    put(database, giving(OWNER.id, "docs", Requirement(level=Level.HARDWARE)))
    monkeypatch.setenv("STAIRGATE_PUBLIC_URL", "https://gate.example")
    assert command("lint").out == "Nothing found.\n"
    monkeypatch.setenv("STAIRGATE_PUBLIC_URL", "https://192.0.2.1")
    (found,) = command("lint", "--json").json["findings"]
    assert (found["severity"], found["code"]) == ("error", "out-of-reach")


def test_a_database_that_is_not_there_is_not_made(command: Command, tmp_path: Path) -> None:
    said = command("lint", "--database", "none.db")
    assert said.code == Exit.UNAVAILABLE
    said.one_line("none.db")
    assert not (tmp_path / "none.db").exists()


def test_help_lists_what_it_finds(command: Command) -> None:
    said = command("lint", "--help")
    assert said.code == Exit.OK
    assert "error    mark-void" in said.out
