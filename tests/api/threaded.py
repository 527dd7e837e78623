"""A server of the tests in a thread of its own, on a real socket, with a way to work where it lives."""

from __future__ import annotations

import asyncio
import socket
import threading
from abc import ABC, abstractmethod
from collections.abc import Coroutine
from typing import Any, TypeVar

import uvicorn
from tests.api.door import Instruments

from stairgate.api.protocol import server_config

T = TypeVar("T")
PATIENCE = 30.0


class Threaded(ABC):
    """What listens on *listening*, a free loopback port, from `start` to `stop`."""

    def __init__(self, name: str) -> None:
        self.instruments = Instruments()
        self.listening = socket.create_server(("127.0.0.1", 0))
        self.port: int = self.listening.getsockname()[1]
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name=name)

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the server did not start"

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self.listening.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* where the server lives."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    @abstractmethod
    async def _live(self) -> None:
        """Set up what there is, and `_serve` it."""

    async def _serve(self, application: Any) -> None:
        self._loop = asyncio.get_running_loop()
        self._server = uvicorn.Server(server_config(application, timeout_graceful_shutdown=1))
        self._loop.call_soon(self._ready.set)
        await self._server.serve(sockets=[self.listening])

    def _run(self) -> None:
        asyncio.run(self._live())
