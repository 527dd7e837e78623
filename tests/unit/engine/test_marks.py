"""Which marks apply to which grant (semantics §4, §5 "A mark applies")."""

from dataclasses import replace

import pytest
from tests.unit.engine.building import (
    STRONG,
    allowed,
    ask,
    decided,
    elevation,
    facts,
    grant,
    guard,
    public,
    refused,
    role,
)

from stairgate.engine.decide import Pending, assess
from stairgate.model.access import ResourceConfiguration
from stairgate.model.decisions import Allow
from stairgate.model.protection import Enforcement, Level, Requirement
from stairgate.model.resources import parse_pattern

REFUSED = "elevation_required"
OBSERVE = Requirement(enforce=Enforcement.OBSERVE)
EVERYTHING = grant("Authress:Owner", "*")

# Where a resource mark stands, on which actions; what is asked; whether it applies.
RESOURCE_MARKS = [
    ("a", "*", "a", "read", True, "on its own node"),
    ("a", "*", "a/b/c", "read", True, "inherited by all below"),
    ("a/b", "*", "a", "read", False, "nothing flows upward"),
    ("a", "*", "ab", "read", False, "whole segments"),
    ("a/*", "*", "a", "read", False, "a final star leaves the node out"),
    ("a/*", "*", "a/b", "read", True, "a final star takes the children"),
    ("*", "*", "x/y", "read", True, "a bare star takes everything"),
    ("a/*/c", "*", "a/b/c/d", "read", True, "a star in the middle"),
    ("a/*/c", "*", "a/b", "read", False, "a star in the middle, not reached"),
    ("s:*", "*", "s:1/x", "read", True, "a scope"),
    ("a", "pay", "a", "read", False, "another action"),
    ("a", "pay", "a", "pay", True, "its action"),
    ("a", "PAY", "a", "pay", True, "its action in another spelling"),
    ("a", "pay", "a", "pay:out", True, "what lies below its action"),
    ("a", "pay:out", "a", "pay", True, "a checked action asks for all of it"),
    ("a", "pay:out", "a", "pay:in", False, "a sibling of its action"),
    ("a", "pay:out", "a", "*", True, "all actions at once"),
    ("a/b", "*", "a/*", "read", True, "a child, where all children are asked"),
    ("a/b/c/d", "*", "a/*", "read", True, "a far descendant, where all children are asked"),
    ("a/*/d", "*", "a/*", "read", True, "a wildcard below, where all children are asked"),
    ("*/d", "*", "a/*", "read", True, "a wildcard that reaches below"),
    ("*/d", "*", "a/b/*", "read", False, "a wildcard that does not reach below"),
    ("a", "*", "a/*", "read", True, "the node, where all its children are asked"),
    ("a/*", "*", "a/*", "read", True, "all children, where they are asked"),
    ("ab", "*", "a/*", "read", False, "a neighbour, where all children are asked"),
    ("a-b/c", "*", "a/*", "read", False, "a neighbour that sorts close, where all children are asked"),
    ("a0", "*", "a/*", "read", False, "the neighbour that sorts next, where all children are asked"),
    ("x/y", "*", "*", "read", True, "anything, where everything is asked"),
    ("*", "*", "*", "read", True, "everything, where everything is asked"),
    ("a/b", "pay:out", "a/*", "pay", True, "narrower in both"),
]


@pytest.mark.parametrize(
    ("place", "on", "resource", "action", "applies"),
    [e[:5] for e in RESOURCE_MARKS],
    ids=[e[5] for e in RESOURCE_MARKS],
)
def test_resource_mark_applies(place: str, on: str, resource: str, action: str, applies: bool) -> None:
    """It guards every grant, the owner's on everything included."""
    known = facts(EVERYTHING, resources=[guard(place, STRONG, on)])
    assert decided(ask(resource, action), known) == (REFUSED if applies else "allow")


