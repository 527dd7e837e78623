"""
The law of weakening: whoever needs more for something before a change than after it was given something new, or the
change is named a weakening (semantics §4). So what `handing_out` does not ask for, `weakening` does.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from stairgate.engine.decide import decide
from stairgate.engine.facts import Facts
from stairgate.engine.grants import compile_grants
from stairgate.engine.resources import compile_resources
from stairgate.engine.roles import compile_roles
from stairgate.engine.weakening import weakened_in_record, weakened_in_resource, weakened_in_role
from stairgate.model.access import (
    AccessRecord,
    Grant,
    Permission,
    ResourceConfiguration,
    ResourceMark,
    Role,
    Statement,
)
from stairgate.model.actions import parse_action
from stairgate.model.decisions import Allow, Question, StepUpRequired
from stairgate.model.elevations import Area, Elevation
from stairgate.model.ids import ChallengeId, ElevationId, RecordId, RoleId, UserId
from stairgate.model.protection import Enforcement, Level, Method, Requirement
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.model.tokens import token_key

NOW = datetime(2030, 1, 1, tzinfo=UTC)
TOKEN = token_key("https://id.example", "t")
USERS = tuple(map(UserId, ("ann", "bob")))
ACTIONS = tuple(map(parse_action, ("pay", "pay:abroad", "*")))
PLACES = tuple(map(parse_resource, ("a", "a/b", "a/b/c", "d", "a/*")))

marks = st.sampled_from(
    [
        None,
        Requirement(level=Level.BASIC),
        Requirement(level=Level.STRONG),
        Requirement(level=Level.BASIC, lifetime=60),
        Requirement(level=Level.BASIC, uses=1),
        Requirement(level=Level.STRONG, methods=frozenset({Method.PASSKEY})),
        Requirement(enforce=Enforcement.OBSERVE),
    ]
)
patterns = st.sampled_from(["a", "a/b", "a/*", "*", "*/b", "d"]).map(parse_pattern)
actions = st.sampled_from(ACTIONS)


def some(values: st.SearchStrategy[object], most: int = 2) -> st.SearchStrategy[tuple[object, ...]]:
    return st.lists(values, min_size=1, max_size=most, unique=True).map(tuple)


statements = st.builds(
    Statement,
    some(st.sampled_from(["ro_pay", "ro_all"]).map(RoleId)),
    some(patterns),
    st.lists(st.sampled_from(USERS), max_size=2, unique=True).map(tuple),
    step_up=marks,
)
records = st.builds(AccessRecord, st.just(RecordId("r")), st.just("r"), st.lists(statements, max_size=3).map(tuple))
roles = st.builds(
    Role,
    st.just(RoleId("ro_pay")),
    st.just("r"),
    some(st.builds(Permission, actions, st.just(True), st.just(False), st.just(False), marks)),
)
configurations = st.builds(
    ResourceConfiguration,
    st.just(parse_pattern("a")),
    marks=st.lists(st.builds(ResourceMark, some(actions), marks.filter(lambda mark: mark is not None)), max_size=2).map(
        tuple
    ),
)
elevations = st.builds(
    lambda level, method, uses, age: Elevation(
        ElevationId("e"),
        UserId("ann"),
        TOKEN,
        Area(parse_resource("*"), parse_action("*")),
        level,
        method,
        NOW - timedelta(seconds=age),
        NOW - timedelta(seconds=age),
        NOW + timedelta(days=1),
        ChallengeId("c"),
        uses=uses,
        uses_left=uses,
    ),
    st.sampled_from(Level),
    st.sampled_from([Method.TOTP, Method.PASSKEY]),
    st.sampled_from([None, 1]),
    st.sampled_from([0, 100]),
)
ROLE = Role(RoleId("ro_pay"), "r", (Permission(ACTIONS[0], allow=True, grant=False, delegate=False),))
ALL = Role(RoleId("ro_all"), "r", (Permission(ACTIONS[2], allow=True, grant=False, delegate=False),))
HOLDING = AccessRecord(RecordId("r"), "r", (Statement((RoleId("ro_pay"),), (parse_pattern("*"),), (UserId("ann"),)),))


@st.composite
def edited(draw: st.DrawFn) -> tuple[AccessRecord, AccessRecord]:
    """A record, and the same after an edit that gives nobody anything new but other marks."""
    before = draw(records)
    left: list[Statement] = []
    for stands in before.statements:
        for _ in range(draw(st.integers(0, 2))):
            mark = draw(st.one_of(st.just(stands.step_up), marks))
            resources = draw(st.permutations(stands.resources))[: draw(st.integers(1, 2))]
            users = draw(st.permutations(stands.users))[: draw(st.integers(0, 2))]
            left.append(replace(stands, step_up=mark, resources=tuple(resources), users=tuple(users)))
    return before, replace(before, statements=tuple(draw(st.permutations(left))))


@st.composite
def edited_role(draw: st.DrawFn) -> tuple[Role, Role]:
    before = draw(roles)
    kept = [
        replace(each, step_up=draw(st.one_of(st.just(each.step_up), marks)))
        for each in before.permissions
        for _ in range(draw(st.integers(0, 2)))
    ]
    return before, replace(before, permissions=tuple(kept))


@st.composite
def edited_configuration(draw: st.DrawFn) -> tuple[ResourceConfiguration, ResourceConfiguration]:
    before = draw(configurations)
    kept = []
    for each in before.marks:
        for _ in range(draw(st.integers(0, 2))):
            asked = draw(st.one_of(st.just(each.requirement), marks)) or each.requirement
            kept.append(ResourceMark(draw(st.one_of(st.just(each.actions), some(actions))), asked))
    return before, replace(before, marks=tuple(kept))


def eased(before: Facts, after: Facts, held: Elevation) -> bool:
    """Whether something that wanted a step-up *before* is open *after*, to the same elevation or to none."""
    for place in PLACES:
        for action in ACTIONS:
            question = Question(UserId("ann"), place, action, TOKEN)
            for with_it in ([], [held]):
                was, now = (decide(question, facts, with_it, NOW) for facts in (before, after))
                if isinstance(was, StepUpRequired) and isinstance(now, Allow):
                    return True
    return False


def facts_of(record: AccessRecord, *own: Role, resources: tuple[ResourceConfiguration, ...] = ()) -> Facts:
    grants = [
        Grant(record.id, position, statement.resources, statement.roles, statement.step_up)
        for position, statement in enumerate(record.statements)
        if "ann" in statement.users
    ]
    return Facts((compile_grants(grants),), compile_roles(own), compile_resources(resources))


def given_to_ann(record: AccessRecord) -> set[tuple[object, object]]:
    return {
        (role, pattern)
        for statement in record.statements
        if "ann" in statement.users
        for role in statement.roles
        for pattern in statement.resources
    }


@settings(max_examples=150)
@given(edited(), elevations)
def test_an_edit_of_a_record_eases_nothing_unless_it_weakens(
    edit: tuple[AccessRecord, AccessRecord], held: Elevation
) -> None:
    before, after = edit
    assert given_to_ann(after) <= given_to_ann(before)  # so that nobody is asked whether they may hand it out
    if not weakened_in_record(before, after):
        assert not eased(facts_of(before, ROLE, ALL), facts_of(after, ROLE, ALL), held)


@settings(max_examples=150)
@given(edited_role(), elevations)
def test_an_edit_of_a_role_eases_nothing_unless_it_weakens(edit: tuple[Role, Role], held: Elevation) -> None:
    before, after = edit
    if not weakened_in_role(before, after):
        assert not eased(facts_of(HOLDING, before), facts_of(HOLDING, after), held)


@settings(max_examples=150)
@given(edited_configuration(), elevations)
def test_an_edit_of_a_configuration_eases_nothing_unless_it_weakens(
    edit: tuple[ResourceConfiguration, ResourceConfiguration], held: Elevation
) -> None:
    before, after = edit
    if not weakened_in_resource(before, after):
        stands, now = (facts_of(HOLDING, ROLE, ALL, resources=(each,)) for each in edit)
        assert not eased(stands, now, held)


@given(records, roles, configurations)
def test_to_change_nothing_weakens_nothing(record: AccessRecord, role: Role, place: ResourceConfiguration) -> None:
    assert weakened_in_record(record, record) == ()
    assert weakened_in_role(role, role) == ()
    assert weakened_in_resource(place, place) == ()
