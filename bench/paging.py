"""
Lists: what a page costs at the start, in the middle and near the end of a list (design §4).

Prints the medians of interleaved pages in ms, and each as a ratio to the first page. `--grants N --rounds N --json`.

The data, N of each: records; users with a record of their own on one shared resource; known resources. One user has a
grant on everything, another has a grant on each known resource by itself, a third is the admin of three records.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from statistics import median

from stairgate.bootstrap import open_services, prepare
from stairgate.model.access import OWNER, AccessRecord, Permission, Role, Statement
from stairgate.model.actions import parse_action
from stairgate.model.ids import ClientId, KeyId, RecordId, RoleId, UserId
from stairgate.model.resources import parse_pattern
from stairgate.model.tokens import Caller, ClientCaller, UserCaller
from stairgate.ports.store import WriteTransaction
from stairgate.service.authentication import authenticate
from stairgate.service.context import Services
from stairgate.service.management import Listed
from stairgate.service.records import RecordFilter, list_records
from stairgate.service.resources import list_users
from stairgate.service.test_identity import issue_test_token
from stairgate.service.user_resources import ResourceSearch, resources_of
from stairgate.service.viewing import ViewCall
from stairgate.settings import Settings

LIMIT = 20
BATCH = 2_000
PER_STATEMENT = 100
SHARED = parse_pattern("shared/doc")
READ = parse_action("documents:read")
OPERATOR = ClientCaller(ClientId("sc_operator"), KeyId("key_1"), may_check_any_user=True)

Page = Callable[[str | None], Awaitable[Listed[object]]]


def fill(transaction: WriteTransaction, *, first: int, end: int, most: int) -> None:
    reader = (RoleId("ro_reader"),)
    for number in range(first, end):
        statement = Statement(reader, (SHARED, parse_pattern(f"docs/{number:07}")))
        admins = (UserId("few"),) if number in {1, most // 2, most - 1} else ()
        users = (UserId(f"user|{number:07}"),)
        transaction.put_record(
            AccessRecord(
                RecordId(f"rec_{number:07}"),
                f"user {number}, shelf {number % 100:02}",
                (statement,),
                users=users,
                admins=admins,
            )
        )
    statements = tuple(
        Statement(reader, tuple(parse_pattern(f"docs/{number:07}") for number in range(start, start + PER_STATEMENT)))
        for start in range(first, end, PER_STATEMENT)
    )
    transaction.put_record(AccessRecord(RecordId(f"z_each_{first:07}"), "each", statements, users=(UserId("each"),)))


def begin(transaction: WriteTransaction) -> None:
    transaction.put_role(
        Role(RoleId("ro_reader"), "reader", (Permission(READ, allow=True, grant=False, delegate=False),))
    )
    for name, role in ((OPERATOR.principal, OWNER.id), (UserId("all"), RoleId("ro_reader"))):
        statement = Statement((role,), (parse_pattern("*"),))
        transaction.put_record(AccessRecord(RecordId(f"z_of_{name}"), name, (statement,), users=(name,)))


async def pages(services: Services, most: int) -> dict[str, tuple[Page, tuple[str | None, str | None, str | None]]]:
    """Each list: a page of it, and where the first, a middle and a late one begin."""

    async def user(name: str) -> Caller:
        caller = await authenticate(services, issue_test_token(services, UserId(name), ttl=86_400))
        assert isinstance(caller, UserCaller)
        return caller

    def records(caller: Caller, text: str | None = None) -> Page:
        having = RecordFilter(text=text)
        return lambda after: list_records(services, caller, limit=LIMIT, after=after, having=having)

    def resources(caller: Caller, *, nested: bool) -> Page:
        search = ResourceSearch(nested=nested, action=READ)
        call = ViewCall(caller.principal)
        return lambda after: resources_of(services, caller, call, search, limit=LIMIT, after=after)

    middle, late = f"{most // 2:07}", f"{most - LIMIT - 2:07}"
    by_record = (None, f"rec_{middle}", f"rec_{late}")
    by_place = (None, f"docs!{middle}", f"docs!{late}")
    everything, each, few = await user("all"), await user("each"), await user("few")
    return {
        "records": (records(OPERATOR), by_record),
        "records, filter in each": (records(OPERATOR, "user"), by_record),
        "records, filter in every 100th": (records(OPERATOR, "shelf 42"), by_record),
        "records, filter in none": (records(OPERATOR, "no such text"), by_record),
        "records, admin of three": (records(few), by_record),
        "users of a resource": (
            lambda after: list_users(services, OPERATOR, SHARED, limit=LIMIT, after=after),
            (None, f"user|{middle}", f"user|{late}"),
        ),
        "resources, grant on *": (resources(everything, nested=True), by_place),
        "resources, grant on each": (resources(each, nested=True), by_place),
    }


async def run(most: int, rounds: int) -> dict[str, dict[str, float]]:
    with tempfile.TemporaryDirectory() as folder:
        settings = Settings(database_url=f"sqlite:///{Path(folder) / 'bench.db'}", dev=True)
        await prepare(settings)
        async with open_services(settings) as services:
            await services.store.write(begin)
            for first in range(0, most, BATCH):
                await services.store.write(partial(fill, first=first, end=min(first + BATCH, most), most=most))
            result = {}
            for name, (page, starts) in (await pages(services, most)).items():
                costs: list[list[float]] = [[], [], []]
                for start in starts:
                    await page(start)  # loads what is cold
                for _ in range(rounds):
                    for place, start in enumerate(starts):
                        begun = time.perf_counter()
                        await page(start)
                        costs[place].append((time.perf_counter() - begun) * 1_000)
                first_page, middle, late = (median(each) for each in costs)
                result[name] = {
                    "first_ms": round(first_page, 3),
                    "middle_ms": round(middle, 3),
                    "late_ms": round(late, 3),
                    "middle_ratio": round(middle / first_page, 2),
                    "late_ratio": round(late / first_page, 2),
                }
            return result


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[1] if __doc__ else None)
    parser.add_argument("--grants", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    result = asyncio.run(run(arguments.grants, arguments.rounds))
    if arguments.json:
        print(json.dumps(result))
        return 0
    print(f"{'a page of 20':32}{'first':>10}{'middle':>10}{'late':>10}{'middle':>10}{'late':>8}")
    for name, costs in result.items():
        times = "".join(f"{costs[each]:>7.2f} ms" for each in ("first_ms", "middle_ms", "late_ms"))
        print(f"{name:32}{times}{costs['middle_ratio']:>8.2f} ×{costs['late_ratio']:>6.2f} ×")
    return 0


if __name__ == "__main__":
    sys.exit(main())
