"""Which patterns cover which resources (semantics §2), by the rule and by the compiled table."""

import random
from dataclasses import replace

import pytest
from tests.unit.engine.building import grant, table

from stairgate.engine.grants import compile_grants
from stairgate.engine.lookup import Asked, covers, touches
from stairgate.model.actions import ANY_ACTION
from stairgate.model.errors import InvalidInputError
from stairgate.model.resources import Resource, ResourcePattern, parse_pattern, parse_resource

COVERS = [
    ("a/b", "a/b", True, "a grant covers its own node"),
    ("a/b", "a/b/c/d", True, "a grant covers everything below its node"),
    ("a/b", "a", False, "nothing flows upward"),
    ("doc", "documents", False, "a segment is whole"),
    ("a/b", "a/bc", False, "a last segment is whole"),
    ("A", "a", False, "segments are case-sensitive"),
    ("a/b/*", "a/b", False, "a final star leaves the node itself out"),
    ("a/b/*", "a/b/c", True, "a final star covers children"),
    ("a/b/*", "a/b/c/d", True, "a final star covers all depths"),
    ("*", "a", True, "a bare star covers a first segment"),
    ("*", "a/b/c", True, "a bare star covers everything"),
    ("a/*/c", "a/b/c", True, "a star in the middle stands for one segment"),
    ("a/*/c", "a/b/c/d", True, "a pattern with a star covers below, too"),
    ("a/*/c", "a/c", False, "a star in the middle is not empty"),
    ("a/*/c", "a/b/b/c", False, "a star in the middle is one segment, not two"),
    ("*/c", "b/c", True, "a star may come first"),
    ("*/*/c", "a/b/c", True, "two stars stand for two segments"),
    ("a/*/*", "a/b", False, "a star and a final star leave the middle node out"),
    ("a/*/*", "a/b/c", True, "a star and a final star cover below any middle node"),
    ("a/s:*", "a/s:1", True, "a scope star covers what begins with its scope"),
    ("a/s:*", "a/s:1/b", True, "a scope star covers below"),
    ("a/s:*", "a/s:1:2", True, "a scope star covers deeper scopes"),
    ("a/s:*", "a/s:", False, "a scope star wants something after the scope"),
    ("a/s:*", "a/s", False, "a scope star does not cover the bare scope"),
    ("a/s:*", "a/t:1", False, "a scope star covers its own scope only"),
    ("a/s:t:*", "a/s:t:1", True, "a scope may have parts"),
    ("a/s:t:*", "a/s:u:1", False, "all parts of a scope count"),
    ("s:*/b", "s:1/b", True, "a scope star may come first"),
    ("a", "a/*", True, "a grant on the node covers all children"),
    ("a/*", "a/*", True, "a final star covers all children"),
    ("*", "a/*", True, "a bare star covers all children of anything"),
    ("*", "*", True, "a bare star covers everything that is asked"),
    ("a", "*", False, "one node does not cover everything"),
    ("a/b", "a/*", False, "one child does not cover all children"),
    ("a/b/*", "a/*", False, "below one child does not cover all children"),
    ("a/*/c", "a/*", False, "one grandchild of each does not cover all children"),
    ("a/*/*", "a/*", False, "all grandchildren do not cover all children"),
    ("a/s:*", "a/*", False, "a scope does not cover all children"),
    ("a/*/c", "a/b/c/*", True, "a star covers all children of a node that it covers"),
    ("s:*", "s:1/*", True, "a scope star covers all children of what it covers"),
]


@pytest.mark.parametrize(("pattern", "resource", "expected"), [each[:3] for each in COVERS], ids=[e[3] for e in COVERS])
def test_covers(pattern: str, resource: str, expected: bool) -> None:
    """The rule and the compiled table say the same (semantics §2.2, §2.3)."""
    asked = Asked(parse_resource(resource), ANY_ACTION)
    assert covers(parse_pattern(pattern), asked.resource) is expected
    assert bool(table(grant("x", pattern)).hits(asked)) is expected


TOUCHES = [
    ("a/b", "a/*", True, "a child is among all children"),
    ("a/b/c/*", "a/*", True, "so is what lies far below"),
    ("*/b", "a/*", True, "a wildcard may reach below"),
    ("b/*/c", "a/*", False, "a wildcard elsewhere does not"),
    ("a", "a/*", True, "a node reaches its children"),
    ("a/*", "a/*", True, "so do its children"),
    ("b", "a/*", False, "a sibling does not"),
    ("a/b", "a", False, "without a final star nothing below is asked for"),
    ("a/b", "*", True, "everything is among everything"),
    ("ab", "a/*", False, "segments stay whole"),
    ("a-b", "a/*", False, "a neighbour in sort order does not"),
    ("a/s:*", "a/*", True, "a scope is among all children"),
    ("s:*/b", "a/*", False, "another scope is not"),
]


@pytest.mark.parametrize(("pattern", "resource", "expected"), [e[:3] for e in TOUCHES], ids=[e[3] for e in TOUCHES])
def test_touches(pattern: str, resource: str, expected: bool) -> None:
    assert touches(parse_pattern(pattern), parse_resource(resource)) is expected


def test_table_finds_exactly_what_the_rule_covers() -> None:
    """On thousands of random tables: the dictionary lookups and the rule name the same patterns."""
    chance = random.Random(11)
    names = ["a", "b", "s:1", "s:1:2", "s:"]
    for _ in range(3_000):
        patterns = {
            ResourcePattern(tuple(chance.choice([*names, "*", "s:*", "s:1:*"]) for _ in range(depth)), below)
            for depth, below in ((chance.randrange(5), chance.random() < 0.4) for _ in range(6))
        }
        patterns = {each for each in patterns if each.segments[-1:] != ("*",) and (each.segments or each.below)}
        resource = Resource(tuple(chance.choice(names) for _ in range(chance.randrange(1, 5))), chance.random() < 0.4)
        compiled = compile_grants([grant("x", *map(str, patterns))])
        found = {
            ResourcePattern(tuple(text.split("/")) if text else (), given.below)
            for text, given in compiled.hits(Asked(resource, ANY_ACTION))
        }
        assert found == {each for each in patterns if covers(each, resource)}


def test_table_lists_its_patterns() -> None:
    listed = {str(each) for each in table(grant("x", "a", "a/*", "*", "b/*/c")).patterns()}
    assert listed == {"a", "a/*", "*", "b/*/c"}


def test_shapes_are_as_many_as_there_are_kinds_of_wildcards_not_patterns() -> None:
    """No scan: a thousand patterns of one shape cost one lookup (design §3)."""
    compiled = table(grant("x", *(f"a/*/n{number}" for number in range(1_000))))
    assert len(compiled._shapes) == 1
    assert [text for text, _ in compiled.hits(Asked(parse_resource("a/b/n7"), ANY_ACTION))] == ["a/*/n7"]


def test_deepest_pattern_that_the_grammar_knows_is_found() -> None:
    """The step-up rights have one segment more than other resources (semantics §7.1)."""
    deep = "/".join(["Authress:StepUp", *"abcdefghijklmno"])
    assert table(grant("x", deep)).hits(Asked(parse_resource(deep), ANY_ACTION))
    assert not table(grant("x", deep)).hits(Asked(parse_resource("Authress:StepUp/a"), ANY_ACTION))


def test_pattern_deeper_than_the_grammar_is_refused() -> None:
    deep = replace(grant("x", "a"), resources=(ResourcePattern(tuple("abcdefghijklmnopq")),))
    with pytest.raises(InvalidInputError, match="segments"):
        compile_grants([deep])
