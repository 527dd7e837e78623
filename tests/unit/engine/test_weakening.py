"""Which changes make a mark weaker (semantics §4, "Weakening"): pure, and never blind to a new member."""

import time
from dataclasses import fields, replace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from stairgate.engine.weakening import (
    at_least_as_strict,
    newly_manage,
    reaches_management,
    weakened_in_record,
    weakened_in_resource,
)
from stairgate.model.access import (
    AccessRecord,
    Principal,
    PrincipalKind,
    RecordStatus,
    ResourceConfiguration,
    ResourceMark,
    Statement,
)
from stairgate.model.actions import ANY_ACTION
from stairgate.model.approvals import NO_QUORUMS, Quorum
from stairgate.model.ids import GroupId, RecordId, RoleId, UserId
from stairgate.model.protection import Device, Enforcement, Level, Method, Requirement, Scope
from stairgate.model.resources import parse_pattern

MARK = Requirement(level=Level.BASIC)
ANOTHER: dict[str, Any] = {
    "level": Level.HARDWARE,
    "methods": frozenset({Method.TOTP}),
    "lifetime": 86_400,
    "max_age": 5,
    "uses": 3,
    "scope": Scope.EXACT,
    "bind": frozenset({"amount"}),
    "enforce": Enforcement.OBSERVE,
    "device": Device.SAME,
    "approvals": frozenset({Quorum(1, frozenset({GroupId("managers")}))}),
    "when": "context.amount >= 100",
}

MANAGERS = frozenset({GroupId("managers")})
ONE, TWO = frozenset({Quorum(1, MANAGERS)}), frozenset({Quorum(2, MANAGERS)})
LAX = frozenset({Quorum(2, MANAGERS, self_approval=True)})
requirements = st.builds(
    Requirement,
    level=st.sampled_from(Level),
    methods=st.none() | st.frozensets(st.sampled_from(Method), min_size=1, max_size=3),
    lifetime=st.sampled_from([15, 300, 600]),
    max_age=st.sampled_from([None, 15, 300]),
    uses=st.sampled_from([None, 1, 2]),
    scope=st.sampled_from([None, Scope.EXACT]),
    bind=st.frozensets(st.sampled_from(["a", "b"])),
    enforce=st.just(Enforcement.ON),
    approvals=st.sampled_from([NO_QUORUMS, ONE, TWO, LAX]),
)


def record(*statements: Statement, **members: object) -> AccessRecord:
    made = AccessRecord(RecordId("rec_1"), "r", statements, users=(UserId("bob"),))
    return replace(made, **members)  # type: ignore[arg-type]  # whatever members a test names


def statement(mark: Requirement | None, *resources: str, roles: tuple[str, ...] = ("ro_1",)) -> Statement:
    return Statement(tuple(map(RoleId, roles)), tuple(map(parse_pattern, resources)), step_up=mark)


@given(requirements)
def test_a_requirement_is_as_strict_as_itself(asked: Requirement) -> None:
    assert at_least_as_strict(asked, asked)


@given(requirements, requirements, requirements)
def test_strictness_is_handed_on(first: Requirement, second: Requirement, third: Requirement) -> None:
    if at_least_as_strict(first, second) and at_least_as_strict(second, third):
        assert at_least_as_strict(first, third)


@given(requirements, requirements)
def test_two_that_are_each_as_strict_as_the_other_ask_the_same(first: Requirement, second: Requirement) -> None:
    if at_least_as_strict(first, second) and at_least_as_strict(second, first):
        assert (first.level, first.methods, first.lifetime, first.proof_age, first.uses, first.exact, first.bind) == (
            (second.level, second.methods, second.lifetime, second.proof_age, second.uses, second.exact, second.bind)
        )
        assert first.approvals == second.approvals


def test_no_member_of_a_requirement_can_change_unseen() -> None:
    """Each change of one member is a weakening in one direction at least; members to come are compared by equality."""
    for member in fields(Requirement):
        if member.name not in ANOTHER:
            continue
        changed = replace(MARK, **{member.name: ANOTHER[member.name]})
        assert not (at_least_as_strict(changed, MARK) and at_least_as_strict(MARK, changed)), member.name


def test_a_configuration_that_is_gone_weakens_all_that_it_marked() -> None:
    strong = Requirement(level=Level.STRONG)
    marks = (ResourceMark((ANY_ACTION,), MARK), ResourceMark((ANY_ACTION,), strong))
    stood = ResourceConfiguration(parse_pattern("docs"), marks=marks)
    assert weakened_in_resource(stood, None) == (MARK, strong)
    assert weakened_in_resource(stood, replace(stood, marks=marks[1:])) == ()  # what is left is stricter
    assert weakened_in_resource(stood, replace(stood, marks=marks[:1])) == (strong,)
    assert weakened_in_resource(None, stood) == ()


