"""
Routing on the raw path (semantics §2.5): an encoded slash stays inside its segment.

The path is cut at its slashes first, and each segment is percent-decoded exactly once afterwards. So `a%2Fb` is one
segment, `a/b` are two, and `%252F` is the three characters `%2F`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from stairgate.api.call import Route
from stairgate.model.errors import InvalidInputError, MethodNotAllowedError, NotFoundError

_HEX = "0123456789abcdefABCDEF"
_BYTE_OF = {(high + low).encode(): bytes.fromhex(high + low) for high in _HEX for low in _HEX}
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def decode_once(raw: bytes, *, field: str) -> str:
    """
    *raw*, percent-decoded exactly once.

    Raises:
        InvalidInputError: An escape is broken, or the outcome is not UTF-8 (overlong forms and surrogates are not) or
            has a control character.
    """
    if b"%" in raw:
        first, *escaped = raw.split(b"%")
        try:
            raw = first + b"".join([_BYTE_OF[part[:2]] + part[2:] for part in escaped])
        except KeyError:
            raise InvalidInputError(field, "has a `%` that is not followed by two hexadecimal digits") from None
    try:
        text = raw.decode("utf-8")
    except UnicodeDecodeError:
        raise InvalidInputError(field, "is not UTF-8") from None
    if not text.isprintable() and _CONTROL.search(text) is not None:  # what is printable has none, and is quicker seen
        raise InvalidInputError(field, "must not have a control character")
    return text


@dataclass(slots=True)
class _Node:
    literals: dict[bytes, _Node] = field(default_factory=dict)
    parameter: tuple[str, _Node] | None = None
    routes: dict[str, Route] = field(default_factory=dict)


class Match(NamedTuple):
    """The route that was found and its path parameters, each decoded once."""

    route: Route
    parameters: Mapping[str, str]


class RouteTable:
    """
    Every route, as a tree of segments.

    INVARIANT: at each place there are literal segments or one parameter, never both, so that a path has at most one
    meaning and nothing depends on order.

    Raises:
        ValueError: The routes break the invariant, or two are the same.
    """

    def __init__(self, routes: Iterable[Route]) -> None:
        self.routes = tuple(routes)
        self._root = _Node()
        for route in self.routes:
            self._add(route)

    def find(self, method: str, raw_path: bytes) -> Match:
        """
        The route for *method* and *raw_path*. One trailing slash is insignificant, any other empty segment is not.

        Raises:
            NotFoundError: No route has this path.
            MethodNotAllowedError: Those that have it take other methods.
            InvalidInputError: A segment cannot be decoded, or is `.` or `..`.
        """
        segments = raw_path.split(b"/")
        if len(segments) > 2 and not segments[-1]:  # noqa: PLR2004  # the root alone is ["", ""]
            segments.pop()
        node = self._root
        parameters: dict[str, str] = {}
        for raw in segments[1:]:
            following = node.literals.get(raw)
            if following is None:
                if node.parameter is None or not raw:
                    raise NotFoundError("there is nothing at this address")
                name, following = node.parameter
                parameters[name] = text = decode_once(raw, field=name)
                # Programs between here and the caller resolve dot segments, so one that arrives may mean anything.
                if text in {".", ".."}:
                    raise InvalidInputError(name, "must not be `.` or `..`")
            node = following
        route = node.routes.get(method)
        if route is None:
            if not node.routes or segments[0]:
                raise NotFoundError("there is nothing at this address")
            raise MethodNotAllowedError(tuple(sorted(node.routes)))
        return Match(route, parameters)

    def _add(self, route: Route) -> None:
        node = self._root
        for segment in route.path.split("/")[1:]:
            if segment.startswith("{"):
                name = segment[1:-1]
                if node.literals or (node.parameter is not None and node.parameter[0] != name):
                    message = f"`{segment}` of {route.path} stands where another route has something else"
                    raise ValueError(message)
                node.parameter = node.parameter or (name, _Node())
                node = node.parameter[1]
            else:
                if node.parameter is not None:
                    message = f"`{segment}` of {route.path} stands where another route has a parameter"
                    raise ValueError(message)
                node = node.literals.setdefault(segment.encode(), _Node())
        if route.method in node.routes:
            message = f"{route.method} {route.path} is there twice"
            raise ValueError(message)
        node.routes[route.method] = route
