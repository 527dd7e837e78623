"""Who has access at all (semantics §2.4, §3), without any mark."""

import random

import pytest
from tests.unit.engine.building import STRONG, allowed, ask, decided, facts, grant, guard, public, role

from stairgate.engine.access import HeldAction, actions_on
from stairgate.engine.decide import Pending, Right, assess, holds
from stairgate.model.access import OWNER
from stairgate.model.actions import parse_action
from stairgate.model.decisions import Allow, Deny
from stairgate.model.resources import parse_pattern

ACTIONS = [
    ("read", "read", "allow", "an action covers itself"),
    ("read", "READ", "allow", "actions are compared in lower case"),
    ("READ", "read:x", "allow", "an action covers what lies below it"),
    ("read:*", "read", "allow", "a final star is the action itself"),
    ("read", "read:*", "allow", "a checked final star is the action itself"),
    ("read:x", "read", "deny", "asking for an action asks for all of it"),
    ("read:x", "read:y", "deny", "a sibling is another action"),
    ("rea", "read", "deny", "parts of an action are whole"),
    ("*", "anything:at:all", "allow", "a star covers every action"),
    ("*", "*", "allow", "a star covers all actions at once"),
    ("read", "*", "deny", "one action is not all"),
]


@pytest.mark.parametrize(("held", "asked", "expected"), [e[:3] for e in ACTIONS], ids=[e[3] for e in ACTIONS])
def test_held_action(held: str, asked: str, expected: str) -> None:
    assert decided(ask("a", asked), facts(grant("ro", "a"), roles=[role("ro", held)])) == expected


def test_without_grants_the_answer_is_deny() -> None:
    assert assess(ask("a"), facts()) == Deny()


def test_role_that_does_not_exist_gives_nothing() -> None:
    assert decided(ask("a"), facts(grant("gone", "a"))) == "deny"


def test_second_role_of_a_statement_counts() -> None:
    assert decided(ask("a"), facts(grant("gone ro", "a"), roles=[role("ro", "read")])) == "allow"


def test_owner_may_everything() -> None:
    assert decided(ask("a/b", "x:y"), facts(grant("Authress:Owner", "a"))) == "allow"


def test_built_in_reader_reads_only() -> None:
    known = facts(grant("Authress:ReadResource", "a"))
    assert (decided(ask("a", "READ"), known), decided(ask("a", "update"), known)) == ("allow", "deny")


def test_stored_role_cannot_stand_in_for_a_built_in_one() -> None:
    """SECURITY: a stored `Authress:ReadResource` that could do everything changes nothing."""
    assert (
        decided(ask("a", "x"), facts(grant("Authress:ReadResource", "a"), roles=[role("Authress:ReadResource", "*")]))
        == "deny"
    )


def test_grants_of_a_group_count() -> None:
    assert decided(ask("a"), facts(groups=[[], [grant("ro", "a")]], roles=[role("ro", "read")])) == "allow"


def test_two_grants_do_not_add_up_to_all_children() -> None:
    """§2.3: true only where *one* grant covers them all."""
    known = facts(grant("ro", "a/b", "a/*/c"), roles=[role("ro", "read")])
    assert decided(ask("a/*"), known) == "deny"


def test_two_actions_do_not_add_up_to_their_parent() -> None:
    assert decided(ask("a", "x"), facts(grant("ro", "a"), roles=[role("ro", "x:y", "x:z")])) == "deny"


def test_permission_that_may_only_be_handed_out_does_not_allow() -> None:
    assert decided(ask("a"), facts(grant("ro", "a"), roles=[role("ro", "read", rights="gd")])) == "deny"


def test_public_resource_can_be_read_by_every_user() -> None:
    source = allowed(ask("docs/1"), facts(resources=[public("docs/*")])).source
    assert (source.record, source.role, str(source.resource)) == (None, None, "docs/*")


@pytest.mark.parametrize(
    ("resource", "action"), [("docs", "read"), ("other", "read"), ("docs/1", "update"), ("docs/1", "*")]
)
def test_public_gives_nothing_else(resource: str, action: str) -> None:
    assert decided(ask(resource, action), facts(resources=[public("docs/*")])) == "deny"


def test_public_gives_what_lies_below_read() -> None:
    assert decided(ask("docs/1", "READ:title"), facts(resources=[public("docs")])) == "allow"


