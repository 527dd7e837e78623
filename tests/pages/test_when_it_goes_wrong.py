"""What the page of a challenge does where things do not go as they should, in Chromium."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from tests.pages.bank import Asked, Bank
from tests.pages.states import DETAILS

from stairgate.model.protection import Level, Method, Requirement

pytestmark = pytest.mark.lane("pages")


def asked(bank: Bank, **more: Any) -> Asked:
    user = bank.customer(requirement=Requirement(level=Level.BASIC, bind=frozenset(DETAILS)))
    bank.address(user, Method.EMAIL, "ann@example.org")
    return bank.ask(user, context=DETAILS, **more)


def test_a_code_that_does_not_arrive_is_offered_again_and_then_another_way(bank: Bank, tabs: Any) -> None:
    """After 10 s, with the wait that the server will hold it to in sight; after 20 s, another way."""
    it = asked(bank)
    tab = tabs()
    tab.page.clock.install()
    tab.page.goto(it.page)
    tab.page.goto(f"{tab.page.url}?way=email")
    tab.press("Send me a code")
    again = tab.page.get_by_role("button", name="Send another code")
    tab.page.get_by_label("Code", exact=True).wait_for()
    assert (again.is_visible(), "Still nothing" in tab.page.inner_text("main")) == (False, False)
    tab.page.clock.fast_forward(10_000)
    again.wait_for()
    assert again.is_disabled()
    left = re.search(r"You can send another code in (\d+) seconds\.", tab.page.inner_text("main"))
    assert left is not None
    assert 15 <= int(left[1]) <= 20
    tab.page.clock.fast_forward(10_000)
    tab.page.get_by_text("Still nothing there?").wait_for()
    tab.page.get_by_role("link", name="Use another way").click()
    assert tab.page.url.endswith("#ways")
    tab.page.clock.fast_forward(10_000)
    tab.page.get_by_text("Nothing there yet?").wait_for(state="hidden")
    bank.world.clock.advance(30)
    sent = len(bank.world.outbox.sent)
    again.click()
    tab.page.get_by_label("Code", exact=True).wait_for()
    tab.page.wait_for_function("document.querySelector('[data-again]').dataset.wait === '60'")
    assert len(bank.world.outbox.sent) == sent + 1
    tab.page.get_by_label("Code", exact=True).fill(bank.world.outbox.code())
    tab.page.get_by_label("Number that the app shows").fill(it.number)
    tab.press("Yes, allow it")
    tab.heading("Done")
    assert it.elevated
    assert tab.complaints == []


def test_a_reload_does_not_hide_again_what_was_offered(bank: Bank, tabs: Any) -> None:
    it = asked(bank)
    tab = tabs()
    tab.page.goto(it.page)
    tab.page.goto(f"{tab.page.url}?way=email")
    tab.press("Send me a code")
    tab.page.get_by_label("Code", exact=True).wait_for()
    bank.world.clock.advance(21)
    tab.page.reload()
    assert tab.page.get_by_role("button", name="Send another code").is_visible()
    tab.page.get_by_text("Still nothing there?").wait_for()


def test_too_late_while_the_page_is_open_leads_back_to_start_again(bank: Bank, tabs: Any) -> None:
    """What was asked stays, greyed; starting again is the app's to do (2.2.1), which is given no proof."""
    it = asked(bank, return_uri=bank.back, state="s 1")
    tab = tabs()
    tab.page.goto(it.page)
    tab.heading("Do you want to allow this?")
    bank.world.clock.advance(600)
    tab.heading("Too late")
    assert "1,249.00 EUR" in tab.page.inner_text("main")
    colours = "getComputedStyle(document.querySelector('.past dd')).color, getComputedStyle(document.body).color"
    greyed, plain = tab.page.evaluate(f"[{colours}]")
    assert greyed != plain
    tab.page.get_by_role("link", name="Start again in the app").click()
    tab.page.wait_for_url(f"{bank.back}?**")
    assert parse_qs(urlsplit(tab.page.url).query) == {"challengeId": [it.id], "state": ["s 1"]}
    assert not it.elevated


