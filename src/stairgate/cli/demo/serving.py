"""What the demo starts: Stairgate as a process of its own, the bank's web site in this one."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path
from typing import Any

import uvicorn

from stairgate.api.protocol import server_config
from stairgate.cli.demo.bank import NAME
from stairgate.model.errors import UnavailableError
from stairgate.settings import Settings

WORDS = Path(__file__).parent / "words"
STOP_SECONDS = 10


@contextmanager
def stairgate_server(settings: Settings, folder: Path) -> Iterator[str]:
    """
    `stairgate serve --dev` as its own process on a free port, until the block ends; gives its URL.

    Raises:
        UnavailableError: It did not start; says what it said.
    """
    log = folder / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STAIRGATE_")}
    environment |= {"STAIRGATE_BRAND_NAME": NAME, "STAIRGATE_RP_NAME": NAME, "STAIRGATE_TEMPLATES": str(WORDS)}
    command = [sys.executable, "-m", "stairgate.cli", "serve", "--dev", "--json", "--port", "0"]
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  # our own program, no shell
            [*command, "--database", settings.database_url],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is ours; we stop it in order
        )
    try:
        line = b"" if process.stdout is None else process.stdout.readline()
        if not line:
            raise UnavailableError(f"the server of the demo did not start: {log.read_text(errors='replace').strip()}")
        yield str(json.loads(line)["url"])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


class _Guest(uvicorn.Server):
    """A server in another program's event loop: signals are that program's."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


@asynccontextmanager
async def bank_server(listening: socket.socket, site: Callable[..., Any]) -> AsyncIterator[None]:
    """Serve *site*, an ASGI application, on *listening* until the block ends."""
    server = _Guest(server_config(site, timeout_graceful_shutdown=1))
    task = asyncio.create_task(server.serve(sockets=[listening]))
    try:
        yield
    finally:
        server.should_exit = True
        await task
