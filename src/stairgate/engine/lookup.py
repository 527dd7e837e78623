"""
Which patterns cover a resource: found by a few dictionary gets, never by a scan (design §3, semantics §2).

A pattern is filed under its segments joined by `/`. A segment can hold no `/` and a literal one no `*`, so that text
means one pattern. A pattern with wildcards is found by its *shape*: the question's segments with `*` (or `scope:*`)
written at the shape's places are the text that it is filed under, whatever the number of patterns of that shape.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import Generic, Protocol, TypeVar

from stairgate.model.actions import ANY as ANY_KEY
from stairgate.model.actions import Action
from stairgate.model.resources import ANY, Resource, ResourcePattern, is_wildcard, segment_matches

# A place of a wildcard and its kind: 0 for `*`, or how many `:` stand before the `*` of `scope:*`.
Place = tuple[int, int]
Shape = tuple[int, tuple[Place, ...]]


class Placed(Protocol):
    """What is filed under a pattern."""

    @property
    def below(self) -> bool:
        """Whether the pattern ends in `/*`."""


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


class Asked:
    """A resource and an action, taken apart once for all lookups of a decision."""

    __slots__ = ("action", "children", "holders", "prefixes", "resource", "segments", "size")

    def __init__(self, resource: Resource, action: Action) -> None:
        segments = resource.segments
        text = ""
        prefixes = [text]
        for segment in segments:
            text = f"{text}/{segment}" if text else segment
            prefixes.append(text)
        self.resource = resource
        self.action = action
        self.segments = segments
        self.children = resource.children
        self.size = len(segments)
        self.prefixes = prefixes  # prefixes[n]: the first n segments
        self.holders = _holders(action.key)


def text_of(pattern: ResourcePattern) -> str:
    """What *pattern* is filed under."""
    return "/".join(pattern.segments)


def pattern_of(text: str, *, below: bool) -> ResourcePattern:
    """The pattern that is filed under *text*."""
    return ResourcePattern(tuple(text.split("/")) if text else (), below)


def shape_of(pattern: ResourcePattern) -> Shape:
    """The places and kinds of the wildcards of *pattern*."""
    return len(pattern.segments), tuple(
        (place, segment.count(":") if segment != ANY else 0)
        for place, segment in enumerate(pattern.segments)
        if is_wildcard(segment)
    )


def _under(shape: Shape, segments: tuple[str, ...]) -> str | None:
    """What a pattern of *shape* that covers *segments* is filed under; None: there can be none."""
    size, places = shape
    parts = list(segments[:size])
    for place, colons in places:
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
def _shared_depths(depths: frozenset[int]) -> tuple[int, ...]:
    return tuple(sorted(depths))


@lru_cache(maxsize=4096)
def _shared_shapes(shapes: frozenset[Shape]) -> tuple[Shape, ...]:
    return tuple(sorted(shapes))


@lru_cache(maxsize=16384)
def _shared_text(text: str) -> str:
    return text


class PatternIndex(Generic[T]):
    """Things filed under patterns. Immutable once filled; what many indexes have in common they share."""

    __slots__ = ("_depths", "_filed", "_shapes")

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
            else:
                depths.add(len(pattern.segments))
        self._filed = filed
        self._depths = _shared_depths(frozenset(depths))
        self._shapes = _shared_shapes(frozenset(shapes)) if shapes else ()

    def __bool__(self) -> bool:
        return bool(self._filed)

    def patterns(self) -> Iterator[ResourcePattern]:
        """Each pattern that something is filed under, for listings."""
        for text, things in self._filed.items():
            for below in sorted({thing.below for thing in (things if isinstance(things, tuple) else (things,))}):
                yield pattern_of(text, below=below)

    def hits(self, asked: Asked) -> list[tuple[str, T]]:
        """What is filed under the patterns that cover all that is asked for, each with its pattern's text."""
        found: list[tuple[str, T]] = []
        size = asked.size
        prefixes = asked.prefixes
        get = self._filed.get
        for depth in self._depths:
            if depth > size:
                break
            things = get(prefixes[depth])
            if things is not None:
                self._add(found, prefixes[depth], things, below=depth < size or asked.children)
        for shape in self._shapes:
            depth = shape[0]
            if depth > size:
                continue
            text = _under(shape, asked.segments)
            things = None if text is None else get(text)
            if text is not None and things is not None:
                self._add(found, text, things, below=depth < size or asked.children)
        return found

    @staticmethod
    def _add(found: list[tuple[str, T]], text: str, things: T | tuple[T, ...], *, below: bool) -> None:
        """Add *things* to *found*; those that stand strictly below their node only with *below*."""
        if isinstance(things, tuple):
            found.extend((text, thing) for thing in things if below or not thing.below)
        elif below or not things.below:
            found.append((text, things))
