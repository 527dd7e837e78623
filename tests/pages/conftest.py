from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import pytest
from tests.pages.bank import Bank, open_bank
from tests.pages.stage import STAGE
from tests.pages.tab import Tab

if TYPE_CHECKING:
    from playwright.sync_api import Browser, BrowserContext


@pytest.fixture(scope="session")
def bank(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bank]:
    """One bank for all: each test has customers of its own."""
    with open_bank(tmp_path_factory.mktemp("bank")) as opened:
        yield opened


@pytest.fixture(scope="session")
def browser() -> Iterator[Browser]:
    """One browser for all: each test has contexts of its own."""
    from tests.pages.chromium import chromium

    started = chromium()
    yield STAGE.submit(started.__enter__).result()
    STAGE.submit(started.__exit__, None, None, None).result()


@pytest.fixture
def tabs(browser: Browser) -> Iterator[Any]:
    contexts: list[BrowserContext] = []

    def opened(**options: Any) -> Tab:
        context = browser.new_context(locale="en", **options)
        contexts.append(context)
        return Tab(context)

    yield opened
    for context in contexts:
        STAGE.submit(context.close).result()


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    """A test that has the browser runs in the browser's thread."""
    if "browser" not in pyfuncitem.fixturenames:
        return None
    wanted = {name: pyfuncitem.funcargs[name] for name in pyfuncitem._fixtureinfo.argnames}
    STAGE.submit(pyfuncitem.obj, **wanted).result()
    return True
