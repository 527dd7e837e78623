"""`stairgate demo`: a real server process, a real database, real HTTP, a bank on top of it, and two stories."""

from __future__ import annotations

import asyncio
import io
import json
import signal
import socket
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import click
import segno
from rich.console import Console

from stairgate import AsyncStairgate
from stairgate.bootstrap import prepare
from stairgate.cli.commands import Exit
from stairgate.cli.demo.authenticator import Authenticator
from stairgate.cli.demo.bank import ASKER, CHECKER, ENDER, PAY_OUT, Bank, account, register
from stairgate.cli.demo.browser import lacking
from stairgate.cli.demo.browser_story import BrowserStory
from stairgate.cli.demo.narrator import NarratedTransport, Narrator
from stairgate.cli.demo.serving import bank_server, stairgate_server
from stairgate.cli.demo.site import BACK, BankSite
from stairgate.cli.demo.story import CUSTOMER, Story
from stairgate.cli.dev import Enrolled, make_token, make_totp
from stairgate.cli.options import json_option
from stairgate.settings import Settings

BACKLOG = 64


@click.command()
@click.option("--once", is_flag=True, help="Exit after the run: with 0 if every step answered as it should.")
@json_option
def demo(*, once: bool, as_json: bool) -> int:
    """A small bank on Stairgate, from protecting a payment to paying, each request and answer printed."""
    # With --json the story goes to the side, so that standard output is one line for a program.
    narrator = Narrator(Console(highlight=False, stderr=as_json))
    try:
        asyncio.run(_run(narrator, once=once, as_json=as_json))
    except asyncio.CancelledError:
        raise click.Abort from None
    if narrator.failures:
        click.echo("\nstairgate: the demo did not go as it should:\n  " + "\n  ".join(narrator.failures), err=True)
        return Exit.REFUSED
    return Exit.OK


async def _run(narrator: Narrator, *, once: bool, as_json: bool) -> None:
    with (
        _stoppable(),
        tempfile.TemporaryDirectory(prefix="stairgate-demo-") as folder,
        socket.create_server(("127.0.0.1", 0), backlog=BACKLOG) as listening,
    ):
        settings = Settings(database_url=f"sqlite:///{folder}/stairgate.db", dev=True)
        owner_key = (await prepare(settings)).access_key or ""
        origin = f"http://127.0.0.1:{listening.getsockname()[1]}"
        with stairgate_server(settings, Path(folder)) as url:
            settings = replace(settings, public_urls=(url,))
            async with AsyncStairgate(url, access_key=owner_key) as owner:
                for role in (CHECKER, ASKER, ENDER):
                    await owner.roles.create(role)
                bank_key = await register(owner, origin + BACK)
            narrator.note(f"Stairgate serves {folder} on {url}; the bank has a service client of its own")
            async with (
                AsyncStairgate(url, access_key=owner_key, transport=NarratedTransport(narrator)) as owner,
                AsyncStairgate(url, access_key=bank_key, transport=NarratedTransport(narrator)) as client,
            ):
                bank = Bank(client)
                token = await Story(owner, bank, settings, narrator).tell()
                phone = await make_totp(settings, CUSTOMER)
                async with bank_server(listening, _site(bank, settings, origin=origin, url=url)):
                    if once:
                        await _browse(narrator, origin, owner, phone)
                    if as_json:
                        click.echo(json.dumps({"ok": not narrator.failures, "failures": narrator.failures}))
                    if not once:
                        _invite(origin, phone, (await owner.account_link(CUSTOMER)).account_uri)
                        _invite_by_hand(url, owner_key, token)
                        await _stay(Authenticator(phone.secret, narrator))


def _site(bank: Bank, settings: Settings, *, origin: str, url: str) -> BankSite:
    async def log_in(customer: str) -> str:
        return await make_token(settings, customer)

    # Passkeys are bound to a name, so Stairgate's pages are on `localhost`; the bank, on the address, is another site.
    pages = f"http://localhost:{urlsplit(url).port}"
    return BankSite(bank, origin=origin, pages=pages, customer=CUSTOMER, log_in=log_in)


async def _browse(narrator: Narrator, origin: str, owner: AsyncStairgate, phone: Enrolled) -> None:
    missing = lacking()
    if missing is not None:
        narrator.note(f"\nthe browser half was left out: {missing}")
        return
    await BrowserStory(origin, CUSTOMER, owner, Authenticator(phone.secret, narrator), narrator).tell()


def _invite(origin: str, phone: Enrolled, link: str) -> None:
    click.echo(
        f"\nThe bank, in a browser: {origin}\n\n"
        f"  1. Log in as {CUSTOMER}, and pay somebody.\n"
        "  2. Continue on this device; or play the phone in a private window, with the number that the bank shows.\n"
        "  3. Type a code. Press Enter here for one, or scan the square with an authenticator app.\n"
        f"  4. Add a passkey by this link, good once, as a help desk gives it; then pay with it:\n     {link}\n"
    )
    if sys.stdout.isatty():
        square = io.StringIO()
        segno.make(phone.uri, error="l").terminal(square, compact=True)
        click.echo(square.getvalue())
    click.echo(f"  the authenticator's secret: {phone.secret}")


def _invite_by_hand(url: str, access_key: str, token: str) -> None:
    check = f"{url}/v1/users/{CUSTOMER}/resources/{account(CUSTOMER).replace('/', '%2F')}/permissions/{PAY_OUT}"
    click.echo(
        f"\nIt stays up until Ctrl-C. Stairgate's document to read: {url}/docs\n\n"
        f"As the customer:\n  curl -i -H 'Authorization: Bearer {token}' '{check}'\n\n"
        f"As the owner:\n  export STAIRGATE_URL={url}\n  export STAIRGATE_ACCESS_KEY={access_key}\n"
        f"  stairgate check {CUSTOMER} {account(CUSTOMER)} {PAY_OUT} --token {token} --explain\n"
        f"  stairgate elevations list {CUSTOMER}"
    )
    sys.stdout.flush()


async def _stay(authenticator: Authenticator) -> None:
    """Stay up until Ctrl-C, and give a code for each line that comes from a terminal."""
    loop, wanted = asyncio.get_running_loop(), asyncio.Event()

    def pressed() -> None:
        if not sys.stdin.readline():
            loop.remove_reader(sys.stdin)
        wanted.set()

    at_terminal = sys.stdin is not None and sys.stdin.isatty()
    if at_terminal:
        loop.add_reader(sys.stdin, pressed)
    try:
        while True:
            await wanted.wait()
            wanted.clear()
            click.echo(f"  the authenticator shows {await authenticator.code_for_a_person()}")
    except asyncio.CancelledError:
        click.echo("\nstopped")
        task = asyncio.current_task()
        if task is not None:
            task.uncancel()
    finally:
        if at_terminal:
            loop.remove_reader(sys.stdin)


@contextmanager
def _stoppable() -> Iterator[None]:
    """Ctrl-C and SIGTERM end the block in order, so that the server process never outlives this one."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    if task is None:
        raise RuntimeError("this runs in a task")
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, task.cancel)
    try:
        yield
    finally:
        for number in (signal.SIGINT, signal.SIGTERM):
            loop.remove_signal_handler(number)
