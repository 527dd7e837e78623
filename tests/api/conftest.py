from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from tests.api.door import Door, open_door
from tests.api.live import Live, live_server


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """The API over an empty account in memory, which has the test issuer."""
    async for opened in open_door("memory", tmp_path):
        yield opened


@pytest.fixture(scope="module")
def live(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Live]:
    """The API on a socket, with an owner."""
    with live_server(tmp_path_factory.mktemp("live")) as running:
        yield running
