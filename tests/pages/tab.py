"""One page of one browser profile, as tests go about in it."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from playwright.sync_api import BrowserContext
    from tests.pages.chromium import Authenticator

PATIENCE = 10_000  # milliseconds


class Tab:
    """One page of one browser profile."""

    def __init__(self, context: BrowserContext) -> None:
        context.set_default_timeout(PATIENCE)
        self.context, self.page = context, context.new_page()
        self.complaints: list[str] = []
        self.page.on("console", lambda message: self.complaints.append(message.text))

    @cached_property
    def authenticator(self) -> Authenticator:
        from tests.pages.chromium import Authenticator

        return Authenticator(self.context, self.page)

    def heading(self, text: str) -> None:
        """Wait until the page's heading is *text*."""
        self.page.get_by_role("heading", level=1, name=text).wait_for()

    def press(self, name: str) -> None:
        self.page.get_by_role("button", name=name).click()
