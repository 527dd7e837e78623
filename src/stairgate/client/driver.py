"""The two drivers: they take an operation's requests to HTTP and bring the replies back, and nothing else."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections.abc import AsyncIterator, Generator, Iterator
from typing import Any, TypeVar, cast

import httpx2

from stairgate.client.access_key import parse_access_key
from stairgate.client.errors import ArgumentError, UnreachableError
from stairgate.client.exchange import (
    Conversation,
    Credentials,
    Found,
    Operation,
    Reply,
    Request,
    Sleep,
    Stream,
    UserCredentials,
    checked_token,
)
from stairgate.client.transport import (
    AsyncHttpTransport,
    AsyncTransport,
    HttpTransport,
    Transport,
    checked_timeout,
    checked_url,
)

T = TypeVar("T")


def credentials_from(url: str, access_key: str | None, user_token: str | None) -> Credentials:
    """Who calls. Raises `ArgumentError` unless exactly one of the two is given and can be read."""
    if (access_key is None) == (user_token is None):
        raise ArgumentError("give either access_key (a service client) or user_token (a user)")
    if user_token is not None:
        return UserCredentials(checked_token(user_token, "user_token"))
    return parse_access_key(cast("str", access_key), url=url)


def _now() -> float:
    return time.time()  # noqa: TID251  # the SDK runs in other programs: here is its one clock


def _resume(generator: Generator[Any, Reply | None, Any], outcome: Reply | UnreachableError | None) -> Any:  # noqa: ANN401  # what the generator yields
    """Go on with what came of the last step. Raises `StopIteration` at the end."""
    if isinstance(outcome, UnreachableError):
        return generator.throw(outcome)
    return generator.send(outcome)


class Driver:
    """
    Runs operations, blocking. Safe to share between threads.

    Args:
        url: Where the service is.
        access_key: The caller's, if it is a service client.
        user_token: The caller's, if it is a user.
        timeout: Seconds for one exchange.
        tls: How the service's certificate is verified.
        transport: Another httpx2 transport, for tests.
    """

    def __init__(
        self,
        url: str,
        *,
        access_key: str | None,
        user_token: str | None,
        timeout: float,
        tls: ssl.SSLContext | None,
        transport: httpx2.BaseTransport | None,
    ) -> None:
        self.url = checked_url(url)
        self.conversation = Conversation(credentials_from(self.url, access_key, user_token), time.monotonic)
        self.transport: Transport = HttpTransport(self.url, timeout=checked_timeout(timeout), tls=tls, inner=transport)

    def run(self, operation: Operation[T]) -> T:
        """Drive *operation* to its result."""
        try:
            step = next(operation)
            while True:
                step = _resume(operation, self._perform(step))
        except StopIteration as end:
            return cast("T", end.value)

    def stream(self, stream: Stream[T]) -> Iterator[T]:
        """Drive *stream* and give out what it finds."""
        try:
            step = next(stream)
            while True:
                if isinstance(step, Found):
                    yield step.item
                    step = next(stream)
                else:
                    step = _resume(stream, self._perform(step))
        except StopIteration:
            return

    def _perform(self, step: Request | Sleep) -> Reply | UnreachableError | None:
        if isinstance(step, Sleep):
            time.sleep(step.seconds)
            return None
        try:
            return self.transport.send(step, self.conversation.credentials.bearer(_now()))
        except UnreachableError as error:
            return error


class AsyncDriver:
    """Runs operations on asyncio. The arguments are `Driver`'s."""

    def __init__(
        self,
        url: str,
        *,
        access_key: str | None,
        user_token: str | None,
        timeout: float,
        tls: ssl.SSLContext | None,
        transport: httpx2.AsyncBaseTransport | None,
    ) -> None:
        self.url = checked_url(url)
        self.conversation = Conversation(credentials_from(self.url, access_key, user_token), time.monotonic)
        self.transport: AsyncTransport = AsyncHttpTransport(
            self.url, timeout=checked_timeout(timeout), tls=tls, inner=transport
        )

    async def run(self, operation: Operation[T]) -> T:
        """Drive *operation* to its result."""
        try:
            step = next(operation)
            while True:
                step = _resume(operation, await self._perform(step))
        except StopIteration as end:
            return cast("T", end.value)

    async def stream(self, stream: Stream[T]) -> AsyncIterator[T]:
        """Drive *stream* and give out what it finds."""
        try:
            step = next(stream)
            while True:
                if isinstance(step, Found):
                    yield step.item
                    step = next(stream)
                else:
                    step = _resume(stream, await self._perform(step))
        except StopIteration:
            return

    async def _perform(self, step: Request | Sleep) -> Reply | UnreachableError | None:
        if isinstance(step, Sleep):
            await asyncio.sleep(step.seconds)
            return None
        try:
            return await self.transport.send(step, self.conversation.credentials.bearer(_now()))
        except UnreachableError as error:
            return error
