"""The story in a browser: the bank's site and Stairgate's pages, driven as people use them, on two devices."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from stairgate import AsyncStairgate
from stairgate.cli.demo.authenticator import Authenticator
from stairgate.cli.demo.browser import add_authenticator, chromium
from stairgate.cli.demo.narrator import Narrator

if TYPE_CHECKING:
    from playwright.async_api import Browser, Page, ViewportSize

PATIENCE = 10_000  # milliseconds
DESKTOP: ViewportSize = {"width": 1280, "height": 900}
PHONE: ViewportSize = {"width": 320, "height": 640}


@dataclass
class BrowserStory:
    """
    Those who are in it.

    Args:
        bank: Where the bank's site is.
        customer: Who is logged in there.
        owner: Whoever manages this Stairgate.
        authenticator: The customer's authenticator app.
        narrator: Who tells.
    """

    bank: str
    customer: str
    owner: AsyncStairgate
    authenticator: Authenticator
    narrator: Narrator

    async def tell(self) -> None:
        """Everything in its order, until something does not go as it should."""
        from playwright.async_api import Error

        try:
            async with chromium() as browser:
                await self._tell(browser)
        except Error as error:
            self.narrator.expect(f"the browser goes on: {error.message.splitlines()[0]}", holds=False)

    async def _tell(self, browser: Browser) -> None:
        desktop, phone = await _window(browser, DESKTOP), await _window(browser, PHONE)
        left = await self.two_devices(desktop, phone)
        await self.passkey(desktop)
        left = await self.same_device(desktop, left)
        await self.refusal(desktop, left)

    async def two_devices(self, desktop: Page, phone: Page) -> int:
        """The desktop asks, the phone answers, the desktop goes on. Returns what is left."""
        narrator = self.narrator
        narrator.step("In a browser: alice logs in to the bank and pays 120 EUR; the bank shows a number and a link")
        await desktop.goto(self.bank)
        await desktop.get_by_role("button", name="Log in as alice").click()
        before = await _amount(desktop, ".balance")
        await _pay(desktop, 120, "Acme GmbH")
        await _heading(desktop, "Confirm this payment")
        number = await desktop.locator("#number").inner_text()
        link = await desktop.get_by_role("link", name="Continue on this device").get_attribute("href") or ""
        narrator.note(f"the number {number}; the link {link.partition('?')[0]}?…")
        narrator.expect("the bank shows a number and where to type it", holds=number.isdecimal() and "?key=" in link)

        narrator.step("On the phone: she opens the link, types the number and a code, and says yes")
        await phone.goto(link)
        narrator.expect("the secret is out of the address", holds="key=" not in phone.url)
        asked = await phone.get_by_role("heading", level=1).inner_text()
        narrator.expect(f"the page says what is asked: {asked}", holds=asked == "Pay 120 EUR to Acme GmbH")
        await phone.get_by_label("Code", exact=True).fill(await self.authenticator.code())
        await phone.get_by_label("Number that the app shows").fill(number)
        await phone.locator("button.yes").click()
        await _heading(phone, "Done")
        narrator.expect("the phone is done", holds=True)

        narrator.step("On the desktop: the bank, which waited, has paid")
        await _heading(desktop, "Paid")
        left = await _amount(desktop, "#left")
        narrator.expect(f"paid; {left} left", holds=left == before - 120)
        return left

    async def passkey(self, desktop: Page) -> None:
        """The first factor of its level takes a link from somebody who knows the customer (semantics §7.6)."""
        narrator = self.narrator
        narrator.step("Add a passkey: stronger than what she has, so it takes a link from the help desk, good once")
        await add_authenticator(desktop)
        await desktop.goto((await self.owner.account_link(self.customer)).account_uri)
        await desktop.get_by_role("button", name="Open your account").click()
        await desktop.get_by_role("link", name="Add a passkey").click()
        await desktop.get_by_label("Name").fill("This computer")
        await desktop.get_by_role("button", name="Make a passkey").click()
        await desktop.get_by_role("heading", name="This computer").wait_for()
        narrator.expect("the account page shows the passkey", holds=True)

    async def same_device(self, desktop: Page, before: int) -> int:
        """The browser that asks is sent to the page, and comes back with the return code. Returns what is left."""
        narrator = self.narrator
        narrator.step("On the same device: the passkey, and no number; a return code comes back, and the bank pays")
        await self.begin(desktop, 80, "Book Shop")
        await desktop.get_by_role("link", name="Continue on this device").click()
        await _heading(desktop, "Pay 80 EUR to Book Shop")
        way = await desktop.get_by_role("heading", level=2).first.inner_text()
        narrator.expect("the page asks for the passkey first", holds=way == "Passkey")
        await desktop.locator("button.yes").click()
        await _heading(desktop, "Paid")
        left = await _amount(desktop, "#left")
        narrator.expect(f"paid; {left} left", holds=left == before - 80)
        narrator.expect("the return code is out of the address", holds="code=" not in desktop.url)
        return left

    async def refusal(self, desktop: Page, before: int) -> None:
        """A no is a no."""
        narrator = self.narrator
        narrator.step("Say no: the browser comes back without a code, and nothing is paid")
        await self.begin(desktop, 500, "Mallory")
        await desktop.get_by_role("link", name="Continue on this device").click()
        await desktop.get_by_role("button", name="No, do not allow it").click()
        await _heading(desktop, "Not paid")
        await desktop.goto(self.bank)
        left = await _amount(desktop, ".balance")
        narrator.expect(f"nothing was paid; {left} left", holds=left == before)

    async def begin(self, desktop: Page, amount: int, to: str) -> None:
        """Ask for a payment, from the account, until the bank asks back."""
        await desktop.goto(self.bank)
        await _pay(desktop, amount, to)
        await _heading(desktop, "Confirm this payment")


async def _window(browser: Browser, size: ViewportSize) -> Page:
    context = await browser.new_context(locale="en", viewport=size)
    context.set_default_timeout(PATIENCE)
    return await context.new_page()


async def _pay(page: Page, amount: int, to: str) -> None:
    await page.get_by_label("Amount in EUR").fill(str(amount))
    await page.get_by_label("To", exact=True).fill(to)
    await page.get_by_role("button", name="Pay", exact=True).click()


async def _heading(page: Page, text: str) -> None:
    """Wait until the page's heading is *text*."""
    await page.get_by_role("heading", level=1, name=text).wait_for()


async def _amount(page: Page, place: str) -> int:
    text = await page.locator(place).inner_text()
    return int(text.removesuffix(" EUR"))
