"""
Records of `stairgate.client.shapes` as JSON objects, and back.

A record's fields carry wire names in camelCase. Members that a record does not know are kept in its `extra` and go
back as they came: reading something and putting it back loses nothing.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from datetime import datetime
from enum import Enum
from functools import cache
from typing import Any, Final, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from stairgate.client.errors import ArgumentError, UnexpectedAnswerError

T = TypeVar("T")


class Keep(Enum):
    """The type of `KEEP`."""

    KEEP = "keep"

    def __repr__(self) -> str:
        return "KEEP"


# A member that is not sent, so that the service keeps what stands there. None, by contrast, removes it.
KEEP: Final = Keep.KEEP


def listed(member: str, default: Any = ()) -> Any:  # noqa: ANN401  # stands where dataclasses.field stands
    """A field of ids that the wire writes as `[{member: id}]`."""
    return dataclasses.field(default=default, metadata={"member": member})


def read_only(default: Any = None) -> Any:  # noqa: ANN401  # stands where dataclasses.field stands
    """A field that the service fills in and does not want back."""
    return dataclasses.field(default=default, metadata={"read_only": True})


def wire_name(name: str) -> str:
    """`resource_uri` is `resourceUri` on the wire."""
    return re.sub(r"_([a-z])", lambda match: match[1].upper(), name)


def to_wire(record: Any) -> dict[str, Any]:  # noqa: ANN401  # any record of shapes
    """The JSON object for *record*: what is `KEEP`, empty or read-only is left out."""
    document: dict[str, Any] = {}
    for part in dataclasses.fields(record):
        value = getattr(record, part.name)
        if part.name == "extra":
            document.update(value)
        elif value is not KEEP and not part.metadata.get("read_only"):
            if value is None and part.default is None:
                continue
            document[wire_name(part.name)] = _written(value, part.metadata.get("member"))
    return document


def _written(value: Any, member: str | None) -> Any:  # noqa: ANN401  # any JSON value
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return to_wire(value)
    if isinstance(value, Mapping):
        return {name: _written(item, None) for name, item in value.items()}
    if isinstance(value, str):
        return value
    if isinstance(value, Sequence | frozenset | set):
        items = sorted(value) if isinstance(value, frozenset | set) else value
        return [{member: item} if member else _written(item, None) for item in items]
    if value is None or isinstance(value, bool | int | float):
        return value
    raise ArgumentError(f"a {type(value).__name__} cannot be written as JSON")


def from_wire(kind: type[T], document: object) -> T:
    """
    The record of *kind* that the JSON *document* writes.

    Raises:
        UnexpectedAnswerError: A required member is missing, or a member has another type.
    """
    if not isinstance(document, Mapping):
        raise UnexpectedAnswerError(f"unexpected answer: a {kind.__name__} is not an object")
    readers, known = _readers(cast("Hashable", kind))
    values: dict[str, Any] = {}
    for name, wire, read, required in readers:
        if wire in document:
            try:
                values[name] = read(document[wire])
            except (TypeError, ValueError, KeyError, AttributeError):
                raise UnexpectedAnswerError(f"unexpected answer: `{wire}` of a {kind.__name__}") from None
        elif required:
            raise UnexpectedAnswerError(f"unexpected answer: a {kind.__name__} without `{wire}`")
    if "extra" in known:
        values["extra"] = {name: value for name, value in document.items() if name not in known}
    return kind(**values)


_Readers = tuple[tuple[tuple[str, str, Callable[[Any], Any], bool], ...], frozenset[str]]


@cache
def _readers(kind: Any) -> _Readers:  # noqa: ANN401  # a record class; mypy holds such a class not hashable
    hints = get_type_hints(kind)
    parts = dataclasses.fields(kind)
    readers = tuple(
        (
            part.name,
            wire_name(part.name),
            _reader(hints[part.name], part.metadata.get("member")),
            part.default is dataclasses.MISSING and part.default_factory is dataclasses.MISSING,
        )
        for part in parts
        if part.name != "extra"
    )
    return readers, frozenset(wire_name(part.name) for part in parts)


def _reader(hint: Any, member: str | None = None) -> Callable[[Any], Any]:  # noqa: ANN401  # a type hint
    """The function that reads a JSON value of this type. Literals are not narrowed: a newer service may know more."""
    origin, arguments = get_origin(hint), get_args(hint)
    if origin in {Union, type(int | str)}:
        kinds = [kind for kind in arguments if kind not in {type(None), Keep}]
        inner = _reader(kinds[0], member) if len(kinds) == 1 else _as_is
        return lambda value: None if value is None else inner(value)
    if origin in {tuple, Sequence}:
        if member:
            return lambda value: tuple(_text(item[member]) for item in value or ())
        item_reader = _reader(arguments[0])
        return lambda value: tuple(item_reader(item) for item in value or ())
    if isinstance(hint, type) and dataclasses.is_dataclass(hint):
        kind: type[Any] = hint
        return lambda value: from_wire(kind, value)
    return {datetime: _moment, str: _text, int: _whole, bool: _truth}.get(hint, _as_is)


def _as_is(value: Any) -> Any:  # noqa: ANN401  # any JSON value
    return value


def _moment(value: str) -> datetime:
    moment = datetime.fromisoformat(value)
    if moment.tzinfo is None:
        raise ValueError(value)
    return moment


def _text(value: Any) -> str:  # noqa: ANN401  # any JSON value
    if not isinstance(value, str):
        raise TypeError(value)
    return value


def _whole(value: Any) -> int:  # noqa: ANN401  # any JSON value
    if isinstance(value, bool) or not isinstance(value, int):
        raise TypeError(value)
    return value


def _truth(value: Any) -> bool:  # noqa: ANN401  # any JSON value
    if not isinstance(value, bool):
        raise TypeError(value)
    return value
