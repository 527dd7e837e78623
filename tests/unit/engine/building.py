"""Short ways to write down a policy, a question and an elevation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from stairgate.engine.decide import decide
from stairgate.engine.facts import Facts
from stairgate.engine.grants import GrantTable, compile_grants
from stairgate.engine.resources import compile_resources
from stairgate.engine.roles import compile_roles
from stairgate.model.access import Grant, Permission, ResourceAbility, ResourceConfiguration, ResourceMark, Role
from stairgate.model.actions import parse_action
from stairgate.model.canonical import JsonValue, canonical_json
from stairgate.model.decisions import Allow, Decision, Question, StepUpRequired
from stairgate.model.elevations import Area, Elevation
from stairgate.model.ids import ChallengeId, ElevationId, RecordId, RoleId, UserId
from stairgate.model.protection import Level, Mark, Method, Requirement
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.model.tokens import TokenKey

NOW = datetime(2030, 1, 1, 12, tzinfo=UTC)
USER = UserId("ann")
TOKEN = TokenKey("https://issuer.example", "one")
OTHER_TOKEN = TokenKey("https://issuer.example", "two")
STRONG = Requirement()


def role(name: str, *actions: str, marks: Mapping[str, Requirement] | None = None, rights: str = "a") -> Role:
    """A role of *actions*; *rights* has a, g and d for allow, grant and delegate; *marks* by action."""
    return Role(
        RoleId(name),
        name,
        tuple(
            Permission(parse_action(action), "a" in rights, "g" in rights, "d" in rights, (marks or {}).get(action))
            for action in actions
        ),
    )


def grant(
    roles: str,
    *resources: str,
    record: str = "rec_1",
    statement: int = 0,
    step_up: Requirement | None = None,
    when: str | None = None,
) -> Grant:
    """A statement that gives *roles* (names with blanks between) on *resources*."""
    names = tuple(RoleId(name) for name in roles.split())
    return Grant(RecordId(record), statement, tuple(parse_pattern(each) for each in resources), names, step_up, when)


def guard(resource: str, requirement: Requirement = STRONG, *actions: str) -> ResourceConfiguration:
    """A resource configuration with one mark."""
    on = tuple(parse_action(action) for action in actions or ("*",))
    return ResourceConfiguration(parse_pattern(resource), marks=(ResourceMark(on, requirement),))


def public(resource: str) -> ResourceConfiguration:
    return ResourceConfiguration(parse_pattern(resource), frozenset({ResourceAbility.PUBLIC}))


def table(*grants: Grant) -> GrantTable:
    return compile_grants(grants)


def facts(
    *grants: Grant,
    roles: Iterable[Role] = (),
    resources: Iterable[ResourceConfiguration] = (),
    groups: Iterable[Iterable[Grant]] = (),
) -> Facts:
    """The facts about a user with *grants* of their own and those of *groups*."""
    tables = (compile_grants(grants), *(compile_grants(each) for each in groups))
    return Facts(tables, compile_roles(roles), compile_resources(resources))


def ask(
    resource: str,
    action: str = "read",
    *,
    token: TokenKey | None = TOKEN,
    context: Mapping[str, JsonValue] | None = None,
) -> Question:
    return Question(USER, parse_resource(resource), parse_action(action), token, context)


def mark(resource: str, action: str = "*", requirement: Requirement = STRONG) -> Mark:
    return Mark(requirement, parse_pattern(resource), parse_action(action), f"resource {resource}")


def area(resource: str, action: str = "read", *, exact: bool = False) -> Area:
    return Area(parse_resource(resource), parse_action(action), exact)


def elevation(
    resource: str = "a",
    action: str = "*",
    *,
    name: str = "el_1",
    exact: bool = False,
    uses: int | None = None,
    left: int | None = None,
    age: int = 0,
    lasts: int = 300,
    details: Mapping[str, JsonValue] | None = None,
    level: Level | None = Level.STRONG,
    method: Method = Method.TOTP,
) -> Elevation:
    """A live elevation of the usual token, issued *age* seconds ago for *lasts* seconds."""
    issued = NOW - timedelta(seconds=age)
    return Elevation(
        ElevationId(name),
        USER,
        TOKEN,
        area(resource, action, exact=exact),
        level,
        method,
        proven_at=issued,
        issued_at=issued,
        expires_at=issued + timedelta(seconds=lasts),
        challenge=ChallengeId("ch_1"),
        uses=uses,
        uses_left=uses if left is None else left,
        details={name: canonical_json(value) for name, value in (details or {}).items()},
    )


def issued_for(refusal: StepUpRequired, question: Question) -> Elevation:
    """What a step-up as *refusal* asks for yields at once, at the weakest that it takes."""
    assert question.token is not None
    method = min(refusal.requirement.methods or {Method.TOTP})
    return replace(
        elevation(uses=refusal.requirement.uses, lasts=refusal.requirement.lifetime),
        token=question.token,
        area=refusal.area,
        level=refusal.requirement.level,
        method=method,
        details=refusal.details,
        approvals=refusal.requirement.approvals,
    )


def outcome(decision: Decision) -> str:
    """The outcome in one word; for a refusal, its reason."""
    if isinstance(decision, Allow):
        return "allow"
    return decision.reason.value if isinstance(decision, StepUpRequired) else "deny"


def decided(question: Question, known: Facts, *elevations: Elevation) -> str:
    return outcome(decide(question, known, elevations, NOW))


def refused(question: Question, known: Facts, *elevations: Elevation) -> StepUpRequired:
    decision = decide(question, known, elevations, NOW)
    assert isinstance(decision, StepUpRequired)
    return decision


def allowed(question: Question, known: Facts, *elevations: Elevation) -> Allow:
    decision = decide(question, known, elevations, NOW)
    assert isinstance(decision, Allow)
    return decision
