"""The laws of semantics §5, each a property over random worlds."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from random import Random
from typing import NamedTuple

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.reference import worlds
from tests.reference.conditions import TEXTS
from tests.reference.oracle import World, touches
from tests.reference.worlds import NOW, engine, issued_for

from stairgate.engine.decide import decide
from stairgate.model.access import ResourceMark
from stairgate.model.actions import Action, parse_action
from stairgate.model.approvals import cover
from stairgate.model.canonical import canonical_json
from stairgate.model.decisions import Allow, Decision, Deny, Question, Reason, StepUpRequired
from stairgate.model.elevations import Area, Elevation, EndReason
from stairgate.model.ids import UserId
from stairgate.model.protection import AVAILABLE_METHODS, BEST_LEVELS, Enforcement, Method, Requirement, reaches
from stairgate.model.resources import Resource


class Case(NamedTuple):
    """A world, a question, and the elevations that the store holds."""

    random: Random
    world: World
    question: Question
    elevations: list[Elevation]


def case_from(seed: int) -> Case:
    random = Random(seed)
    world = worlds.world(random)
    question = worlds.question(random)
    return Case(random, world, question, worlds.elevations(random, question))


cases = st.integers(0, 2**64).map(case_from)


def allowed(decision: Decision) -> bool:
    return isinstance(decision, Allow)


def unmarked(world: World) -> World:
    """The same access without any mark."""
    return World(
        records=[
            replace(record, statements=tuple(replace(statement, step_up=None) for statement in record.statements))
            for record in world.records
        ],
        roles=[
            replace(role, permissions=tuple(replace(permission, step_up=None) for permission in role.permissions))
            for role in world.roles
        ],
        configurations=[replace(configuration, marks=()) for configuration in world.configurations],
        groups_of=world.groups_of,
    )


@given(cases)
def test_default_is_deny(case: Case) -> None:
    """Without a record and a public resource nobody may do anything, whatever elevations there are."""
    empty = World(roles=case.world.roles)
    assert isinstance(engine(empty, case.question, case.elevations), Deny)


@given(cases)
def test_order_and_duplicates_never_matter(case: Case) -> None:
    shuffled = World(
        records=[*case.world.records, *case.world.records],
        roles=list(reversed(case.world.roles)),
        configurations=list(reversed(case.world.configurations)),
        groups_of={user: list(reversed(groups)) for user, groups in case.world.groups_of.items()},
    )
    case.random.shuffle(shuffled.records)  # type: ignore[arg-type]  # a list, as made above
    before = engine(case.world, case.question, case.elevations)
    after = engine(shuffled, case.question, list(reversed(case.elevations)))
    assert outcome(before) == outcome(after)


def outcome(decision: Decision) -> object:
    """What a caller sees of *decision*."""
    match decision:
        case Allow(elevation=elevation, counted=counted):
            return ("allow", elevation, counted)
        case StepUpRequired(reason, requirement, area, _, _, details):
            return ("step_up", reason, requirement, area, dict(details))
        case Deny():
            return "deny"


@given(cases)
def test_adding_a_mark_never_allows_more(case: Case) -> None:
    without = unmarked(case.world)
    if not allowed(engine(without, case.question, case.elevations)):
        assert not allowed(engine(case.world, case.question, case.elevations))


@given(cases)
def test_removing_an_elevation_never_allows_more(case: Case) -> None:
    fewer = case.elevations[1:]
    if allowed(engine(case.world, case.question, fewer)):
        assert allowed(engine(case.world, case.question, case.elevations))


@given(cases)
def test_deny_never_depends_on_marks(case: Case) -> None:
    """Deny says nothing about protection: it is the same with all marks, none, and any elevations."""
    with_marks = isinstance(engine(case.world, case.question, case.elevations), Deny)
    assert with_marks == isinstance(engine(unmarked(case.world), case.question, []), Deny)


@given(cases)
def test_an_elevation_of_one_token_never_helps_another(case: Case) -> None:
    """TK-1: what another token, or another user, was elevated for changes nothing, even if the store mixed them up."""
    foreign = [replace(e, token=replace(e.token, digest="other")) for e in case.elevations]
    foreign += [replace(e, user=UserId("mallory")) for e in case.elevations]
    mixed = decide(case.question, worlds.facts(case.world, case.question.user), foreign, NOW)
    assert outcome(mixed) == outcome(engine(case.world, case.question, []))


def stepped_up(case: Case, now: datetime = NOW) -> tuple[StepUpRequired, list[Elevation]] | None:
    """The refusal of the case's question and the elevations that answering it can give, if it can be answered."""
    refusal = engine(case.world, case.question, [], now)
    if not isinstance(refusal, StepUpRequired) or not refusal.challengeable:
        return None
    asked = refusal.requirement
    methods = sorted(
        method
        for method in (AVAILABLE_METHODS if asked.methods is None else asked.methods)
        if method in AVAILABLE_METHODS and reaches(BEST_LEVELS[method], asked.level)
    )
    if asked.level is None:
        methods = [Method.APPROVAL]
    return refusal, [
        issued_for(refusal, case.question, now, method=method, number=number) for number, method in enumerate(methods)
    ]


