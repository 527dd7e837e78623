"""Return addresses: where the browser that finished a challenge is sent (semantics §7.2; RFC 8252 §7)."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import parse_qsl, urlsplit

from stairgate.model.errors import InvalidInputError

MAX_RETURN_URIS = 20
MAX_RETURN_URI_LENGTH = 512
RETURN_PARAMETERS = ("code", "challengeId", "state")  # what is added to it

_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_HOST = re.compile(r"[A-Za-z0-9.-]{1,253}|[0-9a-fA-F:.]{2,45}")
# An app's own scheme is a domain of its maker in reverse (RFC 8252 §7.1), so it has a dot; `javascript` has none.
_OWN_SCHEME = re.compile(r"[a-z][a-z0-9+-]*(\.[a-z0-9+-]+)+")
_PROBLEM = (
    "must be an `https` address (`http` only on this machine), or one of an app's own scheme such as"
    " `com.example.app:/back`, without credentials or fragment"
)


def return_uris(values: Iterable[str], *, field: str = "returnUris") -> tuple[str, ...]:
    """
    *values* as return addresses, each once, in their order.

    Raises:
        InvalidInputError: They are too many, or one will not do.
    """
    found = tuple(dict.fromkeys(values))
    if len(found) > MAX_RETURN_URIS:
        raise InvalidInputError(field, f"must have at most {MAX_RETURN_URIS} addresses")
    for place, uri in enumerate(found):
        _require_return_uri(uri, f"{field}[{place}]")
    return found


def _require_return_uri(uri: str, field: str) -> None:
    plain = uri.isascii() and uri.isprintable() and not set(uri) & set(' \\#"<>`')
    if not 1 <= len(uri) <= MAX_RETURN_URI_LENGTH or not plain:
        raise InvalidInputError(field, _PROBLEM)
    try:
        parts = urlsplit(uri)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise InvalidInputError(field, _PROBLEM) from None
    if parts.scheme in {"https", "http"}:
        named = host is not None and _HOST.fullmatch(host) is not None and port != 0
        if not named or "@" in parts.netloc or (parts.scheme == "http" and host not in _LOOPBACK):
            raise InvalidInputError(field, _PROBLEM)
    elif _OWN_SCHEME.fullmatch(parts.scheme) is None or "@" in parts.netloc:
        raise InvalidInputError(field, _PROBLEM)
    taken = {name for name, _ in parse_qsl(parts.query, keep_blank_values=True)} & set(RETURN_PARAMETERS)
    if taken:
        raise InvalidInputError(field, f"must not have `{min(taken)}` in its query: that is added on the way back")