def test_that_it_ends_soon_is_said_before_it_does(bank: Bank, tabs: Any) -> None:
    """2.2.1, 4.1.3: said once, with what to do after that, in a live region that was there before: it is announced."""
    it = asked(bank)
    tab = tabs()
    tab.page.clock.install()
    tab.page.goto(it.page)
    ending = tab.page.locator("[data-ending]")
    assert (ending.inner_text(), ending.get_attribute("role")) == ("", "status")
    assert ending.evaluate("element => getComputedStyle(element).display") != "none"
    soon = tab.page.get_by_text("This request ends in less than a minute. After that, start again in the app.")
    assert soon.count() == 0
    left = it.view.challenge.expires_at.timestamp() * 1000 - tab.page.evaluate("Date.now()")
    tab.page.clock.fast_forward(int(left) - 90_000)
    assert ending.inner_text() == ""
    tab.page.clock.fast_forward(31_000)
    soon.wait_for()
    assert soon.get_attribute("role") == "status"


def test_agreed_to_in_another_tab_it_is_done_in_this_one_and_an_answer_here_is_no_error(bank: Bank, tabs: Any) -> None:
    it = asked(bank)
    one, two = tabs(), tabs()
    two.page.route("**/events", lambda route: route.abort())  # it hears of nothing before it answers
    two.page.route("**/state", lambda route: route.abort())
    for tab in (one, two):
        tab.page.goto(it.page)
        tab.page.goto(f"{tab.page.url}?way=totp")
        tab.page.get_by_label("Code", exact=True).fill(bank.code(it.user))
        tab.page.get_by_label("Number that the app shows").fill(it.number)
    one.press("Yes, allow it")
    one.heading("Done")
    two.press("Yes, allow it")
    two.heading("Done")
    assert two.page.get_by_role("alert").count() == 0
    assert it.elevated


def test_back_and_reload_show_what_is_and_send_nothing_again(bank: Bank, tabs: Any) -> None:
    """POST-redirect-GET: the state is the server's."""
    it = asked(bank)
    tab = tabs()
    tab.page.goto(it.page)
    tab.page.goto(f"{tab.page.url}?way=totp")
    tab.page.get_by_label("Code", exact=True).fill("123456")
    tab.page.get_by_label("Number that the app shows").fill("none")
    tab.press("Yes, allow it")
    tab.page.get_by_role("alert").wait_for()
    tab.page.reload()
    found = bank.do(bank.world.services.store.read(lambda transaction: transaction.challenge(it.id)))
    assert found is not None
    assert found.wrong_answers == 1
    tab.page.get_by_label("Code", exact=True).fill(bank.code(it.user))
    tab.page.get_by_label("Number that the app shows").fill(it.number)
    tab.press("Yes, allow it")
    tab.heading("Done")
    tab.page.reload()
    tab.heading("Done")
    tab.page.go_back()
    tab.heading("Done")
    assert it.state == "satisfied"


def test_the_reference_is_copied_and_names_it_in_the_audit_log(bank: Bank, tabs: Any) -> None:
    """§3.3: what the page shows to whoever asks for help is what the log and the app have."""
    it = asked(bank)
    tab = tabs()
    tab.context.grant_permissions(["clipboard-read", "clipboard-write"])
    tab.page.goto(it.page)
    tab.press("No, do not allow it")
    tab.heading("Not allowed")
    tab.press("Copy")
    tab.page.get_by_text("Copied.").wait_for()
    copied = tab.page.evaluate("navigator.clipboard.readText()")
    entries = bank.do(bank.world.services.store.read(lambda transaction: transaction.audit_entries(limit=10_000)))
    told = [entry.event for entry in entries if json.loads(entry.facts).get("challenge") == copied]
    assert copied == it.id
    assert told == ["challenge.opened", "challenge.ended"]


def test_a_reference_that_may_not_be_copied_is_selected(bank: Bank, tabs: Any) -> None:
    it = asked(bank)
    tab = tabs()
    tab.page.add_init_script(
        "navigator.clipboard.writeText = () => Promise.reject(new DOMException('', 'NotAllowedError'))"
    )
    tab.page.goto(it.page)
    tab.press("Copy")
    tab.page.wait_for_function("getSelection().toString() !== ''")
    assert tab.page.evaluate("getSelection().toString()") == it.id


def test_what_is_printed_is_the_receipt(bank: Bank, tabs: Any) -> None:
    """The heading, what was asked and the reference; nothing that wants to be pressed."""
    it = asked(bank)
    tab = tabs()
    tab.page.goto(it.page)
    it.decline()
    tab.heading("Not allowed")
    tab.page.emulate_media(media="print")
    shown = tab.page.inner_text("body")
    assert [part in shown for part in ("Not allowed", "1,249.00 EUR", "Acme GmbH", it.user, it.id)] == [True] * 5
    assert [each.is_visible() for each in tab.page.locator("button, a, input, summary").all()].count(True) == 0
