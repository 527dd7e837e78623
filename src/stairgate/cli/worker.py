"""What one serving process runs: the application with its services, opened when the server starts and closed after."""

from __future__ import annotations

import logging
import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AsyncExitStack
from typing import Any

from stairgate.bootstrap import Site, open_services
from stairgate.cli.instruments import OperatorInstruments
from stairgate.host.logs import configure_logs
from stairgate.model.errors import DomainError
from stairgate.settings import Settings

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]


class Worker:
    """
    An ASGI application that opens its services at the start of the server and closes them at its end.

    Args:
        settings: The service's.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._site: Site | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve a request; nothing comes before the start was acknowledged."""
        if self._site is not None and scope["type"] != "lifespan":
            await self._site(scope, receive, send)
        else:
            await self._live(receive, send)

    async def _live(self, receive: Receive, send: Send) -> None:
        await receive()  # lifespan.startup
        async with AsyncExitStack() as opened:
            try:
                services = await opened.enter_async_context(open_services(self._settings))
                self._site = Site(self._settings, services, instruments=OperatorInstruments())
            except DomainError as error:
                await send({"type": "lifespan.startup.failed", "message": error.title})
                return
            await send({"type": "lifespan.startup.complete"})
            await receive()  # lifespan.shutdown
        await send({"type": "lifespan.shutdown.complete"})


def create() -> Worker:
    """The worker of a process among several: what it needs to know is in the environment that `serve` made."""
    configure_logs()
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    return Worker(Settings.from_environment(os.environ))
