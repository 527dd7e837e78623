"""The walk through the tree stops at what grants cover, and passes over the rest (semantics §11)."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.engine.building import facts, grant, public, role

from stairgate.engine.facts import Facts
from stairgate.engine.lookup import covers
from stairgate.engine.reach import Reach
from stairgate.model.actions import parse_action
from stairgate.model.resources import Resource, below_place, node_at, parse_pattern, parse_resource, place_of

READER = role("r", "read")
# Segments that sort on both sides of a slash, of a wildcard and of a scope.
SEGMENTS = ["a", "a-b", "a+", "b", "s:", "s:1", "s:1:2", "t"]
resources = st.lists(st.sampled_from(SEGMENTS), min_size=1, max_size=4).map("/".join)
patterns = st.one_of(
    st.just("*"),
    st.builds(
        lambda segments, tail: "/".join(segments) + tail,
        st.lists(st.sampled_from([*SEGMENTS, "*", "s:*", "s:1:*"]), min_size=1, max_size=4),
        st.sampled_from(["", "", "/*"]),
    ),
)


def walked(known: Facts, names: set[str], action: str | None = "read") -> tuple[list[str], int]:
    """The resources of *names* that the walk stops at, and how many it looked at."""
    reach = Reach(known, None if action is None else parse_action(action))
    places = sorted(place_of(parse_resource(name).segments) for name in names)
    found, looked = [], 0
    place: str | None = ""
    while place is not None:
        place = reach.first_from(place)
        node = None if place is None else next((each for each in places if each >= place), None)
        if node is None:
            break
        looked += 1
        following = reach.first_from(node)
        if following == node:
            found.append(str(node_at(node)))
            following = below_place(node)
        assert following is None or following > node
        place = following
    return found, looked


@given(st.lists(patterns, max_size=4), st.sets(resources, max_size=12))
def test_the_walk_finds_exactly_what_the_grants_cover(texts: list[str], names: set[str]) -> None:
    known = facts(
        *(grant("r", text, record=f"rec_{number}") for number, text in enumerate(texts)),
        groups=[[grant("r", texts[0])]] if texts else [],
        roles=[READER],
    )
    found, _ = walked(known, names)
    expected = [name for name in names if any(covers(parse_pattern(text), parse_resource(name)) for text in texts)]
    assert sorted(found) == sorted(expected)
    assert found == sorted(found, key=lambda name: parse_resource(name).segments)


@pytest.mark.parametrize(
    ("pattern", "found"),
    [("m/5", ["m/5"]), ("m/*/x", []), ("m/7/*", ["m/7/y"]), ("zz", []), ("*/7/y", ["m/7/y"])],
)
def test_the_walk_looks_at_few_resources_that_are_not_reached(pattern: str, found: list[str]) -> None:
    names = {f"m/{number}" for number in range(300)} | {"m/7/y"} | {f"n/{number}/z" for number in range(300)}
    known = facts(grant("r", pattern), roles=[READER])
    reached, looked = walked(known, names)
    assert reached == found
    assert looked <= (302 if pattern == "m/*/x" else 5)  # there each `m/…` may have an `x`


def test_only_grants_that_could_give_the_action_are_reached() -> None:
    known = facts(
        grant("r", "a"),
        grant("w", "b", statement=1),
        grant("gone", "c", statement=2),
        grant("Authress:Owner", "d", statement=3),
        roles=[READER, role("w", "write:own", rights="a"), role("g", "read", rights="g")],
        resources=[public("e")],
    )
    names = {"a", "b", "c", "d", "e"}
    assert walked(known, names, "read")[0] == ["a", "d", "e"]
    assert walked(known, names, "write:own:now")[0] == ["b", "d"]
    assert walked(known, names, "write")[0] == ["d"]
    assert walked(known, names, None)[0] == ["a", "b", "d", "e"]


def test_places_are_in_the_order_of_the_tree() -> None:
    order = ["a", "a/b", "a/b/c", "a/b-c", "a+", "a-b", "b"]
    assert sorted(order, key=lambda name: place_of(parse_resource(name).segments)) == order
    assert node_at(place_of(("a", "b"))) == Resource(("a", "b"))


@pytest.mark.parametrize(
    ("grants", "children"),
    [
        ([], frozenset()),
        (["Authress:Groups/g1", "Authress:Groups/g2/*", "Authress:Groups/g3/x", "Other/g4"], {"g1"}),
        (["*/g1", "Authress:*/g2"], {"g1", "g2"}),
        (["Authress:Groups/g1", "Authress:Groups"], None),
        (["Authress:Groups/*"], None),
        (["Authress:Groups/g:*"], None),
        (["Authress:*"], None),
        (["*/*"], None),
        (["*"], None),
        (["*/*/x", "a/*"], set()),
    ],
)
def test_the_children_that_grants_name_are_told_from_all_of_them(
    grants: list[str], children: frozenset[str] | set[str] | None
) -> None:
    known = facts(*(grant("r", text, record=f"rec_{text}") for text in grants), roles=[READER])
    assert Reach(known, parse_action("read")).children_of(("Authress:Groups",)) == children
    assert Reach(known, parse_action("write")).children_of(("Authress:Groups",)) == frozenset()
