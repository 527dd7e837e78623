"""What each command says, and with which exit code: in particular when it cannot do what it was asked to."""

from __future__ import annotations

import json
import os
import sqlite3
import stat
from base64 import urlsafe_b64decode
from pathlib import Path
from typing import Any

import pytest
from tests.unit.cli.conftest import Command

from stairgate.cli.commands import Exit


def claims_of(token: str) -> Any:
    part = token.split(".")[1]
    return json.loads(urlsafe_b64decode(part + "=" * (-len(part) % 4)))


def test_init_makes_a_database_and_a_key_file_that_only_the_owner_reads(command: Command, tmp_path: Path) -> None:
    made = command("init", "--json")
    assert made.code == Exit.OK
    client, key, account, _ = made.json["accessKey"].split(".")
    assert (client, account) == (made.json["clientId"], made.json["accountId"])
    assert key
    for name in ("stairgate.db", "stairgate.db.keys"):
        assert stat.S_IMODE((tmp_path / name).stat().st_mode) == 0o600


def test_init_shows_the_access_key_once(command: Command, database: Path) -> None:
    again = command("init")
    assert again.code == Exit.REFUSED
    assert not again.out
    again.one_line("already", "stairgate clients create")


@pytest.mark.parametrize("named", ["path", "url", "environment"])
def test_the_database_is_named_by_path_url_or_environment(
    command: Command, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, named: str
) -> None:
    place = tmp_path / "deep" / "er.db"
    place.parent.mkdir()
    if named == "environment":
        monkeypatch.setenv("STAIRGATE_DATABASE_URL", f"sqlite:///{place}")
        assert command("init").code == Exit.OK
    else:
        text = "deep/er.db" if named == "path" else f"sqlite:///{place}"
        assert command("init", "--database", text).code == Exit.OK
    assert place.exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("migrate",),
        ("audit", "verify"),
        ("keys", "rotate"),
        ("clients", "create", "shop"),
        ("dev", "token", "alice"),
        ("dev", "totp", "alice"),
    ],
    ids=" ".join,
)
def test_a_missing_database_is_named_and_not_made(command: Command, tmp_path: Path, arguments: tuple[str, ...]) -> None:
    said = command(*arguments, "--database", "typo.db")
    assert said.code == Exit.UNAVAILABLE
    said.one_line("typo.db", "stairgate init")
    assert not list(tmp_path.iterdir())


def test_clients_create_gives_a_key_and_owner_gives_everything(command: Command, database: Path) -> None:
    made = command("clients", "create", "shop", "--json").json
    assert made["accessKey"].startswith(made["clientId"] + ".")
    owner = command("clients", "create", "second owner", "--owner", "--json").json
    assert owner["clientId"] != made["clientId"]
    with sqlite3.connect(database) as connection:
        names = "".join(str(row) for row in connection.execute("SELECT * FROM records"))
    assert owner["clientId"] in names or "second owner" in names
    assert "shop" not in names
    assert command("clients", "create", "x" * 129).code == Exit.USAGE
    assert command("audit", "verify").code == Exit.OK


def test_dev_token_is_another_login_each_time_and_says_who_accepts_it(command: Command, database: Path) -> None:
    first = command("dev", "token", "alice", "--ttl", "60", "--json").json["token"]
    second = command("dev", "token", "alice", "--url", "http://127.0.0.1:9000/").out.strip()
    assert first != second
    claims = claims_of(first)
    assert claims["sub"] == "alice"
    assert claims["exp"] - claims["iat"] == 60
    assert claims["iss"] == "http://127.0.0.1:8080"
    assert claims_of(second)["iss"] == "http://127.0.0.1:9000"


@pytest.mark.parametrize(
    "arguments", [("sc_x",), ("",), ("alice", "--ttl", "0"), ("alice", "--url", "nowhere")], ids=" ".join
)
def test_dev_token_refuses_what_is_no_user(command: Command, database: Path, arguments: tuple[str, ...]) -> None:
    said = command("dev", "token", *arguments)
    assert said.code == Exit.USAGE
    said.one_line()


def test_dev_totp_gives_the_secret_in_two_forms(command: Command, database: Path) -> None:
    made = command("dev", "totp", "alice", "--json").json
    assert made.keys() == {"secret", "factorId", "uri"}
    assert f"secret={made['secret']}" in made["uri"]
    assert made["secret"].isalnum()


def test_audit_verify_finds_a_change_and_exits_with_1(command: Command, database: Path) -> None:
    command("dev", "totp", "alice")
    whole = command("audit", "verify", "--json")
    assert whole.code == Exit.OK
    assert whole.json["holds"]
    assert whole.json["entries"] >= 3
    with sqlite3.connect(database) as connection:
        (table,) = connection.execute(
            "SELECT name FROM sqlite_master WHERE name LIKE '%audit%' AND sql LIKE '%actor%'"
        ).fetchone()
        connection.execute(f"UPDATE {table} SET actor = 'mallory' WHERE number = 2")  # noqa: S608  # a name from the schema
    broken = command("audit", "verify", "--json")
    assert broken.code == Exit.REFUSED
    assert not broken.json["holds"]
    assert broken.json["faults"] == ["entry 2 was changed"]
    assert "entry 2 was changed" in command("audit", "verify").out


