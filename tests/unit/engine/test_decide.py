"""The ladder of semantics §5, from no grant to the refusal and its reason (§6)."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.engine.building import (
    NOW,
    OTHER_TOKEN,
    STRONG,
    allowed,
    area,
    ask,
    decided,
    elevation,
    facts,
    grant,
    guard,
    issued_for,
    outcome,
    public,
    refused,
    role,
)

from stairgate.engine.decide import Pending, assess, decide, resolve
from stairgate.engine.facts import Facts
from stairgate.model.access import ResourceConfiguration
from stairgate.model.decisions import Allow, Question, Reason, StepUpRequired
from stairgate.model.elevations import Elevation
from stairgate.model.errors import InvalidInputError
from stairgate.model.evidence import TokenEvidence
from stairgate.model.protection import BEST_LEVELS, Level, Method, Requirement, Scope

R = Requirement
BASIC = R(level=Level.BASIC)
OWNER = grant("Authress:Owner", "*")
AMOUNT = R(bind=frozenset({"amount"}))
EXTERNAL_STRONG = R(methods=frozenset({Method.EXTERNAL}))  # external is basic


def marked(*configurations: ResourceConfiguration) -> Facts:
    return facts(OWNER, resources=configurations or (guard("a"),))


# --- the rungs ----------------------------------------------------------------------------------------------------


def test_marked_access_without_an_elevation_asks_for_one() -> None:
    refusal = refused(ask("a/b", "pay"), marked())
    assert refusal.reason is Reason.ELEVATION_REQUIRED
    assert refusal.area == area("a", "*")
    assert refusal.challengeable
    assert refusal.details == {}
    assert (refusal.source.record, refusal.source.role) == ("rec_1", "Authress:Owner")


def test_elevation_opens_its_area() -> None:
    assert decided(ask("a/b"), marked(), elevation("a")) == "allow"


def test_elevation_never_widens_access() -> None:
    """It removes marks from grants that the user has; where there is no grant, it is nothing."""
    assert decided(ask("a"), facts(resources=[guard("a")]), elevation("a")) == "deny"


def test_unmarked_grant_allows_whatever_other_grants_ask() -> None:
    known = facts(grant("Authress:Owner", "a", step_up=STRONG), grant("Authress:Owner", "a/b", record="rec_2"))
    assert allowed(ask("a/b", token=None), known).source.record == "rec_2"


def test_access_that_nothing_marks_needs_no_token() -> None:
    assert decided(ask("x", token=None), marked()) == "allow"


def test_without_a_token_a_marked_access_is_refused_without_a_challenge() -> None:
    refusal = refused(ask("a", token=None), marked(), elevation("a"))
    assert refusal.reason is Reason.TOKEN_REQUIRED
    assert not refusal.challengeable


@pytest.mark.parametrize("asked", [EXTERNAL_STRONG, AMOUNT])
def test_missing_token_is_told_before_anything_else(asked: Requirement) -> None:
    assert decided(ask("a", token=None), marked(guard("a", asked))) == "token_required"


def test_requirement_that_no_method_meets_is_told_without_a_challenge() -> None:
    refusal = refused(ask("a"), marked(guard("a", EXTERNAL_STRONG)))
    assert refusal.reason is Reason.REQUIREMENT_UNSATISFIABLE
    assert not refusal.challengeable


def test_marks_that_contradict_each_other_are_told_without_a_challenge() -> None:
    known = marked(
        guard("a", R(methods=frozenset({Method.TOTP}))),
        guard("*", R(level=Level.BASIC, methods=frozenset({Method.EXTERNAL}))),
    )
    refusal = refused(ask("a"), known)
    assert refusal.reason is Reason.REQUIREMENT_UNSATISFIABLE
    assert refusal.requirement.methods == frozenset()


def test_operator_can_raise_external_for_a_client() -> None:
    known = replace(marked(guard("a", EXTERNAL_STRONG)), best_levels={**BEST_LEVELS, Method.EXTERNAL: Level.STRONG})
    assert decided(ask("a"), known) == "elevation_required"


def test_elevation_helps_though_its_requirement_can_no_longer_be_met() -> None:
    """The ladder looks at elevations first: what an operator lowered since does not end what was issued."""
    held = elevation("a", method=Method.EXTERNAL)
    assert decided(ask("a"), marked(guard("a", EXTERNAL_STRONG)), held) == "allow"


def test_missing_bound_member_is_asked_for_without_a_challenge() -> None:
    for context in (None, {}, {"to": "bob"}):
        refusal = refused(ask("a", context=context), marked(guard("a", AMOUNT)))
        assert refusal.reason is Reason.DETAILS_REQUIRED
        assert not refusal.challengeable
        assert refusal.details == {}


def test_refusal_binds_the_values_of_the_request() -> None:
    refusal = refused(ask("a", context={"amount": 5.0, "note": "free"}), marked(guard("a", AMOUNT)))
    assert refusal.details == {"amount": "5"}
    assert refusal.area == area("a", "read", exact=True)


def test_null_is_a_value_that_can_be_bound() -> None:
    assert refused(ask("a", context={"amount": None}), marked(guard("a", AMOUNT))).details == {"amount": "null"}


def test_bound_value_that_is_no_clear_json_is_the_callers_error() -> None:
    with pytest.raises(InvalidInputError, match=r"context\.amount"):
        decide(ask("a", context={"amount": 2**60}), marked(guard("a", AMOUNT)), (), NOW)


def test_unbound_value_that_is_no_clear_json_is_nobodys_business() -> None:
    assert decided(ask("a", context={"amount": 2**60}), marked()) == "elevation_required"


# --- one elevation, all marks of one grant ------------------------------------------------------------------------


def test_two_elevations_do_not_add_up() -> None:
    """One meets one mark, the other the other: no grant is open."""
    known = marked(guard("a"), guard("a/b", R(level=Level.BASIC, methods=frozenset({Method.EXTERNAL}))))
    strong = elevation("a", name="el_1")
    basic = elevation("a", name="el_2", level=Level.BASIC, method=Method.EXTERNAL)
    assert decided(ask("a/b"), known, strong, basic) == "requirement_unsatisfiable"


def test_elevation_for_a_parent_does_not_meet_a_stricter_mark_below() -> None:
    """Law: an area never opens what a mark guards more strictly."""
    known = marked(guard("a", BASIC), guard("a/b"))
    held = issued_for(refused(ask("a/x"), known), ask("a/x"))
    assert decided(ask("a/y"), known, held) == "allow"
    assert decided(ask("a/b"), known, held) == "elevation_required"


def test_elevation_may_open_a_dearer_grant() -> None:
    """Any grant whose marks are met allows, not only the cheapest."""
    known = facts(
        grant("Authress:Owner", "a", step_up=R(level=Level.BASIC, methods=frozenset({Method.EXTERNAL}))),
        grant("Authress:Owner", "a", record="rec_2", step_up=STRONG),
    )
    assert allowed(ask("a"), known, elevation("a")).source.record == "rec_2"


# --- which elevation is taken -------------------------------------------------------------------------------------

CHOICES = [
    (
        [elevation("a", name="counted", uses=5, lasts=10), elevation("a", name="free", lasts=900)],
        "free",
        "uncounted first",
    ),
    (
        [elevation("a", name="late", lasts=900), elevation("a", name="soon", lasts=10)],
        "soon",
        "of uncounted, the soonest to end",
    ),
    (
        [elevation("a", name="late", uses=1, lasts=900), elevation("a", name="soon", uses=9, lasts=10)],
        "soon",
        "of counted, the soonest to end",
    ),
    ([elevation("a", name="b"), elevation("a", name="a")], "a", "of equals always the same"),
    ([elevation("b", name="elsewhere", lasts=5), elevation("a", name="here")], "here", "only one that does"),
    (
        [elevation("a", name="spent", uses=1, left=0), elevation("a", name="good", uses=1)],
        "good",
        "not one that is used up",
    ),
]


@pytest.mark.parametrize(("held", "taken"), [e[:2] for e in CHOICES], ids=[e[2] for e in CHOICES])
def test_elevation_taken(held: list[Elevation], taken: str) -> None:
    for order in (held, held[::-1]):
        assert allowed(ask("a"), marked(), *order).elevation == taken


def test_uncounted_elevation_for_a_later_grant_is_taken_before_a_counted_one_for_an_earlier() -> None:
    counting = R(uses=3, scope=Scope.AREA)
    known = facts(
        grant("Authress:Owner", "a", step_up=counting), grant("Authress:Owner", "a", record="rec_2", step_up=BASIC)
    )
    verdict = allowed(ask("a"), known, elevation("a", name="counted", uses=3), elevation("a", name="free"))
    assert (verdict.elevation, verdict.counted, verdict.source.record) == ("free", False, "rec_2")


def test_counted_elevation_says_that_a_use_is_taken() -> None:
    assert allowed(ask("a"), marked(), elevation("a", uses=2)).counted
    assert not allowed(ask("a"), marked(), elevation("a")).counted


# --- the token's own evidence -------------------------------------------------------------------------------------


def test_login_can_meet_a_mark() -> None:
    verdict = decide(ask("a"), marked(), (), NOW, TokenEvidence(Level.STRONG, NOW))
    assert isinstance(verdict, Allow)
    assert (verdict.elevation, verdict.counted) == (None, False)


def test_login_is_taken_before_a_use_is_spent() -> None:
    verdict = decide(ask("a"), marked(), [elevation("a", uses=1)], NOW, TokenEvidence(Level.STRONG, NOW))
    assert isinstance(verdict, Allow)
    assert not verdict.counted


def test_login_meets_all_marks_of_a_grant_or_none() -> None:
    known = marked(guard("a"), guard("a/b", R(uses=1)))
    assert outcome(decide(ask("a/b"), known, (), NOW, TokenEvidence(Level.STRONG, NOW))) == "elevation_required"


def test_login_and_elevation_do_not_add_up() -> None:
    known = marked(guard("a", R(level=Level.HARDWARE)), guard("a/b", R(uses=1, level=Level.BASIC)))
    held = elevation("a/b", "read", exact=True, uses=1)
    evidence = TokenEvidence(Level.HARDWARE, NOW)
    assert not isinstance(decide(ask("a/b"), known, [held], NOW, evidence), Allow)


def test_login_without_a_token_in_the_question_is_nothing() -> None:
    verdict = decide(ask("a", token=None), marked(), (), NOW, TokenEvidence(Level.HARDWARE, NOW))
    assert outcome(verdict) == "token_required"


# --- the cheapest -------------------------------------------------------------------------------------------------


def cheapest(*asked: Requirement, question: Question | None = None) -> str | None:
    """The record whose requirement is asked for, of one record for each of *asked*, in both orders."""
    grants = [
        grant("Authress:Owner", "a", record=f"rec_{place}", step_up=each) for place, each in enumerate(asked, start=1)
    ]
    found = {
        refused(question or ask("a", context={"x": 1, "y": 2}), facts(*order)).source.record
        for order in (grants, grants[::-1])
    }
    assert len(found) == 1
    return found.pop()


CHEAPER = [
    ([STRONG, BASIC], "rec_2", "the lower level"),
    ([R(uses=1), R()], "rec_2", "uncounted"),
    ([R(uses=1), R(uses=7)], "rec_2", "more uses"),
    ([R(bind=frozenset({"x", "y"})), R(bind=frozenset({"x"}))], "rec_2", "fewer names"),
    ([R(lifetime=60), R(lifetime=900)], "rec_2", "the longer lifetime"),
    ([R(level=Level.BASIC, uses=1, lifetime=15), STRONG], "rec_1", "the level before uses and lifetime"),
    ([R(uses=2, bind=frozenset({"x", "y"})), R(uses=1)], "rec_1", "uses before names"),
    ([R(bind=frozenset({"x"}), lifetime=900), R(scope=Scope.EXACT, lifetime=15)], "rec_2", "names before lifetime"),
    ([R(max_age=20), R(max_age=10)], "rec_2", "at last the smallest text"),
    (
        [
            R(level=Level.BASIC, methods=frozenset({Method.TOTP})),
            R(level=Level.BASIC, methods=frozenset({Method.APPROVAL})),
        ],
        "rec_1",
        "one that can be met",
    ),
    ([R(level=Level.HARDWARE), STRONG], "rec_2", "one that can be met, not one that is only longer"),
    ([EXTERNAL_STRONG, R(uses=1, lifetime=15)], "rec_2", "a dearer one, where the cheaper cannot be met"),
]


@pytest.mark.parametrize(("asked", "record"), [e[:2] for e in CHEAPER], ids=[e[2] for e in CHEAPER])
def test_cheapest_is(asked: list[Requirement], record: str) -> None:
    assert cheapest(*asked) == record


def test_of_equal_requirements_the_smallest_area_text_is_asked_for() -> None:
    known = facts(grant("Authress:Owner", "a/b", "a", "*", step_up=STRONG))
    assert refused(ask("a/b/c"), known).area == area("a", "*")


def test_missing_detail_of_the_cheapest_counts_though_a_dearer_grant_has_its_details() -> None:
    assert (
        decided(
            ask("a", context={"x": 1}),
            facts(
                grant("Authress:Owner", "a", step_up=R(level=Level.BASIC, bind=frozenset({"z"}))),
                grant("Authress:Owner", "a", record="rec_2", step_up=STRONG),
            ),
        )
        == "details_required"
    )


def test_each_permission_of_a_role_is_a_grant_of_its_own() -> None:
    """A statement's mark stands on the permission: the area takes the action of the one with the smallest text."""
    known = facts(grant("ro", "a", step_up=STRONG), roles=[role("ro", "*", "pay")])
    assert refused(ask("a", "pay:out"), known).area == area("a", "*")


