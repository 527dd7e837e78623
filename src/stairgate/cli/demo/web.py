"""As much of a web framework as the bank's site needs. An application of yours has a real one in its place."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Any
from urllib.parse import parse_qsl

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_FORM = 4_096  # bytes
MAX_FIELDS = 10
HTML, EVENTS = "text/html; charset=utf-8", "text/event-stream"


class BadRequestError(Exception):
    """What came is no request of a page of ours."""


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser asks."""

    method: str
    path: str
    headers: Mapping[str, str]
    query: Mapping[str, str]
    form: Mapping[str, str]

    def cookie(self, name: str) -> str:
        """The cookie *name*, or nothing."""
        try:
            found = SimpleCookie(self.headers.get("cookie", "")).get(name)
        except CookieError:
            return ""
        return "" if found is None else found.value


@dataclass(frozen=True, slots=True)
class Answer:
    """What it is answered."""

    status: int
    body: str = ""
    media_type: str = HTML
    headers: tuple[tuple[str, str], ...] = ()
    stream: AsyncIterator[str] | None = None


def see_other(address: str, *headers: tuple[str, str]) -> Answer:
    """Send the browser to *address* by GET: a reload repeats nothing."""
    return Answer(303, headers=(("location", address), *headers))


async def read_request(scope: Scope, receive: Receive) -> Request:
    """
    The request of *scope*.

    Raises:
        BadRequestError: It is malformed, or larger than any form of ours.
    """
    body = b""
    if scope["method"] == "POST":
        more = True
        while more:
            message = await receive()
            body += message.get("body", b"")
            more = message.get("more_body", False)
            if len(body) > MAX_FORM or message["type"] == "http.disconnect":
                raise BadRequestError
    return Request(
        method=scope["method"],
        path=scope["path"],
        headers={name.decode("latin-1"): value.decode("latin-1") for name, value in scope["headers"]},
        query=_fields(scope["query_string"]),
        form=_fields(body),
    )


def _fields(raw: bytes) -> Mapping[str, str]:
    try:
        return dict(parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict"))
    except ValueError:
        raise BadRequestError from None


async def send_answer(answer: Answer, receive: Receive, send: Send, headers: tuple[tuple[str, str], ...]) -> None:
    """Send *answer* with further *headers*; a stream until it ends or the browser leaves."""
    body = answer.body.encode()
    fields = [("content-type", answer.media_type), *headers, *answer.headers]
    if answer.stream is None:
        fields.append(("content-length", str(len(body))))
    encoded = [(name.encode("latin-1"), value.encode("latin-1")) for name, value in fields]
    await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
    if answer.stream is None:
        await send({"type": "http.response.body", "body": body})
        return
    tasks = [asyncio.ensure_future(_stream(answer.stream, send)), asyncio.ensure_future(_left(receive))]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


async def _stream(chunks: AsyncIterator[str], send: Send) -> None:
    async for chunk in chunks:
        await send({"type": "http.response.body", "body": chunk.encode(), "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
