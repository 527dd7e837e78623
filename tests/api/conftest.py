from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from tests.api.door import Door, open_door


@pytest.fixture
async def door(tmp_path: Path) -> AsyncIterator[Door]:
    """The API over an empty account in memory, which has the test issuer."""
    async for opened in open_door("memory", tmp_path):
        yield opened
