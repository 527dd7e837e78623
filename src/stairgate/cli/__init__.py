"""The commands. Each says what went wrong in one line; `--json` is there for programs."""

from __future__ import annotations

import sys

import click

from stairgate.cli.database import audit, dev, init, migrate
from stairgate.cli.serving import serve
from stairgate.model.errors import DomainError, UnavailableError

UNAVAILABLE = 3
FAILED = 1


@click.group(context_settings={"help_option_names": ["-h", "--help"], "auto_envvar_prefix": "STAIRGATE"})
@click.version_option(package_name="stairgate")
def group() -> None:
    """
    Stairgate: authorization that can ask for a step-up.

    Exit codes: 0 done, 1 the answer is no, 2 the command is wrong, 3 the service or the database is not available.
    """


for command in (init, migrate, serve, dev, audit):
    group.add_command(command)


def main() -> None:
    """Run the command line."""
    try:
        group()
    except UnavailableError as error:
        click.echo(f"stairgate: {error.title}", err=True)
        sys.exit(UNAVAILABLE)
    except DomainError as error:
        click.echo(f"stairgate: {error.title}", err=True)
        sys.exit(FAILED)
