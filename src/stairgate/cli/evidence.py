"""`stairgate evidence`: what a passkey signed for a challenge, taken out of the database, verified anywhere (WA-7)."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import TextIO

import click

from stairgate.bootstrap import open_services
from stairgate.cli.options import answer, database_option, json_option, require_database, settings_for
from stairgate.model.canonical import read_json
from stairgate.model.errors import NotFoundError
from stairgate.model.ids import ChallengeId
from stairgate.model.passkeys import signed_consent_document, signed_consent_of
from stairgate.service.evidence import verify_evidence
from stairgate.settings import Settings

MOST_BYTES = 1_048_576


@click.group()
def evidence() -> None:
    """What people agreed to with a passkey, and the proof of it."""


@evidence.command("show")
@click.argument("challenge")
@database_option
def show(challenge: str, database: str | None) -> None:
    """Print what a passkey signed for CHALLENGE, as JSON. It holds no secret."""
    settings = settings_for(database)
    require_database(settings)
    click.echo(json.dumps(asyncio.run(_signed(settings, ChallengeId(challenge)))))


async def _signed(settings: Settings, challenge: ChallengeId) -> dict[str, object]:
    async with open_services(settings) as services:
        found = await services.store.read(lambda transaction: transaction.challenge(challenge))
    if found is None or found.signed is None:
        raise NotFoundError("there is no such challenge, or no passkey answered it")
    return dict(signed_consent_document(found.signed))


@evidence.command("verify")
@click.argument("file", type=click.File("r", encoding="utf-8"))
@click.option("--origin", metavar="ORIGIN", help="Where it must have been signed, such as https://login.bank.example.")
@click.option("--public-key", metavar="KEY", help="The user's public key in base64url, from a source of your own.")
@json_option
def verify(file: TextIO, origin: str | None, public_key: str | None, *, as_json: bool) -> None:
    """
    Verify what `show` printed, from FILE (`-`: standard input), without a database or a network.

    Exit code 1: a part of it was changed, or it was not signed on ORIGIN or with KEY.
    """
    value = read_json(file.read(MOST_BYTES), field=Path(file.name).name)
    signed = signed_consent_of(value)
    verified = verify_evidence(signed)
    known = signed_consent_document(signed)["publicKey"]
    if origin is not None and origin != verified.origin:
        raise NotFoundError(f"it was signed on {verified.origin}, not on {origin}")
    if public_key is not None and public_key != known:
        raise NotFoundError(f"it was signed with the key {known}, not with {public_key}")
    document = dict(verified.document)
    shown = json.dumps(document, ensure_ascii=False, indent=2)
    text = f"The signature holds. Signed on {verified.origin} with the key {known}, for:\n{shown}"
    answer({"holds": True, "origin": verified.origin, "publicKey": known, "document": document}, text, as_json=as_json)
