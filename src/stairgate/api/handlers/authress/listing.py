"""What the calls of the management API have in common: pages, texts to look for, and header fields of an answer."""

from __future__ import annotations

from datetime import datetime
from email.utils import format_datetime

from stairgate.api.call import Call, Parameter
from stairgate.model.canonical import JsonValue
from stairgate.model.errors import InvalidInputError
from stairgate.service import cursors

HeaderField = tuple[bytes, bytes]

DEFAULT_LIMIT = 20
MOST_OF_NOTHING = 100
CURSOR = Parameter("cursor", "Where the page before ended.", minimum=1, maximum=cursors.MAX_LENGTH)
LIMIT = Parameter("limit", "How many at most.", "integer", minimum=1, maximum=20)
FILTER = Parameter("filter", "A part of the id or of the name.", minimum=1, maximum=64)


def limit_of(call: Call, *, most: int = DEFAULT_LIMIT, default: int = DEFAULT_LIMIT) -> int:
    """How many items the page may have. Raises `InvalidInputError`."""
    return call.integer("limit", low=1, high=most) or default


def text_of(call: Call, *, least: int = 1, most: int = 64) -> str | None:
    """The text to look for. Raises `InvalidInputError`."""
    text = call.query.get("filter")
    if text is not None and not least <= len(text) <= most:
        raise InvalidInputError("filter", f"must have {least} to {most} characters")
    return text or None


def after(call: Call, scope: JsonValue) -> str | None:
    """Where the page begins. Raises `InvalidInputError` for a cursor of anything but *scope*."""
    return cursors.position_of(call.services, call.caller, scope, call.query.get("cursor"))


def cursor(call: Call, scope: JsonValue, position: str | None) -> str | None:
    """What continues the list of *scope* after *position*."""
    return cursors.cursor_at(call.services, call.caller, scope, position)


def revision(number: int) -> HeaderField:
    """From which revision on what was written is in force."""
    return (b"stairgate-revision", str(number).encode())


def last_modified(at: datetime | None) -> tuple[HeaderField, ...]:
    """When the thing was last changed, as an HTTP date."""
    return () if at is None else ((b"last-modified", format_datetime(at, usegmt=True).encode()),)
