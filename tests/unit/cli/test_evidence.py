"""`stairgate evidence`: taken out of a database, verified without one (WA-7)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner
from tests.unit.service_stepup.passkeys import answer_with, assertion, with_passkey
from tests.unit.service_stepup.world import new_world

from stairgate.cli.commands import stairgate
from stairgate.model.errors import InvalidInputError, NotFoundError, ProofRefusedError
from stairgate.model.protection import Level, Requirement

pytestmark = pytest.mark.anyio


async def challenge_in(folder: Path) -> str:
    async with new_world("sqlite", folder) as world:
        await world.grant("ann", "accounts/1", "pay")
        await world.protect("accounts/1", ("pay", Requirement(level=Level.PHISHING_RESISTANT)))
        ann = await world.login("ann")
        device = await with_passkey(world)
        view = await world.open(ann, await world.refused(ann, "ann", "pay", "accounts/1"))
        await answer_with(world, ann, view, await assertion(world, ann, view, device))
        return view.challenge.id


def run(*arguments: str, stdin: str | None = None) -> str:
    result = CliRunner().invoke(stairgate, arguments, input=stdin, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return result.stdout


async def test_what_was_signed_is_shown_and_verified_elsewhere(tmp_path: Path) -> None:
    from anyio import to_thread

    id_ = await challenge_in(tmp_path)
    shown = await to_thread.run_sync(lambda: run("evidence", "show", id_, "--database", f"{tmp_path}/stairgate.db"))
    record = json.loads(shown)
    verified = json.loads(run("evidence", "verify", "-", "--json", stdin=shown))
    assert (verified["holds"], verified["origin"]) == (True, "http://localhost:8080")
    assert verified["document"]["resource"] == "accounts/1"
    key = record["publicKey"]
    assert "The signature holds" in run(
        "evidence", "verify", "-", "--origin", "http://localhost:8080", "--public-key", key, stdin=shown
    )
    with pytest.raises(NotFoundError, match="not on"):
        run("evidence", "verify", "-", "--origin", "https://bank.example", stdin=shown)
    with pytest.raises(NotFoundError, match="not with"):
        run("evidence", "verify", "-", "--public-key", "other", stdin=shown)
    changed = json.dumps({**record, "document": record["document"].replace("accounts/1", "accounts/2")})
    with pytest.raises(ProofRefusedError):
        run("evidence", "verify", "-", stdin=changed)
    with pytest.raises(InvalidInputError):
        run("evidence", "verify", "-", stdin="{}")
    with pytest.raises(NotFoundError):
        await to_thread.run_sync(lambda: run("evidence", "show", "unknown", "--database", f"{tmp_path}/stairgate.db"))
