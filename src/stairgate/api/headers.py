"""Header fields of a request: bounded, and each security-relevant one at most once."""

from __future__ import annotations

import re
from collections.abc import Iterable

from stairgate.model.errors import HeadersTooLargeError, InvalidInputError

MAX_BYTES = 32 * 1024  # names and values together; a token of 8 KiB and a user token beside it have room
MAX_FIELDS = 100

# Two of one of these would leave it to chance which one counts (and a proxy may have judged the other).
_ONCE = frozenset(
    {
        b"authorization",
        b"content-encoding",
        b"content-length",
        b"content-type",
        b"host",
        b"idempotency-key",
        b"if-match",
        b"if-unmodified-since",
        b"x-request-id",
    }
)
_OURS = b"stairgate-"
_SANE_REQUEST_ID = re.compile(rb"[A-Za-z0-9._:-]{1,64}")
_BEARER = re.compile(r"bearer +([A-Za-z0-9._~+/=-]+) *", re.IGNORECASE)

Headers = dict[bytes, bytes]


def read_headers(fields: Iterable[tuple[bytes, bytes]]) -> Headers:
    """
    *fields* by their lower-case names.

    Raises:
        HeadersTooLargeError: They are more than 100, or larger than 32 KiB.
        InvalidInputError: A security-relevant one is sent twice.
    """
    headers: Headers = {}
    size = count = 0
    for name, value in fields:
        size += len(name) + len(value)
        count += 1
        if name in headers and (name in _ONCE or name.startswith(_OURS)):
            raise InvalidInputError(name.decode("latin-1"), "must be sent once")
        headers[name] = value
    if size > MAX_BYTES or count > MAX_FIELDS:
        raise HeadersTooLargeError
    return headers


def bearer_of(headers: Headers) -> str | None:
    """The bearer token of the call; None where there is none, or something that is no token68 (RFC 9110 §11.2)."""
    value = headers.get(b"authorization")
    if value is None:
        return None
    if value[:7] == b"Bearer " and value.isascii():  # what clients send; the verifier judges what follows
        return value[7:].decode().strip(" ") or None
    match = _BEARER.fullmatch(value.decode("latin-1"))
    return None if match is None else match[1]


def request_id_of(fields: Iterable[tuple[bytes, bytes]]) -> str | None:
    """The caller's own `X-Request-ID`, if it is short and plain enough to be echoed and logged."""
    for name, value in fields:
        if name == b"x-request-id":
            return value.decode() if _SANE_REQUEST_ID.fullmatch(value) is not None else None
    return None
