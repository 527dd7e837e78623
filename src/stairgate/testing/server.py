"""A Stairgate in a thread of the test's own process: real HTTP on a free loopback port, a database in a folder."""

from __future__ import annotations

import asyncio
import socket
import threading
from base64 import b32encode
from collections.abc import Coroutine
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Any, Self, TypeVar

import uvicorn

from stairgate.api.protocol import server_config
from stairgate.bootstrap import Site, open_services, prepare
from stairgate.model.ids import UserId
from stairgate.ports.clock import Clock
from stairgate.service.context import Services
from stairgate.service.factors import enrol_totp
from stairgate.service.test_identity import TEST_TOKEN_SECONDS, issue_test_token
from stairgate.settings import Settings

T = TypeVar("T")

PATIENCE = 30.0  # seconds that starting or a call into the server's loop may take


class LocalServer:
    """
    A service with the test identity provider, until the block ends.

    Args:
        folder: Where its database is made, if it is not there yet.
        clock: Another clock than the system's.

    Members:
        url: Where it listens; passkeys work on `localhost`, with the same port.
        access_key: The owner's.
    """

    def __init__(self, folder: Path, *, clock: Clock | None = None) -> None:
        self._clock = clock
        self._socket = socket.create_server(("127.0.0.1", 0))
        port: int = self._socket.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self._settings = replace(
            Settings(database_url=f"sqlite:///{folder / 'stairgate.db'}", port=port, dev=True),
            public_urls=(self.url, f"http://localhost:{port}"),  # passkeys are bound to a name, never to an address
        )
        self.access_key = ""
        self._ready = threading.Event()
        self._failure: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="stairgate", daemon=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._services: Services | None = None
        self._server: uvicorn.Server | None = None

    def __enter__(self) -> Self:
        self._thread.start()
        if not self._ready.wait(PATIENCE):
            raise TimeoutError("the server did not start")
        if self._failure is not None:
            raise RuntimeError("the server could not start") from self._failure
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(PATIENCE)
        self._socket.close()

    @property
    def services(self) -> Services:
        """What the service stands on; only for use in its own loop, by `call`."""
        if self._services is None:
            raise RuntimeError("the server is not running")
        return self._services

    def call(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """Run *coroutine* in the server's loop."""
        if self._loop is None:
            raise RuntimeError("the server is not running")
        return asyncio.run_coroutine_threadsafe(coroutine, self._loop).result(PATIENCE)

    def token(self, user: str, *, ttl: int = TEST_TOKEN_SECONDS) -> str:
        """A fresh access token of *user*: another login each time."""

        async def issue() -> str:
            return issue_test_token(self.services, UserId(user), ttl=ttl)

        return self.call(issue())

    def totp(self, user: str) -> str:
        """Enrol a totp factor of *user*; its secret in base32."""
        _, secret = self.call(enrol_totp(self.services, UserId(user), "test"))
        return b32encode(secret).decode().rstrip("=")

    def _run(self) -> None:
        try:
            asyncio.run(self._serve())
        except BaseException as error:  # noqa: BLE001  # handed to whoever waits for the start
            self._failure = error
        finally:
            self._ready.set()

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        made = await prepare(self._settings, clock=self._clock)
        self.access_key = made.access_key or ""
        async with AsyncExitStack() as opened:
            self._services = await opened.enter_async_context(open_services(self._settings, clock=self._clock))
            self._server = uvicorn.Server(server_config(Site(self._settings, self._services)))
            serving = asyncio.ensure_future(self._server.serve(sockets=[self._socket]))
            self._ready.set()  # the socket listens already: a request waits until it is taken
            await serving
