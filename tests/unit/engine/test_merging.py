"""What several marks ask together, and the area they share (semantics §5 "Merging" and "The area")."""

import pytest
from tests.unit.engine.building import area, ask, mark

from stairgate.engine.merging import cost, merge, satisfiable, shared_area
from stairgate.model.approvals import Quorum
from stairgate.model.documents import requirement_document
from stairgate.model.ids import GroupId
from stairgate.model.protection import BEST_LEVELS, Level, Mark, Method, Requirement, Scope

R = Requirement
MANAGERS = frozenset({GroupId("managers")})
ONE, LAX = frozenset({Quorum(1, MANAGERS)}), frozenset({Quorum(3, MANAGERS, self_approval=True)})
BOTH, OTHERS = frozenset({Quorum(3, MANAGERS)}), frozenset({Quorum(1, frozenset({GroupId("auditors")}))})
TOTP, EXTERNAL = frozenset({Method.TOTP}), frozenset({Method.EXTERNAL})


def merged(*asked: Requirement) -> Requirement:
    return merge([mark("a", requirement=each) for each in asked])


MEMBERS = [
    ("level", [R(level=Level.BASIC), R(level=Level.HARDWARE)], Level.HARDWARE, "the highest level"),
    ("methods", [R(), R(methods=TOTP)], TOTP, "null methods are any"),
    ("methods", [R(methods=TOTP | EXTERNAL), R(methods=TOTP)], TOTP, "the common methods"),
    ("methods", [R(), R()], None, "no methods named"),
    ("methods", [R(methods=EXTERNAL), R(methods=TOTP)], frozenset(), "no common method"),
    ("lifetime", [R(lifetime=60), R(lifetime=900)], 60, "the smallest lifetime"),
    ("max_age", [R(max_age=60), R(max_age=20)], 20, "the smallest age"),
    ("max_age", [R(lifetime=30), R(max_age=60)], 30, "a null age is its mark's lifetime"),
    ("max_age", [R(lifetime=600, max_age=50), R(lifetime=300)], 50, "an age below the other's lifetime"),
    ("max_age", [R(lifetime=300)], 300, "one null age alone"),
    ("max_age", [R(max_age=1), R()], 1, "the smallest age there is"),
    ("uses", [R(), R()], None, "uncounted"),
    ("uses", [R(), R(uses=3)], 3, "counted by one"),
    ("uses", [R(uses=5), R(uses=3)], 3, "the fewest uses"),
    ("scope", [R(), R(scope=Scope.EXACT)], Scope.EXACT, "exact if one says so"),
    ("scope", [R(), R(uses=1)], Scope.EXACT, "exact if one counts"),
    ("scope", [R(scope=Scope.AREA), R(bind=frozenset({"x"}))], Scope.EXACT, "exact if one binds"),
    (
        "scope",
        [R(scope=Scope.AREA, uses=2), R()],
        Scope.AREA,
        "an area even where uses are counted, if the mark says so",
    ),
    ("level", [R(level=None, approvals=ONE), R(level=Level.BASIC)], Level.BASIC, "no level is the lowest"),
    ("level", [R(level=None, approvals=ONE), R(level=None, approvals=LAX)], None, "no level at all"),
    ("approvals", [R(), R(approvals=ONE)], ONE, "asked by one"),
    ("approvals", [R(approvals=ONE), R(approvals=OTHERS)], ONE | OTHERS, "all approvals"),
    ("approvals", [R(approvals=ONE), R(approvals=LAX)], BOTH, "of the same groups the strictest in each member"),
    ("bind", [R(bind=frozenset({"x"})), R(bind=frozenset({"y"}))], frozenset({"x", "y"}), "the union of names"),
]


@pytest.mark.parametrize(("member", "asked", "expected"), [e[:3] for e in MEMBERS], ids=[e[3] for e in MEMBERS])
def test_merged_member(member: str, asked: list[Requirement], expected: object) -> None:
    assert getattr(merged(*asked), member) == expected
    assert getattr(merged(*reversed(asked)), member) == expected


