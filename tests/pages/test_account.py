"""The account page without scripts: its link, what it shows, what it ends (semantics §7.6, §8; attack 24)."""

from __future__ import annotations

from tests.pages.bank import Bank
from tests.pages.browsing import Seen, Visitor


def entered(bank: Bank, user: str, *, token: str | None = None) -> tuple[Visitor, Seen]:
    visitor = Visitor()
    return visitor, visitor.submit(visitor.go(bank.account_link(user, token=token)), "enter")


def test_a_link_is_used_by_the_button_alone_once_and_leaves_the_address(bank: Bank) -> None:
    """What fetches addresses in mails does not use it up; somebody who finds it later is told so in plain words."""
    link = bank.account_link(bank.customer())
    visitor, late = Visitor(), Visitor()
    visitor.go(link)
    seen = visitor.go(link)
    assert "Open your account" in seen.words
    assert visitor.cookies == {}
    answer = visitor.send("POST", f"{bank.url}/account/enter", seen.form("enter"))
    assert (answer.status, answer.header("location")) == (303, "/account")
    cookie = answer.header("set-cookie") or ""
    assert all(part in cookie for part in ("stairgate-account=", "Path=/;", "HttpOnly", "SameSite=Lax"))
    assert visitor.go(f"{bank.url}/account").status == 200
    refused = late.submit(late.go(link), "enter")
    assert (refused.status, "used already" in refused.words) == (404, True)
    assert late.cookies == {}
    assert "This page is closed" in late.go(f"{bank.url}/account").words


def test_it_shows_factors_and_what_is_allowed_and_ends_it(bank: Bank) -> None:
    """§8: once the page has answered, no check is allowed by what was ended."""
    user = bank.customer()
    it = bank.ask(user)
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(user), number=it.number)
    assert it.elevated
    visitor, seen = entered(bank, user, token=it.token)
    assert "Code from your authenticator app" in seen.words
    assert it.resource in seen.words
    assert {"no-store", "DENY"} <= {value for _, value in seen.headers}
    ended = visitor.submit(seen, "end")
    assert "Nothing is allowed at the moment" in ended.words
    assert not it.elevated


def test_without_a_login_it_shows_factors_only_and_ends_nothing(bank: Bank) -> None:
    user = bank.customer()
    it = bank.ask(user)
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(user), number=it.number)
    _, seen = entered(bank, user)
    assert "Code from your authenticator app" in seen.words
    assert it.resource not in seen.text
    assert "open your account from an app" in seen.words


def test_a_form_of_another_site_does_nothing(bank: Bank) -> None:
    """Attack 24: neither the exchange of a link nor an end, with the cookie and all."""
    user = bank.customer()
    it = bank.ask(user)
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(user), number=it.number)
    visitor, seen = entered(bank, user, token=it.token)
    form, url = seen.form("end"), f"{bank.url}/account/end"
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    assert visitor.send("POST", url, {**form, "form": "x"}).status == 404
    assert visitor.send("POST", url, {key: value for key, value in form.items() if key != "form"}).status == 404
    assert visitor.send("POST", url, form, foreign).status == 404
    assert visitor.send("GET", url).status == 405
    assert Visitor().send("POST", url, form).status == 404
    link = visitor.go(bank.account_link(user)).form("enter")
    assert visitor.send("POST", f"{bank.url}/account/enter", link, foreign).status == 404
    assert it.elevated


def test_nobody_ends_what_is_anothers(bank: Bank) -> None:
    owner = bank.customer()
    it = bank.ask(owner)
    phone = Visitor()
    phone.submit(phone.go(it.page), "answer", code=bank.code(owner), number=it.number)
    _, theirs = entered(bank, owner, token=it.token)
    other = bank.customer()
    mine = bank.ask(other)
    phone.submit(phone.go(mine.page), "answer", code=bank.code(other), number=mine.number)
    visitor, seen = entered(bank, other, token=mine.token)
    visitor.submit(seen, "end", elevation=theirs.form("end")["elevation"])
    assert it.elevated


def test_the_page_closes_with_its_time(bank: Bank) -> None:
    visitor, seen = entered(bank, bank.customer())
    assert seen.status == 200
    bank.world.clock.advance(901)
    assert "This page is closed" in visitor.go(f"{bank.url}/account").words
