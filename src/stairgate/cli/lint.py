"""`stairgate lint`: what is wrong with the policy though every part of it is valid."""

from __future__ import annotations

import asyncio

import click

from stairgate.bootstrap import open_services
from stairgate.cli.commands import Exit
from stairgate.cli.options import answer, database_option, json_option, require_database, settings_for
from stairgate.engine.lint import Finding, Severity
from stairgate.service.lint_policy import lint_policy
from stairgate.settings import Settings


@click.command()
@database_option
@json_option
def lint(database: str | None, *, as_json: bool) -> int:
    """
    Name what in the policy does not do what it says. Exit code 1 if a protection is not there or cannot be met.

    \b
    error    mark-void           another grant gives the same to everybody without the mark
    error    out-of-reach        no method that the service offers can meet a mark
    error    no-quorum           fewer people can agree to it than must
    warning  mark-void           another grant gives the same to some without the mark
    warning  mark-partly-void    another grant gives a part of it without the mark
    warning  observes-only       a mark refuses nothing yet
    warning  codes-only          only a code can meet a mark, where a passkey could be offered
    warning  unknown-role        a record names a role that is not there
    warning  unknown-group       a record names a group that is not there
    warning  constant-condition  a condition looks at nothing

    It reads the database, which the service may be using, and changes nothing. Run it with the service's settings:
    they say which methods it offers.
    """  # noqa: D301  # click keeps the lines after its mark as they are
    settings = settings_for(database)
    require_database(settings)
    findings = asyncio.run(_findings(settings))
    errors = sum(finding.severity is Severity.ERROR for finding in findings)
    document = {
        "errors": errors,
        "warnings": len(findings) - errors,
        "findings": [
            {
                "severity": finding.severity.value,
                "code": finding.code,
                "place": finding.place,
                "message": finding.message,
            }
            for finding in findings
        ],
    }
    answer(document, _told(findings, errors), as_json=as_json)
    return Exit.REFUSED if errors else Exit.OK


async def _findings(settings: Settings) -> list[Finding]:
    async with open_services(settings) as services:
        return await lint_policy(services)


def _told(findings: list[Finding], errors: int) -> str:
    lines = [f"{each.severity.value}: {each.place}: {each.message} ({each.code})" for each in findings]
    if not findings:
        return "Nothing found."
    return "\n".join([*lines, f"{_counted(errors, 'error')}, {_counted(len(findings) - errors, 'warning')}."])


def _counted(number: int, what: str) -> str:
    return f"{number} {what}" if number == 1 else f"{number} {what}s"
