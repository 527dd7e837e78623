"""
The engine in process, on one core: many grants, random questions (design §7).

Prints checks/s, and the bytes of a grant by resident memory. `--grants N --seconds S --json`.

The data: users in groups, a tree `orgs/N/docs/N/parts/N`, custom roles and the built-in owner. Of the grants most stand
on a node, some on all below one, some on a wildcard in the middle. A share of the resources is marked, but what most
questions ask is not. Every table is in memory, so this is the warm figure.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from statistics import median

from stairgate.engine.decide import Pending, assess, resolve
from stairgate.engine.facts import Facts
from stairgate.engine.grants import GrantTable, compile_grants
from stairgate.engine.resources import compile_resources
from stairgate.engine.roles import compile_roles
from stairgate.model.access import Grant, Permission, ResourceConfiguration, ResourceMark, Role
from stairgate.model.actions import Action, parse_action
from stairgate.model.decisions import Allow, Question
from stairgate.model.ids import RecordId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import Resource, ResourcePattern, parse_resource
from stairgate.model.tokens import TokenKey

GRANTS_A_USER = 8
MEMBERS_A_GROUP = 50
GROUPS_A_USER = 2
ACTIONS = ("documents:read", "documents:update", "documents:delete", "documents:share:link")
BATCH = 100
NOW = datetime(2030, 1, 1, tzinfo=UTC)


def resident() -> int:
    """Resident memory in bytes."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return int(status.partition("VmRSS:")[2].split()[0]) * 1024


def roles() -> list[Role]:
    def role(name: str, *actions: str) -> Role:
        permissions = tuple(
            Permission(parse_action(action), allow=True, grant=False, delegate=False) for action in actions
        )
        return Role(RoleId(name), name, permissions)

    return [
        role("ro_reader", "documents:read"),
        role("ro_editor", "documents:read", "documents:update"),
        role("ro_manager", "documents"),
        role("ro_sharer", "documents:share", "documents:read"),
    ]


ROLE_SETS = (("ro_reader",), ("ro_editor",), ("ro_manager",), ("ro_sharer", "ro_reader"), ("Authress:Owner",))


