"""What a handler returns: a status, header fields and bytes, or a stream of them."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from dataclasses import dataclass

import msgspec

HeaderList = tuple[tuple[bytes, bytes], ...]

JSON_TYPE = (b"content-type", b"application/json")
NO_STORE = (b"cache-control", b"no-store")
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class Answer:
    """
    One response.

    *body* is sent whole; where *stream* is given its chunks are sent instead, until it ends or the client leaves.
    *outcome* is what a check decided, for those who count: 403 alone may be a caller who may not ask.
    """

    status: int
    body: bytes = b""
    headers: HeaderList = ()
    stream: AsyncGenerator[bytes, None] | None = None
    outcome: str | None = None


def json_answer(status: int, document: object, *headers: tuple[bytes, bytes]) -> Answer:
    """*document*, a Struct or plain values, as JSON. Nothing that this service says may be kept by a cache."""
    return Answer(status, _encode(document), (JSON_TYPE, NO_STORE, *headers))


def empty_answer(status: int, *headers: tuple[bytes, bytes]) -> Answer:
    """An answer without a body."""
    return Answer(status, b"", (NO_STORE, *headers))


def text_answer(status: int, body: bytes, media_type: bytes, *headers: tuple[bytes, bytes]) -> Answer:
    """*body* as it is."""
    return Answer(status, body, ((b"content-type", media_type), *headers))
