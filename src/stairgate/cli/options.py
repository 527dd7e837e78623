"""What commands share: options, settings, and how an answer is printed."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TypeVar

import click

from stairgate.model.errors import UnavailableError
from stairgate.settings import MEMORY, Settings

F = TypeVar("F", bound=Callable[..., object])

DEFAULT_URL = "http://127.0.0.1:8080"

database_option = click.option(
    "--database",
    metavar="URL",
    help="The database: `sqlite:///file`, or a path. Default: STAIRGATE_DATABASE_URL, else stairgate.db here.",
)
url_option = click.option(
    "--url",
    metavar="URL",
    envvar="STAIRGATE_URL",
    default=DEFAULT_URL,
    show_default=True,
    show_envvar=True,
    help="Where the service is.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def settings_for(database: str | None) -> Settings:
    """The settings of the environment, with the database that the command line names."""
    settings = Settings.from_environment(os.environ)
    return settings if database is None else replace(settings, database_url=database_url(database))


def database_url(text: str) -> str:
    """*text* as an address; a path is the SQLite file there."""
    return text if "://" in text or text == MEMORY else f"sqlite:///{text}"


def require_database(settings: Settings) -> None:
    """
    Refuse to go on where there is no database, so that a mistyped path does not make one.

    Raises:
        UnavailableError: There is none.
    """
    if settings.database_url == MEMORY:
        raise UnavailableError("`memory:` is gone with the process that made it: name a SQLite file")
    from stairgate.storage.sql.files import database_path

    path = database_path(settings.database_url)
    if not path.exists():
        raise UnavailableError(f"there is no database at {shown(path)}: run `stairgate init`, or name it by --database")


def shown(path: Path) -> str:
    """*path* as it is short to read: from here, where it lies below."""
    try:
        return str(path.relative_to(Path.cwd()))
    except ValueError:
        return str(path)


def answer(document: Mapping[str, object], text: str, *, as_json: bool) -> None:
    """Print *document* as one line of JSON, or *text*."""
    click.echo(json.dumps(document, ensure_ascii=False) if as_json else text)
