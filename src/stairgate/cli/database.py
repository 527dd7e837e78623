"""Commands of the operator, who has the database: `init`, `migrate`, `clients`, `keys`, `audit`."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from itertools import islice

import click

from stairgate.bootstrap import key_file, open_services, prepare
from stairgate.cli.commands import Exit
from stairgate.cli.options import answer, database_option, json_option, require_database, settings_for, shown
from stairgate.model.audit import AuditEntry, ChainFault, chain_faults
from stairgate.model.errors import ConflictError, InvalidInputError
from stairgate.ports.store import ReadTransaction
from stairgate.service.add_client import add_client

MOST_FAULTS = 5
PAGE = 1_000


@click.command()
@database_option
@json_option
def init(database: str | None, *, as_json: bool) -> None:
    """Make the database and its key file, and print an owner's access key, once."""
    settings = settings_for(database)
    made = asyncio.run(prepare(settings))
    if made.access_key is None:
        raise ConflictError(
            "the database has its account already, and an access key is shown only once:"
            " `stairgate clients create NAME --owner` makes another"
        )
    keys = "STAIRGATE_SECRET_KEYS" if settings.secret_keys is not None else shown(key_file(settings))
    answer(
        {"accessKey": made.access_key, "accountId": made.account, "clientId": made.owner},
        f"Account {made.account} is ready. Its secrets are sealed with {keys}: keep that safe, and a copy elsewhere.\n"
        f"The owner's access key, shown only now:\n\n{made.access_key}\n",
        as_json=as_json,
    )


@click.command()
@database_option
@json_option
def migrate(database: str | None, *, as_json: bool) -> None:
    """Bring the database to the schema of this version."""
    settings = settings_for(database)
    require_database(settings)
    from stairgate.storage.sql import HEAD, current_revision
    from stairgate.storage.sql import migrate as upgrade

    before = current_revision(settings.database_url)
    upgrade(settings.database_url)
    text = f"The schema is at revision {HEAD} already." if before == HEAD else f"The schema is now at revision {HEAD}."
    answer({"revision": HEAD, "before": before, "changed": before != HEAD}, text, as_json=as_json)


@click.group()
def clients() -> None:
    """Service clients: the back ends that ask."""


@clients.command("create")
@click.argument("name")
@click.option("--owner", is_flag=True, help="Give it everything. Without, it may do nothing until a record says so.")
@click.option(
    "--return-uri",
    "return_uris",
    metavar="ADDRESS",
    multiple=True,
    help="Where a browser that finished a challenge may be sent. May be given more than once.",
)
@database_option
@json_option
def clients_create(
    name: str, return_uris: tuple[str, ...], database: str | None, *, owner: bool, as_json: bool
) -> None:
    """Make a service client and print its access key, once."""
    settings = settings_for(database)
    require_database(settings)

    async def run() -> tuple[str, str]:
        async with open_services(settings) as services:
            client, access_key = await add_client(services, name, owner=owner, returns=return_uris)
            return client.id, access_key

    client_id, access_key = asyncio.run(run())
    answer(
        {"accessKey": access_key, "clientId": client_id},
        f"Service client {client_id}. Its access key, shown only now:\n\n{access_key}\n",
        as_json=as_json,
    )


@click.group()
def keys() -> None:
    """The keys that secrets in the database are sealed with."""


@keys.command("rotate")
@database_option
@json_option
def keys_rotate(database: str | None, *, as_json: bool) -> None:
    """Add a fresh key that seals from now on; the older ones stay, to open what they sealed."""
    settings = settings_for(database)
    require_database(settings)
    if settings.secret_keys is not None:
        raise InvalidInputError(
            "STAIRGATE_SECRET_KEYS", "holds the keys: put a fresh one (32 bytes in base64url) before them there"
        )
    from stairgate.host.keyfile import add_key

    path = key_file(settings)
    count = len(add_key(path))
    answer(
        {"keyFile": str(path), "keys": count},
        f"{shown(path)} has {count} keys now. The newest seals once the service is started again.",
        as_json=as_json,
    )


@click.group()
def audit() -> None:
    """The audit chain."""


@audit.command("verify")
@database_option
@json_option
def audit_verify(database: str | None, *, as_json: bool) -> int:
    """Walk the audit chain: a change, a gap and a cut-off end are all found. Exit code 1 if so. Needs no key."""
    settings = settings_for(database)
    require_database(settings)
    count, faults = asyncio.run(_verified(settings.database_url))
    problems = [fault.problem for fault in faults]
    if problems:
        more = "" if len(problems) <= MOST_FAULTS else "\n  …"
        text = "\n  ".join(["The chain is broken:", *problems[:MOST_FAULTS]]) + more
    else:
        text = f"The chain holds: {count} entries."
    answer({"entries": count, "holds": not problems, "faults": problems[:MOST_FAULTS]}, text, as_json=as_json)
    return Exit.REFUSED if problems else Exit.OK


async def _verified(url: str) -> tuple[int, list[ChainFault]]:
    """How many entries there are, and the first faults, in one snapshot and a page of memory."""
    from stairgate.storage.sql import SqlStore

    def verify(transaction: ReadTransaction) -> tuple[int, list[ChainFault]]:
        count = 0

        def entries() -> Iterator[AuditEntry]:
            nonlocal count
            last = 0
            while page := transaction.audit_entries(after=last, limit=PAGE):
                count += len(page)
                last = page[-1].number
                yield from page

        faults = chain_faults(entries(), transaction.audit_head())
        first = list(islice(faults, MOST_FAULTS + 1))
        for _ in faults:  # to the end, so that the count is whole
            pass
        return count, first

    store = await SqlStore.open(url)
    try:
        return await store.read(verify)
    finally:
        await store.close()
