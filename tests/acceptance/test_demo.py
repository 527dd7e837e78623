"""The demo as a newcomer runs it, and the commands against a server that runs."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path
from urllib.request import urlopen

import pytest
from tests.acceptance.support import Server, eventually

PROGRAM = str(Path(sys.executable).with_name("stairgate"))
BROWSER_STEPS = ("In a browser", "On the phone", "On the desktop", "Add a passkey", "On the same device", "Say no")
STEPS = ("Protect", "Log in", "Be refused", "Answer the challenge", "Record it", "Succeed")


def bare_environment(**more: str) -> dict[str, str]:
    kept = {name: value for name, value in os.environ.items() if not name.startswith("STAIRGATE_")}
    return kept | {"NO_COLOR": "1", **more}


def run(folder: Path, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [PROGRAM, *arguments],
        cwd=folder,
        env=bare_environment(**environment),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> subprocess.CompletedProcess[str]:
    return run(tmp_path_factory.mktemp("demo"), "demo", "--once")


def test_the_demo_exits_with_0_and_every_step_is_as_it_should_be(told: subprocess.CompletedProcess[str]) -> None:
    assert told.returncode == 0, told.stdout + told.stderr
    assert "✗" not in told.stdout


def test_the_demo_tells_the_six_steps_in_order_and_what_comes_after(told: subprocess.CompletedProcess[str]) -> None:
    titles = (*STEPS, "Another login", "Revoke the elevation", "Always")
    places = [told.stdout.index(f"{number}. {title}") for number, title in enumerate(titles, start=1)]
    assert places == sorted(places)
    for line in ("POST /v1/records", "POST /v1/challenges", "/answer", "POST /v1/step-up", "← 403", "DELETE /v1/users"):
        assert line in told.stdout


@pytest.mark.lane("pages")
def test_the_demo_goes_on_in_a_browser(told: subprocess.CompletedProcess[str]) -> None:
    """Two devices with the number, one device with the return code, and a no (semantics §7.2)."""
    places = [told.stdout.index(f"{number}. {title}") for number, title in enumerate(BROWSER_STEPS, start=10)]
    assert places == sorted(places)
    for line in (
        "the bank shows a number",
        "Pay 120 EUR to Acme GmbH",
        "paid; 680 left",
        "the account page shows the passkey",
        "paid; 600 left",
        "nothing was paid",
    ):
        assert line in told.stdout
    assert "key=" not in told.stdout


def test_without_a_browser_the_demo_says_what_is_missing_and_is_no_failure(tmp_path: Path) -> None:
    """As on a machine that has only what `make demo` installs; to a program it says all in one line."""
    done = run(tmp_path, "demo", "--once", "--json", PATH=str(tmp_path))
    assert json.loads(done.stdout) == {"ok": True, "failures": []}
    assert done.returncode == 0
    assert "the browser half was left out: no Chromium" in done.stderr
    assert "10. " not in done.stderr


def test_a_demo_that_goes_wrong_says_which_step_and_fails(tmp_path: Path) -> None:
    """A Chromium that is none."""
    fake = tmp_path / "chromium"
    fake.write_text("#!/bin/sh\nexit 1\n")
    fake.chmod(0o755)
    done = run(tmp_path, "demo", "--once", "--json", PATH=str(tmp_path))
    assert done.returncode == 1
    said = json.loads(done.stdout)
    assert said["ok"] is False
    assert len(said["failures"]) == 1
    assert "did not go as it should" in done.stderr


def test_the_demo_shows_no_whole_token(told: subprocess.CompletedProcess[str]) -> None:
    assert "eyJ" in told.stdout
    assert all(len(word) < 60 for word in told.stdout.split() if word.startswith("eyJ"))
    assert ".key_" not in told.stdout


def test_the_demo_stays_up_with_what_to_try_and_takes_its_server_with_it(tmp_path: Path) -> None:
    log = tmp_path / "log"
    with log.open("wb") as out:
        process = subprocess.Popen(
            [PROGRAM, "demo"], cwd=tmp_path, env=bare_environment(), stdout=out, stderr=out, start_new_session=True
        )
    try:
        eventually("the invitation", lambda: "stairgate elevations list" in log.read_text() or None)
        text = log.read_text()
        url = next(word for word in text.split() if word.startswith("STAIRGATE_URL=")).removeprefix("STAIRGATE_URL=")
        key = next(word for word in text.split() if word.startswith("STAIRGATE_ACCESS_KEY=")).split("=", 1)[1]
        asked = run(tmp_path, "elevations", "list", "alice", "--json", STAIRGATE_URL=url, STAIRGATE_ACCESS_KEY=key)
        assert asked.returncode == 0, asked.stderr
        bank = next(line for line in text.splitlines() if line.startswith("The bank, in a browser: ")).split()[-1]
        with urlopen(bank) as page:  # noqa: S310  # the address that the demo said
            assert b"Log in as alice" in page.read()
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(30)
    assert process.returncode == 0
    assert "stopped" in log.read_text()
    for place in (url, bank):
        with socket.socket() as probe:
            assert probe.connect_ex(("127.0.0.1", int(place.rsplit(":", 1)[1]))) != 0, "a server outlived the demo"


# --- the commands against a server ----------------------------------------------------------------


@pytest.fixture
def alone(tmp_path: Path) -> Path:
    """A folder with a database of its own, initialised."""
    assert run(tmp_path, "init").returncode == 0
    return tmp_path


def test_check_tells_its_answer_by_its_exit_code(server: Server) -> None:
    user = "cli-user"
    environment = {
        "STAIRGATE_URL": server.url,
        "STAIRGATE_ACCESS_KEY": server.owner.text,
    }
    role = {
        "roleId": "ro_cli",
        "name": "r",
        "permissions": [{"action": "pay", "allow": True, "grant": False, "delegate": False}],
    }
    server.call("POST", "/v1/roles", role, bearer=server.owner_bearer).expect(201, 409)
    record = {
        "name": "cli",
        "users": [{"userId": user}],
        "statements": [
            {"roles": ["ro_cli"], "resources": [{"resourceUri": "cli/open"}]},
            {"roles": ["ro_cli"], "resources": [{"resourceUri": "cli/guarded"}], "stepUp": {"level": "strong"}},
        ],
    }
    server.call("POST", "/v1/records", record, bearer=server.owner_bearer).expect(201)
    token = server.token(user)

    def check(resource: str, *more: str) -> tuple[int, str]:
        done = run(server.folder, "check", user, resource, "pay", *more, **environment)
        assert "Traceback" not in done.stderr
        return done.returncode, done.stdout

    assert check("cli/open", "--json") == (0, '{"decision": "allowed"}\n')
    assert check("cli/none", "--json") == (1, '{"decision": "denied"}\n')
    code, said = check("cli/guarded", "--token", token, "--json")
    assert (code, json.loads(said)["decision"], json.loads(said)["level"]) == (4, "step_up_required", "strong")
    code, said = check("cli/guarded", "--token", token)
    assert code == 4
    assert "elevation_required" in said
    code, said = check("cli/guarded", "--explain", "--token", token)
    assert code == 0
    assert "ro_cli" in said
    done = run(server.folder, "check", user, "cli/open", "pay", "--token", token, STAIRGATE_URL=server.url)
    assert done.returncode == 0, "a user may ask with their own token alone"


def test_a_wrong_address_and_a_wrong_key_are_told_apart(server: Server, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        nobody = f"http://127.0.0.1:{free.getsockname()[1]}"
    done = run(tmp_path, "check", "u", "a", "READ", STAIRGATE_URL=nobody, STAIRGATE_ACCESS_KEY=server.owner.text)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert nobody in done.stderr
    done = run(tmp_path, "check", "u", "a", "READ", "--token", "nonsense", STAIRGATE_URL=server.url)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1


def test_a_port_that_is_taken_is_named(alone: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        done = run(alone, "serve", "--port", port)
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert port in done.stderr
    assert "--port" in done.stderr


def test_serve_without_a_database_says_how_to_make_one(tmp_path: Path) -> None:
    done = run(tmp_path, "serve", "--port", "0")
    assert done.returncode == 3
    assert done.stderr.count("\n") == 1
    assert "stairgate init" in done.stderr
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("workers", [1, 2])
def test_serve_says_where_it_listens_and_stops_in_order(alone: Path, workers: int) -> None:
    log = alone / "log"
    with log.open("wb") as errors:
        process = subprocess.Popen(
            [PROGRAM, "serve", "--port", "0", "--json", "--workers", str(workers)],
            cwd=alone,
            env=bare_environment(),
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,
        )
    assert process.stdout is not None
    try:
        url = json.loads(process.stdout.readline())["url"]
        urlopen(f"{url}/health/live", timeout=60).close()  # noqa: S310  # it listens at once; workers come later
        done = run(alone, "dev", "token", "alice", "--json", STAIRGATE_URL=url)
        token = json.loads(done.stdout)["token"]
        asked = run(alone, "check", "alice", "a", "READ", "--token", token, STAIRGATE_URL=url)
        assert asked.returncode == 1, "without --dev no test token is accepted"
        assert "denied" not in asked.stdout
    finally:
        process.send_signal(signal.SIGTERM)
        code = process.wait(30)
        process.stdout.close()
    assert code == 0, log.read_text()
    assert "Traceback" not in log.read_text()
