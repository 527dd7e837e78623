"""`stairgate serve`: the service over HTTP, on uvicorn."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import signal
import socket
import sys
from dataclasses import replace
from types import FrameType
from typing import NoReturn

import click

from stairgate.bootstrap import Site, open_services, prepare
from stairgate.cli.commands import Exit
from stairgate.cli.options import answer, database_option, json_option, settings_for
from stairgate.model.errors import UnavailableError
from stairgate.service.initialise import Initialised
from stairgate.settings import LOOPBACK, MEMORY, Settings

BACKLOG = 2048
MOST_WORKERS = 64
GRACE_SECONDS = 10  # what requests under way are given when the service is stopped


@click.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen. Default: STAIRGATE_HOST, else 127.0.0.1.")
@click.option("--port", type=click.IntRange(0, 65_535), help="Default: STAIRGATE_PORT, else 8080. 0: any free one.")
@click.option("--workers", type=click.IntRange(1, MOST_WORKERS), default=1, show_default=True, help="Processes.")
@click.option("--dev", is_flag=True, help="For trying it: make the database if need be, trust the test users of `dev`.")
@database_option
@json_option
def serve(  # one parameter an option
    host: str | None, port: int | None, workers: int, database: str | None, *, dev: bool, as_json: bool
) -> int:
    """Serve the API over HTTP until stopped."""
    settings = settings_for(database)
    settings = replace(
        settings,
        dev=dev or settings.dev,
        host=settings.host if host is None else host,
        port=settings.port if port is None else port,
    )
    if workers > 1 and settings.database_url == MEMORY:
        raise UnavailableError("`memory:` cannot be shared by several workers: name a SQLite file")
    listening = listen(settings)
    settings = replace(settings, port=listening.getsockname()[1])
    made = asyncio.run(_checked(settings))
    _announce(settings, made, workers, as_json=as_json)
    return _run(settings, listening, workers)


def listen(settings: Settings) -> socket.socket:
    """
    The listening socket.

    Raises:
        UnavailableError: The address is not to be had; it says why.
    """
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((settings.host.strip("[]"), settings.port))
        listening.listen(BACKLOG)
    except OSError as error:
        listening.close()
        raise UnavailableError(_why_not(settings, error)) from error
    return listening


def _why_not(settings: Settings, error: OSError) -> str:
    if error.errno == errno.EADDRINUSE:
        return f"port {settings.port} is taken: stop what listens there, or choose another by --port"
    if error.errno == errno.EACCES:
        return f"port {settings.port} needs rights that this user lacks: choose one above 1023 by --port"
    if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
        return f"`{settings.host}` is no address of this machine: choose another by --host"
    return f"cannot listen on {settings.host}:{settings.port}: {error.strerror}"


async def _checked(settings: Settings) -> Initialised | None:
    """Open everything once, so that what is wrong is said here, in one line, before anything is served."""
    made = None
    if settings.dev and settings.database_url != MEMORY:
        made = await prepare(settings)
    async with open_services(settings) as services:
        Site(settings, services)
        return made


def _announce(settings: Settings, made: Initialised | None, workers: int, *, as_json: bool) -> None:
    url = f"http://{settings.host}:{settings.port}"
    lines = [
        f"Stairgate listens on {url} ({workers} {'worker' if workers == 1 else 'workers'}); its document: {url}/docs"
    ]
    document: dict[str, object] = {"url": url, "workers": workers, "dev": settings.dev}
    if made is not None and made.access_key is not None:
        lines.append(f"The database was made. The owner's access key, shown only now:\n\n{made.access_key}\n")
        document["accessKey"] = made.access_key
    if settings.dev:
        lines.append(
            f"--dev: test users are trusted. A token, as a login gives it: stairgate dev token USER --url {url}"
        )
        if settings.host not in LOOPBACK:
            lines.append("WARNING: --dev is for one machine, and this address may be reached by others.")
    answer(document, "\n".join(lines), as_json=as_json)
    sys.stdout.flush()


def _run(settings: Settings, listening: socket.socket, workers: int) -> int:
    import uvicorn
    from uvicorn.supervisors import Multiprocess

    from stairgate.api.protocol import server_config
    from stairgate.cli.worker import Worker
    from stairgate.host.logs import configure_logs

    configure_logs()
    logging.getLogger("uvicorn.error").setLevel(logging.WARNING)
    options = {"lifespan": "on", "backlog": BACKLOG, "timeout_graceful_shutdown": GRACE_SECONDS}
    if workers > 1:
        os.environ.update(_environment(settings))
        config = server_config("stairgate.cli.worker:create", factory=True, workers=workers, **options)
        Multiprocess(config, sockets=[listening]).run()
        return Exit.OK
    # uvicorn stops gracefully at these, and raises them again afterwards: by then all is done.
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, _stopped)
    server = uvicorn.Server(server_config(Worker(settings), **options))
    server.run(sockets=[listening])
    return Exit.OK if server.started else Exit.UNAVAILABLE


def _stopped(number: int, frame: FrameType | None) -> NoReturn:
    del number, frame
    sys.exit(Exit.OK)


def _environment(settings: Settings) -> dict[str, str]:
    """What workers read their settings from. Keys come as they came to us: from the environment or the key file."""
    return {
        "STAIRGATE_DATABASE_URL": settings.database_url,
        "STAIRGATE_HOST": settings.host,
        "STAIRGATE_PORT": str(settings.port),
        "STAIRGATE_DEV": "true" if settings.dev else "false",
    }
