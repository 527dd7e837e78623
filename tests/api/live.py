"""The API on a real socket, in a thread of its own: what only a server can show, and what schemathesis talks to."""

from __future__ import annotations

import asyncio
import http.client
import socket
import threading
from collections.abc import Coroutine, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from tests.api.door import Instruments
from tests.unit.service_stepup.world import World, new_world

from stairgate.api.app import Application
from stairgate.api.protocol import server_config
from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.ids import ClientId, RecordId, UserId
from stairgate.model.resources import parse_pattern

T = TypeVar("T")
OWNER_CLIENT = ClientId("sc_owner")
PATIENCE = 30.0


class Live:
    """A server on a free loopback port, its world, and an owner's assertion."""

    world: World
    owner: str
    port: int

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.instruments = Instruments()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._server: uvicorn.Server | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._run, name="live")

    def start(self) -> None:
        self._thread.start()
        assert self._ready.wait(PATIENCE), "the server did not start"

    def stop(self) -> None:
        if self._server is not None:
            self._server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* where the world lives."""
        assert self._loop is not None
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        async with new_world("memory", self.folder) as self.world:
            await self.world.client("owner")
            statement = Statement((OWNER.id,), (parse_pattern("*"),))
            record = AccessRecord(RecordId("rec_owner"), "owner", (statement,), users=(UserId(OWNER_CLIENT),))
            await self.world.services.store.write(lambda transaction: transaction.put_record(record))
            self.owner = self.world.assertion(OWNER_CLIENT)
            application = Application(self.world.services, instruments=self.instruments)
            listening = socket.create_server(("127.0.0.1", 0))
            self.port = listening.getsockname()[1]
            self._loop = asyncio.get_running_loop()
            self._server = uvicorn.Server(server_config(application, timeout_graceful_shutdown=1))
            self._loop.call_soon(self._ready.set)
            with listening:
                await self._server.serve(sockets=[listening])

    # --- bytes

    def exchange(self, *parts: bytes, half_close: bool = False) -> bytes:
        """What comes back for exactly these bytes, until the server closes or has answered once."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=PATIENCE) as connection:
            for part in parts:
                try:
                    connection.sendall(part)
                except (BrokenPipeError, ConnectionResetError):
                    break  # refused early: the answer is on its way
            if half_close:
                connection.shutdown(socket.SHUT_WR)
            return _whole_answer(connection, parts[0].split(b" ")[0].decode("latin-1"))


def _whole_answer(connection: socket.socket, method: str) -> bytes:
    response = http.client.HTTPResponse(connection, method=method)
    try:
        response.begin()
        body = response.read()
    except (ConnectionResetError, http.client.HTTPException):
        return b""
    head = f"{response.status} " + "\r\n".join(f"{name.lower()}: {value}" for name, value in response.getheaders())
    return head.encode() + b"\r\n\r\n" + body


@contextmanager
def live_server(folder: Path) -> Iterator[Live]:
    live = Live(folder)
    live.start()
    try:
        yield live
    finally:
        live.stop()
