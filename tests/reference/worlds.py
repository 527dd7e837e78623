"""Random small worlds: few names, so that grants, marks, areas and elevations meet all the time."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from random import Random

from tests.reference.conditions import TEXTS
from tests.reference.oracle import World

from stairgate.engine.decide import decide
from stairgate.engine.facts import Facts
from stairgate.engine.grants import compile_grants
from stairgate.engine.resources import compile_resources
from stairgate.engine.roles import compile_roles
from stairgate.model.access import (
    AccessRecord,
    Grant,
    Permission,
    RecordStatus,
    ResourceAbility,
    ResourceConfiguration,
    ResourceMark,
    Role,
    Statement,
)
from stairgate.model.actions import parse_action
from stairgate.model.approvals import NO_QUORUMS, Quorum, Quorums
from stairgate.model.canonical import JsonValue, canonical_json
from stairgate.model.decisions import Decision, Question, StepUpRequired
from stairgate.model.elevations import Area, Elevation
from stairgate.model.ids import ChallengeId, ElevationId, GroupId, RecordId, RoleId, UserId
from stairgate.model.protection import BEST_LEVELS, Device, Enforcement, Level, Method, Requirement, Scope
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.model.tokens import TokenKey

BOUND: list[dict[str, JsonValue]] = [{}, {}, {"amount": 1}, {"amount": 2}, {"amount": 1, "to": "x"}]
NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
USERS = [UserId("ann"), UserId("bob")]
GROUPS = [GroupId("g1"), GroupId("g2")]
TOKENS = [TokenKey("https://issuer.example", "one"), TokenKey("https://issuer.example", "two")]
ROLES = ["ro_1", "ro_2", "ro_3", "Authress:Owner", "ro_gone"]
PATTERNS = [
    "*", "a", "a/*", "a/b", "a/b/*", "a/b/c", "a/*/c", "*/b", "*/*", "a/*/*", "b", "Authress:*",
    "Authress:UserPermissions/ann",
]  # fmt: skip
RESOURCES = [
    "a", "a/b", "a/b/c", "a/c", "a/c/c", "b/b", "a/*", "a/b/*", "*", "b", "ab", "Authress:UserPermissions/ann",
]  # fmt: skip
HELD = ["*", "r", "r:x", "r:x:y", "w", "R:*", "READ", "StepUp:Challenge"]
ASKED = ["r", "r:x", "r:x:y", "R:X", "w", "*", "read", "StepUp:Challenge", "rx"]
CONTEXTS: list[dict[str, JsonValue] | None] = [
    None,
    {},
    {"amount": 1},
    {"amount": 2},
    {"amount": 1.0, "to": "x"},
    {"amount": None},
]


def requirement(random: Random) -> Requirement:
    """A random requirement, leaning to the plain ones."""
    bind = frozenset(random.sample(["amount", "to"], random.choice([0, 0, 0, 1, 2])))
    scope = random.choice([None, None, Scope.EXACT, Scope.AREA])
    others = approvals(random, 0.15)
    level = None if others and random.random() < 0.5 else random.choice([Level.BASIC, Level.STRONG, Level.HARDWARE])
    named = random.choice([None, None, None, frozenset({Method.TOTP}), frozenset({Method.EXTERNAL})])
    return Requirement(
        level=level,
        approvals=others,
        methods=None if level is None else named,
        lifetime=random.choice([60, 300, 900]),
        max_age=random.choice([None, None, 30, 600]),
        uses=random.choice([None, None, None, 1, 2]),
        scope=None if bind else scope,
        bind=bind,
        enforce=random.choice([Enforcement.ON] * 5 + [Enforcement.OBSERVE]),
        device=None if level is None else random.choice([None, None, None, Device.SAME]),
        when=condition(random, 0.1),
    )


def condition(random: Random, chance: float) -> str | None:
    """None, most of the time; else one of those whose meaning is known."""
    return random.choice(TEXTS) if random.random() < chance else None


def approvals(random: Random, chance: float) -> Quorums:
    """Nobody, most of the time; else one or two quorums, of few groups."""
    if random.random() >= chance:
        return NO_QUORUMS
    groups = random.sample([frozenset(GROUPS), frozenset(GROUPS[:1]), frozenset(GROUPS[1:])], random.choice([1, 1, 2]))
    return frozenset(Quorum(random.randint(1, 2), named, self_approval=random.random() < 0.3) for named in groups)


def maybe(random: Random, chance: float) -> Requirement | None:
    return requirement(random) if random.random() < chance else None


def some(random: Random, items: Sequence[str], most: int) -> list[str]:
    return random.sample(items, random.randint(1, most))


def permission(random: Random) -> Permission:
    allow = random.random() < 0.85
    return Permission(parse_action(random.choice(HELD)), allow, not allow, delegate=False, step_up=maybe(random, 0.25))


def record(random: Random, number: int) -> AccessRecord:
    on_record = random.random() < 0.5
    users = [UserId(user) for user in some(random, USERS, 2)] if random.random() < 0.7 else []
    groups = [GroupId(group) for group in some(random, GROUPS, 2)] if random.random() < 0.5 else []
    statements = tuple(
        Statement(
            tuple(RoleId(role) for role in some(random, ROLES, 2)),
            tuple(parse_pattern(pattern) for pattern in some(random, PATTERNS, 2)),
            users=() if on_record else tuple(users),
            groups=() if on_record else tuple(groups),
            step_up=maybe(random, 0.4),
            when=condition(random, 0.1),
        )
        for _ in range(random.randint(1, 2))
    )
    return AccessRecord(
        RecordId(f"rec_{number}"),
        "record",
        statements,
        users=tuple(users) if on_record else (),
        groups=tuple(groups) if on_record else (),
        status=random.choice([RecordStatus.ACTIVE] * 6 + [RecordStatus.DELETED]),
    )


def configuration(random: Random, pattern: str) -> ResourceConfiguration:
    marks = tuple(
        ResourceMark(tuple(parse_action(action) for action in some(random, HELD, 2)), requirement(random))
        for _ in range(random.choice([0, 1, 1, 2]))
    )
    abilities = frozenset({ResourceAbility.PUBLIC}) if random.random() < 0.2 else frozenset[ResourceAbility]()
    return ResourceConfiguration(parse_pattern(pattern), abilities, marks)


def world(random: Random) -> World:
    """A random world."""
    return World(
        records=[record(random, number) for number in range(random.randint(0, 3))],
        roles=[
            Role(RoleId(name), name, tuple(permission(random) for _ in range(random.randint(1, 3))))
            for name in ROLES[: random.randint(1, 3)]
        ],
        configurations=[configuration(random, p) for p in random.sample(PATTERNS, random.choice([0, 0, 1, 2]))],
        groups_of={user: random.sample(GROUPS, random.randint(0, 2)) for user in USERS},
    )


def question(random: Random) -> Question:
    """A random question."""
    return Question(
        random.choice(USERS),
        parse_resource(random.choice(RESOURCES)),
        parse_action(random.choice(ASKED)),
        random.choice([*TOKENS, *TOKENS, None]),
        random.choice(CONTEXTS),
    )


def elevation(random: Random, number: int, about: Question) -> Elevation:
    """A random elevation, most of the time near *about*."""
    near = random.random() < 0.8
    exact = random.random() < 0.5
    resource = about.resource if near else parse_resource(random.choice(RESOURCES))
    action = about.action if near else parse_action(random.choice(ASKED))
    agreed = approvals(random, 0.4)
    method = random.choice([Method.TOTP, Method.TOTP, Method.EXTERNAL, *([Method.APPROVAL] if agreed else [])])
    uses = random.choice([None, None, 1, 2])
    issued = NOW - timedelta(seconds=random.choice([0, 10, 100, 500]))
    bound = random.choice(BOUND)
    return Elevation(
        id=ElevationId(f"ele_{number}"),
        user=about.user if near else random.choice(USERS),
        token=about.token or random.choice(TOKENS),
        area=Area(resource, action, exact=exact),
        level=BEST_LEVELS.get(method),
        method=method,
        approvals=agreed,
        proven_at=issued - timedelta(seconds=random.choice([0, 0, 40])),
        issued_at=issued,
        expires_at=issued + timedelta(seconds=random.choice([60, 300, 900])),
        challenge=ChallengeId(f"cha_{number}"),
        uses=uses,
        uses_left=None if uses is None else random.randint(0, uses),
        details={name: canonical_json(value) for name, value in bound.items()},
        ended_at=random.choice([None] * 6 + [NOW]),
        same_device=random.random() < 0.6,
    )


def elevations(random: Random, about: Question) -> list[Elevation]:
    """Random elevations, ascending by id."""
    return [elevation(random, number, about) for number in range(random.choice([0, 1, 1, 2, 3]))]


def facts(world: World, user: str) -> Facts:
    """What the service would hand the engine for *user*."""
    groups = list(world.groups_of.get(user, ()))
    tables = [compile_grants(grants_of(world, user=user))]
    tables += [compile_grants(grants_of(world, group=group)) for group in groups]
    return Facts(tuple(tables), compile_roles(world.roles), compile_resources(world.configurations))


def grants_of(world: World, *, user: str | None = None, group: str | None = None) -> list[Grant]:
    """The grants that name one principal, as a store gives them."""
    return [
        Grant(record.id, number, statement.resources, statement.roles, statement.step_up, statement.when)
        for record in world.records
        if record.status is RecordStatus.ACTIVE
        for number, statement in enumerate(record.statements)
        if user in {*record.users, *statement.users} or group in {*record.groups, *statement.groups}
    ]


def engine(world: World, question: Question, elevations: Sequence[Elevation], now: datetime = NOW) -> Decision:
    """The decision of the engine, given those elevations that a store would give: the token's and the user's."""
    own = [e for e in elevations if e.token == question.token and e.user == question.user]
    return decide(question, facts(world, question.user), own, now)


def issued_for(refusal: StepUpRequired, question: Question, now: datetime, *, method: Method, number: int) -> Elevation:
    """The elevation that a step-up for *refusal* gives, as semantics §5 and §8 describe it."""
    asked = refusal.requirement
    assert question.token is not None
    return Elevation(
        id=ElevationId(f"new_{number}"),
        user=question.user,
        token=question.token,
        area=refusal.area,
        level=BEST_LEVELS.get(method),
        method=method,
        approvals=asked.approvals,
        proven_at=now,
        issued_at=now,
        expires_at=now + timedelta(seconds=asked.lifetime),
        challenge=ChallengeId(f"new_{number}"),
        uses=asked.uses,
        uses_left=asked.uses,
        details=refusal.details,
        same_device=asked.device is not None,
    )
