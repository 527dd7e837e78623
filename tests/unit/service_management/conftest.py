from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.service_management.world import World, populate, services_on

from stairgate.storage.memory import MemoryStore
from stairgate.storage.sql import SqlStore, migrate
from stairgate.testing.clock import FakeClock


@pytest.fixture(params=["memory", "sqlite"])
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    clock = FakeClock()
    store: MemoryStore | SqlStore
    if request.param == "memory":
        store = MemoryStore()
    else:
        url = f"sqlite:///{tmp_path / 'stairgate.db'}"
        migrate(url)
        store = await SqlStore.open(url)
    made = World(services_on(store, clock), clock)
    await populate(made)
    yield made
    await store.close()