class World:
    """A made-up account."""

    def __init__(self, grants: int, chance: random.Random) -> None:
        self.chance = chance
        self.users = max(1, grants // GRANTS_A_USER * 9 // 10)  # a tenth of the grants goes to groups
        self.groups = max(1, self.users // MEMBERS_A_GROUP)
        self.orgs = max(1, grants // 200)
        self.count = 0

    def pattern(self) -> ResourcePattern:
        org, doc = f"{self.chance.randrange(self.orgs)}", f"{self.chance.randrange(100)}"
        kind = self.chance.random()
        if kind < 0.02:
            return ResourcePattern(("orgs", "*", "docs", doc))
        if kind < 0.08:
            return ResourcePattern(("orgs", org))
        if kind < 0.14:
            return ResourcePattern(("orgs", org, "docs"), below=True)
        if kind < 0.7:
            return ResourcePattern(("orgs", org, "docs", doc))
        return ResourcePattern(("orgs", org, "docs", doc, "parts", f"{self.chance.randrange(20)}"))

    def table(self, size: int) -> GrantTable:
        """Grants for one principal, as a store would hand them over: in fresh objects."""
        grants = []
        left = size
        while left > 0:
            resources = tuple(self.pattern() for _ in range(min(left, self.chance.choice((1, 1, 2, 4)))))
            left -= len(resources)
            self.count += 1
            names = self.chance.choice(ROLE_SETS)
            grants.append(Grant(RecordId(f"rec_{self.count:08d}"), 0, resources, tuple(RoleId(name) for name in names)))
        return compile_grants(grants)

    def configurations(self) -> list[ResourceConfiguration]:
        mark = ResourceMark((parse_action("documents:delete"),), Requirement())
        return [
            ResourceConfiguration(ResourcePattern(("orgs", str(org), "docs", "1")), marks=(mark,))
            for org in range(min(self.orgs, 1_000))
        ]


def question_on(user: int, pattern: ResourcePattern, chance: random.Random, actions: list[Action]) -> Question:
    """A question that *pattern* may well answer."""
    segments = [str(chance.randrange(100)) if segment == "*" else segment for segment in pattern.segments]
    if pattern.below or chance.random() < 0.5:
        segments.append(f"x{chance.randrange(1000)}")
    resource: Resource = parse_resource("/".join(segments))
    return Question(UserId(f"user|{user}"), resource, chance.choice(actions), TokenKey("https://i.example", "k"))


def run(grants: int, seconds: float) -> dict[str, float]:
    chance = random.Random(7)
    world = World(grants, chance)
    actions = [parse_action(action) for action in ACTIONS]
    role_table, resource_table = compile_roles(roles()), compile_resources(world.configurations())
    gc.collect()
    before, started = resident(), time.perf_counter()
    per_group = max(1, (grants - world.users * GRANTS_A_USER) // world.groups)
    tables = [world.table(GRANTS_A_USER) for _ in range(world.users)]
    groups = [world.table(per_group) for _ in range(world.groups)]
    made = world.users * GRANTS_A_USER + world.groups * per_group
    compiled = time.perf_counter() - started
    gc.collect()
    memory = resident() - before
    gc.freeze()

    def batch() -> list[tuple[Question, Facts]]:
        """Fresh questions, as a server makes them: the question is new in memory, the tables are not."""
        asked = []
        for _ in range(BATCH):
            user = chance.randrange(world.users)
            own = (tables[user], *(groups[(user + step) % world.groups] for step in range(GROUPS_A_USER)))
            asked_about = world_pattern(chance, own, world)
            facts = Facts(own, role_table, resource_table)
            asked.append((question_on(user, asked_about, chance, actions), facts))
        for _ in range(2_000):  # push what was touched while choosing out of the caches
            chance.choice(tables)
        return asked

    rates: list[float] = []
    outcomes = {"allow": 0, "deny": 0, "step_up": 0}
    spent = 0.0
    asked = batch()
    while spent < seconds:
        gc.disable()
        started = time.perf_counter()
        for question, facts in asked:
            assess(question, facts)
        took = time.perf_counter() - started
        gc.enable()
        spent += took
        rates.append(len(asked) / took)
        for question, facts in asked:
            outcome = assess(question, facts)
            if isinstance(outcome, Pending):
                resolve(outcome, (), NOW)
            kind = {Allow: "allow", Pending: "step_up"}.get(type(outcome), "deny")
            outcomes[kind] += 1
        asked = batch()
    hot_question, hot_facts = next(pair for pair in asked if isinstance(assess(*pair), Allow))
    started = time.perf_counter()
    for _ in range(100_000):
        assess(hot_question, hot_facts)
    hot = 100_000 / (time.perf_counter() - started)
    return {
        "grants": made,
        "users": world.users,
        "groups": world.groups,
        "checks_per_second": round(median(rates)),
        "checks_per_second_best": round(max(rates)),
        "hot_checks_per_second": round(hot),
        "bytes_per_grant": round(memory / made, 1),
        "build_seconds": round(compiled, 2),
        **{f"share_{name}": round(count / sum(outcomes.values()), 3) for name, count in outcomes.items()},
    }


def world_pattern(chance: random.Random, own: tuple[GrantTable, ...], world: World) -> ResourcePattern:
    """For two questions of three a pattern of the user's own grants or groups, else any."""
    if chance.random() < 1 / 3:
        return world.pattern()
    return chance.choice(list(chance.choice(own).patterns()))


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--grants", type=int, default=1_000_000)
    parser.add_argument("--seconds", type=float, default=5.0)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = run(arguments.grants, arguments.seconds)
    if arguments.json:
        print(json.dumps(result))
        return 0
    for name, value in result.items():
        print(f"{name.replace('_', ' '):28}{value:>14,}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
