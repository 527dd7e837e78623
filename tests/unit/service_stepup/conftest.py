from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.unit.service_stepup.world import STORES, World, new_world


@pytest.fixture(params=STORES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    """An empty account on each of the two stores."""
    async with new_world(request.param, tmp_path) as made:
        yield made
