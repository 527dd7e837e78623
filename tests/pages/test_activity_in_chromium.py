"""What is ended, disowned and left on the account page, in Chromium; its cookie over https (semantics §7.7, §7.8)."""

from __future__ import annotations

import gc
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.pages.bank import Asked, Bank, opened
from tests.pages.browsing import Visitor
from tests.pages.fronted import HOST, FrontedBank
from tests.pages.tab import Tab

pytestmark = pytest.mark.lane("pages")


@pytest.fixture(scope="module")
def fronted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FrontedBank]:
    with opened(FrontedBank(tmp_path_factory.mktemp("fronted"))) as bank:
        yield bank
    gc.collect()  # what was left open is told here, and not in the middle of another test


def enter(tab: Tab, link: str) -> None:
    tab.page.goto(link)
    tab.press("Open your account")
    tab.heading("Your account")


def answered(bank: Bank, it: Asked) -> None:
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(it.user), number=it.number)
    assert it.elevated


def open_row(tab: Tab, it: Asked) -> None:
    tab.page.locator("summary").filter(has_text="payout").first.click()
    tab.page.get_by_text(it.resource).last.wait_for()


def test_end_now_is_in_force_once_the_page_has_answered(bank: Bank, tabs: Any) -> None:
    user = bank.customer()
    it = bank.ask(user)
    answered(bank, it)
    tab = tabs(viewport={"width": 320, "height": 640})
    enter(tab, bank.account_link(user, token=it.token))
    tab.press("End now")
    tab.page.get_by_role("status").get_by_text("It is ended.").wait_for()
    tab.page.get_by_text("Nothing is allowed at the moment.").wait_for()
    assert not it.elevated
    tab.page.reload()
    tab.heading("Your account")
    assert tab.complaints == []


def test_this_was_not_me_by_keyboard_alone_stops_the_other_login(bank: Bank, tabs: Any) -> None:
    """§7.7, attack 20: the owner, on a device of their own, takes from a thief's login what it had."""
    user = bank.customer()
    it = bank.ask(user, device="Chrome on Windows")
    answered(bank, it)
    tab = tabs()
    enter(tab, bank.account_link(user, token=bank.world.token(user)))
    tab.page.locator("summary").first.focus()
    tab.page.keyboard.press("Enter")
    tab.page.get_by_text("Chrome on Windows").wait_for()
    tab.page.keyboard.press("Tab")
    assert tab.page.evaluate("document.activeElement.textContent") == "This was not me"
    tab.page.keyboard.press("Enter")
    tab.page.get_by_role("status").get_by_text("The login that asked is stopped.").wait_for()
    tab.page.get_by_text("Nothing is allowed at the moment.").wait_for()
    assert not it.elevated
    assert it.report() == "ChallengeBarred"
    open_row(tab, it)
    assert tab.page.get_by_role("button", name="This was not me").count() == 0
    assert tab.complaints == []


def test_this_was_not_me_about_the_own_login_closes_the_page(bank: Bank, tabs: Any) -> None:
    user = bank.customer()
    it = bank.ask(user)
    tab = tabs()
    enter(tab, bank.account_link(user, token=it.token))
    open_row(tab, it)
    tab.press("This was not me")
    tab.heading("This login is stopped")
    tab.page.go_back()
    tab.page.reload()
    tab.heading("This login is stopped")


def test_ask_me_every_time_is_lifted_after_a_step_up_here(bank: Bank, tabs: Any) -> None:
    """§8."""
    user = bank.customer()
    tab = tabs(java_script_enabled=False)
    enter(tab, bank.own_account_link(user))
    tab.press("Ask me every time")
    tab.page.get_by_role("status").get_by_text("From now on you are asked every time.").wait_for()
    tab.page.get_by_role("link", name="Stop asking every time").click()
    tab.press("Confirm that it is you")
    tab.page.get_by_label("Code", exact=True).fill(bank.code(user))
    tab.press("Change your ways to confirm")
    tab.heading("Stop asking every time?")
    tab.press("Yes, stop asking")
    tab.page.get_by_role("status").get_by_text("You are no longer asked every time.").wait_for()


def test_who_leaves_takes_the_session_along(bank: Bank, tabs: Any) -> None:
    user = bank.customer()
    tab = tabs()
    enter(tab, bank.own_account_link(user))
    (cookie,) = tab.context.cookies()
    tab.press("Leave this page")
    tab.heading("This page is closed")
    assert tab.context.cookies() == []
    tab.context.add_cookies([cookie])
    tab.page.goto(f"{bank.url}/account")
    tab.heading("This page is closed")


def test_over_https_the_cookie_is_tied_to_this_host_and_to_https(fronted: FrontedBank, tabs: Any) -> None:
    """§7.8: what a browser keeps of it, what it does not send over http, and that no other name is taken for it."""
    user = fronted.customer()
    tab = tabs(ignore_https_errors=True)
    enter(tab, fronted.own_account_link(user))
    (cookie,) = tab.context.cookies()
    assert {name: cookie[name] for name in ("name", "domain", "path", "httpOnly", "secure", "sameSite")} == {
        "name": "__Host-stairgate-account",
        "domain": HOST,  # without a dot: this host alone
        "path": "/",
        "httpOnly": True,
        "secure": True,
        "sameSite": "Lax",
    }
    assert 0 < cookie["expires"] - time.time() <= 900
    assert tab.page.evaluate("document.cookie") == ""
    tab.page.goto(f"{fronted.plain}/account")
    tab.heading("This page is closed")
    tab.page.goto(f"{fronted.url}/account")
    tab.heading("Your account")
    # The name that it has over http can be set by whoever sits between, or on a sister host.
    planted = Visitor(cookies={"stairgate-account": cookie["value"]})
    assert planted.go(f"{fronted.plain}/account").status == 404
    right = Visitor(cookies={"__Host-stairgate-account": cookie["value"]})
    assert right.go(f"{fronted.plain}/account").status == 200


def test_over_http_no_browser_keeps_such_a_cookie(fronted: FrontedBank, tabs: Any) -> None:
    """§7.8: a session that somebody got in between is none."""
    tab = tabs()
    tab.page.goto(fronted.own_account_link(fronted.customer()).replace(fronted.url, fronted.plain))
    tab.press("Open your account")
    tab.heading("This page is closed")
    assert tab.context.cookies() == []


def test_the_cookie_of_a_challenge_is_tied_to_https_too(fronted: FrontedBank, tabs: Any) -> None:
    it = fronted.ask(fronted.customer())
    tab = tabs(ignore_https_errors=True)
    tab.page.goto(it.page)
    tab.heading("Do you want to allow this?")
    assert "key=" not in tab.page.url
    (cookie,) = (each for each in tab.context.cookies() if it.id in each["name"])
    assert cookie["name"] == f"__Host-stairgate-{it.id}"
    assert (cookie["path"], cookie["httpOnly"], cookie["secure"], cookie["sameSite"]) == ("/", True, True, "Lax")
