"""`stairgate demo`: a small bank on Stairgate, with a real server process, a real database and real HTTP."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import click
import pyotp
from rich.console import Console

from stairgate import Elevation, Stairgate, StepUpAuthorizationRequired
from stairgate.bootstrap import prepare
from stairgate.cli.bank import PAY_OUT, PAYER, VIEWER, Bank, account
from stairgate.cli.commands import Exit
from stairgate.cli.dev import make_token, make_totp
from stairgate.cli.narrator import NarratedTransport, Narrator
from stairgate.cli.options import json_option
from stairgate.model.errors import UnavailableError
from stairgate.settings import Settings

CUSTOMER = "alice"
STEP = 30  # seconds that a totp code belongs to
MARGIN = 5  # seconds before a step's end at which its code is not used any more: the answer has to arrive in time
STOP_SECONDS = 10


class Authenticator:
    """The customer's authenticator app, which here is this terminal. It gives each code once, as it must be used."""

    def __init__(self, secret: str, narrator: Narrator) -> None:
        self._totp = pyotp.TOTP(secret)
        self._narrator = narrator
        self._used = -1

    def code(self) -> str:
        """A code that is good now and was not given before; the service takes the current step and the one before."""
        while True:
            now = _now()
            step = int(now) // STEP
            for candidate in (step - 1, step):
                if candidate > self._used and (candidate == step or now % STEP < STEP - MARGIN):
                    self._used = candidate
                    return self._totp.at(candidate * STEP)
            left = STEP - now % STEP
            self._narrator.note(f"(the authenticator shows its next code in {left:.0f} s)")
            time.sleep(left)


def _now() -> float:
    from stairgate.host.clock import SystemClock

    return SystemClock().now().timestamp()


@click.command()
@click.option("--once", is_flag=True, help="Exit after the run: with 0 if every step answered as it should.")
@json_option
def demo(*, once: bool, as_json: bool) -> int:
    """A small bank on Stairgate, from protecting a payment to paying, each request and answer printed."""
    # With --json the story goes to the side, so that standard output is one line for a program.
    narrator = Narrator(Console(highlight=False, stderr=as_json))
    with _stoppable(), tempfile.TemporaryDirectory(prefix="stairgate-demo-") as folder:
        settings = Settings(database_url=f"sqlite:///{folder}/stairgate.db", dev=True)
        made = asyncio.run(prepare(settings))
        access_key = made.access_key or ""
        with server(settings, Path(folder)) as url:
            settings = replace(settings, public_urls=(url,))
            narrator.note(f"Stairgate serves {folder} on {url}")
            with Stairgate(url, access_key=access_key, transport=NarratedTransport(narrator)) as client:
                token = tell(client, settings, narrator)
            if as_json:
                click.echo(json.dumps({"ok": not narrator.failures, "failures": narrator.failures}))
            if not once:
                _stay(url, access_key, token)
    if narrator.failures:
        click.echo("\nstairgate: the demo did not go as it should:\n  " + "\n  ".join(narrator.failures), err=True)
        return Exit.REFUSED
    return Exit.OK


@contextmanager
def server(settings: Settings, folder: Path) -> Iterator[str]:
    """
    `stairgate serve --dev` as its own process on a free port, until the block ends; gives its URL.

    Raises:
        UnavailableError: It did not start; says what it said.
    """
    log = folder / "server.log"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("STAIRGATE_")}
    command = [sys.executable, "-m", "stairgate.cli", "serve", "--dev", "--json", "--port", "0"]
    with log.open("wb") as errors:
        process = subprocess.Popen(  # noqa: S603  # our own program, no shell
            [*command, "--database", settings.database_url],
            env=environment,
            stdout=subprocess.PIPE,
            stderr=errors,
            start_new_session=True,  # Ctrl-C is ours; we stop it in order
        )
    try:
        line = b"" if process.stdout is None else process.stdout.readline()
        if not line:
            raise UnavailableError(f"the server of the demo did not start: {log.read_text(errors='replace').strip()}")
        yield str(json.loads(line)["url"])
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        if process.stdout is not None:
            process.stdout.close()


