"""
The check over HTTP beside Debian's nginx, one worker each: interleaved runs, medians of the ratios within a round.

`python -m bench.http_check --grants 100000 --rounds 5 --seconds 3 --json`. Servers on one core, the load generator on
another; traffic on 127.0.0.1 only. (Not called http.py: run as a script, its folder would hide the standard `http`.)
"""

from __future__ import annotations

import argparse
import asyncio
import http.client
import json
import os
import random
import sys
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from bench import load, servers, world
from bench.load import Load, get
from bench.servers import Running
from bench.world import PAY, READ, World, vault

ELEVATED = 50  # users whose elevation the elevated check reads
QUESTIONS = 4_000  # prepared requests a scenario
STEP = 30


def questions(account: World, port: int) -> dict[str, list[bytes]]:
    """The prepared requests of each scenario. Every caller is a user with a token that the server has seen."""
    chance = random.Random(7)

    def ask(number: int, resource: str, action: str) -> bytes:
        token = account.tokens[number]
        return get(account.check_path(number, resource, action), port, ("Authorization", f"Bearer {token}"))

    def anyone() -> int:
        return chance.randrange(world.ASKERS)

    def allowed() -> bytes:
        number = anyone()
        where = f"orgs/{number // 20}/shared/{chance.randrange(1000)}/part/{chance.randrange(10)}"
        return ask(number, where, READ)

    def denied() -> bytes:
        return ask(anyone(), f"orgs/{chance.randrange(10**6)}/other/{chance.randrange(1000)}", READ)

    def refused() -> bytes:
        number = chance.randrange(world.STEPPERS, world.ASKERS)  # the others have stepped up
        return ask(number, vault(number), PAY)

    def mixed() -> bytes:
        return chance.choices((allowed, denied, refused), (70, 20, 10))[0]()

    def elevated() -> bytes:
        number = chance.randrange(ELEVATED)
        return ask(number, f"{vault(number)}/{chance.randrange(1000)}", PAY)

    makers = {"allow": allowed, "deny": denied, "refusal": refused, "mixed": mixed, "elevated": elevated}
    return {name: [maker() for _ in range(QUESTIONS)] for name, maker in makers.items()}


class Caller:
    """One caller with one kept connection, for the step-up."""

    def __init__(self, port: int, account: World) -> None:
        self.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)
        self.account = account

    def call(self, method: str, path: str, number: int, body: object = None) -> tuple[int, Any]:
        headers = {"Authorization": f"Bearer {self.account.tokens[number]}"}
        if body is not None:
            headers["Content-Type"] = "application/json"
        self.connection.request(method, path, None if body is None else json.dumps(body), headers)
        answer = self.connection.getresponse()
        content = answer.read()
        return answer.status, json.loads(content) if content else None

    def step_up(self, number: int) -> float:
        """Seconds that the three calls take together: open, answer, and the check that is allowed then."""
        path = self.account.check_path(number, vault(number), PAY)
        status, refusal = self.call("GET", path, number)
        expect(status, 403, refusal)
        code = _totp(self.account.secrets[number])
        began = time.perf_counter()
        status, challenge = self.call(
            "POST", "/v1/challenges", number, {"stepUpChallengeToken": refusal["stepUpChallengeToken"]}
        )
        expect(status, 201, challenge)
        answer = {"method": "totp", "code": code}
        status, answered = self.call("POST", f"/v1/challenges/{challenge['challengeId']}/answer", number, answer)
        expect(status, 200, answered)
        status, allowed = self.call("GET", path, number)
        took = time.perf_counter() - began
        expect(status, 200, allowed)
        return took


def _totp(secret: str) -> str:
    import pyotp

    while time.time() % STEP > STEP - 1:  # a code of the last moment could be refused for its age
        time.sleep(0.05)
    return str(pyotp.TOTP(secret).now())


def expect(status: int, expected: int, content: object) -> None:
    if status != expected:
        raise SystemExit(f"expected {expected}, got {status}: {content}")


def measure(server: Running, requests: Sequence[bytes], seconds: float, folder: Path) -> dict[str, float]:
    """One run: requests/s, CPU a request in microseconds, and latencies."""
    before = server.cpu_seconds()
    made: Load = load.run(server.port, requests, seconds, folder)
    used = server.cpu_seconds() - before
    return {
        "requests_per_second": made.rate,
        "cpu_us": used / made.requests * 1e6,
        "p50_us": made.p50 * 1e6,
        "p99_us": made.p99 * 1e6,
    }


