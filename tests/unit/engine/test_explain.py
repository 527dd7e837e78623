"""Why: the tree that `explain` gives, from the path that decides."""

import json
import random
from dataclasses import replace

import pytest
from tests.unit.engine.building import (
    NOW,
    OTHER_TOKEN,
    STRONG,
    ask,
    elevation,
    facts,
    grant,
    guard,
    mark,
    public,
    role,
)

from stairgate.engine.conditions import Condition, Verdict
from stairgate.engine.decide import Right, decide
from stairgate.engine.explain import _WHY, _WHY_TOKEN, explain
from stairgate.engine.meeting import Miss, token_misses
from stairgate.model.access import ResourceConfiguration
from stairgate.model.approvals import Quorum
from stairgate.model.decisions import Question
from stairgate.model.elevations import Elevation
from stairgate.model.evidence import TokenEvidence
from stairgate.model.ids import GroupId
from stairgate.model.protection import Device, Enforcement, Level, Method, Requirement, Scope

OWNER = grant("Authress:Owner", "*")


def test_denial_shows_no_grant_and_no_mark() -> None:
    told = explain(ask("a"), facts(resources=[guard("a")]), (), NOW)
    assert (told.outcome, told.grants) == ("deny", ())
    assert told.document()["why"] == "no grant gives it"


def test_every_grant_is_shown_though_the_first_allows() -> None:
    known = facts(OWNER, grant("Authress:Owner", "a", record="rec_2", step_up=STRONG), resources=[public("a")])
    told = explain(ask("a"), known, (), NOW)
    assert [(each.source.record, each.open, each.determined) for each in told.grants] == [
        (None, True, False),
        ("rec_1", True, True),
        ("rec_2", False, False),
    ]


def test_each_mark_says_for_each_elevation_what_it_lacks() -> None:
    held = [
        elevation("a", name="weak", level=Level.BASIC),
        replace(elevation("b", name="other"), token=OTHER_TOKEN),
    ]
    (found,) = explain(ask("a"), facts(OWNER, resources=[guard("a")]), held, NOW).grants
    (guarding,) = found.marks
    assert (guarding.mark.source, guarding.verdict) == ("resource a", "refuses")
    assert [(each.elevation, each.missed) for each in guarding.attempts] == [
        ("weak", (Miss.LEVEL,)),
        ("other", (Miss.TOKEN, Miss.AREA)),
    ]
    assert guarding.attempts[0].why == ("its level is too low",)


def test_marks_met_one_by_one_do_not_open_a_grant() -> None:
    """All marks of a grant must be met by the same elevation, and the tree says so."""
    known = facts(OWNER, resources=[guard("a"), guard("a/b", Requirement(uses=1, level=Level.BASIC))])
    strong = elevation("a", name="strong")
    once = elevation("a/b", "read", name="once", exact=True, uses=1, level=Level.BASIC)
    (found,) = explain(ask("a/b"), known, [strong, once], NOW).grants
    assert [each.verdict for each in found.marks] == ["met", "met"]
    assert not found.open


def test_observed_mark_is_shown_as_one_that_only_watches() -> None:
    watching = guard("a", Requirement(enforce=Enforcement.OBSERVE))
    told = explain(ask("a"), facts(OWNER, resources=[watching]), (), NOW)
    assert told.outcome == "allow"
    assert [each.verdict for each in told.grants[0].marks] == ["observed"]
    assert told.grants[0].open


def test_login_is_held_against_marks_like_an_elevation() -> None:
    told = explain(ask("a"), facts(OWNER, resources=[guard("a")]), (), NOW, TokenEvidence(Level.STRONG, NOW))
    assert told.outcome == "allow"
    assert told.grants[0].marks[0].attempts[0].elevation is None
    assert told.document()["why"] == "the token's own evidence meets all marks of a grant"


def test_document_is_json_and_shows_no_bound_value_and_no_token() -> None:
    """§12: nothing of a token or a detail is told."""
    known = facts(OWNER, resources=[guard("a", Requirement(bind=frozenset({"amount"})))])
    held = elevation("a", "read", exact=True, details={"amount": "secret-value"})
    question = ask("a", context={"amount": "other-secret"})
    told = explain(question, known, [held], NOW)
    text = json.dumps(told.document())
    assert "amount" in text
    assert "secret" not in text
    assert question.token is not None
    assert question.token.digest not in json.loads(text).values()
    assert told.document()["outcome"] == "step_up_required"


def test_a_grant_whose_condition_is_not_true_is_shown_with_why_and_without_marks() -> None:
    known = facts(
        grant("Authress:Owner", "a", when="context.amount < 100", step_up=STRONG),
        grant("Authress:Owner", "a", when="context.gone", record="rec_2"),
    )
    told = explain(ask("a", context={"amount": 4242}), known, (), NOW)
    document = told.document()
    assert (told.outcome, document["why"]) == ("deny", "no grant whose condition is true gives it")
    false, failed = told.grants
    assert false.condition == Condition("context.amount < 100", Verdict.FALSE)
    assert failed.condition == Condition("context.gone", Verdict.ERROR, "a member that it names is not there")
    assert {(each.counts, each.open, each.determined, each.marks) for each in told.grants} == {
        (False, False, False, ())
    }
    assert "4242" not in json.dumps(document)
    counting = explain(ask("a", context={"amount": 5}), known, (), NOW)
    assert [(each.counts, each.determined) for each in counting.grants] == [(True, True), (False, False)]
    assert [each.verdict for each in counting.grants[0].marks] == ["refuses"]


