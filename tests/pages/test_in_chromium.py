"""The pages in the browser that people have: passkeys, two devices, live state, keyboard, axe (WCAG 2.2 AA)."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from tests.pages.bank import Asked, Bank
from tests.pages.states import DETAILS, DEVICE, STATES

from stairgate.model.protection import Level, Requirement

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

pytestmark = pytest.mark.lane("pages")

AXE = Path(__file__).resolve().parents[1] / "acceptance/javascript/node_modules/axe-core/axe.min.js"


def asked(bank: Bank) -> Asked:
    user = bank.customer(requirement=Requirement(level=Level.BASIC, bind=frozenset(DETAILS)))
    return bank.ask(user, context=DETAILS, device=DEVICE)


def test_the_desktop_asks_and_the_phone_answers(bank: Bank, tabs: Any) -> None:
    """§7.2: the phone is given the link by a QR code; the desktop, which waits, simply goes on."""
    it = asked(bank)
    desktop, phone = tabs(viewport={"width": 1280, "height": 900}), tabs(viewport={"width": 320, "height": 640})
    desktop.page.goto(it.page)
    desktop.page.get_by_text("Go on with your phone").click()
    desktop.page.get_by_role("img", name="QR code of this page").wait_for()
    phone.page.goto(it.page)
    assert "key=" not in phone.page.url
    phone.page.get_by_label("Code", exact=True).fill(bank.code(it.user))
    phone.page.get_by_label("Number that the app shows").fill(it.number)
    phone.press("Yes, allow it")
    phone.heading("Done")
    desktop.heading("Done")
    assert it.elevated
    assert phone.complaints == desktop.complaints == []


def test_a_passkey_agrees_to_exactly_this(bank: Bank, tabs: Any) -> None:
    user = bank.customer(totp=False, requirement=Requirement(level=Level.PHISHING_RESISTANT))
    credential = bank.passkey(user)
    it = bank.ask(user)
    tab = tabs()
    tab.authenticator.hold(credential)
    tab.page.goto(it.page)
    tab.page.get_by_label("Number that the app shows").fill(it.number)
    tab.page.get_by_label("Only this once").check()
    tab.press("Use your passkey")
    tab.heading("Done")
    assert [it.elevated, it.elevated] == [True, False]
    assert tab.complaints == []


def test_a_passkey_on_the_same_device_goes_back_to_the_app(bank: Bank, tabs: Any) -> None:
    user = bank.customer(totp=False, requirement=Requirement(level=Level.HARDWARE))
    credential = bank.passkey(user)
    it = bank.ask(user, return_uri=bank.back)
    tab = tabs()
    tab.authenticator.hold(credential)
    tab.page.goto(it.page)
    tab.press("Use your passkey")
    tab.page.wait_for_url(f"{bank.back}?**")
    code = tab.page.url.partition("code=")[2].partition("&")[0]
    assert it.report(code) == "elevated"


def test_a_closed_prompt_is_calm_and_counts_nothing(bank: Bank, tabs: Any) -> None:
    user = bank.customer(totp=True)
    it_passkey = bank.passkey(user)
    it = bank.ask(user)
    tab = tabs()
    tab.authenticator.hold(it_passkey)
    tab.authenticator.refuse()
    tab.page.goto(it.page)
    tab.page.get_by_label("Number that the app shows").fill(it.number)
    tab.press("Use your passkey")
    tab.page.get_by_text("The prompt was closed, and nothing was counted.").wait_for()
    assert it.state == "open"
    tab.page.get_by_role("link", name="Code from your authenticator app").click()
    tab.page.get_by_label("Code", exact=True).fill(bank.code(user))
    tab.page.get_by_label("Number that the app shows").fill(it.number)
    tab.press("Yes, allow it")
    tab.heading("Done")


def test_a_prompt_that_never_answers_is_given_up(bank: Bank, tabs: Any) -> None:
    """Some password managers stand in for the browser, never answer and heed no signal: the page has its own end."""
    user = bank.customer(totp=False)
    bank.passkey(user)
    it = bank.ask(user)
    tab = tabs()
    tab.page.clock.install()
    tab.page.add_init_script(
        "navigator.credentials.get = () => { window.asked = true; return new Promise(() => {}); };"
    )
    tab.page.goto(it.page)
    tab.page.get_by_label("Number that the app shows").fill(it.number)
    tab.press("Use your passkey")
    tab.page.wait_for_function("window.asked")
    said = tab.page.locator("[data-said]")
    tab.page.clock.fast_forward(119_000)
    assert said.inner_text() == "Waiting for your device …"
    tab.page.clock.fast_forward(2_000)
    tab.page.get_by_text("The prompt was closed, and nothing was counted.").wait_for()
    assert said.get_attribute("role") == "status"
    colours = tab.page.evaluate(
        "[document.querySelector('[data-said]'), document.body].map(each => getComputedStyle(each).color)"
    )
    assert colours[0] == colours[1]  # calm: in no other colour than all the rest
    assert tab.page.get_by_role("button", name="Use your passkey").is_enabled()
    assert tab.page.get_by_role("alert").count() == 0
    assert it.state == "open"


def test_what_ends_in_weeks_does_not_end_soon(bank: Bank, tabs: Any) -> None:
    """Semantics §9: what others agreed to stays open for up to 30 days, and no timer of a browser waits for so long."""
    it = asked(bank)
    tab = tabs()
    weeks = 'data-expires="' + (datetime.now(UTC) + timedelta(days=30)).isoformat(timespec="seconds") + '"'

    def later(route: Any) -> None:
        answer = route.fetch()
        route.fulfill(response=answer, body=re.sub('data-expires="[^"]+"', weeks, answer.text()))

    tab.page.goto(it.page)
    tab.page.route(f"**/step-up/{it.id}", later)
    tab.page.reload()
    tab.page.wait_for_timeout(200)
    assert tab.page.locator("[data-expires]").get_attribute("data-expires") in weeks
    assert tab.page.locator("[data-ending]").inner_text() == ""


def test_the_passkey_of_another_account_is_none_here(bank: Bank, tabs: Any) -> None:
    """Wrong account, attack 1: the browser is told whose passkeys count."""
    user, other = bank.customer(totp=False), bank.customer(totp=False)
    bank.passkey(user)
    it = bank.ask(user)
    tab = tabs()
    tab.authenticator.hold(bank.passkey(other))
    tab.page.goto(it.page)
    tab.page.get_by_label("Number that the app shows").fill(it.number)
    tab.press("Use your passkey")
    tab.page.get_by_text("The prompt was closed, and nothing was counted.").wait_for()
    assert not it.elevated


def test_without_javascript(bank: Bank, tabs: Any) -> None:
    user = bank.customer()
    bank.passkey(user)
    it = bank.ask(user)
    tab = tabs(java_script_enabled=False)
    tab.page.goto(it.page)
    assert "A passkey needs JavaScript" in tab.page.content()
    tab.page.get_by_role("link", name="Code from your authenticator app").click()
    tab.page.get_by_label("Code", exact=True).fill(bank.code(user))
    tab.page.get_by_label("Number that the app shows").fill(it.number)
    tab.press("Yes, allow it")
    tab.heading("Done")
    assert it.elevated


def test_keyboard_only(bank: Bank, tabs: Any) -> None:
    it = asked(bank)
    tab = tabs()
    tab.page.goto(it.page)
    order = []
    for _ in range(20):
        tab.page.keyboard.press("Tab")
        order.append(
            tab.page.evaluate("(document.activeElement.innerText || document.activeElement.name || '').trim()")
        )
        if order[-1] == "This was not me":
            break
    wanted = ["Full details", "code", "number", "once", "Yes, allow it", "Go on with your phone", "No, do not allow it"]
    assert order == [*wanted, "This was not me"]
    tab.page.keyboard.press("Enter")
    tab.heading("Stopped")
    assert it.report() == "ChallengeBarred"


def test_declining(bank: Bank, tabs: Any) -> None:
    it = asked(bank)
    tab = tabs()
    tab.page.goto(it.page)
    yes = tab.page.get_by_role("button", name="Yes, allow it").bounding_box()
    no = tab.page.get_by_role("button", name="No, do not allow it").bounding_box()
    assert no["height"] >= yes["height"]
    tab.press("No, do not allow it")
    tab.heading("Not allowed")
    assert it.state == "declined"


def test_what_happens_elsewhere_shows_here(bank: Bank, tabs: Any) -> None:
    """Expiry and "not me" on another device, told by server-sent events; the back button shows what is."""
    it, other = asked(bank), asked(bank)
    tab = tabs()
    tab.page.goto(other.page)
    other.decline(not_me=True)
    tab.heading("Stopped")
    tab.page.goto(it.page)
    tab.heading("Do you want to allow this?")
    bank.world.clock.advance(600)
    tab.heading("Too late")
    tab.page.go_back()
    tab.heading("Stopped")


def test_polling_stands_behind_the_events(bank: Bank, tabs: Any) -> None:
    it = asked(bank)
    tab = tabs()
    tab.page.route("**/events", lambda route: route.abort())
    tab.page.goto(it.page)
    it.decline()
    tab.heading("Not allowed")


def test_wrong_answers_lock_it_and_what_went_wrong_is_read_first(bank: Bank, tabs: Any) -> None:
    it = asked(bank)
    tab = tabs()
    tab.page.goto(it.page)
    for _ in range(4):
        tab.page.get_by_label("Code", exact=True).fill("123 456")
        tab.page.get_by_label("Number that the app shows").fill("0000")
        tab.press("Yes, allow it")
        tab.page.get_by_role("alert").wait_for()
        assert tab.page.evaluate("document.activeElement.id") == "problem"
    tab.page.get_by_label("Code", exact=True).fill("123456")
    tab.page.get_by_label("Number that the app shows").fill("0000")
    tab.press("Yes, allow it")
    tab.heading("Too many wrong answers")
    assert it.state == "locked"


def test_no_page_can_be_framed(bank: Bank, tabs: Any) -> None:
    """Attack 24, clickjacking."""
    it = asked(bank)
    tab = tabs()
    tab.page.goto(it.page)
    address = tab.page.url
    frame = f"<iframe src='{address}'></iframe>"
    tab.context.route("https://evil.example/", lambda route: route.fulfill(content_type="text/html", body=frame))
    tab.page.goto("https://evil.example/")
    tab.page.wait_for_timeout(200)
    assert "allow this" not in "".join(each.content() for each in tab.page.frames[1:])


RULES = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
MODES: tuple[dict[str, Any], ...] = (
    {"color_scheme": "dark"},
    {"color_scheme": "dark", "forced_colors": "active"},
)


def axe(page: Page, *rules: str) -> list[str]:
    """What axe finds by *rules*, or by all that there are."""
    if not page.evaluate("'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    found = page.evaluate("rules => axe.run({runOnly: rules}).then(result => result.violations)", list(rules or RULES))
    return [f"{each['id']}: {each['nodes'][0]['html']}" for each in found]


@pytest.mark.parametrize("name", STATES)
def test_axe_finds_nothing_and_nothing_runs_over(bank: Bank, tabs: Any, name: str) -> None:
    """WCAG 2.2 AA, its contrasts in every mode of colours; 320 px, as 640 px at 200 % zoom, too (1.4.4, 1.4.10)."""
    from tests.pages.chromium import visit

    place = STATES[name](bank)
    tab = tabs(viewport={"width": 320, "height": 640}, reduced_motion="reduce")
    visit(tab.page, place)
    for details in tab.page.locator("details").all():
        details.evaluate("element => { element.open = true; }")
    assert tab.page.evaluate("document.documentElement.scrollWidth") <= 320
    assert axe(tab.page) == []
    for mode in MODES:
        tab.page.emulate_media(reduced_motion="reduce", **mode)
        assert axe(tab.page, "color-contrast") == [], mode
    targets = "button, input:not([type=hidden], [type=checkbox], [type=radio]), .choice, summary, a"
    for target in tab.page.locator(targets).filter(visible=True).all():
        assert target.bounding_box()["height"] >= 24, target.inner_text()  # 2.5.8
    assert [each for each in tab.complaints if "404" not in each] == []


@pytest.mark.parametrize(
    "options", [{"forced_colors": "active"}, {"reduced_motion": "reduce"}, {"locale_": "ar"}], ids=str
)
def test_other_eyes(bank: Bank, browser: Browser, options: dict[str, str]) -> None:
    """Forced colours, reduced motion, right to left."""
    from tests.pages.chromium import visit

    settings: dict[str, Any] = {"locale": options.pop("locale_", "en"), **options}
    context = browser.new_context(viewport={"width": 320, "height": 640}, **settings)
    page = context.new_page()
    visit(page, STATES["code"](bank))
    assert page.evaluate("document.documentElement.scrollWidth") <= 320
    assert page.evaluate("document.documentElement.dir") == ("rtl" if settings["locale"] == "ar" else "ltr")
    assert axe(page) == []
    if "reduced_motion" in settings:
        assert page.evaluate("getComputedStyle(document.querySelector('button')).transitionDuration") == "0s"
    context.close()