def test_merging_again_changes_nothing() -> None:
    once = merged(R(lifetime=60), R(max_age=10, uses=2), R(methods=TOTP))
    assert merged(once, once) == once


def test_more_quorums_than_one_requirement_may_have_cannot_be_met() -> None:
    """Eleven groups by eleven marks: told in full, but no challenge holds them."""
    each = [R(level=None, approvals=frozenset({Quorum(1, frozenset({GroupId(f"g{n}")}))})) for n in range(11)]
    assert satisfiable(merged(*each[:10]), BEST_LEVELS)
    assert not satisfiable(merged(*each), BEST_LEVELS)
    assert len(merged(*each).approvals) == 11


def test_approvals_are_the_dearest() -> None:
    """Cheapest: no approvals first, whatever else is asked."""
    here = area("a")
    assert cost(R(level=Level.HARDWARE, uses=1), here) < cost(R(level=None, approvals=ONE), here)


SATISFIABLE = [
    (R(), True, "strong by totp"),
    (R(level=Level.BASIC, methods=EXTERNAL), True, "basic by external"),
    (R(methods=EXTERNAL), False, "external is basic unless it was raised"),
    (R(level=Level.HARDWARE, methods=TOTP), False, "totp is not hardware"),
    (R(level=Level.HARDWARE), True, "hardware by passkey"),
    (R(level=Level.BASIC, methods=frozenset({Method.APPROVAL})), False, "an approval is no proof"),
]


@pytest.mark.parametrize(("asked", "expected"), [e[:2] for e in SATISFIABLE], ids=[e[2] for e in SATISFIABLE])
def test_can_be_met_looks_at_levels_and_methods(asked: Requirement, expected: bool) -> None:
    assert satisfiable(asked, BEST_LEVELS) is expected


def test_a_method_that_the_service_does_not_offer_meets_nothing() -> None:
    """What is not configured (email, sms) is not among the levels."""
    offered: dict[Method, Level] = {m: level for m, level in BEST_LEVELS.items() if m != Method.EMAIL}
    by_email = R(level=Level.BASIC, methods=frozenset({Method.EMAIL}))
    assert satisfiable(by_email, BEST_LEVELS)
    assert not satisfiable(by_email, offered)


def test_external_raised_for_a_client_can_meet_more() -> None:
    assert satisfiable(R(methods=EXTERNAL), {**BEST_LEVELS, Method.EXTERNAL: Level.STRONG})


def test_marks_without_a_common_method_can_be_told_but_not_met() -> None:
    both = merged(R(methods=EXTERNAL, level=Level.BASIC), R(methods=TOTP))
    assert not satisfiable(both, BEST_LEVELS)
    assert requirement_document(both)["methods"] == []


def test_more_bound_names_than_a_challenge_carries_can_be_told_but_not_met() -> None:
    """Two marks of sixteen names each are valid; together they must refuse, not break."""
    names = [frozenset(f"{letter}{number}" for number in range(16)) for letter in "xy"]
    both = merged(R(bind=names[0]), R(bind=names[1]))
    assert len(both.bind) == 32
    assert both.exact
    assert not satisfiable(both, BEST_LEVELS)


