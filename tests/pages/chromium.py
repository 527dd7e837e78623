"""Debian's Chromium by Playwright, one for all tests, with virtual authenticators."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterator
from contextlib import contextmanager

from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright
from tests.pages.states import Place

from stairgate.testing.authenticator import Credential

PATH = "/usr/bin/chromium"
ARGUMENTS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--host-resolver-rules=MAP step.example 127.0.0.1",  # tests.pages.fronted.HOST
]
DESKTOP, PHONE = {"width": 1280, "height": 900}, {"width": 320, "height": 640}


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=PATH, args=ARGUMENTS)
        try:
            yield browser
        finally:
            browser.close()


def visit(page: Page, place: Place) -> None:
    """Open the page's address, with its secret; then what the place says."""
    for name, value in place.cookies.items():
        page.context.add_cookies([{"name": name, "value": value, "url": place.page}])
    page.goto(place.page)
    if place.enter:
        page.locator("button").click()
        page.wait_for_url("**/account")
    if place.below or place.query:
        page.goto(page.url.partition("?")[0] + place.below + place.query)
    if place.unfold:
        page.evaluate("document.querySelectorAll('details').forEach(each => { each.open = true; })")
    if place.press:
        page.locator(f"form[action$='/{place.press}'] button").click()
        page.wait_for_load_state()


class Authenticator:
    """A virtual authenticator of one page: its person is there and verified, unless said otherwise."""

    def __init__(self, context: BrowserContext, page: Page) -> None:
        self._cdp: CDPSession = context.new_cdp_session(page)
        self._cdp.send("WebAuthn.enable")
        made = self._cdp.send(
            "WebAuthn.addVirtualAuthenticator",
            {
                "options": {
                    "protocol": "ctap2",
                    "transport": "internal",
                    "hasResidentKey": True,
                    "hasUserVerification": True,
                    "isUserVerified": True,
                    "automaticPresenceSimulation": True,
                }
            },
        )
        self._id: str = made["authenticatorId"]

    def hold(self, credential: Credential) -> None:
        """Give it *credential*, private key and all."""
        key = credential.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
        self._cdp.send(
            "WebAuthn.addCredential",
            {
                "authenticatorId": self._id,
                "credential": {
                    "credentialId": b64encode(credential.id).decode(),
                    "isResidentCredential": True,
                    "rpId": credential.rp_id,
                    "privateKey": b64encode(key).decode(),
                    "userHandle": b64encode(credential.user_handle).decode(),
                    "signCount": credential.sign_count,
                },
            },
        )

    def refuse(self) -> None:
        """The person closes the prompt: user verification does not succeed."""
        self._cdp.send("WebAuthn.setUserVerified", {"authenticatorId": self._id, "isUserVerified": False})