def test_role_mark_stands_on_its_own_action() -> None:
    known = facts(grant("ro", "a"), roles=[role("ro", "*", "pay", marks={"pay": STRONG})])
    assert refused(ask("a/b", "pay:out"), known).area == area("a", "pay")


def test_public_grant_can_be_the_cheapest() -> None:
    known = facts(grant("Authress:Owner", "a", step_up=STRONG), resources=[public("a"), guard("a", BASIC)])
    refusal = refused(ask("a"), known)
    assert refusal.source.record is None
    assert refusal.requirement.level is Level.BASIC


# --- the reason ---------------------------------------------------------------------------------------------------

PAY = marked(guard("a", AMOUNT))
PAYING = ask("a", context={"amount": 5})


def paid(amount: int, *, age: int = 0, uses: int | None = None, left: int | None = None) -> Elevation:
    return elevation("a", "read", exact=True, details={"amount": amount}, age=age, uses=uses, left=left)


REASONS = [
    ([], "elevation_required", "nothing"),
    ([paid(5)], "allow", "the very details"),
    ([paid(6)], "details_changed", "other details"),
    ([paid(5, age=400)], "elevation_expired", "expired"),
    ([paid(5, uses=1, left=0)], "elevation_expired", "used up"),
    ([paid(6, age=400)], "elevation_required", "expired, and other details"),
    ([paid(5, age=400), paid(6)], "details_changed", "expired, and another with other details"),
    ([replace(paid(5), ended_at=NOW)], "elevation_required", "ended"),
    ([replace(paid(5, age=400), ended_at=NOW)], "elevation_required", "ended, then expired"),
    ([replace(paid(5, age=400), token=OTHER_TOKEN)], "elevation_required", "expired, of another token"),
    ([replace(paid(5, age=400), level=Level.BASIC)], "elevation_required", "expired, and too weak"),
    ([replace(paid(6), level=Level.BASIC)], "elevation_required", "other details, and too weak"),
    ([elevation("b", age=400)], "elevation_required", "expired, elsewhere"),
    ([replace(paid(5), proven_at=NOW - timedelta(seconds=301))], "elevation_expired", "outlived by the mark's age"),
]


