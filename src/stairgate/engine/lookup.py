"""
Which patterns cover a resource: found by a few dictionary gets, never by a scan (design §3, semantics §2).

A pattern is filed under its segments joined by `/`. A segment can hold no `/` and a literal one no `*`, so that text
means one pattern. A pattern with wildcards is found by its *shape*: the question's segments with `*` (or `scope:*`)
written at the shape's places are the text that it is filed under, whatever the number of patterns of that shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from stairgate.engine.frozen import quick_pattern
from stairgate.model.actions import ANY as ANY_KEY
from stairgate.model.actions import Action
from stairgate.model.errors import InvalidInputError
from stairgate.model.resources import (
    ANY,
    MAX_SEGMENTS,
    Resource,
    ResourcePattern,
    is_wildcard,
    place_of,
    segment_matches,
)

# A place of a wildcard and its kind: 0 for `*`, or how many `:` stand before the `*` of `scope:*`.
Place = tuple[int, int]


class Shape:
    """How many segments a pattern has and where which wildcards stand. There is one object of each shape."""

    __slots__ = ("places", "size")

    def __init__(self, size: int, places: tuple[Place, ...]) -> None:
        self.size = size
        self.places = places


class Placed(Protocol):
    """What is filed under a pattern."""

    @property
    def below(self) -> bool:
        """Whether the pattern ends in `/*`."""


class Judge(Protocol):
    """What conditions say of the question: whether a grant counts, and whether a mark applies."""

    def count(self, expression: str | None, /) -> bool:
        """Whether a grant that carries *expression* counts."""

    def apply(self, expression: str | None, /) -> bool:
        """Whether a mark that carries *expression* applies."""


T = TypeVar("T", bound=Placed)


def covers(pattern: ResourcePattern, resource: Resource) -> bool:
    """Whether *pattern* covers all that *resource* asks for (semantics §2.2, §2.3)."""
    depth = len(pattern.segments)
    if depth > len(resource.segments):
        return False
    if not all(map(segment_matches, pattern.segments, resource.segments)):
        return False
    return not pattern.below or depth < len(resource.segments) or resource.children


def touches(pattern: ResourcePattern, resource: Resource) -> bool:
    """Whether *pattern* covers *resource* or, for a checked `x/*`, something below `x` (semantics §5)."""
    if not resource.children:
        return covers(pattern, resource)
    return all(map(segment_matches, pattern.segments, resource.segments))  # as far as both go


@lru_cache(maxsize=4096)
def _holders(key: str) -> tuple[str, ...]:
    """The keys of all actions that cover the action *key*."""
    if key == ANY_KEY:
        return (ANY_KEY,)
    parts = key.split(":")
    return (ANY_KEY, *(":".join(parts[: size + 1]) for size in range(len(parts))))


# No pattern is deeper (the step-up rights have one segment more), so no lookup has to ask how deep the question is.
_MOST = MAX_SEGMENTS + 1
_BEYOND = ["//"] * (_MOST + 1)  # no pattern's text: a segment is never empty


class Asked:
    """A resource and an action, taken apart once for all lookups of a decision."""

    __slots__ = ("_filled", "action", "conditions", "holders", "prefixes", "resource")

    def __init__(self, resource: Resource, action: Action) -> None:
        segments = resource.segments
        prefixes = [""]
        if segments:
            text = segments[0]
            prefixes.append(text)
            for segment in segments[1:]:
                text = f"{text}/{segment}"
                prefixes.append(text)
        prefixes += _BEYOND[len(prefixes) :]
        self.resource = resource
        self.action = action
        self.prefixes = prefixes  # prefixes[n]: the first n segments; where there are fewer, a text that nothing has
        self.holders = _holders(action.key)
        self.conditions: Judge | None = None  # made when the first condition is met
        self._filled: dict[Shape, str | None] | None = None  # a dictionary costs, and most tables have no wildcards

    def filled(self, shape: Shape) -> str | None:
        """What a pattern of *shape* that covers the resource is filed under; None: there can be none."""
        known = self._filled
        if known is None:
            known = self._filled = {}
        elif shape in known:
            return known[shape]
        segments = self.resource.segments
        text = known[shape] = _fill(shape, segments) if shape.size <= len(segments) else None
        return text


def text_of(pattern: ResourcePattern) -> str:
    """What *pattern* is filed under."""
    return "/".join(pattern.segments)


def pattern_of(text: str, *, below: bool) -> ResourcePattern:
    """The pattern that is filed under *text*."""
    return quick_pattern(tuple(text.split("/")) if text else (), below=below)


def shape_of(pattern: ResourcePattern) -> Shape:
    """The places and kinds of the wildcards of *pattern*."""
    return _shared_shape(
        len(pattern.segments),
        tuple(
            (place, segment.count(":") if segment != ANY else 0)
            for place, segment in enumerate(pattern.segments)
            if is_wildcard(segment)
        ),
    )


def _fill(shape: Shape, segments: tuple[str, ...]) -> str | None:
    parts = list(segments[: shape.size])
    for place, colons in shape.places:
        if colons == 0:
            parts[place] = ANY
            continue
        pieces = parts[place].split(":", colons)
        if len(pieces) <= colons or not pieces[-1]:
            return None
        pieces[-1] = ANY
        parts[place] = ":".join(pieces)
    return "/".join(parts)


@lru_cache(maxsize=4096)
def _shared_shape(size: int, places: tuple[Place, ...]) -> Shape:
    return Shape(size, places)


@lru_cache(maxsize=4096)
def _shared_depths(depths: frozenset[int]) -> tuple[int, ...]:
    return tuple(sorted(depths))


@lru_cache(maxsize=4096)
def _shared_shapes(shapes: frozenset[Shape]) -> tuple[Shape, ...]:
    return tuple(sorted(shapes, key=lambda shape: (shape.size, shape.places)))


@lru_cache(maxsize=16384)
def _shared_text(text: str) -> str:
    return text


@dataclass(frozen=True, slots=True)
class InOrder:
    """The patterns of an index for a walk through the tree: the places of literal ones, the segments of the others."""

    places: tuple[str, ...]
    wild: tuple[tuple[str, ...], ...]


class PatternIndex(dict[str, T | tuple[T, ...]], Generic[T]):
    """
    Things filed under patterns. Never changed once filled; what many indexes have in common they share.

    It is the dictionary and does not have one: there are as many of these as users, and each is cold when it is asked.
    """

    __slots__ = ("_depths", "_in_order", "_shapes")

    def __init__(self, things: Iterable[tuple[ResourcePattern, T]]) -> None:
        filed: dict[str, T | tuple[T, ...]] = {}
        depths: set[int] = set()
        shapes: set[Shape] = set()
        for pattern, thing in things:
            text = _shared_text(text_of(pattern))
            before = filed.get(text)
            if before is None:
                filed[text] = thing  # most patterns hold one thing: no tuple is spent on it
            elif isinstance(before, tuple):
                filed[text] = (*before, thing)
            else:
                filed[text] = (before, thing)
            if ANY in text:
                shapes.add(shape_of(pattern))
            elif len(pattern.segments) > _MOST:
                raise InvalidInputError("resourceUri", f"must have at most {MAX_SEGMENTS} segments")
            else:
                depths.add(len(pattern.segments))
        super().__init__(filed)
        self._depths = _shared_depths(frozenset(depths))
        self._shapes = _shared_shapes(frozenset(shapes)) if shapes else ()
        self._in_order: InOrder | None = None  # only lists want it

    def patterns(self) -> Iterator[ResourcePattern]:
        """Each pattern that something is filed under, for listings."""
        for text, things in self.items():
            for below in sorted({thing.below for thing in (things if isinstance(things, tuple) else (things,))}):
                yield pattern_of(text, below=below)

    @property
    def in_order(self) -> InOrder:
        """What is filed here in the order of the tree, sorted when it is first asked for."""
        if self._in_order is None:
            places = sorted(place_of(text.split("/")) for text in self if text and ANY not in text)
            wild = sorted(tuple(text.split("/")) for text in self if ANY in text)
            self._in_order = InOrder(tuple(places), tuple(wild))
        return self._in_order

    def hits(self, asked: Asked) -> list[tuple[str, T]]:
        """What is filed under the patterns that cover all that is asked for, each with its pattern's text."""
        found: list[tuple[str, T]] = []
        get = self.get
        prefixes = asked.prefixes
        for depth in self._depths:
            things = get(prefixes[depth])
            if things is not None:
                self._literal_hits(asked, depth, things, found)
        if self._shapes:
            self._wild_hits(asked, found)
        return found

    @staticmethod
    def _literal_hits(asked: Asked, depth: int, things: T | tuple[T, ...], found: list[tuple[str, T]]) -> None:
        text = asked.prefixes[depth]
        # On the very node that is asked for, what stands strictly below it covers its children only.
        below = depth < len(asked.resource.segments) or asked.resource.children
        if isinstance(things, tuple):
            found.extend((text, thing) for thing in things if below or not thing.below)
        elif below or not things.below:
            found.append((text, things))

    def _wild_hits(self, asked: Asked, found: list[tuple[str, T]]) -> None:
        size = len(asked.resource.segments)
        for shape in self._shapes:
            text = asked.filled(shape)
            things = None if text is None else self.get(text)
            if text is None or things is None:
                continue
            below = asked.resource.children or shape.size < size
            for thing in things if isinstance(things, tuple) else (things,):
                if below or not thing.below:
                    found.append((text, thing))  # noqa: PERF401  # twice as fast as extending by a generator of one