@given(cases)
def test_progress(case: Case) -> None:
    """An elevation issued for a refusal allows the same check at once."""
    answer = stepped_up(case)
    if answer is None:
        return
    _, elevations = answer
    assert elevations, "what can be met has a method that meets it"
    for elevation in elevations:
        decision = engine(case.world, case.question, [elevation])
        assert isinstance(decision, Allow)
        assert decision.elevation == elevation.id
        assert decision.counted == (elevation.uses is not None)


@given(cases)
def test_an_elevation_helps_only_inside_its_area(case: Case) -> None:
    """Attack 12: an elevation changes what is inside its area, with its bound values, and nothing else."""
    answer = stepped_up(case)
    if answer is None:
        return
    refusal, elevations = answer
    for _ in range(12):
        other = worlds.question(case.random)
        before = engine(case.world, other, [])
        after = engine(case.world, other, elevations)
        if outcome(before) == outcome(after) or not allowed(after):
            continue
        assert other.user == case.question.user
        assert other.token == case.question.token
        assert inside(refusal.area, other.resource, other.action)
        for name, value in refusal.details.items():
            assert other.context is not None
            assert canonical_json(other.context[name]) == value


def inside(area: Area, resource: Resource, action: Action) -> bool:
    if area.exact:
        return (area.resource, area.action.key) == (resource, action.key)
    path, root = f"{resource}/", f"{area.resource}".removesuffix("*").removesuffix("/")
    deep = f"{path}".startswith(f"{root}/") if root else True
    return deep and (area.action.key == "*" or f"{action.key}:".startswith(f"{area.action.key}:"))


@given(cases, st.sampled_from(["expiry", "use-up", "revocation"]))
def test_after_its_end_an_elevation_never_helps_again(case: Case, end: str) -> None:
    answer = stepped_up(case)
    if answer is None:
        return
    _, elevations = answer
    now = NOW
    if end == "expiry":
        now = max(elevation.expires_at for elevation in elevations)
    elif end == "use-up":
        elevations = [replace(elevation, uses=1, uses_left=0) for elevation in elevations]
    else:
        elevations = [replace(e, ended_at=NOW, end_reason=EndReason.REVOKED) for e in elevations]
    decision = engine(case.world, case.question, elevations, now)
    assert isinstance(decision, StepUpRequired)
    expected = Reason.ELEVATION_REQUIRED if end == "revocation" else Reason.ELEVATION_EXPIRED
    assert decision.reason is expected


