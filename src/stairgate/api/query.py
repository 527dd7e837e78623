"""The query string: each parameter known to the route, at most once, decoded once."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from stairgate.api.call import Parameter, Route
from stairgate.api.routing import decode_once
from stairgate.model.errors import HeadersTooLargeError, InvalidInputError

MAX_BYTES = 8 * 1024
NONE: Mapping[str, str] = MappingProxyType({})


def read_query(raw: bytes, route: Route) -> Mapping[str, str]:
    """
    The parameters in *raw*. `+` is a blank: official clients of both kinds, form and percent encoding, are read alike.

    Raises:
        HeadersTooLargeError: It is larger than 8 KiB.
        InvalidInputError: A parameter is not one of *route*'s, is there twice, cannot be decoded, or is out of bounds.
    """
    if not raw:
        return NONE
    if len(raw) > MAX_BYTES:
        raise HeadersTooLargeError
    known = {parameter.name: parameter for parameter in route.query}
    query: dict[str, str] = {}
    for pair in raw.split(b"&"):
        if not pair:
            continue
        raw_name, _, raw_value = pair.partition(b"=")
        name = decode_once(raw_name.replace(b"+", b" "), field="query")
        if name not in known:
            raise InvalidInputError(name[:64] or "query", "unknown query parameter")
        if name in query:
            raise InvalidInputError(name, "must be sent once")
        query[name] = decode_once(raw_value.replace(b"+", b" "), field=name)
        _require_declared(known[name], query[name])
    return query


def _require_declared(parameter: Parameter, text: str) -> None:
    """What the document says of a text holds. Numbers and truth values are read, and so bounded, by the handler."""
    if parameter.kind != "string":
        return
    low, high = parameter.minimum or 0, parameter.maximum or MAX_BYTES
    if not low <= len(text) <= high:
        raise InvalidInputError(parameter.name, f"must have {low} to {high} characters")
    if parameter.choices and text not in parameter.choices:
        raise InvalidInputError(parameter.name, f"must be one of {', '.join(parameter.choices)}")
