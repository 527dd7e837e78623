"""What lists show is what the check says (semantics §11)."""

from collections.abc import Sequence

from tests.unit.engine.building import NOW, STRONG, TOKEN, USER, elevation, facts, grant, guard, public, role

from stairgate.engine.facts import Facts
from stairgate.engine.listing import Viewpoint, anything_on, permissions_on, roles_on
from stairgate.model.decisions import Allow, Deny, StepUpRequired
from stairgate.model.elevations import Elevation
from stairgate.model.ids import UserId
from stairgate.model.protection import Level, Requirement, level_name
from stairgate.model.resources import parse_resource

BASIC = Requirement(level=Level.BASIC)
ONCE = Requirement(uses=1)


def view(known: Facts, *elevations: Elevation, user: str = USER) -> Viewpoint:
    return Viewpoint(UserId(user), known, NOW, TOKEN, elevations)


def shown(known: Facts, *elevations: Elevation, on: str = "a", protected: bool = False, user: str = USER) -> list[str]:
    """Each permission as `action rights level`."""
    found = permissions_on(parse_resource(on), view(known, *elevations, user=user), include_protected=protected)
    return [
        " ".join(
            [
                str(each.action),
                "".join(
                    letter for letter, has in zip("agd", (each.allow, each.grant, each.delegate), strict=True) if has
                ),
                *([str(level_name(each.step_up.level))] if each.step_up is not None else []),
            ]
        )
        for each in found
    ]


def roles_shown(known: Facts, *elevations: Elevation, on: str = "a", protected: bool = False) -> Sequence[object]:
    found = roles_on(parse_resource(on), view(known, *elevations), include_protected=protected)
    return [each.role if each.step_up is None else (each.role, each.step_up.level) for each in found]


# --- permissions


def test_permissions_are_shown_as_the_grants_spell_them_with_every_right() -> None:
    known = facts(grant("r w", "a"), roles=[role("r", "Docs:READ"), role("w", "pay", rights="gd")])
    assert shown(known) == ["Docs:READ a", "pay gd"]
    assert shown(known, on="a/b/c") == ["Docs:READ a", "pay gd"]
    assert shown(known, on="b") == []


def test_a_protected_permission_is_left_out_or_carried_with_its_requirement() -> None:
    known = facts(
        grant("r", "a"),
        grant("w", "a", statement=1, step_up=STRONG),
        roles=[role("r", "read"), role("w", "pay", rights="ag")],
    )
    assert shown(known) == ["read a"]
    assert shown(known, protected=True) == ["pay ag strong", "read a"]
    assert shown(known, elevation("a", "pay")) == ["pay ag", "read a"]


def test_the_rights_of_one_action_are_told_apart_by_what_they_want() -> None:
    known = facts(
        grant("r", "a"),
        grant("w", "a", statement=1, step_up=STRONG),
        roles=[role("r", "pay"), role("w", "pay", rights="g")],
    )
    assert shown(known) == ["pay a"]
    assert shown(known, protected=True) == ["pay a", "pay g strong"]


def test_where_a_part_of_a_held_action_is_protected_the_known_ones_below_it_stand_in_its_place() -> None:
    known = facts(
        grant("Authress:Owner", "a"),
        roles=[role("r", "read", "read:own", "pay", "pay:small")],
        resources=[guard("a", STRONG, "pay")],
    )
    assert shown(known) == ["READ agd"]
    assert shown(known, protected=True) == ["* agd strong", "READ agd"]
    assert shown(known, elevation("a", "pay")) == ["pay agd", "READ agd"]


def test_the_rights_that_come_from_a_broader_action_are_added_to_those_of_a_held_one() -> None:
    known = facts(
        grant("all", "a"),
        grant("w", "a", statement=1),
        roles=[role("all", "*"), role("w", "pay", rights="g"), role("x", "read")],
        resources=[guard("a", STRONG, "zap")],
    )
    assert shown(known) == ["pay ag", "READ a"]


def test_where_a_condition_holds_for_a_part_of_an_action_that_part_is_shown() -> None:
    known = facts(
        grant("Authress:Owner", "a", when="action.name == 'pay'"),
        roles=[role("r", "read", "pay", "pay:small")],
    )
    assert shown(known) == ["pay agd"]
    assert roles_shown(known) == ["Authress:Owner"]


