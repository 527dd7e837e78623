"""
Who may call what: every route of the API, called by every kind of caller, in a fresh account each.

`python -m tests.golden.guard_matrix` writes `guard_matrix.txt` anew. Read its diff line by line before it is committed:
it says who may do what, as authress-contract §1.3, §2.7 and semantics §7.1 have it.
"""

from __future__ import annotations

import asyncio
import json
import re
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.api.door import Answered, Door, Fields, encoded
from tests.unit.service_stepup.world import World, new_world

from stairgate.api.app import Application
from stairgate.api.call import Route
from stairgate.api.routes import ROUTES
from stairgate.factors.totp import code_at, step_at
from stairgate.model.access import (
    OWNER,
    AccessRecord,
    Group,
    Permission,
    ResourceAbility,
    ResourceConfiguration,
    ResourceMark,
    Role,
    Statement,
)
from stairgate.model.actions import ANY_ACTION, READ, parse_action
from stairgate.model.canonical import base64url
from stairgate.model.enrolment import Enrolment
from stairgate.model.ids import ClientId, EnrolmentId, GroupId, RecordId, RoleId, UserId
from stairgate.model.invites import ConflictResolution, Invite, invite_digest
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.resources import parse_pattern
from stairgate.ports.store import WriteTransaction
from stairgate.service.authentication import authenticate
from stairgate.service.enrolment import enrolment_purpose

GOLDEN = Path(__file__).with_name("guard_matrix.txt")
COMMAND = "python -m tests.golden.guard_matrix"

# What each kind of caller is; the order of the file. A service client's name begins with `client`.
CALLERS = {
    "nobody": "no credentials at all",
    "bad token": "a bearer token that is none",
    "stranger": "a user without any right",
    "named user": "`ann`, whom the addresses name: reads `docs/1`, and what is marked after a step-up",
    "other user": "a user who reads `docs/2`",
    "record admin": "a user who is admin of the record `rec_1`",
    "group admin": "a user who is admin of the group `grp_1`",
    "reader": "a user with READ (allow) on `Authress:*` and `docs`",
    "updater": "a user with UPDATE (allow) on `Authress:*` and `docs`",
    "granter": "a user who may only hand on: `*` (grant) on `*`",
    "delegator": "a user who may only hand on the handing on: `*` (delegate) on `*`",
    "owner": "a user with `Authress:Owner` on `*`",
    "client without rights": "a service client without any right",
    "client that checks": "a service client with `grantUserPermissionsAccess`",
    "client for step-ups": "the same, with StepUp:Challenge and StepUp:Attest, and StepUp:Enrol on `ann`",
    "client as owner": "a service client with `Authress:Owner` on `*`",
}

_CLIENTS = tuple(caller for caller in CALLERS if caller.startswith("client"))
_USERS = tuple(caller for caller in CALLERS if caller not in {"nobody", "bad token", *_CLIENTS})
# What a line says in place of many; the first that fits.
SUMS = {"EVERYONE": tuple(CALLERS), "EVERY USER": _USERS, "EVERY CLIENT": _CLIENTS}

GUARDED = ("vault", "safe", "till")  # the step-up of the first is finished, of the second open, of the third refused

PARAMETERS = {
    "userId": "ann",
    "resourceUri": "docs/1",
    "permission": "READ",
    "recordId": "rec_1",
    "roleId": "ro_1",
    "groupId": "grp_1",
    "clientId": "sc_thing",
    "inviteId": "inv_1",
}

_STATEMENT = {"roles": ["ro_1"], "resources": [{"resourceUri": "docs/1"}]}
_RECORD = {"name": "r", "users": [{"userId": "cyd"}], "statements": [_STATEMENT]}
_ROLE = {"name": "r", "permissions": [{"action": "READ", "allow": True, "grant": False, "delegate": False}]}
_GROUP: dict[str, Any] = {"name": "g", "users": []}

_ACCESS = {"users": [{"userId": "ann"}], "statements": [_STATEMENT]}

