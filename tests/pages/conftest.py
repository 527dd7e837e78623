from collections.abc import Iterator

import pytest
from tests.pages.bank import Bank, open_bank


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """One bank for all: each test has customers of its own."""
    with open_bank(tmp_path_factory.mktemp("bank")) as opened:
        yield opened