@pytest.mark.parametrize(("held", "expected"), [e[:2] for e in REASONS], ids=[e[2] for e in REASONS])
def test_reason(held: list[Elevation], expected: str) -> None:
    assert decided(PAYING, PAY, *held) == expected


def test_elevation_is_exact_to_the_second() -> None:
    held = elevation("a", lasts=300)
    for seconds, expected in ((0, "allow"), (299, "allow"), (300, "elevation_expired")):
        assert outcome(decide(ask("a"), marked(), [held], NOW + timedelta(seconds=seconds))) == expected


# --- laws, by example ---------------------------------------------------------------------------------------------

PROGRESS = [
    (ask("a/b/c", "pay"), [guard("a")], "an area"),
    (ask("a/*", "pay"), [guard("a/b"), guard("a", BASIC)], "all children, with a mark on one"),
    (ask("*", "*"), [guard("a/b", STRONG, "pay"), guard("*", BASIC)], "everything"),
    (ask("a", "pay"), [guard("a", STRONG, "pay:out"), guard("*")], "an action, with a mark on a part"),
    (ask("a/1/k/7"), [guard("a/*/k"), guard("a/*"), guard("*/1/*")], "wildcards"),
    (ask("a", context={"amount": 5}), [guard("a", AMOUNT), guard("*", R(uses=2))], "counted and bound"),
    (ask("a/b"), [guard("a", R(uses=3, scope=Scope.AREA)), guard("a/b", R(uses=5, scope=Scope.AREA))], "counted areas"),
    (ask("s:1/x"), [guard("s:*", R(lifetime=15, max_age=1)), guard("s:*/x", R(scope=Scope.EXACT))], "short and exact"),
]