def test_a_mark_whose_condition_is_false_is_shown_as_one_that_does_not_apply() -> None:
    known = facts(OWNER, resources=[guard("a", Requirement(when="context.amount >= 100"))])
    verdicts = {}
    for amount in (5, 500, "5"):
        (found,) = explain(ask("a", context={"amount": amount}), known, (), NOW).grants
        (shown,) = found.marks
        verdicts[amount] = (shown.verdict, found.open, found.requirement is None)
    assert verdicts == {
        5: ("does_not_apply", True, True),
        500: ("refuses", False, False),
        "5": ("refuses", False, False),
    }


def test_rights_to_hand_out_can_be_explained() -> None:
    known = facts(grant("ro", "a"), roles=[role("ro", "read", rights="a")])
    assert explain(ask("a"), known, (), NOW).outcome == "allow"
    assert explain(ask("a"), known, (), NOW, right=Right.DELEGATE).outcome == "deny"


def test_every_clause_has_its_words() -> None:
    assert set(_WHY) == set(Miss)
    agreed = frozenset({Quorum(1, frozenset({GroupId("managers")}))})
    hardest = Requirement(
        Level.HARDWARE,
        frozenset({Method.TOTP}),
        uses=1,
        scope=Scope.EXACT,
        bind=frozenset({"x"}),
        device=Device.SAME,
        approvals=agreed,
    )
    assert set(token_misses(TokenEvidence(Level.BASIC, None), mark("a", requirement=hardest), NOW)) == set(_WHY_TOKEN)


CHOICE = random.Random(5)
PLACES = ["a", "a/b", "a/*", "*", "a/*/c", "s:*", "a/b/*"]
QUESTIONS = ["a", "a/b", "a/b/c", "a/*", "*", "s:1", "a/b/*"]
CONDITIONS = [None, None, None, "context.x == 1", "has(context.x)", "context.gone", "true", "false"]
ACTIONS = ["read", "pay", "pay:out", "*"]


def random_requirement() -> Requirement:
    bind = frozenset(CHOICE.sample(["x", "y"], CHOICE.randrange(2)))
    return Requirement(
        CHOICE.choice(list(Level)[:3]),
        CHOICE.choice([None, None, frozenset({Method.TOTP}), frozenset({Method.EXTERNAL})]),
        lifetime=CHOICE.choice([60, 300]),
        max_age=CHOICE.choice([None, 30]),
        uses=CHOICE.choice([None, None, 1, 2]),
        scope=CHOICE.choice([None, Scope.EXACT] if bind else [None, *Scope]),
        bind=bind,
        enforce=CHOICE.choice([Enforcement.ON, Enforcement.ON, Enforcement.OBSERVE]),
        when=CHOICE.choice(CONDITIONS),
    )


def random_elevation(number: int) -> Elevation:
    return elevation(
        CHOICE.choice(QUESTIONS),
        CHOICE.choice(ACTIONS),
        name=f"el_{number}",
        exact=CHOICE.random() < 0.4,
        uses=CHOICE.choice([None, 1]),
        age=CHOICE.choice([0, 0, 40, 400]),
        level=CHOICE.choice([Level.BASIC, Level.STRONG]),
        details=CHOICE.choice([{}, {"x": 1}]),
    )


def random_case() -> tuple[Question, list[ResourceConfiguration], list[Elevation]]:
    guards = [guard(place, random_requirement(), CHOICE.choice(ACTIONS)) for place in CHOICE.sample(PLACES, 2)]
    question = ask(CHOICE.choice(QUESTIONS), CHOICE.choice(ACTIONS), context=CHOICE.choice([None, {"x": 1}]))
    return question, guards, [random_elevation(number) for number in range(CHOICE.randrange(4))]


@pytest.mark.parametrize("_round", range(5))
def test_explanation_tells_the_decision_that_is_made(_round: int) -> None:
    """On random policies: the outcome is `decide`'s, and a grant is shown open if and only if the outcome is allow."""
    for _ in range(300):
        question, guards, held = random_case()
        roles = [role("ro", "*", "pay", marks=CHOICE.choice([None, {"pay": random_requirement()}]))]
        step_up = CHOICE.choice([None, random_requirement()])
        when = CHOICE.choice(CONDITIONS)
        known = facts(grant("ro", *CHOICE.sample(PLACES, 2), step_up=step_up, when=when), roles=roles, resources=guards)
        evidence = CHOICE.choice([None, TokenEvidence(Level.STRONG, NOW)])
        told = explain(question, known, held, NOW, evidence)
        assert told.decision == decide(question, known, held, NOW, evidence)
        assert any(each.open for each in told.grants) is (told.outcome == "allow")
        assert any(each.determined for each in told.grants) is (told.outcome != "deny")
        json.dumps(told.document())
