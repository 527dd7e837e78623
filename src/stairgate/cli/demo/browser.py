"""Chromium without a window, where it and Playwright are installed: the server needs neither."""

from __future__ import annotations

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib.util import find_spec
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_ARGUMENTS = ("--disable-gpu", "--no-first-run", "--disable-background-networking", "--disable-sync")


def lacking() -> str | None:
    """What is missing for a browser to be driven, and how to get it; None where nothing is."""
    if not _installed("playwright"):
        return "Playwright is not installed (`make dev` installs it)"
    if _program() is None:
        return "no Chromium was found (on Debian: `apt-get install chromium`)"
    return None


@asynccontextmanager
async def chromium() -> AsyncIterator[Browser]:
    """Chromium, until the block ends."""
    from playwright.async_api import async_playwright

    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=_program(), args=_ARGUMENTS)
        try:
            yield browser
        finally:
            await browser.close()


async def add_authenticator(page: Page) -> None:
    """Give *page* a place for passkeys, whose person is there and verified."""
    session = await page.context.new_cdp_session(page)
    await session.send("WebAuthn.enable")
    options = {
        "protocol": "ctap2",
        "transport": "internal",
        "hasResidentKey": True,
        "hasUserVerification": True,
        "isUserVerified": True,
        "automaticPresenceSimulation": True,
    }
    await session.send("WebAuthn.addVirtualAuthenticator", {"options": options})


def _installed(package: str) -> bool:
    try:
        return find_spec(package) is not None
    except ValueError:  # taken away by name
        return False


def _program() -> str | None:
    return next((found for name in _NAMES if (found := shutil.which(name)) is not None), None)
