"""On both stores: of 32 writers with the same precondition one wins; weakening in parallel takes one use."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.api.door import Door, open_door
from tests.api.weakening.admin import DOCS, MARK, Admin, put, resource
from tests.unit.service_stepup.world import STORES

from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.ids import RecordId, UserId
from stairgate.model.resources import parse_pattern

pytestmark = pytest.mark.anyio
MANY = 32


@pytest.fixture(params=STORES)
async def door(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    async for opened in open_door(request.param, tmp_path):
        everything = (Statement((OWNER.id,), (parse_pattern("*"),)),)
        await put(opened, AccessRecord(RecordId("rec_owner"), "Owner", everything, users=(UserId("sc_owner"),)))
        await put(opened, AccessRecord(RecordId("rec_ann"), "Owner", everything, users=(UserId("ann"),)))
        yield opened


@pytest.mark.parametrize("kind", ["record", "group"])
async def test_of_many_writers_with_the_same_precondition_one_wins(door: Door, kind: str) -> None:
    owner = await door.service("owner")
    statement = {"roles": ["Authress:ReadResource"], "resources": [{"resourceUri": "docs"}]}
    body = {"name": "x", "users": [], f"{kind}Id": "one", **({"statements": [statement]} if kind == "record" else {})}
    made = await door.call("POST", f"/v1/{kind}s", body, bearer=owner)
    assert made.status == 201, made
    since = [(b"if-unmodified-since", made.json["lastUpdated"].encode())]
    answers = await asyncio.gather(
        *(
            door.call("PUT", f"/v1/{kind}s/one", {**body, "name": f"by {number}"}, bearer=owner, headers=since)
            for number in range(MANY)
        )
    )
    won = [each for each in answers if each.status in {200, 202}]
    assert len(won) == 1
    assert Counter(each.status for each in answers)[412] == MANY - 1
    stands = await door.call("GET", f"/v1/{kind}s/one", bearer=owner)
    assert stands.json["name"] == won[0].json["name"]
    entries = await door.world.services.store.read(lambda transaction: transaction.audit_entries(limit=10_000))
    changes = [entry for entry in entries if entry.event == f"{kind}.changed" and entry.actor == "sc_owner"]
    assert len(changes) == 2  # made, and changed once


async def test_of_many_who_weaken_by_one_step_up_one_does(door: Door) -> None:
    """The use is taken in the transaction of the change: the elevation opens one, however many are sent at once."""
    owner = await door.service("owner")
    await door.world.enrol("ann")
    ann = Admin(door, door.world.token("ann"))
    stands, easier = resource(MARK), resource({**MARK, "uses": 9})
    assert (await door.call("PUT", DOCS, stands, bearer=owner)).status == 200
    await ann.step_up(await ann.refused("PUT", DOCS, easier))
    calls = [ann.call("PUT", DOCS, easier) for _ in range(MANY)]
    restores = [ann.call("PUT", DOCS, stands) for _ in range(MANY)]
    answers = await asyncio.gather(*(each for pair in zip(calls, restores, strict=True) for each in pair))
    assert {each.status for each in answers[1::2]} == {200}  # to make it stricter again needs none
    entries = await door.world.services.store.read(lambda transaction: transaction.audit_entries(limit=10_000))
    assert sum(entry.event == "elevation.used" for entry in entries) == 1
    assert await ann.uses_left() == []