# A valid body for each route that takes one. `{name}` in a text stands for what the account has of that name.
BODIES: dict[tuple[str, str], object] = {
    ("POST", "/api/authentication/oauth/tokens"): {
        "grant_type": "client_credentials",
        "client_id": "sc_thing",
        "client_secret": "{clientSecret}",
    },
    ("POST", "/v1/explanations"): {"userId": "ann", "resourceUri": "docs/1", "permission": "READ"},
    ("POST", "/v1/challenges"): {"stepUpChallengeToken": "{challengeToken}"},
    ("POST", "/v1/challenges/{challengeId}/code"): {"method": "external"},
    ("POST", "/v1/challenges/{challengeId}/answer"): {"method": "totp", "code": "{code}"},
    ("POST", "/v1/users/{userId}/factors"): {"method": "totp"},
    ("POST", "/v1/users/{userId}/factors/{factorId}/confirm"): {"code": "{newCode}"},
    ("PATCH", "/v1/users/{userId}/factors/{factorId}"): {"name": "phone"},
    ("PUT", "/v1/users/{userId}/caution"): {"always": True},
    ("POST", "/v1/step-up"): {"stepUpChallengeToken": "{satisfiedToken}"},
    ("POST", "/v1/records"): {**_RECORD, "recordId": "rec_2"},
    ("PUT", "/v1/records/{recordId}"): {**_RECORD, "users": [{"userId": "ann"}]},
    ("POST", "/v1/roles"): {**_ROLE, "roleId": "ro_2"},
    ("PUT", "/v1/roles/{roleId}"): _ROLE,
    ("POST", "/v1/groups"): {**_GROUP, "groupId": "grp_2"},
    ("PUT", "/v1/groups/{groupId}"): _GROUP,
    ("PUT", "/v1/resources/{resourceUri}"): {},
    ("POST", "/v1/claims"): {"collectionResource": "open", "resourceId": "1"},
    ("POST", "/v1/invites"): {"statements": [_STATEMENT]},
    ("POST", "/v1/requests"): {"access": _ACCESS},
    ("PUT", "/v1/requests/{requestId}"): {"access": _ACCESS, "tags": {"a": "b"}},
    ("PATCH", "/v1/requests/{requestId}"): {"status": "APPROVED"},
    ("POST", "/v1/requests/{requestId}/votes"): {"vote": "approve"},
    ("POST", "/v1/clients"): {"name": "c"},
    ("PUT", "/v1/clients/{clientId}"): {"name": "c"},
    ("POST", "/v1/identities"): {"issuer": "https://id.example", "userIdExpression": "x|{{sub}}"},
}


# Header fields that a route cannot do without.
HEADERS: dict[tuple[str, str], Fields] = {
    ("PUT", "/v1/requests/{requestId}"): [(b"if-match", b'"1"')],
    ("POST", "/v1/requests/{requestId}/votes"): [(b"if-match", b'"1"')],
}


@dataclass(frozen=True, slots=True)
class Answer:
    """What one caller was told."""

    status: int
    code: str

    def __str__(self) -> str:
        return f"{self.status} {self.code}".rstrip()


@dataclass
class Account:
    """A populated account with a bearer token for each caller, and what the placeholders stand for."""

    door: Door
    bearers: Mapping[str, str | None]
    names: dict[str, str] = field(default_factory=dict)

    async def ask(self, caller: str, route: Route) -> Answer:
        """What *caller* is told by *route*."""
        known = {**PARAMETERS, **self.names}
        path = re.sub(r"\{(\w+)\}", lambda name: encoded(known.get(name[1], "1")), route.path)
        body = _filled(BODIES.get((route.method, route.path)), self.names)
        if body is None and route.request is not None and not route.optional_body:
            body = {}
        headers = HEADERS.get((route.method, route.path), ())
        return _answer(await self.door.call(route.method, path, body, bearer=self.bearers[caller], headers=headers))


def _answer(answered: Answered) -> Answer:
    try:
        document = json.loads(answered.body) if answered.status >= 400 else {}
    except ValueError:
        document = {}
    code = document.get("errorCode") or document.get("error", "") if isinstance(document, dict) else ""
    return Answer(answered.status, str(code))


