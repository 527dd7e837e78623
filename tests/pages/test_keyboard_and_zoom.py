"""The page of a challenge with the keyboard alone, and twice as large, in Chromium (WCAG 2.2: 1.4.4, 1.4.10, 2.1.1)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest
from tests.pages.bank import Bank
from tests.pages.states import STATES

from stairgate.model.protection import Level, Method, Requirement

pytestmark = pytest.mark.lane("pages")

CUT = """
[...document.querySelectorAll("main *")]
  .filter(each => getComputedStyle(each).overflowX !== "visible" && each.scrollWidth > each.clientWidth + 1)
  .length
"""


def reached(tab: Any, name: str) -> None:
    """Press Tab until what is called *name* has the focus."""
    script = "[document.activeElement.innerText, document.activeElement.name].map(text => (text ?? '').trim())"
    for _ in range(25):
        tab.page.keyboard.press("Tab")
        if name in tab.page.evaluate(script):
            return
    pytest.fail(f"the keyboard never reaches {name}")


def test_a_passkey_with_the_keyboard_alone(bank: Bank, tabs: Any) -> None:
    user = bank.customer(totp=False, requirement=Requirement(level=Level.PHISHING_RESISTANT))
    credential = bank.passkey(user)
    it = bank.ask(user)
    tab = tabs()
    tab.authenticator.hold(credential)
    tab.page.goto(it.page)
    reached(tab, "number")
    tab.page.keyboard.type(it.number)
    reached(tab, "Use your passkey")
    tab.page.keyboard.press("Enter")
    tab.heading("Done")
    assert it.elevated


def test_a_sent_code_with_the_keyboard_alone(bank: Bank, tabs: Any) -> None:
    """From another way through sending to the answer; what went wrong has the focus, and the field comes after it."""
    user = bank.customer()
    bank.address(user, Method.EMAIL, "ann@example.org")
    it = bank.ask(user)
    tab = tabs()
    tab.page.goto(it.page)
    reached(tab, "Code by email")
    tab.page.keyboard.press("Enter")
    tab.page.get_by_role("button", name="Send me a code").wait_for()
    reached(tab, "Send me a code")
    tab.page.keyboard.press("Enter")
    tab.page.get_by_label("Code", exact=True).wait_for()
    for typed in ("12345678", bank.world.outbox.code()):
        reached(tab, "code")
        tab.page.keyboard.type(typed)
        reached(tab, "number")
        tab.page.keyboard.type(it.number)
        tab.page.keyboard.press("Enter")
        if typed == "12345678":
            tab.page.get_by_role("alert").wait_for()
            assert tab.page.evaluate("document.activeElement.id") == "problem"
    tab.heading("Done")
    assert it.elevated


@pytest.mark.parametrize("name", ["passkey", "sent", "wrong", "not_yet", "hostile", "expired"])
def test_twice_as_large_on_a_desktop(bank: Bank, tabs: Any, name: str) -> None:
    """1.4.4, 1.4.10: 1280 × 800 at 200 %. Nothing is cut, nothing lies on something else, one direction to scroll."""
    from tests.pages.chromium import visit

    tab = tabs(viewport={"width": 640, "height": 400}, device_scale_factor=2)
    visit(tab.page, STATES[name](bank))
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 640
    assert tab.page.evaluate(CUT) == 0
    boxes = [each.bounding_box() for each in tab.page.locator("button, input, a, summary").filter(visible=True).all()]
    for one, two in pairwise(boxes):
        beside = one["x"] + one["width"] <= two["x"] or two["x"] + two["width"] <= one["x"]
        assert beside or one["y"] + one["height"] <= two["y"], (one, two)
