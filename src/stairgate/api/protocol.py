"""
HTTP/1.1 with bounds: what uvicorn's protocol takes without limit is refused here, in the one error shape.

llhttp parses; this counts. A request whose head is too large, too slow or no HTTP gets its answer and the connection
ends.
"""

from __future__ import annotations

import json
from asyncio.events import TimerHandle
from typing import Any

import httptools
import uvicorn
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from stairgate.api.problems import status_of
from stairgate.model.errors import DomainError, HeadersTooLargeError, InvalidInputError

MAX_TARGET = 16 * 1024  # bytes of path and query
MAX_HEAD = 48 * 1024  # bytes of names and values; the application has a tighter bound of its own
MAX_FIELDS = 128
HEAD_SECONDS = 15  # from the first byte of a head to its last
KEEP_ALIVE_SECONDS = 65  # longer than the usual 60 of a proxy in front, which so is the one that closes

_REASONS = {400: b"Bad Request", 431: b"Request Header Fields Too Large"}
_HEAD = (
    b"HTTP/1.1 %d %b\r\ncontent-type: application/json\r\ncache-control: no-store\r\n"
    b"content-length: %d\r\nconnection: close\r\n\r\n"
)


class BoundedProtocol(HttpToolsProtocol):
    """uvicorn's protocol on httptools, bounded (attack 21, huge tokens)."""

    def __init__(self, *arguments: Any, **named: Any) -> None:  # noqa: ANN401  # passed through
        super().__init__(*arguments, **named)
        self._in_head = False
        self._refused = False
        self._size = self._fields = self._pending = 0
        self._patience: TimerHandle | None = None

    def data_received(self, data: bytes) -> None:
        """Parse *data*, unless this connection was refused already."""
        if self._refused:
            return
        if self._in_head:  # a field is told when it is whole: one that never ends is seen here
            self._pending += len(data)
            if self._pending > MAX_HEAD:
                self._refuse(HeadersTooLargeError())
                return
        super().data_received(data)
        if self._in_head and self._patience is None and not self._refused:
            self._patience = self.loop.call_later(HEAD_SECONDS, self._lose_patience)

    def connection_lost(self, exc: Exception | None) -> None:
        """Let go of the timer."""
        self._head_is_over()
        super().connection_lost(exc)

    def on_message_begin(self) -> None:
        """Count anew: a kept connection has many requests."""
        self._in_head = True
        self._size = self._fields = 0
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        if len(self.url) + len(url) > MAX_TARGET:
            self._stop(HeadersTooLargeError())
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """
        Take one header field.

        SECURITY: what comes after the head is a trailer. It is dropped: a proxy in front has not looked at it, and
        uvicorn would add it to the fields of a request that may already be under way (RFC 9110 §6.5.1).
        """
        if not self._in_head:
            return
        self._fields += 1
        self._size += len(name) + len(value)
        if self._fields > MAX_FIELDS or self._size > MAX_HEAD:
            self._stop(HeadersTooLargeError())
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        """Start the request."""
        self._head_is_over()
        super().on_headers_complete()

    def send_400_response(self, msg: str) -> None:
        """Answer what is no HTTP; uvicorn calls this after any error of the parser."""
        self._refuse(InvalidInputError("request", "is not valid HTTP/1.1"))

    def _head_is_over(self) -> None:
        self._in_head = False
        self._pending = 0
        if self._patience is not None:
            self._patience.cancel()
            self._patience = None

    def _lose_patience(self) -> None:
        self._patience = None
        self._refuse(InvalidInputError("request", f"its head did not arrive within {HEAD_SECONDS} s"))

    def _stop(self, error: DomainError) -> None:
        self._refuse(error)
        raise httptools.HttpParserError(error.code)  # unwinds the parser

    def _refuse(self, error: DomainError) -> None:
        if self._refused or self.transport.is_closing():
            return
        self._refused = True
        status = status_of(error)
        # The request was not read, so it has no id that a log could know.
        document = {"title": error.title, "errorCode": error.code, "errorId": "unread", **error.details}
        body = json.dumps(document, separators=(",", ":")).encode()
        self.transport.write(_HEAD % (status, _REASONS[status], len(body)) + body)
        self.transport.close()


def server_config(application: Any, **options: Any) -> uvicorn.Config:  # noqa: ANN401  # an ASGI callable; uvicorn's own options
    """
    How uvicorn is to serve *application*; *options* are its own, such as `host`, `port`, `fd` and `workers`.

    No header of a proxy is believed, no access log is written (it would have paths), no other protocol is spoken.
    """
    settings: dict[str, Any] = {
        "http": BoundedProtocol,
        "ws": "none",
        "interface": "asgi3",
        "lifespan": "off",
        "access_log": False,
        "log_config": None,
        "proxy_headers": False,
        "server_header": False,
        "timeout_keep_alive": KEEP_ALIVE_SECONDS,
    }
    return uvicorn.Config(application, **(settings | options))
