"""The API on a real socket, in a thread of its own: what only a server can show, and what schemathesis talks to."""

from __future__ import annotations

import http.client
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.api.threaded import PATIENCE, Threaded
from tests.unit.service_stepup.world import World, new_world

from stairgate.api.app import Application
from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.ids import ClientId, RecordId, UserId
from stairgate.model.resources import parse_pattern

OWNER_CLIENT = ClientId("sc_owner")


class Live(Threaded):
    """A server on a free loopback port, its world, and an owner's assertion."""

    world: World
    owner: str

    def __init__(self, folder: Path) -> None:
        super().__init__("live")
        self.folder = folder

    async def _live(self) -> None:
        async with new_world("memory", self.folder) as self.world:
            await self.world.client("owner")
            statement = Statement((OWNER.id,), (parse_pattern("*"),))
            record = AccessRecord(RecordId("rec_owner"), "owner", (statement,), users=(UserId(OWNER_CLIENT),))
            await self.world.services.store.write(lambda transaction: transaction.put_record(record))
            self.owner = self.world.assertion(OWNER_CLIENT)
            await self._serve(Application(self.world.services, instruments=self.instruments))

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