def test_audit_verify_needs_no_key(command: Command, database: Path) -> None:
    database.with_name("stairgate.db.keys").unlink()
    assert command("audit", "verify").code == Exit.OK


def test_keys_rotate_adds_a_key_and_the_older_ones_still_open(command: Command, database: Path) -> None:
    assert command("keys", "rotate", "--json").json["keys"] == 2
    assert command("dev", "token", "alice").code == Exit.OK
    assert command("keys", "rotate", "--json").json["keys"] == 3


def test_keys_in_the_environment_are_rotated_there(
    command: Command, database: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STAIRGATE_SECRET_KEYS", database.with_name("stairgate.db.keys").read_text().strip())
    said = command("keys", "rotate")
    assert said.code == Exit.USAGE
    said.one_line("STAIRGATE_SECRET_KEYS")


def test_a_missing_key_file_is_named(command: Command, database: Path) -> None:
    database.with_name("stairgate.db.keys").unlink()
    for arguments in (("dev", "token", "alice"), ("clients", "create", "x"), ("init",)):
        said = command(*arguments)
        assert said.code == Exit.UNAVAILABLE
        said.one_line("key file", "stairgate.db.keys")


def test_a_wrong_key_is_refused(command: Command, database: Path) -> None:
    keys = database.with_name("stairgate.db.keys")
    keys.write_text("A" * 43 + "\n")
    said = command("dev", "token", "alice")
    assert said.code == Exit.UNAVAILABLE
    said.one_line("key")


def test_a_key_file_that_others_can_read_is_refused(command: Command, database: Path) -> None:
    database.with_name("stairgate.db.keys").chmod(0o644)
    said = command("dev", "token", "alice")
    assert said.code == Exit.UNAVAILABLE
    said.one_line("chmod 600")


def test_a_database_of_a_newer_version_is_left_alone(command: Command, database: Path) -> None:
    with sqlite3.connect(database) as connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    for arguments in (("migrate",), ("audit", "verify"), ("dev", "token", "alice"), ("clients", "create", "x")):
        said = command(*arguments)
        assert said.code == Exit.UNAVAILABLE
        said.one_line("newer", "9999")


def test_a_file_that_is_no_database_is_left_alone(command: Command, database: Path) -> None:
    other = database.with_name("notes.db")
    other.write_text("my notes, not a database, and long enough to be looked at " * 20)
    said = command("audit", "verify", "--database", "notes.db")
    assert said.code == Exit.UNAVAILABLE
    said.one_line("notes.db")
    assert other.read_text().startswith("my notes")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_rights_is_named(command: Command, tmp_path: Path) -> None:
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o500)
    said = command("init", "--database", "closed/x.db")
    assert said.code == Exit.UNAVAILABLE
    said.one_line("closed")


def test_a_folder_that_is_not_there_is_named(command: Command) -> None:
    said = command("init", "--database", "nowhere/x.db")
    assert said.code == Exit.UNAVAILABLE
    said.one_line("nowhere")


@pytest.mark.parametrize("url", ["postgresql://h/db", "sqlite://", "memory:"])
def test_a_database_that_cannot_be_is_refused(command: Command, url: str) -> None:
    said = command("init", "--database", url)
    assert said.code == Exit.USAGE
    said.one_line("database")


@pytest.mark.parametrize(
    "arguments", [("nothing",), ("init", "--nothing"), ("check", "alice"), ("serve", "--port", "x")], ids=" ".join
)
def test_a_wrong_command_exits_with_2(command: Command, arguments: tuple[str, ...]) -> None:
    said = command(*arguments)
    assert said.code == Exit.USAGE
    assert "Usage" in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ((), ("STAIRGATE_ACCESS_KEY",)),
        (("--access-key", "nonsense"), ("access key",)),
        (("--token", "t", "--url", "ftp://x"), ("ftp://x",)),
    ],
    ids=["no credentials", "no key", "no address"],
)
def test_check_says_what_it_lacks(command: Command, arguments: tuple[str, ...], words: tuple[str, ...]) -> None:
    said = command("check", "alice", "accounts/1", "READ", *arguments)
    assert said.code == Exit.USAGE
    said.one_line(*words)


def test_elevations_end_wants_to_know_which(command: Command) -> None:
    assert command("elevations", "end", "alice", "--access-key", "x").code == Exit.USAGE
    assert command("elevations", "end", "alice", "e1", "--all").code == Exit.USAGE


def test_help_lists_every_command_and_the_exit_codes(command: Command) -> None:
    said = command("--help")
    assert said.code == Exit.OK
    for name in ("audit", "check", "clients", "demo", "dev", "elevations", "init", "keys", "migrate", "serve"):
        assert name in said.out
        assert command(name, "--help").code == Exit.OK
    assert "step-up is required" in said.out
    assert command("--version").out.startswith("stairgate ")