def test_a_part_with_a_lighter_requirement_than_the_whole_is_carried_too() -> None:
    known = facts(
        grant("w", "a"),
        roles=[role("w", "pay")],
        resources=[guard("a", BASIC, "pay:small"), guard("a/b", STRONG, "pay:large")],
    )
    assert shown(known, on="a/b", protected=True) == ["pay a strong", "pay:small a basic"]
    assert shown(known, on="a", protected=True) == ["pay a basic"]


def test_a_use_that_is_left_counts_and_none_that_is_taken() -> None:
    known = facts(grant("w", "a", step_up=ONCE), roles=[role("w", "pay")])
    assert shown(known, elevation("a", "pay", exact=True, uses=1)) == ["pay a"]
    assert shown(known, elevation("a", "pay", exact=True, uses=1, left=0)) == []


def test_another_users_elevation_opens_nothing() -> None:
    known = facts(grant("w", "a", step_up=STRONG), roles=[role("w", "pay")])
    assert shown(known, elevation("a", "pay"), user="bob") == []


def test_what_a_service_client_may_hand_out_is_under_no_mark() -> None:
    known = facts(grant("w", "a", step_up=STRONG), roles=[role("w", "pay", rights="ag")])
    assert shown(known, user="sc_shop") == ["pay g"]
    assert shown(known) == []


def test_a_public_resource_shows_read_unless_it_is_marked() -> None:
    assert shown(facts(resources=[public("a")])) == ["READ a"]
    assert shown(facts(resources=[public("a"), guard("*", STRONG)])) == []


def test_anything_on_a_resource_is_the_first_open_action_or_the_cheapest_step_up() -> None:
    cheap = facts(
        grant("w", "a", step_up=STRONG),
        grant("x", "a", statement=1, step_up=BASIC),
        roles=[role("w", "pay"), role("x", "zap")],
    )
    decision = anything_on(parse_resource("a"), view(cheap))
    assert isinstance(decision, StepUpRequired)
    assert decision.requirement.level is Level.BASIC
    assert isinstance(anything_on(parse_resource("a"), view(cheap, elevation("a", "pay"))), Allow)
    assert isinstance(anything_on(parse_resource("b"), view(cheap)), Deny)


# --- roles


def test_roles_are_those_of_statements_on_exactly_the_resource() -> None:
    known = facts(
        grant("up", "*", "a"),
        grant("above", "*", statement=1),
        grant("below", "a/*", statement=2),
        grant("deep", "a/b", statement=3),
        grant("up", "a", record="rec_2"),
        groups=[[grant("team", "a", record="rec_3")]],
        roles=[role(name, "read") for name in ("up", "above", "below", "deep", "team")],
    )
    assert roles_shown(known) == ["team", "up"]
    assert roles_shown(known, on="a/*") == ["below"]
    assert roles_shown(known, on="a/b") == ["deep"]
    assert roles_shown(known, on="a/b/c") == []


def test_a_role_that_gives_nothing_is_not_shown() -> None:
    assert roles_shown(facts(grant("gone empty", "a"), roles=[role("empty")]), protected=True) == []


def test_a_role_of_which_nothing_is_open_is_left_out_or_carried() -> None:
    known = facts(
        grant("r w", "a", step_up=STRONG),
        grant("w both", "b"),
        roles=[role("r", "read"), role("w", "pay", marks={"pay": BASIC}), role("both", "read", "pay")],
        resources=[guard("b", STRONG, "pay")],
    )
    assert roles_shown(known) == []
    assert roles_shown(known, protected=True) == [("r", Level.STRONG), ("w", Level.STRONG)]
    assert roles_shown(known, elevation("a", "read")) == ["r"]
    assert roles_shown(known, on="b") == ["both"]
    assert roles_shown(known, on="b", protected=True) == ["both", ("w", Level.STRONG)]


def test_a_role_is_judged_by_what_flows_through_it_alone() -> None:
    known = facts(
        grant("w", "a", step_up=STRONG),
        grant("r", "*", statement=1),
        roles=[role("w", "READ"), role("r", "READ")],
        resources=[public("a")],
    )
    assert roles_shown(known) == []
    assert shown(known) == ["READ a"]
