"""
Cursors: opaque, signed, and good for the list, the filters and the caller that they were made for (design §4).

A cursor names the last thing that was looked at, which the caller may not be allowed to know of: so it is sealed, too.
"""

from __future__ import annotations

from base64 import urlsafe_b64decode

from stairgate.model.canonical import JsonValue, base64url, canonical_json
from stairgate.model.errors import InvalidInputError
from stairgate.model.tokens import Caller
from stairgate.service.context import Services

MAX_LENGTH = 2048
_PURPOSE = "cursor"


def cursor_at(services: Services, caller: Caller, scope: JsonValue, after: str | None) -> str | None:
    """
    The cursor for the things after *after*, None for None.

    Args:
        services: The application's.
        caller: Who may use it.
        scope: Which list it continues, with its filters.
        after: The id of the last thing that was looked at.
    """
    if after is None:
        return None
    sealed = base64url(services.keys.seal(after.encode(), purpose=_PURPOSE))
    signature = services.keys.digest(_signed(services, caller, scope, sealed), purpose=_PURPOSE)
    return f"{sealed}.{base64url(signature.encode())}"


def position_of(services: Services, caller: Caller, scope: JsonValue, cursor: str | None) -> str | None:
    """
    Where *cursor* continues; None for None: at the start.

    Raises:
        InvalidInputError: It was not made here, or for another list, other filters or another caller.
    """
    if cursor is None:
        return None
    sealed, _, signature = cursor.partition(".")
    if len(cursor) > MAX_LENGTH or not cursor.isascii():
        raise _foreign()
    try:
        digest = _decoded(signature).decode()
        matches = services.keys.matches(_signed(services, caller, scope, sealed), digest, purpose=_PURPOSE)
    except ValueError:
        raise _foreign() from None
    if not matches:
        raise _foreign()
    return services.keys.unseal(_decoded(sealed), purpose=_PURPOSE).decode()


def _signed(services: Services, caller: Caller, scope: JsonValue, sealed: str) -> str:
    return canonical_json([services.account, caller.principal, scope, sealed])


def _decoded(text: str) -> bytes:
    return urlsafe_b64decode(text + "=" * (-len(text) % 4))


def _foreign() -> InvalidInputError:
    return InvalidInputError("cursor", "is not a cursor of this list: start again without one")
