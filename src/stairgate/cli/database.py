"""The commands that work on the database itself: `init`, `migrate`, `dev`, `audit`."""

from __future__ import annotations

import asyncio
import json
import os
from base64 import b32encode
from dataclasses import replace

import click

from stairgate.bootstrap import open_services, prepare
from stairgate.model.audit import AuditEntry, ChainFault, chain_faults
from stairgate.model.ids import user_id
from stairgate.ports.store import ReadTransaction
from stairgate.service.factors import enrol_totp
from stairgate.service.test_identity import issue_test_token
from stairgate.settings import Settings

MOST_FAULTS = 5

database_option = click.option(
    "--database",
    metavar="URL",
    help="The database, `sqlite:///file` or a file. Default: STAIRGATE_DATABASE_URL, else stairgate.db here.",
)
json_option = click.option("--json", "as_json", is_flag=True, help="Answer in JSON.")


def settings_for(database: str | None, *, dev: bool = False) -> Settings:
    """The settings of the environment, with what the command line says in their place."""
    settings = Settings.from_environment(os.environ)
    if database is not None:
        settings = replace(settings, database_url=database if ":" in database else f"sqlite:///{database}")
    return replace(settings, dev=dev or settings.dev)


def say(as_json: bool, answer: dict[str, object], text: str) -> None:  # noqa: FBT001  # click hands flags on so
    """Print *answer* as JSON, or *text*."""
    click.echo(json.dumps(answer) if as_json else text)


@click.command()
@database_option
@json_option
def init(database: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Create the database and its key file, and print an owner's access key, once."""
    made = asyncio.run(prepare(settings_for(database)))
    if made.access_key is None:
        raise click.ClickException("the database has its account already; an access key is shown only once")
    say(
        as_json,
        {"accessKey": made.access_key, "accountId": made.account},
        f"Account {made.account} is ready. The owner's access key, shown only now:\n\n{made.access_key}\n",
    )


@click.command()
@database_option
@json_option
def migrate(database: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Bring an existing database to this version's schema."""
    made = asyncio.run(prepare(settings_for(database)))
    say(as_json, {"accountId": made.account}, f"The database of account {made.account} is up to date.")


@click.group()
def dev() -> None:
    """Tools of the built-in test identity provider. Only for a service that runs with `--dev`."""


@dev.command("token")
@click.argument("user")
@click.option("--ttl", default=3600, show_default=True, metavar="SECONDS", help="How long it is good.")
@database_option
@json_option
def dev_token(user: str, ttl: int, database: str | None, as_json: bool) -> None:  # noqa: FBT001
    """A user token of the test identity provider, as a login would give it."""
    settings = settings_for(database, dev=True)

    async def run() -> str:
        await prepare(settings)
        async with open_services(settings) as services:
            return issue_test_token(services, user_id(user), ttl=ttl)

    token = asyncio.run(run())
    say(as_json, {"token": token}, token)


@dev.command("totp")
@click.argument("user")
@database_option
@json_option
def dev_totp(user: str, database: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Enrol a totp factor of USER and print its secret, for an authenticator app."""
    settings = settings_for(database, dev=True)

    async def run() -> tuple[str, str]:
        await prepare(settings)
        async with open_services(settings) as services:
            factor, secret = await enrol_totp(services, user_id(user), "test")
            return factor.id, b32encode(secret).decode()

    factor, secret = asyncio.run(run())
    say(as_json, {"factorId": factor, "secret": secret}, secret)


@click.group()
def audit() -> None:
    """The audit chain."""


@audit.command("verify")
@database_option
@json_option
@click.pass_context
def audit_verify(context: click.Context, database: str | None, as_json: bool) -> None:  # noqa: FBT001
    """Walk the audit chain: a change, a gap and a cut-off end are all found. Exit code 1 where it does not hold."""
    settings = settings_for(database)

    def verify(transaction: ReadTransaction) -> tuple[int, list[ChainFault]]:
        entries: list[AuditEntry] = []
        while page := transaction.audit_entries(after=entries[-1].number if entries else 0):
            entries.extend(page)
        return len(entries), list(chain_faults(entries, transaction.audit_head()))

    async def run() -> tuple[int, list[ChainFault]]:
        async with open_services(settings) as services:
            return await services.store.read(verify)

    count, faults = asyncio.run(run())
    shown = [fault.problem for fault in faults[:MOST_FAULTS]]
    text = "\n".join(["the chain does not hold:", *shown]) if faults else f"the chain holds: {count} entries"
    say(as_json, {"entries": count, "holds": not faults, "faults": list(shown)}, text)
    if faults:
        context.exit(1)