@pytest.mark.parametrize(("question", "guards"), [e[:2] for e in PROGRESS], ids=[e[2] for e in PROGRESS])
def test_step_up_that_was_asked_for_opens_the_same_check(
    question: Question, guards: list[ResourceConfiguration]
) -> None:
    """Law, *progress*: an elevation issued for a refusal allows the same check at once."""
    known = marked(*guards)
    refusal = refused(question, known)
    assert refusal.challengeable
    assert decided(question, known, issued_for(refusal, question)) == "allow"


@pytest.mark.parametrize(("parent", "child"), [("a/*", "a/b"), ("a/*", "a/b/c"), ("*", "x/y"), ("a/b/*", "a/b/c/*")])
def test_what_opens_all_children_opens_each(parent: str, child: str) -> None:
    known = marked(guard("*"), guard("a/b", BASIC), guard("a/*/c", R(lifetime=60)))
    held = issued_for(refused(ask(parent, "pay"), known), ask(parent, "pay"))
    assert decided(ask(parent, "pay"), known, held) == "allow"
    assert decided(ask(child, "pay:out"), known, held) == "allow"


def test_exact_elevation_opens_nothing_below() -> None:
    known = marked(guard("a", R(scope=Scope.EXACT)))
    held = issued_for(refused(ask("a"), known), ask("a"))
    assert decided(ask("a"), known, held) == "allow"
    assert decided(ask("a/b"), known, held) == "elevation_required"
    assert decided(ask("a", "read:x"), known, held) == "elevation_required"
    assert decided(ask("a/*"), known, held) == "elevation_required"


def test_assess_then_resolve_is_decide() -> None:
    pending = assess(ask("a"), marked())
    assert isinstance(pending, Pending)
    assert resolve(pending, (), NOW) == decide(ask("a"), marked(), (), NOW)
    assert isinstance(resolve(pending, (), NOW), StepUpRequired)
