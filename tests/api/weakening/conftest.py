from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.api.door import Door, open_door
from tests.api.weakening.admin import (
    Admin,
    put,
)
from tests.unit.service_stepup.world import STORES

from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.ids import RecordId, UserId
from stairgate.model.resources import parse_pattern


@pytest.fixture
async def setting(door: Door) -> str:
    """The assertion of a client that owns everything: not asked, so it sets up what users then try to weaken."""
    bearer = await door.service("owner")
    everything = (Statement((OWNER.id,), (parse_pattern("*"),)),)
    for name, who in (("rec_owner", "sc_owner"), ("rec_ann", "ann")):
        await put(door, AccessRecord(RecordId(name), "Owner", everything, users=(UserId(who),)))
    return bearer


@pytest.fixture
async def ann(door: Door, setting: str) -> Admin:
    await door.world.enrol("ann")
    return Admin(door, door.world.token("ann"))


@pytest.fixture(params=STORES)
async def door(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Door]:
    async for opened in open_door(request.param, tmp_path):
        yield opened
