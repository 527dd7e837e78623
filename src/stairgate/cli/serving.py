"""`stairgate serve`: the service over HTTP, on uvicorn."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import click
import uvicorn

from stairgate.api.app import Application
from stairgate.bootstrap import open_services, prepare
from stairgate.cli.database import database_option, settings_for
from stairgate.settings import Settings


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=8080, show_default=True, help="The port to listen on.")
@click.option(
    "--dev", is_flag=True, help="Trust the built-in test identity provider, and make the database if need be."
)
@database_option
def serve(host: str, port: int, dev: bool, database: str | None) -> None:  # noqa: FBT001
    """Serve the API over HTTP until stopped."""
    settings = replace(settings_for(database, dev=dev), host=host, port=port)
    asyncio.run(_serve(settings))


async def _serve(settings: Settings) -> None:
    if settings.dev:
        made = await prepare(settings)
        if made.access_key is not None:
            click.echo(f"the database was made; the owner's access key, shown only now:\n{made.access_key}")
        click.echo("a user token, as a login gives it: stairgate dev token USER")
    async with open_services(settings) as services:
        config = uvicorn.Config(
            Application(services),
            host=settings.host,
            port=settings.port,
            loop="uvloop",
            http="httptools",
            access_log=False,
            server_header=False,
            log_level="warning",
        )
        click.echo(f"listening on http://{settings.host}:{settings.port}")
        await uvicorn.Server(config).serve()
