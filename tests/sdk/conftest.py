"""Both clients behind one face, a real server, and a wire that answers what a test says."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx2
import pyotp
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from stairgate import AsyncStairgate, Stairgate
from stairgate.client.access_key import _base64url
from stairgate.testing.server import LocalServer

URL = "http://stairgate.test"
PRIVATE = Ed25519PrivateKey.from_private_bytes(bytes(range(32)))


def access_key(client: str = "sc_1", key: str = "key_1", account: str = "acc_1") -> str:
    import base64

    der = PRIVATE.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    return f"{client}.{key}.{account}.{base64.b64encode(der).decode()}"


KEY = access_key()

Answerer = Callable[[httpx2.Request], httpx2.Response]


def reply(status: int = 200, document: object = None, **headers: str) -> httpx2.Response:
    """A JSON answer; without a document an empty one."""
    if document is None:
        return httpx2.Response(status, headers=headers)
    return httpx2.Response(
        status, headers={"content-type": "application/json", **headers}, content=json.dumps(document).encode()
    )


@dataclass
class Wire:
    """Answers in turn what it was given; the last one for ever. An exception is raised. Keeps what was asked."""

    answers: list[httpx2.Response | Exception]
    asked: list[httpx2.Request] = field(default_factory=list)

    def _next(self, request: httpx2.Request) -> httpx2.Response:
        self.asked.append(request)
        answer = self.answers[min(len(self.asked), len(self.answers)) - 1]
        if isinstance(answer, Exception):
            raise answer
        return httpx2.Response(answer.status_code, headers=answer.headers, content=answer.content)

    @property
    def trace(self) -> list[tuple[str, str, dict[str, str], bytes]]:
        """What was asked, comparable: the bearer is signed anew by each client."""
        return [
            (
                request.method,
                request.url.raw_path.decode(),
                {name: value for name, value in request.headers.items() if name != "authorization"},
                request.content,
            )
            for request in self.asked
        ]


class BlockingWire(httpx2.BaseTransport):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._wire._next(request)


class AsyncWire(httpx2.AsyncBaseTransport):
    def __init__(self, wire: Wire) -> None:
        self._wire = wire

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return self._wire._next(request)


class Face:
    """
    An `AsyncStairgate` that a blocking test can use as if it were a `Stairgate`: awaits and collects.

    So every test of this folder is written once and holds for both.
    """

    def __init__(self, target: Any, loop: asyncio.AbstractEventLoop) -> None:
        self._target = target
        self._loop = loop

    def __getattr__(self, name: str) -> Any:
        value = getattr(self._target, name)
        if not callable(value):
            return Face(value, self._loop)

        def call(*arguments: Any, **named: Any) -> Any:
            result = value(*arguments, **named)
            if inspect.isawaitable(result):
                return self._loop.run_until_complete(result)
            if inspect.isasyncgen(result):
                return iter(self._loop.run_until_complete(collected(result)))
            return result

        return call


async def collected(items: Any) -> list[Any]:
    return [item async for item in items]


Make = Callable[..., Any]


@pytest.fixture(params=["blocking", "asyncio"])
def make(request: pytest.FixtureRequest) -> Iterator[Make]:
    """Builds a client: `make(url, access_key=…)` for the real server, or with `wire=` for a told one."""
    made: list[Any] = []
    if request.param == "blocking":

        def blocking(url: str = URL, *, wire: Wire | None = None, **named: Any) -> Any:
            client = Stairgate(url, transport=None if wire is None else BlockingWire(wire), **named)
            made.append(client)
            return client

        yield blocking
        for client in made:
            client.close()
        return
    loop = asyncio.new_event_loop()

    def asynchronous(url: str = URL, *, wire: Wire | None = None, **named: Any) -> Any:
        face = Face(AsyncStairgate(url, transport=None if wire is None else AsyncWire(wire), **named), loop)
        made.append(face)
        return face

    yield asynchronous
    for face in made:
        face.close()
    loop.close()


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("stairgate")) as running:
        yield running


def code(secret: str) -> str:
    """The code of this moment."""
    return pyotp.TOTP(secret).now()


__all__ = ["KEY", "PRIVATE", "URL", "Make", "Wire", "_base64url", "access_key", "code", "reply"]
