"""
The reference: a slow, obvious reading of semantics §2-§5, written from that document alone.

Nothing here is compiled, cached or clever. Where the engine and this disagree, one of them is wrong.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from itertools import product

from tests.reference.conditions import says

from stairgate.model.access import AccessRecord, RecordStatus, ResourceAbility, ResourceConfiguration, Role, Statement
from stairgate.model.actions import ANY_ACTION, READ, Action
from stairgate.model.approvals import MAX_QUORUMS, Quorum
from stairgate.model.canonical import canonical_json
from stairgate.model.decisions import Question, Reason
from stairgate.model.documents import area_document, requirement_document
from stairgate.model.elevations import Area, Elevation
from stairgate.model.evidence import TokenEvidence
from stairgate.model.ids import GroupId, RoleId
from stairgate.model.protection import (
    AVAILABLE_METHODS,
    BEST_LEVELS,
    Device,
    Enforcement,
    Level,
    Mark,
    Method,
    Requirement,
    Scope,
)
from stairgate.model.resources import Resource, ResourcePattern

OWNER = RoleId("Authress:Owner")


@dataclass(frozen=True)
class World:
    """Everything that a decision may depend on, as the operator wrote it."""

    records: Sequence[AccessRecord] = ()
    roles: Sequence[Role] = ()
    configurations: Sequence[ResourceConfiguration] = ()
    groups_of: Mapping[str, Sequence[GroupId]] = field(default_factory=dict)


@dataclass(frozen=True)
class Verdict:
    """What the oracle says: `allow`, `deny` or `step_up` with the rest."""

    outcome: str
    reason: Reason | None = None
    requirement: Requirement | None = None
    area: Area | None = None
    elevation: str | None = None
    details: Mapping[str, str] = field(default_factory=dict)


def segment_fits(pattern: str, segment: str) -> bool:
    """§2.2: `*` is exactly one segment; `scope:*` is one segment of that scope."""
    in_scope = pattern.endswith(":*") and segment.startswith(pattern[:-1]) and segment != pattern[:-1]
    return pattern in {"*", segment} or in_scope


def covers(pattern: ResourcePattern, resource: Resource) -> bool:
    """§2.2, §2.3: the pattern covers the node, or for `x/*` all children of `x`."""
    depth = len(resource.segments) + (1 if resource.children else 0)  # the shallowest node that is asked about
    if len(pattern.segments) + (1 if pattern.below else 0) > depth:
        return False
    if len(pattern.segments) > len(resource.segments):
        return False
    return all(segment_fits(p, s) for p, s in zip(pattern.segments, resource.segments, strict=False))


def touches(pattern: ResourcePattern, resource: Resource) -> bool:
    """§5: its URI covers the resource or, for a checked `x/*`, something below `x`."""
    if covers(pattern, resource):
        return True
    if not resource.children:
        return False
    return all(segment_fits(p, s) for p, s in zip(pattern.segments, resource.segments, strict=False))


def held(holder: Action, asked: Action) -> bool:
    """§2.4: `a` covers `a`, `a:b`; `*` covers all."""
    return holder.key in {"*", asked.key} or asked.key.startswith(holder.key + ":")


def applies(mark: Mark, question: Question) -> bool:
    """§5, A mark applies; §4: an error in its `when` is as good as true."""
    if mark.requirement.when is not None and says(mark.requirement.when, question) is False:
        return False
    if mark.requirement.enforce is not Enforcement.ON:
        return False
    one_covers = held(mark.action, question.action) or held(question.action, mark.action)
    return touches(mark.resource, question.resource) and one_covers


def statements_of(world: World, user: str) -> Iterator[Statement]:
    """§3: the statements of ACTIVE records that name the user or a group of the user."""
    groups = set(world.groups_of.get(user, ()))
    for record in world.records:
        if record.status is RecordStatus.ACTIVE:
            for statement in record.statements:
                if user in {*record.users, *statement.users} or groups & {*record.groups, *statement.groups}:
                    yield statement


def grants(world: World, question: Question) -> Iterator[list[Mark]]:
    """The marks of every grant that gives the access to the user; one item a grant."""
    roles = {role.id: role.permissions for role in world.roles}
    for statement in statements_of(world, question.user):
        if statement.when is not None and says(statement.when, question) is not True:
            continue  # §3: the grant counts only where it is true
        for pattern, role in product(statement.resources, statement.roles):
            permissions = roles.get(role, ())
            given = [p.action for p in permissions if p.allow and held(p.action, question.action)]
            for action in [ANY_ACTION] if role == OWNER else given:
                marks = [Mark(p.step_up, pattern, p.action, role) for p in permissions if p.step_up is not None]
                if statement.step_up is not None:
                    marks.append(Mark(statement.step_up, pattern, action, "statement"))
                if covers(pattern, question.resource):
                    yield [m for m in marks + resource_marks(world, question) if applies(m, question)]
    for configuration in world.configurations:
        public = ResourceAbility.PUBLIC in configuration.abilities
        if public and covers(configuration.resource, question.resource) and held(READ, question.action):
            yield [m for m in resource_marks(world, question) if applies(m, question)]


def resource_marks(world: World, question: Question) -> list[Mark]:
    """§4, third place, with its two exceptions."""
    first = question.resource.segments[:1]
    if first == ("Authress:UserPermissions",) and held(READ, question.action):
        return []
    if question.action.key.startswith("stepup:"):
        return []
    return [
        Mark(mark.requirement, configuration.resource, action, f"resource {configuration.resource}")
        for configuration in world.configurations
        for mark in configuration.marks
        for action in mark.actions
    ]


def merged(marks: Sequence[Mark]) -> Requirement:
    """§5, Merging."""
    asked = [mark.requirement for mark in marks]
    methods: set[Method] | None = None
    for requirement in asked:
        if requirement.methods is not None:
            methods = set(requirement.methods) if methods is None else methods & requirement.methods
    level = max((r.level for r in asked), key=strength)
    return Requirement(
        level=level,
        approvals=all_approvals(asked),
        methods=None if methods is None else (frozenset(methods) or frozenset({Method.APPROVAL})),  # none in common
        lifetime=min(r.lifetime for r in asked),
        max_age=min(r.proof_age for r in asked),
        uses=min((r.uses for r in asked if r.uses is not None), default=None),
        scope=Scope.EXACT if any(r.exact for r in asked) else Scope.AREA,
        bind=frozenset().union(*(r.bind for r in asked)),
        device=Device.SAME if any(r.device is Device.SAME for r in asked) else None,
    )


def strength(level: Level | None) -> int:
    """§4, level: null asks for no factor, so it is the lowest."""
    return 0 if level is None else int(level)


def all_approvals(asked: Sequence[Requirement]) -> frozenset[Quorum]:
    """§5, Merging: all approvals; where two ask the same groups, one that is as strict as both."""
    quorums = [quorum for requirement in asked for quorum in requirement.approvals]
    return frozenset(
        Quorum(
            max(q.count for q in quorums if q.groups == groups),
            groups,
            all(q.self_approval for q in quorums if q.groups == groups),
        )
        for groups in {q.groups for q in quorums}
    )


def few_enough(marks: Sequence[Mark]) -> bool:
    """§4, approvals: a requirement has at most ten quorums, so more can be in no challenge."""
    return len(all_approvals([mark.requirement for mark in marks])) <= MAX_QUORUMS


def approved(elevation: Elevation, requirement: Requirement) -> bool:
    """§5: its approvals cover the mark's: as many people of the same groups, the requester only where allowed."""
    return all(
        any(
            had.groups == wanted.groups
            and had.count >= wanted.count
            and (wanted.self_approval or not had.self_approval)
            for had in elevation.approvals
        )
        for wanted in requirement.approvals
    )


