"""`Idempotency-Key` on calls that make something: sent again, they make nothing new and are answered the same."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar, cast

import msgspec

from stairgate.api.answers import Answer, HeaderList
from stairgate.api.call import MAX_IDEMPOTENCY_KEY, MAX_TEXT, Call
from stairgate.model.canonical import JsonValue, digest_of
from stairgate.service.context import Services
from stairgate.service.once import Repeatable
from stairgate.service.once import once as done_once

T = TypeVar("T")

IDEMPOTENCY_KEY = "Idempotency-Key"


class _Kept(msgspec.Struct):
    """An answer as it is kept."""

    status: int
    headers: HeaderList
    body: bytes


_encode = msgspec.msgpack.Encoder().encode
_decode = msgspec.msgpack.Decoder(_Kept).decode


async def once(call: Call, verb: Callable[[Services], Awaitable[T]], render: Callable[[T], Answer]) -> Answer:
    """
    The answer to *call*, which is carried out once however often it is sent under one `Idempotency-Key`.

    Args:
        call: Of a route that says `idempotent`.
        verb: One use case, run with the services that it is given: it writes in one transaction.
        render: The answer to what it returned. It runs inside the transaction, so it must not wait.

    Raises:
        InvalidInputError: The key is empty, too long, or not visible ASCII.
        IdempotencyKeyReusedError: Something else was sent under it.
        AlreadyDoneError: It was done, and its answer held a secret that is not shown any more.
    """
    key = call.header(IDEMPOTENCY_KEY, maximum=MAX_IDEMPOTENCY_KEY)
    if key is None or not call.route.idempotent:
        return render(await verb(call.services))
    request = Repeatable(call.caller, key, _content(call), secret=call.route.shown_once)
    kept = _decode(await done_once(call.services, request, verb, lambda value: _kept(render(value))))
    return Answer(kept.status, kept.body, kept.headers)


def _content(call: Call) -> str:
    # A document that is read from a body is a JSON value.
    document = cast("JsonValue", call.document)
    route = call.route
    content: list[JsonValue] = [route.method, route.path, dict(call.parameters), dict(call.query), document]
    # A user token that is passed on decides what is done, too.
    content += [call.header(each.name, maximum=each.maximum or MAX_TEXT) for each in route.headers]
    return digest_of(content)


def _kept(answer: Answer) -> bytes:
    return _encode(_Kept(answer.status, answer.headers, answer.body))
