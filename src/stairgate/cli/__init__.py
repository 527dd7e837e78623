"""
The command line: `stairgate …`.

Exit codes: 0 done or allowed; 1 the answer is no, or the request was refused; 2 the command is wrong; 3 the service or
the database is not available; 4 a step-up is required.
"""

from __future__ import annotations

import sys

_UNAVAILABLE = 3


def main() -> None:
    """Run the command line."""
    try:
        from stairgate.cli.commands import run
    except ModuleNotFoundError as error:
        if error.name is None or error.name.partition(".")[0] == "stairgate":
            raise
        sys.stderr.write(
            f"stairgate: `{error.name}` is not installed: the command line comes with `pip install stairgate[server]`\n"
        )
        sys.exit(_UNAVAILABLE)
    sys.exit(run())
