"""
The seam to HTTP: everything that knows httpx2.

Its transports are used without its clients: no redirect is followed, no cookie kept, no proxy or credential taken from
the environment, and half of the time per request is saved.
"""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final, Protocol

import httpx2

from stairgate.client.errors import ArgumentError, UnexpectedAnswerError, UnreachableError
from stairgate.client.exchange import MOST_BYTES, Reply, Request

DEFAULT_TIMEOUT: Final = 5.0  # seconds for the whole exchange
_USER_AGENT: Final = "stairgate-python"


class Transport(Protocol):
    """Sends one request and reads its answer; blocking."""

    def send(self, request: Request, bearer: str) -> Reply:
        """Must return the answer. Must raise `UnreachableError` where there is none in time."""
        ...

    def close(self) -> None:
        """Must let go of every connection."""
        ...


class AsyncTransport(Protocol):
    """Sends one request and reads its answer; for asyncio."""

    async def send(self, request: Request, bearer: str) -> Reply:
        """Must return the answer. Must raise `UnreachableError` where there is none in time."""
        ...

    async def close(self) -> None:
        """Must let go of every connection."""
        ...


def checked_url(url: str) -> str:
    """*url* without trailing slashes. Raises `ArgumentError` where it is not an address of a service."""
    try:
        parsed = httpx2.URL(url.strip())
    except httpx2.InvalidURL:
        raise ArgumentError(f"`{url}` is no URL: give one like https://stairgate.example") from None
    if parsed.scheme not in {"http", "https"} or not parsed.host or parsed.query or parsed.fragment or parsed.userinfo:
        raise ArgumentError(f"`{url}` is no address of a service: give one like https://stairgate.example")
    return url.strip().rstrip("/")


def checked_timeout(timeout: float) -> float:
    """*timeout*. Raises `ArgumentError` where it would wait for ever or not at all."""
    if not 0 < timeout < float("inf"):
        raise ArgumentError("the timeout must be a positive number of seconds: nothing may wait for ever")
    return timeout


class HttpTransport:
    """
    HTTP with one pool of kept connections.

    Args:
        url: Where the service is.
        timeout: Seconds for a whole exchange.
        tls: How its certificate is verified; None: by the usual authorities.
        inner: Another httpx2 transport, for tests.
    """

    def __init__(
        self, url: str, *, timeout: float, tls: ssl.SSLContext | None, inner: httpx2.BaseTransport | None = None
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._inner = inner or httpx2.HTTPTransport(verify=tls or True, trust_env=False)

    def send(self, request: Request, bearer: str) -> Reply:
        """Send and read within the timeout."""
        patience = self._timeout + request.patience
        deadline = time.monotonic() + patience
        with _translated(self._url, patience):
            response = self._inner.handle_request(_built(self._url, request, bearer, patience))
            try:
                body = bytearray()
                for chunk in response.iter_bytes():
                    body += chunk
                    _bounded(body)
                    if time.monotonic() > deadline:  # an answer that trickles never trips the timeout of one read
                        raise UnreachableError(f"no complete answer from {self._url} within {patience:g} s")
            finally:
                response.close()
        return _reply(response, bytes(body))

    def close(self) -> None:
        """Close every connection."""
        self._inner.close()


class AsyncHttpTransport:
    """The same for asyncio."""

    def __init__(
        self, url: str, *, timeout: float, tls: ssl.SSLContext | None, inner: httpx2.AsyncBaseTransport | None = None
    ) -> None:
        self._url = url
        self._timeout = timeout
        self._inner = inner or httpx2.AsyncHTTPTransport(verify=tls or True, trust_env=False)

    async def send(self, request: Request, bearer: str) -> Reply:
        """Send and read within the timeout."""
        patience = self._timeout + request.patience
        with _translated(self._url, patience):
            async with asyncio.timeout(patience):
                response = await self._inner.handle_async_request(_built(self._url, request, bearer, patience))
                try:
                    body = bytearray()
                    async for chunk in response.aiter_bytes():
                        body += chunk
                        _bounded(body)
                finally:
                    await response.aclose()
        return _reply(response, bytes(body))

    async def close(self) -> None:
        """Close every connection."""
        await self._inner.aclose()


def _built(url: str, request: Request, bearer: str, patience: float) -> httpx2.Request:
    headers = {"authorization": f"Bearer {bearer}", "user-agent": _USER_AGENT, **request.headers}
    if request.body is not None:
        headers["content-type"] = "application/json"
    timeouts = dict.fromkeys(("connect", "read", "write", "pool"), patience)
    return httpx2.Request(
        request.method,
        url + request.target,
        headers=headers,
        content=request.body,
        extensions={"timeout": timeouts},
    )


def _bounded(body: bytearray) -> None:
    if len(body) > MOST_BYTES:
        raise UnexpectedAnswerError(f"unexpected answer: over {MOST_BYTES} bytes; is this the address of a Stairgate?")


def _reply(response: httpx2.Response, body: bytes) -> Reply:
    return Reply(response.status_code, {name.lower(): value for name, value in response.headers.items()}, body)


@contextmanager
def _translated(url: str, patience: float) -> Iterator[None]:
    """The failures of httpx2 as ours. Their text may hold an address, never a token."""
    try:
        yield
    except (httpx2.TimeoutException, TimeoutError):
        raise UnreachableError(f"no answer from {url} within {patience:g} s") from None
    except (httpx2.DecodingError, httpx2.RemoteProtocolError) as error:
        raise UnreachableError(f"the answer broke off or is no HTTP: {error}") from error
    except httpx2.LocalProtocolError as error:
        raise ArgumentError("a header cannot be sent as it is") from error
    except httpx2.TransportError as error:
        raise UnreachableError(f"{url} cannot be reached: {error}") from error