def test_a_deleted_record_s_marks_stand_no_more_and_are_weakened_when_it_is_deleted() -> None:
    stood = record(statement(MARK, "docs"))
    gone = replace(stood, status=RecordStatus.DELETED)
    assert weakened_in_record(stood, gone) == (MARK,)
    assert weakened_in_record(gone, record(statement(None, "docs"))) == ()


def test_a_wider_node_covers_the_place_and_a_child_or_a_sibling_does_not() -> None:
    def weakened(before: str, after: str) -> bool:
        return bool(weakened_in_record(record(statement(MARK, before)), record(statement(MARK, after))))

    for before, after in (("a/b", "a/b"), ("a/b", "a"), ("a/b", "a/*"), ("a/b/*", "a/b"), ("a/*", "*"), ("*", "*")):
        assert not weakened(before, after), (before, after)
    for before, after in (("a/b", "a/b/*"), ("a", "a/b"), ("a", "ab"), ("*", "a"), ("a/*", "a/*/x"), ("a/*/x", "a/b")):
        assert weakened(before, after), (before, after)


def test_to_merge_equal_statements_weakens_nothing_and_to_split_off_an_unmarked_part_does() -> None:
    two = record(statement(MARK, "a"), statement(MARK, "b"), statement(None, "a", roles=("ro_2",)))
    assert not weakened_in_record(two, record(statement(MARK, "b", "a"), statement(None, "a", roles=("ro_2",))))
    assert weakened_in_record(two, record(statement(MARK, "b", "a"), statement(None, "a", roles=("ro_1",))))


def test_who_newly_manages_is_told_by_name() -> None:
    mine = Principal(PrincipalKind.USER, "bob")
    staff = Principal(PrincipalKind.GROUP, "staff")
    before = record(statement(None, "Authress:Roles"))
    after = replace(before, groups=(GroupId("staff"),))
    assert newly_manage(None, before) == {mine}
    assert newly_manage(before, after) == {staff}
    assert newly_manage(before, before) == newly_manage(before, record(statement(None, "docs"))) == frozenset()
    assert newly_manage(before, record(statement(None, "Authress:Roles", "Authress:*"))) == {mine}


def test_a_grant_under_a_condition_is_less_than_the_same_without() -> None:
    """Who had it under a condition has it newly where that is another or gone, and it frees what is marked."""
    bob = Principal(PrincipalKind.USER, "bob")

    def under(when: str | None, mark: Requirement | None = None, at: str = "Authress:Roles") -> Statement:
        return replace(statement(mark, at), when=when)

    for before, after, newly in (
        ("true", "true", False),
        (None, "true", False),
        ("true", None, True),
        ("true", "context.a", True),
    ):
        assert (newly_manage(record(under(before)), record(under(after))) == {bob}) is newly, (before, after)
        # An unmarked statement of the same access was there already: the mark of the other is not weakened by it,
        # unless it gave less then.
        stood = record(under(None, MARK, "docs"), under(before, None, "docs"))
        stands = record(under(None, MARK, "docs"), under(after, None, "docs"))
        assert bool(weakened_in_record(stood, stands)) is newly, (before, after)


def test_a_pattern_reaches_the_management_api_by_its_first_segment() -> None:
    for text in ("*", "*/x", "Authress:*", "Authress:Roles/ro_1", "Authress:StepUp/a"):
        assert reaches_management(parse_pattern(text)), text
    for text in ("docs", "docs/*", "docs/Authress:Roles", "authress:Roles", "AuthressX", "a:*"):
        assert not reaches_management(parse_pattern(text)), text


def test_the_largest_record_is_compared_in_no_time() -> None:
    """100 statements of 25 roles on 25 resources for 1000 users, each under a mark of its own, all moved."""
    roles = tuple(f"r{number}" for number in range(25))
    resources = [[f"a/{number}/{place}" for place in range(25)] for number in range(100)]
    users = tuple(UserId(f"u{number}") for number in range(1000))
    marks = [Requirement(lifetime=100 + number) for number in range(100)]
    stood = record(*(statement(mark, *at, roles=roles) for mark, at in zip(marks, resources, strict=True)), users=users)
    above = record(*(statement(MARK, f"a/{number}", roles=roles) for number in range(100)), users=users)
    began = time.thread_time()
    assert weakened_in_record(stood, above)
    assert not weakened_in_record(stood, stood)
    assert not weakened_in_record(stood, record(*reversed(stood.statements), users=users[:1]))
    assert time.thread_time() - began < 10  # a second where nothing else runs