# Marks as (resource, action), the question, and the area.
AREAS = [
    ([("a", "*")], "a/b/c", "pay", "a", "*", "the mark's node and action"),
    ([("a", "pay")], "a/b/c", "pay:out", "a", "pay", "its action, though less is asked"),
    ([("a", "*"), ("a/b", "*")], "a/b/c", "pay", "a/b", "*", "the deepest node"),
    ([("a", "pay"), ("a/b", "*")], "a/b/c", "pay:out", "a/b", "pay", "the narrowest action"),
    ([("a", "*"), ("a", "x")], "a", "x", "a", "x", "a one-letter action is narrower than a star"),
    ([("a/*", "*")], "a/b/c", "pay", "a/b", "*", "a final star is filled with one segment"),
    ([("*", "*")], "a/b/c", "pay", "a", "*", "a bare star is filled with one segment"),
    ([("accounts/*/keys", "*")], "accounts/1/keys/7", "pay", "accounts/1/keys", "*", "the example of the text"),
    ([("s:*/b", "*")], "s:1/b/c", "pay", "s:1/b", "*", "a scope is filled in"),
    ([("a/*/*", "*")], "a/b/c/d", "pay", "a/b/c", "*", "a star and a final star are filled in"),
    ([("a", "*"), ("*", "*")], "a/b", "pay", "a", "*", "equal nodes"),
    ([("a", "*")], "a/*", "pay", "a", "*", "all children, from the node"),
    ([("a/*", "*")], "a/*", "pay", "a/*", "*", "all children, from all children"),
    ([("a/*", "*"), ("a", "*")], "a/*", "pay", "a/*", "*", "strictly below is deeper than the node"),
    ([("a/*", "*")], "a/b/*", "pay", "a/b", "*", "all children of a child"),
    ([("*", "*")], "*", "pay", "*", "*", "everything"),
    ([("a/b", "*"), ("a", "*")], "a/*", "pay", "a/*", "pay", "a narrower node: the question"),
    (
        [("a", "pay:out"), ("a", "*")],
        "a/b",
        "pay",
        "a/b",
        "pay",
        "a narrower action: the question, resource and action",
    ),
    ([("a/*/c", "pay:out")], "a/*", "pay", "a/*", "pay", "narrower in both: the question"),
]


@pytest.mark.parametrize(
    ("marks", "resource", "action", "node", "opened"), [e[:5] for e in AREAS], ids=[e[5] for e in AREAS]
)
def test_area(marks: list[tuple[str, str]], resource: str, action: str, node: str, opened: str) -> None:
    standing: list[Mark] = [mark(*each) for each in marks]
    for order in (standing, standing[::-1]):
        shared = shared_area(order, ask(resource, action))
        assert shared == area(node, opened)
        assert shared.covers(ask(resource, action).resource, ask(resource, action).action)


@pytest.mark.parametrize("strict", [R(uses=1), R(bind=frozenset({"x"})), R(scope=Scope.EXACT)])
def test_one_exact_mark_makes_the_area_the_question_alone(strict: Requirement) -> None:
    shared = shared_area([mark("a"), mark("a", requirement=strict)], ask("a/b", "pay"))
    assert shared == area("a/b", "pay", exact=True)
    assert not shared.covers(ask("a/b/c").resource, ask("a", "pay").action)


DEARER = [
    (R(level=Level.BASIC, uses=1), R(level=Level.STRONG), "a higher level before fewer uses"),
    (R(scope=Scope.EXACT), R(uses=5), "counted is dearer than uncounted"),
    (R(uses=5), R(uses=2), "fewer uses"),
    (R(uses=2, bind=frozenset({"x", "y"})), R(uses=1), "fewer uses before more names"),
    (R(bind=frozenset({"x"})), R(bind=frozenset({"x", "y"})), "more bound names"),
    (R(lifetime=900), R(lifetime=60), "a shorter lifetime"),
    (R(lifetime=60, max_age=10), R(lifetime=60, max_age=20), "at last the canonical text"),
]


@pytest.mark.parametrize(("cheap", "dear"), [e[:2] for e in DEARER], ids=[e[2] for e in DEARER])
def test_dearer(cheap: Requirement, dear: Requirement) -> None:
    assert cost(merged(cheap), area("a")) < cost(merged(dear), area("a"))


def test_equal_requirements_are_told_apart_by_their_areas() -> None:
    assert cost(R(), area("a")) < cost(R(), area("b"))