def _filled(value: object, names: Mapping[str, str]) -> object:
    match value:
        case str():
            return value.format(**names)
        case dict():
            return {name: _filled(member, names) for name, member in value.items()}
        case list():
            return [_filled(member, names) for member in value]
        case _:
            return value


@asynccontextmanager
async def account(folder: Path) -> AsyncIterator[Account]:
    """A fresh account in memory, as the captions of the callers have it."""
    async with new_world("memory", folder) as world:
        yield await _populated(world)


async def _populated(world: World) -> Account:
    await world.services.store.write(_put_things)
    await world.client("thing", any_user=False)
    await world.client("nothing", any_user=False)
    await world.client("checks")
    await world.client("steps")
    await world.grant("sc_steps", "Authress:StepUp/*", "StepUp:Challenge", "StepUp:Attest")
    await world.grant("sc_steps", "Authress:Users/ann", "StepUp:Enrol")
    await world.client("owner", any_user=False)
    await world.services.store.write(lambda tx: tx.put_record(_giving("sc_owner", OWNER.id, "*")))
    await world.enrol("ann")
    ann = world.token("ann")
    users = {"stranger": "eve", "other user": "bob", "record admin": "rae", "group admin": "gus", **_HOLDERS}
    clients = {
        "client without rights": "sc_nothing",
        "client that checks": "sc_checks",
        "client for step-ups": "sc_steps",
        "client as owner": "sc_owner",
    }
    bearers: dict[str, str | None] = {"nobody": None, "bad token": "x.y.z", "named user": ann}
    bearers |= {caller: world.token(user) for caller, user in users.items()}
    bearers |= {caller: world.assertion(ClientId(client)) for caller, client in clients.items()}
    key = world.access_keys[ClientId("sc_thing")]
    names = {"clientSecret": key.split(".")[3], "keyId": key.split(".")[1], "accountId": world.services.account}
    names |= await _stepped_up(world, ann)
    door = Door(world, Application(world.services))
    asked = await door.call("POST", "/v1/requests", {"access": _ACCESS}, bearer=ann)
    return Account(door, bearers, {**names, "requestId": asked.json["requestId"]})


_HOLDERS = {"reader": "ray", "updater": "una", "granter": "gil", "delegator": "del", "owner": "olga"}


def _put_things(transaction: WriteTransaction) -> None:
    for name, action, rights in (
        ("ro_1", READ, "a"),
        ("ro_update", parse_action("UPDATE"), "a"),
        ("ro_grant", ANY_ACTION, "g"),
        ("ro_delegate", ANY_ACTION, "d"),
    ):
        permission = Permission(action, "a" in rights, "g" in rights, "d" in rights)
        transaction.put_role(Role(RoleId(name), name, (permission,)))
    on = ("Authress:*", "docs")
    for who, role, resources in (
        ("bob", "ro_1", ("docs/2",)),
        ("ray", "ro_1", on),
        ("una", "ro_update", on),
        ("gil", "ro_grant", ("*",)),
        ("del", "ro_delegate", ("*",)),
        ("olga", OWNER.id, ("*",)),
    ):
        transaction.put_record(_giving(who, role, *resources))
    ann = replace(_giving("ann", "ro_1", "docs/1", *GUARDED), id=RecordId("rec_1"), admins=(UserId("rae"),))
    transaction.put_record(ann)
    transaction.put_group(Group(GroupId("grp_1"), "g", (UserId("ann"),), (UserId("gus"),)))
    transaction.put_resource(ResourceConfiguration(parse_pattern("docs/1")))
    transaction.put_resource(ResourceConfiguration(parse_pattern("open"), frozenset({ResourceAbility.CLAIM})))
    transaction.put_invite(_invite())
    guarded = ResourceMark((ANY_ACTION,), Requirement())
    for place in GUARDED:
        transaction.put_resource(ResourceConfiguration(parse_pattern(place), marks=(guarded,)))


def _giving(who: str, role: str, *resources: str) -> AccessRecord:
    statement = Statement((RoleId(role),), tuple(map(parse_pattern, resources)))
    return AccessRecord(RecordId(f"rec_{who}"), "r", (statement,), users=(UserId(who),))


