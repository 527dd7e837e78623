"""The account that the HTTP benchmark asks about, loaded straight into the store, and its questions."""

from __future__ import annotations

import base64
import random
import time
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from urllib.parse import quote

from stairgate.bootstrap import open_services, prepare
from stairgate.model.access import AccessRecord, Permission, Role, Statement
from stairgate.model.actions import parse_action
from stairgate.model.ids import RecordId, RoleId, UserId
from stairgate.model.protection import Level, Requirement
from stairgate.model.resources import parse_pattern
from stairgate.ports.store import WriteTransaction
from stairgate.service.context import Services
from stairgate.service.factors import enrol_totp
from stairgate.service.test_identity import issue_test_token
from stairgate.settings import Settings

GRANTS_A_USER = 8
ASKERS = 1_000  # users whose tokens and grants are warm
STEPPERS = 200  # users with an authenticator, one step-up each
BATCH = 2_000  # users a transaction
READ, PAY = "documents:read", "payments:create"


@dataclass
class World:
    """What the load generator needs to know of the account."""

    grants: int
    tokens: list[str] = field(default_factory=list)  # of user 0, 1, 2, …
    secrets: list[str] = field(default_factory=list)  # totp, likewise; fewer
    loaded_seconds: float = 0.0

    def user(self, number: int) -> str:
        return f"user|{number}"

    def check_path(self, number: int, resource: str, action: str) -> str:
        user, where, what = (quote(text, safe="") for text in (self.user(number), resource, action))
        return f"/v1/users/{user}/resources/{where}/permissions/{what}"


def vault(number: int) -> str:
    """Where user *number* may pay, if stepped up."""
    return f"vaults/{number}"


def documents(number: int, chance: random.Random) -> list[str]:
    """The patterns that user *number* may read at, as in bench/engine.py: nodes, all below one, a middle wildcard."""
    org = number // 20
    patterns = [f"orgs/{org}/docs/{chance.randrange(100)}" for _ in range(GRANTS_A_USER - 3)]
    wild = f"orgs/*/docs/{number % 100}" if number % 50 == 0 else f"orgs/{org}/docs/{number % 100}/parts/7"
    return [*dict.fromkeys(patterns), f"orgs/{org}/shared/*", wild]


async def load(settings: Settings, grants: int) -> World:
    """Make the account: *grants* grants, tokens for the users that ask, authenticators for those who step up."""
    await prepare(settings)
    users = max(ASKERS, grants // GRANTS_A_USER)
    world = World(grants=users * GRANTS_A_USER)
    began = time.perf_counter()
    async with open_services(settings) as services:
        await services.store.write(_roles)
        for first in range(0, users, BATCH):
            await services.store.write(partial(_records, first=first, users=users))
        world.tokens = [issue_test_token(services, UserId(world.user(each)), ttl=86_400) for each in range(ASKERS)]
        world.secrets = [await _secret(services, world.user(each)) for each in range(STEPPERS)]
    world.loaded_seconds = time.perf_counter() - began
    return world


def _roles(transaction: WriteTransaction) -> None:
    for name, action in (("ro_reader", READ), ("ro_payer", PAY)):
        permission = Permission(parse_action(action), allow=True, grant=False, delegate=False)
        transaction.put_role(Role(RoleId(name), name, (permission,)))


def _records(transaction: WriteTransaction, *, first: int, users: int) -> None:
    chance = random.Random(first)
    protected = Requirement(level=Level.STRONG, lifetime=3_600)
    for number in range(first, min(first + BATCH, users)):
        readable = tuple(parse_pattern(text) for text in documents(number, chance))
        reads = Statement((RoleId("ro_reader"),), readable)
        pays = Statement((RoleId("ro_payer"),), (parse_pattern(vault(number)),), step_up=protected)
        user = (UserId(f"user|{number}"),)
        transaction.put_record(AccessRecord(RecordId(f"rec_{number}"), f"user {number}", (reads, pays), users=user))


async def _secret(services: Services, user: str) -> str:
    _, secret = await enrol_totp(services, UserId(user), "bench")
    return base64.b32encode(secret).decode()


def settings_for(folder: Path, port: int) -> Settings:
    url = f"http://127.0.0.1:{port}"
    return Settings(database_url=f"sqlite:///{folder / 'bench.db'}", public_urls=(url,), port=port, dev=True)