@given(cases)
def test_an_area_never_opens_what_a_merged_mark_guards_more_strictly(case: Case) -> None:
    """Whatever an elevation opens beside its question, it meets the marks that stand there by themselves, too."""
    answer = stepped_up(case)
    if answer is None:
        return
    refusal, elevations = answer
    for mark in refusal.marks:
        for elevation in elevations:
            assert reaches(elevation.level, mark.requirement.level)
            assert cover(elevation.approvals, mark.requirement.approvals)
            assert mark.requirement.methods is None or elevation.method in mark.requirement.methods
            assert elevation.expires_at <= NOW + timedelta(seconds=mark.requirement.lifetime)
            assert refusal.area.exact or not mark.requirement.exact
    if refusal.area.exact:
        return
    # Inside the area every merged mark stands (or is met): nothing there is guarded by less than what was proven.
    for _ in range(12):
        other = replace(worlds.question(case.random), user=case.question.user, token=case.question.token)
        if not inside(refusal.area, other.resource, other.action):
            continue
        for mark in refusal.marks:
            stands = touches(mark.resource, other.resource)
            assert stands or refusal.area == Area(case.question.resource, case.question.action)


@given(cases)
def test_allow_on_all_children_implies_allow_on_each(case: Case) -> None:
    """
    Allow on `x/*` or on `a` implies allow on every child and every `a:b`.

    Without an exact or counted elevation, and without a `when` over `resource` or `action`.
    """
    if any("resource." in when or "action." in when for when in conditions_in(case.world)):
        return
    plain = [e for e in case.elevations if not e.area.exact and e.uses is None]
    decision = engine(case.world, case.question, plain)
    if not allowed(decision):
        return
    resource, action = case.question.resource, case.question.action
    children = [resource]
    if resource.children:
        children += [Resource((*resource.segments, name)) for name in ("a", "b", "c", "zzz")]
        children += [Resource((*child.segments, "deep")) for child in children[1:]]
    below = [action.key] if action.key == "*" else [action.key, f"{action.key}:x", f"{action.key}:zzz"]
    if action.key == "*":
        below += ["r", "w", "zzz"]
    for child in children:
        for name in below:
            asked = replace(case.question, resource=child, action=parse_action(name))
            assert allowed(engine(case.world, asked, plain)), f"{asked.action} {asked.resource}"


def conditions_in(world: World) -> set[str]:
    """Every `when` of *world*."""
    found: set[str | None] = set()

    def note(when: str | None) -> str | None:
        found.add(when)
        return when

    with_conditions(world, of_grants=note, of_marks=note)
    return {when for when in found if when is not None}


Change = Callable[[str | None], str | None]


def with_conditions(world: World, *, of_grants: Change = lambda when: when, of_marks: Change = lambda w: w) -> World:
    """The same world with each `when` of a grant and of a mark put through a function."""

    def mark(requirement: Requirement | None) -> Requirement | None:
        return None if requirement is None else replace(requirement, when=of_marks(requirement.when))

    def marks(marks: tuple[ResourceMark, ...]) -> tuple[ResourceMark, ...]:
        return tuple(replace(m, requirement=replace(m.requirement, when=of_marks(m.requirement.when))) for m in marks)

    return World(
        records=[
            replace(
                record,
                statements=tuple(
                    replace(each, step_up=mark(each.step_up), when=of_grants(each.when)) for each in record.statements
                ),
            )
            for record in world.records
        ],
        roles=[
            replace(role, permissions=tuple(replace(each, step_up=mark(each.step_up)) for each in role.permissions))
            for role in world.roles
        ],
        configurations=[replace(each, marks=marks(each.marks)) for each in world.configurations],
        groups_of=world.groups_of,
    )


def instead(when: str) -> Change:
    """Put *when* where there is a condition, and nothing where there is none."""
    return lambda stood: None if stood is None else when


BROKEN = ["context.missing.member", "context", "1 / 0 == 1", "no condition at all", "context.amount.x < 1"]


@given(cases, st.sampled_from(BROKEN))
def test_an_error_never_widens(case: Case, broken: str) -> None:
    """A grant whose condition is an error is as good as none, a mark whose condition is one as good as without it."""
    errors = with_conditions(case.world, of_grants=instead(broken), of_marks=instead(broken))
    strictest = with_conditions(case.world, of_grants=instead("false"), of_marks=lambda _: None)
    told = outcome(engine(errors, case.question, case.elevations))
    assert told == outcome(engine(strictest, case.question, case.elevations))