def can_be_met(requirement: Requirement, best_levels: Mapping[Method, Level]) -> bool:
    """§5: levels and methods only."""
    if requirement.level is None:
        return True
    methods = AVAILABLE_METHODS if requirement.methods is None else requirement.methods & AVAILABLE_METHODS
    return any(
        strength(best_levels[method]) >= strength(requirement.level) for method in methods if method in best_levels
    )


def area_of(marks: Sequence[Mark], question: Question) -> Area:
    """§5, The area."""
    if any(mark.requirement.exact for mark in marks):
        return Area(question.resource, question.action, exact=True)
    if any(not covers(m.resource, question.resource) or not held(m.action, question.action) for m in marks):
        return Area(question.resource, question.action)
    nodes = [filled(mark.resource, question.resource) for mark in marks]
    deepest = max(nodes, key=lambda node: len(node.segments) + (1 if node.children else 0))
    # Of two spellings of one action either would do; the first in the alphabet is taken, so that order never matters.
    narrowest = min((m.action for m in marks), key=lambda a: (0 if a.key == "*" else -len(a.key), a.written))
    return Area(deepest, narrowest)


def filled(pattern: ResourcePattern, resource: Resource) -> Resource:
    """§5: wildcards are filled in from the checked resource, a final `/*` with one segment."""
    depth = len(pattern.segments) + (1 if pattern.below else 0)
    return Resource(resource.segments[:depth], children=depth > len(resource.segments))