def compared(rounds: Sequence[Mapping[str, dict[str, float]]], name: str) -> dict[str, float]:
    """The medians of *name*, and of its ratios to nginx within each round."""
    figures = {key: median(each[name][key] for each in rounds) for key in rounds[0][name]}
    if "nginx" in rounds[0] and name != "nginx":
        for key, ratio in (("requests_per_second", "rate_ratio"), ("cpu_us", "cpu_ratio"), ("p99_us", "p99_ratio")):
            figures[ratio] = median(each[name][key] / max(each["nginx"][key], 1e-9) for each in rounds)
    return figures


def run(grants: int, rounds: int, seconds: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="stairgate-bench-") as name:
        folder = Path(name)
        port = servers.free_port()
        account = asyncio.run(world.load(world.settings_for(folder, port), grants))
        environment = {key: value for key, value in os.environ.items() if not key.startswith("STAIRGATE_")}
        environment |= {
            "STAIRGATE_DATABASE_URL": world.settings_for(folder, port).database_url,
            "STAIRGATE_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "STAIRGATE_DEV": "true",
        }
        with servers.stairgate(folder, port, environment) as ours, servers.nginx(folder) as theirs:
            return _measured(account, ours, theirs, rounds, seconds, folder)


def _measured(
    account: World, ours: Running, theirs: Running | None, rounds: int, seconds: float, folder: Path
) -> dict[str, Any]:
    caller = Caller(ours.port, account)
    steps = sorted(caller.step_up(number) for number in range(world.STEPPERS))
    asked = questions(account, ours.port)
    seen = {name: dict(sorted(load.statuses(ours.port, requests).items())) for name, requests in asked.items()}
    results = []
    for number in range(rounds):
        order = list(asked)
        random.Random(number).shuffle(order)
        found = {} if theirs is None else {"nginx": measure(theirs, asked["mixed"], seconds, folder)}
        found |= {name: measure(ours, asked[name], seconds, folder) for name in order}
        results.append(found)
    names = [*([] if theirs is None else ["nginx"]), *asked]
    return {
        "grants": account.grants,
        "generator": load.generator(),
        "cores": {"servers": servers.cores()[0], "generator": servers.cores()[1]},
        "rounds": rounds,
        "seconds": seconds,
        "load_seconds": round(account.loaded_seconds, 1),
        "resident_mb": round(ours.resident_bytes() / 1e6, 1),
        "answers": seen,
        "step_up_ms": {
            "calls": len(steps),
            "p50": round(steps[len(steps) // 2] * 1e3, 2),
            "p99": round(steps[len(steps) * 99 // 100] * 1e3, 2),
        },
        "runs": {name: {key: round(value, 3) for key, value in compared(results, name).items()} for name in names},
    }


COLUMNS = (
    ("requests_per_second", "requests/s", "{:>12,.0f}"),
    ("cpu_us", "CPU µs", "{:>9.1f}"),
    ("p50_us", "p50 µs", "{:>9.0f}"),
    ("p99_us", "p99 µs", "{:>9.0f}"),
    ("rate_ratio", "rate : nginx", "{:>13.1%}"),
    ("cpu_ratio", "CPU : nginx", "{:>12.2f}"),
    ("p99_ratio", "p99 : nginx", "{:>12.2f}"),
)


def table(result: Mapping[str, Any]) -> str:
    """*result* for people."""
    head = (
        f"check over HTTP, {result['grants']:,} grants, one worker, {result['generator']} with {load.CONNECTIONS} "
        f"connections, servers on core {result['cores']['servers']}, load on core {result['cores']['generator']}, "
        f"medians of {result['rounds']} rounds of {result['seconds']:g} s"
    )
    lines = [
        head,
        "".join([f"{'':10}", *(f"{title:>{_width(form)}}" for _, title, form in COLUMNS)]),
    ]
    for name, figures in result["runs"].items():
        cells = (form.format(figures[key]) if key in figures else " " * _width(form) for key, _, form in COLUMNS)
        lines.append(f"{name:10}" + "".join(cells))
    steps = result["step_up_ms"]
    lines.append(
        f"step-up (open, totp, check; one caller, {steps['calls']} users): p50 {steps['p50']} ms, p99 {steps['p99']} ms"
    )
    lines.append(f"answers: {result['answers']}; server's memory {result['resident_mb']} MB")
    return "\n".join(lines)


def _width(form: str) -> int:
    return int(form[3:].split(",", maxsplit=1)[0].split(".", maxsplit=1)[0])


def main() -> int:
    parser = argparse.ArgumentParser(description="the check over HTTP beside nginx")
    parser.add_argument("--grants", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=3.0, help="of each run, in whole seconds with wrk")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = run(arguments.grants, arguments.rounds, arguments.seconds)
    print(json.dumps(result) if arguments.json else table(result))
    return 0


if __name__ == "__main__":
    sys.exit(main())
