"""
Where in the tree a user's grants reach: a walk from place to place, so that lists skip what cannot be the user's.

Places are compared as text, in the order of the tree (`model.resources.place_of`). The walk looks at no mark and no
condition: it may stop where nothing is open, and never passes over what is.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

from stairgate.engine.facts import Facts
from stairgate.engine.grants import Given, GrantTable
from stairgate.engine.lookup import Asked
from stairgate.engine.rights import Right
from stairgate.model.actions import READ, Action
from stairgate.model.ids import RoleId
from stairgate.model.resources import (
    ANY,
    Resource,
    below_place,
    is_wildcard,
    node_at,
    past_place,
    place_of,
    segment_matches,
)

_EVERYTHING = Resource((), children=True)


class Reach:
    """Where the grants that *facts* hold could give *action*; None: anything at all."""

    def __init__(self, facts: Facts, action: Action | None) -> None:
        self._roles = _giving(facts, action)
        self._tables = list(facts.tables)
        public = facts.resources.public
        if public and (action is None or READ.covers(action)):
            self._tables.append(public)

    @property
    def effort(self) -> int:
        """How many patterns `first_from` has to look at one by one."""
        return sum(len(table.in_order.wild) for table in self._tables)

    def first_from(self, place: str) -> str | None:
        """
        The first text at or after *place* where a grant may reach; None: nothing is reached from there on.

        For the place of a node it is *place* itself if and only if a grant covers the node.
        """
        best: str | None = None
        segments = node_at(place).segments
        for table in self._tables:
            for found in self._in(table, place, segments):
                if found == place:
                    return place
                if best is None or found < best:
                    best = found
        return best

    def children_of(self, node: tuple[str, ...]) -> frozenset[str] | None:
        """The segments right below *node* that grants reach one by one; None: some grant may reach any of them."""
        children: set[str] = set()
        for table in self._tables:
            found = self._children_in(table, node)
            if found is None:
                return None
            children |= found
        return frozenset(children)

    def _children_in(self, table: GrantTable, node: tuple[str, ...]) -> set[str] | None:
        if any(self._ends(table, "/".join(node[:depth])) for depth in range(len(node) + 1)):
            return None
        children: set[str] = set()
        base, size = place_of(node), len(node)
        places = table.in_order.places
        first, end = bisect_left(places, below_place(base)), bisect_left(places, past_place(base))
        for pattern in (*(node_at(place).segments for place in places[first:end]), *table.in_order.wild):
            if len(pattern) > size + 1 or not all(map(segment_matches, pattern, node)):
                continue
            ends = self._ends(table, "/".join(pattern))
            if ends and (len(pattern) <= size or is_wildcard(pattern[size])):
                return None
            if False in ends:
                children.add(pattern[size])
        return children

    def _in(self, table: GrantTable, place: str, segments: tuple[str, ...]) -> Iterator[str]:
        for depth in range(len(segments) + 1):
            ends = self._ends(table, "/".join(segments[:depth]))
            if ends and depth < len(segments):
                yield place
            elif ends:
                yield place if False in ends else below_place(place)
        places = table.in_order.places
        for position in range(bisect_left(places, place), len(places)):
            following = places[position]
            ends = self._ends(table, "/".join(node_at(following).segments))
            if ends and following != place:
                yield following if False in ends else below_place(following)
                break
        for pattern in table.in_order.wild:
            for below in self._ends(table, "/".join(pattern)):
                found = _first_match(pattern, segments, place, below=below)
                if found is not None:
                    yield found

    def _ends(self, table: GrantTable, text: str) -> set[bool]:
        """Whether what is filed under *text* and could give the action stands below its node (True), or on it."""
        things = table.get(text, ())
        return {given.below for given in (things if isinstance(things, tuple) else (things,)) if self._gives(given)}

    def _gives(self, given: Given) -> bool:
        return given.record is None or not self._roles.isdisjoint(given.roles)


def _giving(facts: Facts, action: Action | None) -> frozenset[RoleId]:
    """The roles that could give *action*; for None, those that give anything."""
    if action is None:
        return frozenset(role for right in Right for role, keys in facts.roles.opening(right).items() if keys)
    holders = Asked(_EVERYTHING, action).holders
    return frozenset(role for role, keys in facts.roles.opening(Right.ALLOW).items() if not keys.isdisjoint(holders))


def _first_match(pattern: Sequence[str], segments: tuple[str, ...], place: str, *, below: bool) -> str | None:
    """
    A text at or after *place* that no match of *pattern* before it is passed over for; *place* itself if it matches.

    Args:
        pattern: Its segments, with wildcards.
        segments: Those of *place*.
        place: Where to begin.
        below: Whether the pattern ends in `/*`.
    """
    widest: int | None = None  # the last wildcard so far: the next match may have another segment there
    for depth, wanted in enumerate(pattern):
        if depth == len(segments):
            literals = tuple(_literals(pattern[depth:]))
            return place_of((*segments, *literals)) if literals else below_place(place)
        here = segments[depth]
        if segment_matches(wanted, here):
            widest = depth if is_wildcard(wanted) else widest
            continue
        lowest = wanted.removesuffix(ANY)
        if here < lowest:
            return place_of((*segments[:depth], lowest))
        if here == lowest:  # `scope:` itself is no match of `scope:*`, and all matches follow
            return past_place(place_of(segments[: depth + 1]))
        return None if widest is None else past_place(place_of(segments[: widest + 1]))
    return below_place(place) if below and len(segments) == len(pattern) else place


def _literals(pattern: Sequence[str]) -> Iterator[str]:
    for segment in pattern:
        if is_wildcard(segment):
            return
        yield segment