@given(cases, st.sampled_from(TEXTS))
def test_a_condition_on_a_grant_never_allows_more(case: Case, when: str) -> None:
    """Where a condition is added to every grant, nobody may do what they might not do before."""
    narrowed = with_conditions(case.world, of_grants=lambda stood: when if stood is None else f"({stood}) && ({when})")
    if isinstance(engine(case.world, case.question, []), Deny):
        assert isinstance(engine(narrowed, case.question, []), Deny)


@given(cases)
def test_observe_never_refuses(case: Case) -> None:
    """With every mark in `observe` all is as without marks, and what would have refused is told."""
    observing = observed(case.world)
    decision = engine(observing, case.question, case.elevations)
    assert outcome(decision) == outcome(engine(unmarked(case.world), case.question, []))
    refused = isinstance(engine(case.world, case.question, []), StepUpRequired)
    if isinstance(decision, Allow) and refused and not _has_observe(case.world):
        assert decision.observed


def _has_observe(world: World) -> bool:
    marks = [s.step_up for r in world.records for s in r.statements]
    marks += [p.step_up for r in world.roles for p in r.permissions]
    marks += [m.requirement for c in world.configurations for m in c.marks]
    return any(mark is not None and mark.enforce is Enforcement.OBSERVE for mark in marks)


def observed(world: World) -> World:
    """The same world with every mark in `observe`."""

    def watch(requirement: Requirement | None) -> Requirement | None:
        return None if requirement is None else replace(requirement, enforce=Enforcement.OBSERVE)

    def watched(marks: tuple[ResourceMark, ...]) -> tuple[ResourceMark, ...]:
        return tuple(replace(m, requirement=replace(m.requirement, enforce=Enforcement.OBSERVE)) for m in marks)

    return World(
        records=[
            replace(record, statements=tuple(replace(s, step_up=watch(s.step_up)) for s in record.statements))
            for record in world.records
        ],
        roles=[
            replace(role, permissions=tuple(replace(p, step_up=watch(p.step_up)) for p in role.permissions))
            for role in world.roles
        ],
        configurations=[replace(c, marks=watched(c.marks)) for c in world.configurations],
        groups_of=world.groups_of,
    )


@pytest.mark.parametrize("bad", [Allow, Deny, StepUpRequired])
def test_a_decision_has_no_truth_value(bad: type) -> None:
    """`if decision:` cannot let anybody pass: it raises."""
    with pytest.raises(TypeError, match="no truth value"):
        bool(object.__new__(bad))


@given(st.integers(0, 2**64))
def test_over_traces_the_marked_world_allows_only_after_a_step_up_it_asked_for(seed: int) -> None:
    """
    A trace of checks and step-ups: each check that the marked world allows is allowed without marks, too, and either
    needs no elevation or rests on one that an earlier refusal asked for; counted uses are never exceeded.
    """
    random = Random(seed)
    world = worlds.world(random)
    plain = unmarked(world)
    store: dict[str, Elevation] = {}
    taken: dict[str, int] = {}
    now = NOW
    asked = [worlds.question(random) for _ in range(3)]
    for step in range(12):
        now += timedelta(seconds=random.choice([0, 1, 40, 200]))
        question = random.choice(asked)
        decision = engine(world, question, list(store.values()), now)
        if isinstance(decision, Allow):
            assert allowed(engine(plain, question, [], now))
            if decision.elevation is not None:
                used = store[decision.elevation]
                assert used.live(now)
                assert decision.counted == (used.uses is not None)
                if used.uses_left is not None:
                    store[used.id] = replace(used, uses_left=used.uses_left - 1)
                    taken[used.id] = taken.get(used.id, 0) + 1
                    assert taken[used.id] <= (used.uses or 0)
        elif isinstance(decision, StepUpRequired) and decision.challengeable:
            answer = stepped_up(Case(random, world, question, []), now)
            if answer is None or random.random() < 0.3:
                continue  # the person did not answer
            issued = issued_for(decision, question, now, method=answer[1][0].method, number=step)
            store[issued.id] = issued
            again = engine(world, question, list(store.values()), now)
            assert allowed(again)