def test_public_can_have_wildcards() -> None:
    assert decided(ask("docs/1/cover"), facts(resources=[public("docs/*/cover")])) == "allow"


def test_public_is_nothing_to_hand_out() -> None:
    assert holds(ask("docs/1"), facts(resources=[public("docs")]), Right.GRANT) == Deny()


RIGHTS = [
    ("a", [True, False, False]),
    ("g", [False, True, False]),
    ("d", [False, True, True]),
    ("ag", [True, True, False]),
    ("agd", [True, True, True]),
    ("", [False, False, False]),
]


@pytest.mark.parametrize(("rights", "expected"), RIGHTS, ids=[e[0] or "none" for e in RIGHTS])
def test_rights_are_apart_but_who_may_delegate_may_grant(rights: str, expected: list[bool]) -> None:
    known = facts(grant("ro", "a"), roles=[role("ro", "read", rights=rights)])
    assert [isinstance(assess(ask("a"), known, right=right), Allow) for right in Right] == expected


def test_rights_come_under_the_same_marks() -> None:
    """§3: for users, grant and delegate count under the same marks as allow."""
    known = facts(grant("ro", "a"), roles=[role("ro", "read", rights="agd")], resources=[guard("a")])
    assert all(isinstance(holds(ask("a"), known, right), Pending) for right in Right)


def test_handing_out_through_a_marked_role_is_guarded_even_where_the_permission_only_hands_out() -> None:
    known = facts(grant("ro", "a"), roles=[role("ro", "read", rights="g", marks={"read": STRONG})])
    assert isinstance(holds(ask("a"), known, Right.GRANT), Pending)


def test_order_and_duplicates_of_grants_do_not_matter() -> None:
    """Law: the whole outcome, source included, is the same in any order."""
    roles = [role("r1", "read"), role("r2", "*", marks={"read": STRONG})]
    grants = [
        grant("r2", "a", record="rec_3", step_up=STRONG),
        grant("r1 r2", "a", "a/b", record="rec_2"),
        grant("r1", "a/*", record="rec_1", statement=1),
        grant("r1", "a/*", record="rec_1"),
    ]
    first = assess(ask("a/b"), facts(*grants, roles=roles))
    chance = random.Random(3)
    for _ in range(20):
        shuffled = [*chance.sample(grants, len(grants)), chance.choice(grants)]
        assert assess(ask("a/b"), facts(*shuffled, roles=roles)) == first


def test_source_names_the_statement_and_role_that_allow() -> None:
    known = facts(grant("gone ro", "x/*/z", record="rec_9", statement=4), roles=[role("ro", "read")])
    source = allowed(ask("x/y/z/1"), known).source
    assert (source.record, source.statement, source.role) == ("rec_9", 4, "ro")
    assert source.resource == parse_pattern("x/*/z")


def test_quickly_built_outcome_equals_an_ordinary_one() -> None:
    """The plain path builds its records by hand: they are the records."""
    built = allowed(ask("a"), facts(grant("Authress:Owner", "a")))
    assert built == Allow(built.source)
    assert hash(built) == hash(Allow(built.source))
    assert repr(built) == repr(Allow(built.source))
    with pytest.raises(AttributeError):
        built.counted = True  # type: ignore[misc]


def test_listing_joins_the_rights_of_all_grants_by_action() -> None:
    known = facts(
        grant("r1 r2", "a"),
        grant("r3", "a/b/*"),
        roles=[role("r1", "Read"), role("r2", "READ", rights="d"), role("r3", "write"), role("r4", "other")],
        resources=[public("a")],
    )
    assert actions_on(ask("a/b"), known) == (HeldAction(parse_action("READ"), True, True, True),)
    assert [str(each.action) for each in actions_on(ask("a/b/c"), known)] == ["READ", "write"]


def test_listing_of_an_owner_is_a_star() -> None:
    held = actions_on(ask("a"), facts(grant("Authress:Owner", "*")))
    assert held == (HeldAction(OWNER.permissions[0].action, True, True, True),)


def test_listing_leaves_out_a_permission_without_any_right() -> None:
    assert actions_on(ask("a"), facts(grant("ro", "a"), roles=[role("ro", "read", rights="")])) == ()