EXEMPT = [
    ("Authress:UserPermissions", "READ", "allow"),
    ("Authress:UserPermissions/u", "read", "allow"),
    ("Authress:UserPermissions/u", "read:x", "allow"),
    ("Authress:UserPermissions/*", "READ", "allow"),
    ("Authress:UserPermissions/u", "UPDATE", REFUSED),
    ("Authress:UserPermissions/u", "*", REFUSED),
    ("Authress:UserPermissionsX/u", "READ", REFUSED),
    ("authress:userpermissions/u", "READ", REFUSED),
    ("x/Authress:UserPermissions", "READ", REFUSED),
    ("*", "READ", REFUSED),
    ("Authress:StepUp/a", "StepUp:Challenge", "allow"),
    ("Authress:StepUp/a", "STEPUP:attest", "allow"),
    ("Authress:Users/u", "stepup:enrol", "allow"),
    ("Authress:StepUp/a", "StepUpX:Challenge", REFUSED),
    ("Authress:StepUp/a", "StepUp", REFUSED),
    ("Authress:StepUp/a", "*", REFUSED),
]


@pytest.mark.parametrize(("resource", "action", "expected"), EXEMPT, ids=[f"{e[1]} on {e[0]}" for e in EXEMPT])
def test_what_marks_are_met_through_is_no_marks_prey(resource: str, action: str, expected: str) -> None:
    """§4: resource marks spare READ on `Authress:UserPermissions` and the `StepUp:` actions, and nothing else."""
    assert decided(ask(resource, action), facts(EVERYTHING, resources=[guard("*")])) == expected


def test_exemption_is_from_resource_marks_only() -> None:
    known = facts(grant("Authress:Owner", "*", step_up=STRONG))
    assert decided(ask("Authress:StepUp/a", "StepUp:Challenge"), known) == REFUSED


def test_statement_mark_guards_its_own_grant_only() -> None:
    known = facts(grant("Authress:Owner", "a", step_up=STRONG), grant("Authress:Owner", "a/b", record="rec_2"))
    assert (decided(ask("a"), known), decided(ask("a/b"), known)) == (REFUSED, "allow")


def test_resource_mark_guards_all_grants_alike() -> None:
    known = facts(
        grant("Authress:Owner", "a", step_up=STRONG),
        grant("Authress:Owner", "*", record="rec_2"),
        resources=[guard("a")],
    )
    assert decided(ask("a"), known) == REFUSED


def test_mark_holds_for_public_resources() -> None:
    assert decided(ask("docs/1"), facts(resources=[public("docs"), guard("docs/1")])) == REFUSED
    assert decided(ask("docs/2"), facts(resources=[public("docs"), guard("docs/1")])) == "allow"


def test_public_and_marked_in_one_configuration() -> None:
    both = replace(public("docs"), marks=guard("docs").marks)
    assert decided(ask("docs/1"), facts(resources=[both])) == REFUSED


ROLE_MARKS = [
    ({"pay": STRONG}, ("pay", "*"), "pay", True, "guards its action though a star gives it, too"),
    ({"pay": STRONG}, ("pay", "*"), "read", False, "leaves the role's other actions alone"),
    ({"pay:out": STRONG}, ("pay:out", "pay"), "pay:out", True, "guards a narrow action though a broad one gives it"),
    ({"pay:out": STRONG}, ("pay:out", "pay"), "pay", True, "guards the broad action, which asks for the narrow one"),
    ({"pay:out": STRONG}, ("pay:out", "pay"), "pay:in", False, "leaves siblings alone"),
    ({"pay": STRONG}, ("pay", "pay:out"), "pay:out", True, "guards below though an unmarked permission gives it"),
    ({"*": STRONG}, ("*", "pay"), "pay", True, "on a star guards every action of the role"),
    ({"pay": STRONG}, ("pay", "*"), "*", True, "guards the question for all actions"),
]


@pytest.mark.parametrize(
    ("marks", "actions", "asked", "applies"), [e[:4] for e in ROLE_MARKS], ids=[e[4] for e in ROLE_MARKS]
)
def test_role_mark(marks: dict[str, Requirement], actions: tuple[str, ...], asked: str, applies: bool) -> None:
    """§4: its action, through this role, however the role's other permissions give it."""
    known = facts(grant("ro", "a"), roles=[role("ro", *actions, marks=marks)])
    assert decided(ask("a", asked), known) == (REFUSED if applies else "allow")


def test_role_mark_guards_though_its_own_permission_gives_nothing() -> None:
    marked = role("ro", "pay", marks={"pay": STRONG}, rights="")
    giving = replace(marked, permissions=(*marked.permissions, *role("x", "*").permissions))
    assert decided(ask("a", "pay"), facts(grant("ro", "a"), roles=[giving])) == REFUSED


