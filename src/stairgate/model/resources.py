"""
Resources: URIs of whole segments (semantics §2, authress-contract §1.2).

A *checked* URI becomes a `Resource`, the URI of a grant or a mark a `ResourcePattern`. Both parsers look at each
character a bounded number of times: the official expression for the same grammar is exponential.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from stairgate.model.errors import InvalidInputError

MAX_LENGTH = 512
MAX_SEGMENTS = 15  # a final `/*` does not count, nor does the prefix of the step-up rights
ANY = "*"
MANAGEMENT_PREFIX = "Authress:"
STEP_UP_PREFIX = "Authress:StepUp"

_PART = r"[a-zA-Z0-9\-_.+=~|@]"
_SEGMENT = re.compile(rf"{_PART}{{1,128}}(?::{_PART}{{0,128}})*")  # `:` is not in a part, so there is one way to match
_SCOPE = re.compile(rf"{_PART}{{1,128}}(?::{_PART}{{1,128}})*:\*")
_BETWEEN = "!"  # segments of a place; below every character of a segment
_PAST = '"'  # the character after it
_ALLOWED_BYTE = re.compile(_PART)
_ESCAPED = re.compile(rb"~([0-9A-F]{2})")


@dataclass(frozen=True, slots=True)
class Resource:
    """One node of the tree or, with *children*, the question "all that is below it"."""

    segments: tuple[str, ...]
    children: bool = False

    def __str__(self) -> str:
        if self.children:
            return "/".join((*self.segments, ANY))
        return "/".join(self.segments)


@dataclass(frozen=True, slots=True)
class ResourcePattern:
    """
    Where a grant or a mark stands.

    A segment is literal, `*` (exactly one segment) or `scope:*` (one segment that begins with `scope:`). With *below*
    it covers strictly below its node, otherwise the node and all below. No segments and *below* is `*`: everything.
    """

    segments: tuple[str, ...]
    below: bool = False

    def __str__(self) -> str:
        return "/".join((*self.segments, ANY)) if self.below else "/".join(self.segments)

    @property
    def wild(self) -> bool:
        """Whether a segment other than a final `/*` is a wildcard."""
        return any(is_wildcard(segment) for segment in self.segments)


def is_wildcard(segment: str) -> bool:
    """Whether *segment* of a pattern stands for more than itself."""
    return segment == ANY or segment.endswith(":*")


def segment_matches(pattern: str, segment: str) -> bool:
    """Whether one *segment* of a resource is meant by one segment of a pattern."""
    if pattern in {ANY, segment}:
        return True
    return pattern.endswith(":*") and len(segment) >= len(pattern) and segment.startswith(pattern[:-1])


def parse_resource(text: str, *, field: str = "resourceUri") -> Resource:
    """
    The checked URI *text* (semantics §2.1, §2.3).

    Args:
        text: The URI, decoded once.
        field: What to call it in an error.

    Raises:
        InvalidInputError: It is not a URI of the grammar, or has a `*` that is not the whole last segment.
    """
    segments, last_is_any = _split(text, field)
    for segment in segments:
        if ANY in segment:
            raise InvalidInputError(field, "a checked URI may have `*` only as its whole last segment")
    return Resource(segments, last_is_any)


def parse_pattern(text: str, *, field: str = "resourceUri") -> ResourcePattern:
    """
    The URI *text* of a grant or a mark (semantics §2.1, §2.2).

    Raises:
        InvalidInputError: It is not a URI of the grammar.
    """
    segments, below = _split(text, field)
    return ResourcePattern(segments, below)


def _split(text: str, field: str) -> tuple[tuple[str, ...], bool]:
    """The segments of *text* without a final `*`, and whether it had one."""
    if len(text) > MAX_LENGTH:
        raise InvalidInputError(field, f"must have at most {MAX_LENGTH} characters")
    body = text.removeprefix("/").removesuffix("/")
    if not body:
        raise InvalidInputError(field, "must not be empty")
    segments = body.split("/")
    last_is_any = segments[-1] == ANY
    if last_is_any:
        segments.pop()
    allowed = MAX_SEGMENTS + (segments[:1] == [STEP_UP_PREFIX])
    if len(segments) > allowed:
        raise InvalidInputError(field, f"must have at most {MAX_SEGMENTS} segments")
    for segment in segments:
        _require_segment(segment, field)
    return tuple(segments), last_is_any


def _require_segment(segment: str, field: str) -> None:
    if _SEGMENT.fullmatch(segment) is not None:
        if segment in {".", ".."}:
            raise InvalidInputError(field, "must not have `.` or `..` as a segment")
        return
    if segment == ANY or _SCOPE.fullmatch(segment) is not None:
        return
    if not segment:
        raise InvalidInputError(field, "must not have an empty segment")
    if ANY in segment:
        raise InvalidInputError(field, "`*` must be a whole segment, or follow a `:` at its end")
    raise InvalidInputError(field, "a segment may have letters, digits and any of - _ . + = ~ | @ : (parts up to 128)")


def place_of(segments: Iterable[str]) -> str:
    """
    Where the node of *segments* stands in the order of the tree, for lists.

    Compared as text, a node's place comes before all below it, and these before its next sibling: a segment has no
    character as low as `!`. (URIs are not ordered so: `a-b` comes between `a` and `a/c`.)
    """
    return _BETWEEN.join(segments)


def node_at(place: str) -> Resource:
    """The node whose place is *place*."""
    return Resource(tuple(place.split(_BETWEEN)))


def below_place(place: str) -> str:
    """The lowest text that the place of something below *place* can have; also what comes next after *place*."""
    return place + _BETWEEN


def past_place(place: str) -> str:
    """A text after all that is below *place*, and before all that comes after that."""
    return place + _PAST


def escape_segment(text: str) -> str:
    """
    *text* as exactly one literal segment, so that no two texts meet (semantics §13).

    Every byte that a segment may not have, every `~`, a leading `:` and a whole `.` or `..` become `~XX`; empty is `~`.
    """
    if not text:
        return "~"
    if text in {".", ".."}:
        return "".join("~2E" for _ in text)
    escaped: list[str] = []
    for position, byte in enumerate(text.encode()):
        character = chr(byte)
        keep = character != "~" and (_ALLOWED_BYTE.match(character) or (character == ":" and position > 0))
        escaped.append(character if keep else f"~{byte:02X}")
    return "".join(escaped)


def unescape_segment(segment: str) -> str:
    """
    The text that `escape_segment` made *segment* of.

    Raises:
        InvalidInputError: It made it of none.
    """
    try:
        data = b"" if segment == "~" else _ESCAPED.sub(lambda byte: bytes((int(byte[1], 16),)), segment.encode())
        text = data.decode()
    except UnicodeError:
        text = None
    if text is None or escape_segment(text) != segment:
        raise InvalidInputError("resourceUri", "has a segment that is not in its escaped form")
    return text


def management_resource(kind: str, *ids: str) -> Resource:
    """The resource of the management API that guards *ids* of *kind*, such as `Authress:AccessRecords/{id}`."""
    return Resource((f"Authress:{kind}", *(escape_segment(part) for part in ids)))


def step_up_resource(resource: Resource) -> Resource:
    """Where the rights `StepUp:Challenge` and `StepUp:Attest` over *resource* are held (semantics §7.1)."""
    return Resource((STEP_UP_PREFIX, *resource.segments), resource.children)