def _invite() -> Invite:
    """Made by the owner, for whoever accepts it."""
    begins = datetime(2020, 1, 1, tzinfo=UTC)
    given = Statement((RoleId("ro_1"),), (parse_pattern("docs/1"),))
    strategy = ConflictResolution.GENERATE_NEW_RECORD
    ends = begins + timedelta(days=36_500)
    return Invite(invite_digest("inv_1"), (given,), strategy, UserId("olga"), begins, ends)


async def _stepped_up(world: World, token: str) -> dict[str, str]:
    """A finished step-up of the named user, one that is open, and one that is not opened yet."""
    caller = await authenticate(world.services, token)
    finished, opened, fresh = [await world.refused(caller, "ann", "READ", place) for place in GUARDED]
    view = await world.open(caller, finished)
    await world.answer(caller, view, world.code("ann"))
    now = world.clock.now()
    (factor,) = await world.services.store.read(lambda tx: tx.factors_of(UserId("ann")))
    elevations = await world.services.store.read(lambda tx: tx.elevations_of_user(UserId("ann"), now=now))
    return {
        "satisfiedToken": finished,
        "challengeId": (await world.open(caller, opened)).challenge.id,
        "challengeToken": fresh,
        "code": world.code("ann"),
        "elevationId": elevations[0].id,
        "factorId": factor.id,
        "newCode": await _enrolling(world, EnrolmentId(factor.id)),
    }


async def _enrolling(world: World, id_: EnrolmentId) -> str:
    """The named user has begun to enrol a second authenticator app; returns the code that confirms it."""
    seed = bytes(range(20))
    text = json.dumps({"seed": base64url(seed), "link": None}).encode()
    sealed = world.services.keys.seal(text, purpose=enrolment_purpose(id_))
    now = world.clock.now()
    ends = now + timedelta(minutes=15)
    begun = Enrolment(
        id_, UserId("ann"), Method.TOTP, "ann", sealed, "", Level.STRONG, first=False, created_at=now, expires_at=ends
    )
    await world.services.store.write(lambda tx: tx.put_enrolment(begun))
    return code_at(seed, step_at(now))


# --- the file -----------------------------------------------------------------------------------------------------


async def matrix() -> str:
    """The text of the golden file, as the API answers now."""
    blocks = [_HEAD, *(f"# {caller}: {what}" for caller, what in CALLERS.items()), ""]
    with tempfile.TemporaryDirectory() as folder:
        for route in sorted(ROUTES, key=lambda route: (route.path, route.method)):
            blocks += _block(route, await _answers(route, Path(folder)))
    return "\n".join(blocks)


async def _answers(route: Route, folder: Path) -> dict[str, Answer]:
    """What each caller is told, none of them after a change that another made."""
    answers: dict[str, Answer] = {}
    waiting = list(CALLERS)
    while waiting:
        async with account(folder) as fresh:
            while waiting:
                caller = waiting.pop(0)
                answers[caller] = await fresh.ask(caller, route)
                if route.method != "GET" and answers[caller].status not in UNCHANGED:
                    break
    return answers


UNCHANGED = frozenset({400, 401, 403, 404, 501})  # answers after which nothing is other than before

_HEAD = f"""\
# Who may call what. Written by `{COMMAND}`; read its diff line by line, and do not edit it by hand.
#"""


def _block(route: Route, answers: Mapping[str, Answer]) -> Iterator[str]:
    yield f"{route.method} {route.path}"
    told: dict[Answer, list[str]] = {}
    for caller, answer in answers.items():
        told.setdefault(answer, []).append(caller)
    for answer, callers in sorted(told.items(), key=lambda item: (item[0].status, item[0].code)):
        yield f"    {answer!s:33} {', '.join(_summed_up(callers))}"
    yield ""


def _summed_up(callers: Sequence[str]) -> list[str]:
    names = list(callers)
    for name, kinds in SUMS.items():
        if set(kinds) <= set(names):
            names = [name, *(each for each in names if each not in kinds)]
    return names


if __name__ == "__main__":
    GOLDEN.write_text(asyncio.run(matrix()), encoding="utf-8")