def meets(elevation: Elevation, mark: Mark, question: Question, now: datetime, *, but: str = "") -> bool:
    """§5, An elevation meets a mark; *but* leaves one clause out, to name the reason of a refusal."""
    r = mark.requirement
    context = question.context or {}
    area = elevation.area
    in_area = (
        (area.resource, area.action.key) == (question.resource, question.action.key)
        if area.exact
        else held(area.action, question.action)
        and covers(ResourcePattern(area.resource.segments, below=area.resource.children), question.resource)
    )
    return (
        elevation.token == question.token
        and elevation.user == question.user
        and elevation.ended_at is None
        and (but == "time" or (now < elevation.expires_at and (elevation.uses_left is None or elevation.uses_left > 0)))
        and in_area
        and (not r.exact or area.exact)
        and (but == "time" or now - elevation.issued_at < timedelta(seconds=r.lifetime))
        and (but == "time" or now - elevation.proven_at <= timedelta(seconds=r.proof_age))
        and strength(elevation.level) >= strength(r.level)
        and approved(elevation, r)
        and (r.methods is None or elevation.method in r.methods)
        and (r.device is None or elevation.same_device)
        and (r.uses is None or (elevation.uses is not None and elevation.uses <= r.uses))
        and r.bind <= set(elevation.details)
        and (
            but == "details"
            or all(n in context and canonical_json(context[n]) == value for n, value in elevation.details.items())
        )
    )


def login_meets(login: TokenEvidence, mark: Mark, now: datetime) -> bool:
    """§5: what the token's own `acr` and `auth_time` prove. They name no method, and a missing time is never young."""
    r, proven = mark.requirement, login.proven_at
    return (
        (r.uses, r.bind, r.methods, r.device) == (None, frozenset(), None, None)
        and not r.approvals
        and strength(login.level) >= strength(r.level)
        and proven is not None
        and timedelta(0) <= now - proven < timedelta(seconds=r.lifetime)
        and now - proven <= timedelta(seconds=r.proof_age)
    )


def cost(marks: Sequence[Mark], question: Question) -> tuple[bool, int, float, int, int, str]:
    """§5, Cheapest."""
    requirement = merged(marks)
    text = canonical_json([requirement_document(requirement), area_document(area_of(marks, question))])
    uses = float("-inf") if requirement.uses is None else -requirement.uses
    asks_others = bool(requirement.approvals)
    return (asks_others, strength(requirement.level), uses, len(requirement.bind), -requirement.lifetime, text)


def judge(
    world: World,
    question: Question,
    elevations: Sequence[Elevation],
    now: datetime,
    login: TokenEvidence | None = None,
    best_levels: Mapping[Method, Level] = BEST_LEVELS,
) -> Verdict:
    """§5, The decision; *best_levels* as the operator raised them for the client that asks."""
    found = list(grants(world, question))
    if not found:
        return Verdict("deny")
    if any(not marks for marks in found):
        return Verdict("allow")
    if question.token is None:
        return Verdict("step_up", Reason.TOKEN_REQUIRED)
    if login is not None and any(all(login_meets(login, m, now) for m in marks) for marks in found):
        return Verdict("allow")
    good = [e for e in elevations if any(all(meets(e, m, question, now) for m in marks) for marks in found)]
    if good:
        first = min(good, key=lambda e: (e.uses is not None, e.expires_at, e.id))
        return Verdict("allow", elevation=first.id)
    possible = [marks for marks in found if few_enough(marks) and can_be_met(merged(marks), best_levels)]
    if not possible:
        return Verdict("step_up", Reason.REQUIREMENT_UNSATISFIABLE)
    cheapest = min(possible, key=lambda marks: cost(marks, question))
    requirement, area = merged(cheapest), area_of(cheapest, question)
    context = question.context or {}
    if not requirement.bind <= set(context):
        return Verdict("step_up", Reason.DETAILS_REQUIRED, requirement, area)
    reason = Reason.ELEVATION_REQUIRED
    for but, name in (("time", Reason.ELEVATION_EXPIRED), ("details", Reason.DETAILS_CHANGED)):
        if any(all(meets(e, m, question, now, but=but) for m in marks) for e in elevations for marks in found):
            reason = name
    details = {name: canonical_json(context[name]) for name in requirement.bind}
    return Verdict("step_up", reason, requirement, area, details=details)