def test_role_mark_does_not_reach_another_role() -> None:
    roles = [role("ro", "pay", marks={"pay": STRONG}), role("free", "pay")]
    assert decided(ask("a", "pay"), facts(grant("ro free", "a"), roles=roles)) == "allow"


def test_all_three_places_add_up() -> None:
    known = facts(
        grant("ro", "a", step_up=Requirement(lifetime=100)),
        roles=[role("ro", "pay", marks={"pay": Requirement(uses=3)})],
        resources=[guard("a", Requirement(level=Level.BASIC, max_age=20))],
    )
    refusal = refused(ask("a", "pay"), known)
    assert [each.source for each in refusal.marks] == ["record rec_1 statement 0", "role ro", "resource a"]
    asked = refusal.requirement
    assert (asked.level, asked.lifetime, asked.max_age, asked.uses) == (Level.STRONG, 100, 20, 3)


def test_marks_of_ancestors_add_up() -> None:
    known = facts(EVERYTHING, resources=[guard("a"), guard("a/b"), guard("*"), guard("x")])
    assert {each.source for each in refused(ask("a/b/c"), known).marks} == {"resource *", "resource a", "resource a/b"}


def test_empty_configuration_marks_nothing() -> None:
    known = facts(EVERYTHING, resources=[ResourceConfiguration(parse_pattern("a"))])
    assert decided(ask("a"), known) == "allow"


@pytest.mark.parametrize("resource", ["a", "a/b", "a/*"])
def test_deny_says_nothing_of_marks(resource: str) -> None:
    """Law: `Deny` never depends on marks."""
    grants = grant("ro", "x", step_up=STRONG)
    assert decided(ask(resource), facts(grants, resources=[guard("*")])) == "deny"


def test_observed_mark_never_refuses_and_needs_no_elevations() -> None:
    """`assess` settles it: a store that is away must not turn watching into refusing."""
    verdict = assess(ask("a"), facts(EVERYTHING, resources=[guard("a", OBSERVE)]))
    assert isinstance(verdict, Allow)
    assert [each.source for each in verdict.observed] == ["resource a"]


def test_observed_mark_is_not_noted_where_another_grant_is_free_of_it() -> None:
    known = facts(grant("Authress:Owner", "a", step_up=OBSERVE), grant("Authress:Owner", "*", record="rec_2"))
    assert allowed(ask("a"), known).observed == ()


def test_observed_mark_is_not_noted_where_an_elevation_meets_it() -> None:
    known = facts(EVERYTHING, resources=[guard("a", OBSERVE)])
    assert allowed(ask("a"), known, elevation("a")).observed == ()
    assert len(allowed(ask("a"), known, elevation("b")).observed) == 1


def test_observed_mark_beside_an_enforced_one_is_noted_when_only_that_is_met() -> None:
    strict = Requirement(level=Level.HARDWARE, enforce=Enforcement.OBSERVE)
    known = facts(EVERYTHING, resources=[guard("a"), guard("a/b", strict)])
    verdict = allowed(ask("a/b"), known, elevation("a"))
    assert [each.source for each in verdict.observed] == ["resource a/b"]


def test_observed_mark_is_not_merged_into_what_is_asked() -> None:
    strict = Requirement(level=Level.HARDWARE, enforce=Enforcement.OBSERVE)
    refusal = refused(ask("a/b"), facts(EVERYTHING, resources=[guard("a"), guard("a/b", strict)]))
    assert refusal.requirement.level is Level.STRONG
    assert str(refusal.area.resource) == "a"


def test_observed_marks_of_the_grant_with_fewest_are_noted() -> None:
    watched = grant("Authress:Owner", "a", step_up=OBSERVE)
    free = grant("Authress:Owner", "*", record="rec_2")
    verdict = assess(ask("a"), facts(watched, free, resources=[guard("a", OBSERVE)]))
    assert isinstance(verdict, Allow)
    assert (verdict.source.record, len(verdict.observed)) == ("rec_2", 1)


def test_pending_has_no_truth_value() -> None:
    pending = assess(ask("a"), facts(EVERYTHING, resources=[guard("a")]))
    assert isinstance(pending, Pending)
    with pytest.raises(TypeError, match="truth"):
        bool(pending)
