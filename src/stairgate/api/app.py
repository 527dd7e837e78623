"""
The ASGI application: find the route, know the caller, read strictly, answer.

Bare ASGI: the check must be cheap, and nothing here needs more. The order is fixed: header fields, route, caller,
query, body, handler. So a stranger learns nothing but the addresses that the published document lists anyway.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from contextlib import aclosing
from dataclasses import replace
from itertools import count
from time import perf_counter
from typing import Any

from stairgate.api.answers import Answer
from stairgate.api.call import MAX_BODY, Call, Route, read_document
from stairgate.api.headers import Headers, bearer_of, read_headers, request_id_of
from stairgate.api.instruments import Instruments, NoInstruments
from stairgate.api.problems import problem_of, unexpected
from stairgate.api.query import read_query
from stairgate.api.routes import ROUTES
from stairgate.api.routing import RouteTable
from stairgate.model.errors import (
    DomainError,
    InvalidInputError,
    OutOfScopeError,
    TooLargeError,
    UnsupportedMediaTypeError,
)
from stairgate.model.tokens import Caller, PageHolder, UserCaller, body_digest
from stairgate.service.authentication import authenticate
from stairgate.service.context import Services

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

BODY_SECONDS = 30
UNKNOWN_ROUTE = "-"  # what logs and metrics call an address without a route
USER_TOKEN = "Stairgate-User-Token"  # noqa: S105  # a header's name
PAGE_SECRET = "Stairgate-Page-Secret"  # noqa: S105  # a header's name
_JSON_TYPES = (b"application/json", b"application/json;charset=utf-8")
_NOSNIFF = (b"x-content-type-options", b"nosniff")


class ClientLeftError(Exception):
    """The client closed the connection before its request was whole. Nobody is left to answer."""


class Application:
    """
    The service over HTTP.

    Args:
        services: What use cases are handed.
        instruments: Who is told what was served.
        routes: The surface.
    """

    def __init__(
        self, services: Services, *, instruments: Instruments | None = None, routes: Iterable[Route] = ROUTES
    ) -> None:
        self._services = services
        self._instruments: Instruments = instruments or NoInstruments()
        self.table = RouteTable(routes)
        # Unique, not secret: a random beginning for this process, then a number.
        self._process = services.entropy.token(bits=64)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one HTTP request, or the lifespan of the application."""
        if scope["type"] == "http":
            await self._serve(scope, receive, send)
        elif scope["type"] == "lifespan":
            await _live(receive, send)
        else:  # no other protocol is spoken here
            await send({"type": "websocket.close", "code": 1003})

    async def _serve(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = perf_counter()
        fields = scope["headers"]
        request_id = request_id_of(fields) or f"{self._process}.{next(self._numbers):x}"
        pattern = UNKNOWN_ROUTE
        headers: Headers = {}
        try:
            headers = read_headers(fields)
            match = self.table.find(scope["method"], scope["raw_path"])
            pattern = match.route.path
            call = Call(
                services=self._services,
                route=match.route,
                request_id=request_id,
                parameters=match.parameters,
                headers=headers,
                query={},
                instruments=self._instruments,
                table=self.table,
            )
            if b"stairgate-page-secret" in headers:
                call.identity = _page_holder(match.route, headers)
            elif not match.route.public:
                call.identity = await self._caller(match.route, headers)
            if match.route.raw:
                call.raw = await _received(headers, receive)
            else:
                call.query = read_query(scope["query_string"], match.route)
                _take_body(call, await _received(headers, receive))
            answer = await match.route.handler(call)
        except DomainError as error:
            answer = problem_of(error, request_id, presented=b"authorization" in headers)
            if answer.status >= 500 and not isinstance(error, OutOfScopeError):  # noqa: PLR2004  # a cause for the log
                self._instruments.failed(route=pattern, request_id=request_id, error=error)
        except ClientLeftError:
            return
        except Exception as error:  # noqa: BLE001  # the last resort: whatever it is, its text stays inside
            self._instruments.failed(route=pattern, request_id=request_id, error=error)
            answer = unexpected(request_id)
        await _send(answer, request_id, receive, send)
        self._instruments.served(
            method=scope["method"],
            route=pattern,
            status=answer.status,
            seconds=perf_counter() - began,
            request_id=request_id,
            outcome=answer.outcome,
        )

    async def _caller(self, route: Route, headers: Headers) -> Caller:
        """
        Who calls.

        Raises:
            UnauthenticatedError: The bearer token is missing or bad.
            InvalidInputError: A user passes a user token (semantics §6).
        """
        caller = await authenticate(self._services, bearer_of(headers), remembered=route.remembered)
        if b"stairgate-user-token" in headers and isinstance(caller, UserCaller):
            raise InvalidInputError(USER_TOKEN, "is for service clients; a user's own token is the bearer")
        return caller


def _page_holder(route: Route, headers: Headers) -> PageHolder:
    """
    Who holds the page of a challenge; whether of this one, the use case finds out.

    Raises:
        InvalidInputError: This call is not made by page secret, or a token is sent beside it.
    """
    if not route.by_page:
        raise InvalidInputError(PAGE_SECRET, "is for the calls of a challenge's page")
    if b"authorization" in headers or b"stairgate-user-token" in headers:
        raise InvalidInputError(PAGE_SECRET, "stands in place of a token, not beside one")
    return PageHolder(headers[b"stairgate-page-secret"].decode("latin-1").strip(" \t"))


async def _live(receive: Receive, send: Send) -> None:
    # What the application stands on is opened and closed by the composition root, around the server.
    while True:
        message = await receive()
        await send({"type": f"{message['type']}.complete"})
        if message["type"] == "lifespan.shutdown":
            return


async def _received(headers: Headers, receive: Receive) -> bytes:
    """
    The body, empty where none is sent.

    Raises:
        TooLargeError: It is larger than 256 KiB, or says that it will be.
        InvalidInputError: It does not arrive in time.
    """
    length = headers.get(b"content-length", b"0")
    if length != b"0" or b"transfer-encoding" in headers:
        if length.isdigit() and int(length[:18]) > MAX_BODY:
            raise TooLargeError(f"a body may have at most {MAX_BODY} bytes")
        try:
            async with asyncio.timeout(BODY_SECONDS):
                return await _read(receive)
        except TimeoutError:
            raise InvalidInputError("body", f"did not arrive within {BODY_SECONDS} s") from None
    return b""


def _take_body(call: Call, body: bytes) -> None:
    """
    Read *body* into `call.document`.

    Raises:
        InvalidInputError: There is one where none belongs, or it is not strict JSON.
        UnsupportedMediaTypeError: It is not sent as JSON.
    """
    headers = call.headers
    if call.route.request is None:
        if body:
            raise InvalidInputError("body", "this call takes none")
        return
    if body and (headers.get(b"content-encoding", b"identity") != b"identity" or not _is_json(headers)):
        raise UnsupportedMediaTypeError
    if body and isinstance(call.identity, UserCaller):
        call.identity = replace(call.identity, body=body_digest(body))
    call.document = read_document(body, optional=call.route.optional_body)


def _is_json(headers: Mapping[bytes, bytes]) -> bool:
    return headers.get(b"content-type", b"").lower().replace(b" ", b"").replace(b'"', b"") in _JSON_TYPES


async def _read(receive: Receive) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientLeftError
        part = message.get("body", b"")
        size += len(part)
        if size > MAX_BODY:
            raise TooLargeError(f"a body may have at most {MAX_BODY} bytes")
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


async def _send(answer: Answer, request_id: str, receive: Receive, send: Send) -> None:
    headers = [*answer.headers, (b"x-request-id", request_id.encode()), _NOSNIFF]
    if answer.status == 413:  # noqa: PLR2004  # the rest of the body is not waited for
        headers.append((b"connection", b"close"))
    if answer.stream is None:
        headers.append((b"content-length", b"%d" % len(answer.body)))
    await send({"type": "http.response.start", "status": answer.status, "headers": headers})
    if answer.stream is None:
        await send({"type": "http.response.body", "body": answer.body})
    else:
        await _send_stream(answer.stream, receive, send)


async def _send_stream(stream: AsyncGenerator[bytes, None], receive: Receive, send: Send) -> None:
    """Send the chunks until they end or the client leaves, whichever is first."""
    sending = asyncio.ensure_future(_send_chunks(stream, send))
    leaving = asyncio.ensure_future(_until_left(receive))
    try:
        await asyncio.wait({sending, leaving}, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in (sending, leaving):
            task.cancel()
        await asyncio.gather(sending, leaving, return_exceptions=True)


async def _send_chunks(stream: AsyncGenerator[bytes, None], send: Send) -> None:
    async with aclosing(stream) as chunks:
        async for chunk in chunks:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
    await send({"type": "http.response.body", "body": b""})


async def _until_left(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
