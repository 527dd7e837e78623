"""
What a condition costs: checks in process with and without one, interleaved, on one core (ADR 0006).

Prints the microseconds of a check (median of rounds) and the ratio to the plain one. `--rounds N --json`.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Mapping
from statistics import median

from stairgate.engine.decide import assess
from stairgate.engine.facts import Facts
from stairgate.engine.grants import compile_grants
from stairgate.engine.resources import compile_resources
from stairgate.engine.roles import compile_roles
from stairgate.model.access import Grant, Permission, ResourceConfiguration, ResourceMark, Role
from stairgate.model.actions import ANY_ACTION, parse_action
from stairgate.model.canonical import JsonValue
from stairgate.model.decisions import Allow, Question
from stairgate.model.ids import RecordId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern, parse_resource

CHECKS_A_ROUND = 2_000
CONTEXT: Mapping[str, JsonValue] = {"amount": 5, "currency": "EUR", "memo": "rent"}
ROLE = Role(RoleId("ro_1"), "n", (Permission(parse_action("pay"), allow=True, grant=False, delegate=False),))


def facts(*, when: str | None = None, mark: str | None = None) -> Facts:
    """One grant on `accounts/1`; with *when* or, guarded, with a mark whose condition is *mark*."""
    granted = Grant(RecordId("rec_1"), 0, (parse_pattern("accounts/1"),), (ROLE.id,), when=when)
    marks = () if mark is None else (ResourceMark((ANY_ACTION,), Requirement(when=mark)),)
    guarded = ResourceConfiguration(parse_pattern("accounts"), marks=marks)
    return Facts((compile_grants([granted]),), compile_roles([ROLE]), compile_resources([guarded]))


CASES = {
    "plain": facts(),
    "grant, ids": facts(when="subject.id == 'ann'"),
    "grant, context": facts(when="context.amount < 1000 && context.currency == 'EUR'"),
    "mark, context": facts(mark="context.amount >= 100"),
}


def spent(known: Facts) -> float:
    """Microseconds of one check."""
    asked = [
        Question(UserId("ann"), parse_resource("accounts/1/x"), parse_action("pay"), None, CONTEXT)
        for _ in range(CHECKS_A_ROUND)
    ]
    started = time.perf_counter()
    for question in asked:
        assess(question, known)
    return (time.perf_counter() - started) / CHECKS_A_ROUND * 1e6


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    for name, known in CASES.items():
        question = Question(UserId("ann"), parse_resource("accounts/1/x"), parse_action("pay"), None, CONTEXT)
        if not isinstance(assess(question, known), Allow):
            raise SystemExit(f"{name}: not allowed")
    rounds: dict[str, list[float]] = {name: [] for name in CASES}
    for _ in range(arguments.rounds):
        for name, known in CASES.items():
            rounds[name].append(spent(known))
    plain = median(rounds["plain"])
    result = {
        name: {"microseconds": round(median(took), 2), "ratio": round(median(took) / plain, 2)}
        for name, took in rounds.items()
    }
    if arguments.json:
        print(json.dumps(result))
        return 0
    for name, figures in result.items():
        print(f"{name:20}{figures['microseconds']:>10} us{figures['ratio']:>10}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