def tell(client: Stairgate, settings: Settings, narrator: Narrator) -> str:
    """The story. Returns the customer's token."""
    bank = Bank(client)
    narrator.step("Protect: paying out of an account wants a step-up, looking at it does not")
    client.roles.create(VIEWER)
    client.roles.create(PAYER)
    record = bank.open_account(CUSTOMER, 1_000)
    narrator.expect("the access record says so by `stepUp`", holds=record.record_id is not None)

    narrator.step("Log in: the test identity provider gives a token, and the authenticator is enrolled")
    token = asyncio.run(make_token(settings, CUSTOMER))
    authenticator = Authenticator(asyncio.run(make_totp(settings, CUSTOMER)).secret, narrator)
    narrator.note(f"token {token}")
    narrator.expect("the account can be looked at", holds=bank.balance(CUSTOMER, token) == 1_000)  # noqa: PLR2004

    narrator.step("Be refused: the payment wants a step-up first, and the refusal carries a challenge token")
    refusal = refused(bank, token)
    narrator.expect("refused with a challenge token", holds=refusal is not None)
    if refusal is None:
        return token

    narrator.step("Answer the challenge with a totp code")
    challenge_token = answered(client, refusal, token, authenticator, narrator)

    narrator.step("Record it: the bank reports the step-up, and the token is elevated")
    elevation = client.step_up_authorization(challenge_token, user_token=token)
    narrator.expect(f"elevated until {elevation.expires_at:%H:%M:%S} UTC", holds=elevation.user_id == CUSTOMER)

    narrator.step("Succeed: the same payment with the same token")
    left = bank.pay_out(CUSTOMER, token, 100)
    narrator.expect(f"paid; {left} left", holds=left == 900)  # noqa: PLR2004

    after(client, bank, settings, narrator, token, elevation)
    narrator.step("Always: the bank asks for each single payment from now on")
    bank.ask_each_time(CUSTOMER, record)
    each_time(client, bank, token, authenticator, narrator)
    return token


def after(  # the actors of the story
    client: Stairgate, bank: Bank, settings: Settings, narrator: Narrator, token: str, elevation: Elevation
) -> None:
    """What an elevation is not: the user's, or for ever."""
    narrator.step("Another login of the same user is still refused: one token was elevated, not the user")
    other = asyncio.run(make_token(settings, CUSTOMER))
    narrator.note(f"second token {other}")
    narrator.expect("the second token is refused", holds=refused(bank, other) is not None)

    narrator.step("Revoke the elevation: the first token is refused again, at once")
    client.elevations.end(CUSTOMER, elevation.elevation_id)
    narrator.expect("the first token is refused again", holds=refused(bank, token) is not None)


def each_time(client: Stairgate, bank: Bank, token: str, authenticator: Authenticator, narrator: Narrator) -> None:
    """`uses: 1`: one step-up, one payment."""
    refusal = refused(bank, token)
    narrator.expect("refused, with `uses: 1`", holds=refusal is not None and refusal.requirement.uses == 1)
    if refusal is None:
        return
    client.step_up_authorization(answered(client, refusal, token, authenticator, narrator), user_token=token)
    left = bank.pay_out(CUSTOMER, token, 100)
    narrator.expect(f"paid; {left} left", holds=left == 800)  # noqa: PLR2004
    narrator.expect("the next payment is refused again", holds=refused(bank, token) is not None)


def refused(bank: Bank, token: str) -> StepUpAuthorizationRequired | None:
    """Try to pay; the refusal, or None where the payment went through."""
    try:
        bank.pay_out(CUSTOMER, token, 100)
    except StepUpAuthorizationRequired as refusal:
        return refusal
    return None


def answered(
    client: Stairgate,
    refusal: StepUpAuthorizationRequired,
    token: str,
    authenticator: Authenticator,
    narrator: Narrator,
) -> str:
    """Open the challenge of *refusal* and answer it; gives its token."""
    challenge_token = refusal.step_up_challenge_token or ""
    challenge = client.challenges.open(challenge_token, user_token=token)
    done = client.challenges.answer(challenge.challenge_id, method="totp", code=authenticator.code())
    narrator.expect("the challenge is satisfied", holds=done.state == "satisfied")
    return challenge_token


def _stay(url: str, access_key: str, token: str) -> None:
    """Stay up for whoever wants to try by hand, until Ctrl-C."""
    check = f"{url}/v1/users/{CUSTOMER}/resources/{account(CUSTOMER).replace('/', '%2F')}/permissions/{PAY_OUT}"
    click.echo(
        f"\nIt stays up until Ctrl-C. Its document to read: {url}/docs\n\n"
        f"As the customer:\n  curl -i -H 'Authorization: Bearer {token}' '{check}'\n\n"
        f"As the bank:\n  export STAIRGATE_URL={url}\n  export STAIRGATE_ACCESS_KEY={access_key}\n"
        f"  stairgate check {CUSTOMER} {account(CUSTOMER)} {PAY_OUT} --token {token} --explain\n"
        f"  stairgate elevations list {CUSTOMER}"
    )
    try:
        signal.pause()
    except KeyboardInterrupt:
        click.echo("\nstopped")


@contextmanager
def _stoppable() -> Iterator[None]:
    """SIGTERM ends the block as Ctrl-C does, so that the server process never outlives this one."""

    def stop(number: int, frame: object) -> None:
        del number, frame
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
