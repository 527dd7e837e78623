"""Every factor added on the account page and then used on the challenge page, in Chromium (semantics §7.6)."""

from __future__ import annotations

import gc
import re
from base64 import b32decode
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.pages.bank import Asked, opened
from tests.pages.post import PostBank, code_in
from tests.pages.tab import Tab

from stairgate.factors.totp import code_at, step_at
from stairgate.model.ids import UserId
from stairgate.model.protection import Level, Method, Requirement

pytestmark = [
    pytest.mark.lane("pages"),
    # aiosmtpd leaves what a client broke off to the garbage collector, which complains.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]
NUMBER = "Number that the app shows"


@pytest.fixture(scope="module")
def post(tmp_path_factory: pytest.TempPathFactory) -> Iterator[PostBank]:
    with opened(PostBank(tmp_path_factory.mktemp("post"))) as bank:
        yield bank
    gc.collect()


def enter(tab: Tab, link: str) -> None:
    tab.page.goto(link)
    tab.press("Open your account")
    tab.heading("Your account")


def add(tab: Tab, way: str) -> None:
    tab.page.get_by_role("link", name=way).click()
    tab.heading(way)


def added(tab: Tab) -> None:
    tab.page.get_by_role("status").get_by_text("It is added.").wait_for()


def challenged(tab: Tab, bank: PostBank, user: str, way: str | None = None) -> Asked:
    """The bank asks, and its page is open with the way that was chosen."""
    it = bank.ask(user)
    tab.page.goto(it.page)
    if way is not None:
        tab.page.get_by_role("link", name=way).click()
    return it


def answer(tab: Tab, it: Asked, code: str) -> None:
    tab.page.get_by_label("Code", exact=True).fill(code)
    tab.page.get_by_label(NUMBER).fill(it.number)
    tab.press("Yes, allow it")
    tab.heading("Done")
    assert it.elevated


def typed_key(tab: Tab) -> bytes:
    """The key as somebody types it off the page."""
    text = "".join(tab.page.locator(".key code span").all_inner_texts())
    assert all(len(each) <= 4 for each in tab.page.locator(".key code span").all_inner_texts())
    return b32decode(text + "=" * (-len(text) % 8))


def now(bank: PostBank, seed: bytes) -> str:
    bank.world.clock.advance(30)
    return code_at(seed, step_at(bank.world.clock.now()))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_an_authenticator_app(post: PostBank, tabs: Any, scripts: bool) -> None:
    user = post.customer(totp=False)
    tab = tabs(java_script_enabled=scripts)
    enter(tab, post.account_link(user))
    add(tab, "Add an authenticator app")
    tab.page.get_by_label("Name").fill("My phone")
    tab.press("Show the QR code")
    tab.page.get_by_role("img", name="QR code for your authenticator app").wait_for()
    link = tab.page.get_by_role("link", name="Open it in an app on this device").get_attribute("href")
    seed = typed_key(tab)
    assert re.fullmatch(r"otpauth://totp/.*secret=[A-Z2-7]{32}.*", link or "")
    tab.page.get_by_label("Code", exact=True).fill("12 34 56")
    tab.press("Add it")
    tab.page.get_by_role("alert").get_by_text("4 tries are left").wait_for()
    tab.page.get_by_label("Code", exact=True).fill(now(post, seed))
    tab.press("Add it")
    added(tab)
    tab.page.get_by_role("heading", name="My phone").wait_for()
    answer(tab, challenged(tab, post, user), now(post, seed))
    assert tab.complaints == []


def test_a_passkey(post: PostBank, tabs: Any) -> None:
    user = post.customer(totp=False, requirement=Requirement(level=Level.PHISHING_RESISTANT))
    tab = tabs()
    _ = tab.authenticator
    enter(tab, post.account_link(user))
    add(tab, "Add a passkey")
    tab.page.get_by_label("Name").fill("Laptop")
    tab.press("Make a passkey")
    added(tab)
    tab.page.get_by_role("heading", name="Laptop").wait_for()
    it = challenged(tab, post, user)
    tab.page.get_by_label(NUMBER).fill(it.number)
    tab.press("Use your passkey")
    tab.heading("Done")
    assert it.elevated
    # A second one: confirmed with the first, and this device says that it has one already.
    enter(tab, post.own_account_link(user))
    add(tab, "Add a passkey")
    tab.press("Confirm that it is you")
    tab.heading("Change your ways to confirm")
    tab.press("Change your ways to confirm")
    tab.page.get_by_text("Thank you, that is confirmed").wait_for()
    tab.press("Make a passkey")
    tab.page.get_by_text("This device has a passkey of yours already").wait_for()
    assert len(post.factors(user)) == 1
    assert tab.complaints == []


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
@pytest.mark.parametrize(
    ("way", "label", "address", "message", "chosen"),
    [
        ("Add an email address", "Email address", "ann@example.org", PostBank.mailed, "Code by email"),
        ("Add a phone number", "Phone number", "+49 151 23456712", PostBank.texted, "Code by text message"),
    ],
    ids=["email", "sms"],
)
def test_an_address(
    post: PostBank,
    tabs: Any,
    scripts: bool,
    way: str,
    label: str,
    address: str,
    message: Callable[[PostBank], str],
    chosen: str,
) -> None:
    user = post.customer(totp=False)
    tab = tabs(java_script_enabled=scripts)
    enter(tab, post.account_link(user))
    add(tab, way)
    tab.page.get_by_text("one of the weaker ways").wait_for()
    tab.page.get_by_label(label).fill(address)
    tab.press("Send me a code")
    tab.page.get_by_label("Code", exact=True).fill(code_in(message(post)))
    tab.press("Add it")
    added(tab)
    it = challenged(tab, post, user)
    tab.page.get_by_role("heading", name=chosen).wait_for()
    tab.press("Send me a code")
    tab.page.get_by_label("Code", exact=True).wait_for()
    answer(tab, it, code_in(message(post)))


@pytest.mark.parametrize("scripts", [True, False], ids=["scripts", "no scripts"])
def test_recovery_codes(post: PostBank, tabs: Any, scripts: bool) -> None:
    user = post.customer()
    tab = tabs(java_script_enabled=scripts)
    enter(tab, post.own_account_link(user))
    add(tab, "Get recovery codes")
    tab.press("Confirm that it is you")
    tab.page.get_by_label("Code", exact=True).fill(post.code(user))
    tab.press("Change your ways to confirm")
    tab.page.get_by_text("Thank you, that is confirmed").wait_for()
    tab.press("Show my codes")
    codes = tab.page.locator(".codes code").all_inner_texts()
    assert len(codes) == 10
    tab.page.get_by_role("link", name="I have kept them").click()
    tab.heading("Your account")
    assert codes[3] not in tab.page.content()
    answer(tab, challenged(tab, post, user, "Recovery code"), codes[3])


def test_a_closed_prompt_adds_nothing_and_is_calm(post: PostBank, tabs: Any) -> None:
    """ux §3.6, first row; then the same person adds an app."""
    user = post.customer(totp=False)
    tab = tabs()
    tab.authenticator.refuse()
    enter(tab, post.account_link(user))
    add(tab, "Add a passkey")
    tab.press("Make a passkey")
    tab.page.get_by_text("The prompt was closed, and nothing was added.").wait_for()
    assert tab.page.get_by_role("alert").count() == 0
    assert tab.page.get_by_role("button", name="Make a passkey").is_enabled()
    assert post.factors(user) == []
    tab.page.get_by_role("link", name="Back to your account").click()
    add(tab, "Add an authenticator app")


def test_a_prompt_that_never_answers_ends(post: PostBank, tabs: Any) -> None:
    """ux §3.6: some password managers never answer; our own patience is not theirs."""
    user = post.customer(totp=False)
    tab = tabs()
    tab.page.add_init_script(
        """navigator.credentials.create = ({signal}) => new Promise((_, no) =>
             signal.addEventListener('abort', () => no(new DOMException('', 'AbortError'))));
           const wait = window.setTimeout; window.setTimeout = (run, after) => wait(run, after / 1000);"""
    )
    enter(tab, post.account_link(user))
    add(tab, "Add a passkey")
    tab.press("Make a passkey")
    tab.page.get_by_text("The prompt was closed, and nothing was added.").wait_for()


def test_without_javascript_a_passkey_says_why_not(post: PostBank, tabs: Any) -> None:
    user = post.customer(totp=False)
    tab = tabs(java_script_enabled=False)
    enter(tab, post.account_link(user))
    add(tab, "Add a passkey")
    assert "A passkey needs JavaScript" in tab.page.content()
    tab.press("Make a passkey")
    tab.page.get_by_role("alert").get_by_text("A passkey needs JavaScript").wait_for()
    assert post.factors(user) == []


def test_renamed_and_removed_and_told_by_mail(post: PostBank, tabs: Any) -> None:
    """§7.6, attack 19: a real letter says so, whoever did it."""
    user = post.customer()
    post.address(user, Method.EMAIL, "bob@example.org")
    tab = tabs()
    enter(tab, post.own_account_link(user))
    app = next(each for each in post.factors(user) if each.method is Method.TOTP)
    tab.page.locator(f"a[href$='rename?factor={app.id}']").click()
    tab.press("Confirm that it is you")
    tab.page.get_by_label("Code", exact=True).fill(post.code(user))
    tab.press("Change your ways to confirm")
    tab.page.get_by_label("New name").fill("Old phone")
    tab.press("Save the name")
    tab.page.get_by_role("status").get_by_text("It has its new name.").wait_for()
    assert "was changed" in post.mailed()
    assert {each.name for each in post.factors(user)} == {"Old phone", ""}
    tab.page.locator(f"a[href$='remove?factor={app.id}']").click()
    tab.heading("Remove this way to confirm?")
    tab.press("Yes, remove it")
    tab.page.get_by_role("status").get_by_text("It is removed").wait_for()
    assert "was removed" in post.mailed()
    assert post.mailbox.envelopes[-1][1] == ["bob@example.org"]
    assert [each.method for each in post.factors(user)] == [Method.EMAIL]
    assert tab.complaints == []


def test_with_the_keyboard_alone(post: PostBank, tabs: Any) -> None:
    """WCAG 2.1.1, 2.4.3: an authenticator app, from the link to the list."""
    user = post.customer(totp=False)
    tab = tabs()
    keyboard = tab.page.keyboard

    def to(name: str) -> None:
        for _ in range(30):
            keyboard.press("Tab")
            if tab.page.evaluate("(document.activeElement.innerText || document.activeElement.name).trim()") == name:
                return
        raise AssertionError(f"{name} is not reached")

    tab.page.goto(post.account_link(user))
    to("Open your account")
    keyboard.press("Enter")
    tab.heading("Your account")
    to("Add an authenticator app")
    keyboard.press("Enter")
    tab.heading("Add an authenticator app")
    to("name")
    keyboard.type("Keys only")
    keyboard.press("Enter")
    tab.page.get_by_role("img", name="QR code for your authenticator app").wait_for()
    seed = typed_key(tab)
    to("code")
    keyboard.type("1")
    keyboard.press("Enter")
    tab.page.get_by_role("alert").wait_for()
    assert tab.page.evaluate("document.activeElement.id") == "problem"
    to("code")
    keyboard.type(now(post, seed))
    keyboard.press("Enter")
    added(tab)
    assert [each.name for each in post.factors(UserId(user))] == ["Keys only"]
