"""The table of commands, and what becomes of an error: one line, and an exit code that a script can act on."""

from __future__ import annotations

from enum import IntEnum
from importlib import import_module

import click

from stairgate import ArgumentError, ServerError, StairgateError, UnexpectedAnswerError, UnreachableError
from stairgate.model.errors import DomainError, InvalidInputError, UnavailableError

# Where each command is. A module is loaded when its command is used: `stairgate check` needs no database driver.
_COMMANDS = {
    "audit": "stairgate.cli.database",
    "check": "stairgate.cli.remote",
    "clients": "stairgate.cli.database",
    "demo": "stairgate.cli.demo.command",
    "dev": "stairgate.cli.dev",
    "elevations": "stairgate.cli.remote",
    "evidence": "stairgate.cli.evidence",
    "init": "stairgate.cli.database",
    "keys": "stairgate.cli.database",
    "lint": "stairgate.cli.lint",
    "migrate": "stairgate.cli.database",
    "serve": "stairgate.cli.serving",
}


class Exit(IntEnum):
    """What the exit code of a command says."""

    OK = 0
    REFUSED = 1
    USAGE = 2
    UNAVAILABLE = 3
    STEP_UP_REQUIRED = 4


class Commands(click.Group):
    """The commands of the table."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Their names."""
        return sorted(_COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command *cmd_name*, loaded now."""
        if cmd_name not in _COMMANDS:
            return None
        command = getattr(import_module(_COMMANDS[cmd_name]), cmd_name)
        return command if isinstance(command, click.Command) else None


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="stairgate", message="%(prog)s %(version)s")
def stairgate() -> None:
    """
    Stairgate: authorization that answers allowed, denied, or prove it first.

    Exit codes: 0 done or allowed, 1 denied or refused, 2 the command is wrong, 3 the service or the database is not
    available, 4 a step-up is required.
    """


def run() -> int:
    """Run the command line and return the exit code. A bug, and only a bug, ends in a traceback."""
    try:
        code = stairgate.main(prog_name="stairgate", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (click.Abort, KeyboardInterrupt):
        click.echo("stairgate: interrupted", err=True)
        return Exit.REFUSED
    except BrokenPipeError:  # the reader of our output has left
        return Exit.REFUSED
    except (StairgateError, DomainError) as error:
        click.echo(f"stairgate: {error.title}", err=True)
        return exit_code_of(error)
    except OSError as error:
        place = f" ({error.filename})" if error.filename else ""
        click.echo(f"stairgate: {error.strerror or error}{place}", err=True)
        return Exit.UNAVAILABLE
    return code if isinstance(code, int) else Exit.OK


def exit_code_of(error: StairgateError | DomainError) -> Exit:
    """The exit code for *error*."""
    match error:
        case UnavailableError() | UnreachableError() | UnexpectedAnswerError() | ServerError():
            return Exit.UNAVAILABLE
        case ArgumentError() | InvalidInputError():
            return Exit.USAGE
        case _:
            return Exit.REFUSED
