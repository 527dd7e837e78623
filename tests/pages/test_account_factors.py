"""Factors on the account page without scripts: added, renamed, removed, refused (semantics §7.6; attacks 19, 24)."""

from __future__ import annotations

import re
from base64 import b32decode
from dataclasses import replace
from urllib.parse import parse_qs, urlencode, urlsplit

import pytest
from tests.pages.bank import Asked, Bank
from tests.pages.browsing import Seen, Visitor

from stairgate.factors.totp import code_at, step_at
from stairgate.model.evidence import Factor
from stairgate.model.protection import Method
from stairgate.pages.account.routes import VERBS


def entered(bank: Bank, user: str, *, login: bool = False) -> tuple[Visitor, Seen]:
    """Somebody on their account page: by a link that adds the first way or, with a *login*, as that."""
    visitor = Visitor()
    link = bank.own_account_link(user) if login else bank.account_link(user)
    return visitor, visitor.submit(visitor.go(link), "enter")


def send(bank: Bank, visitor: Visitor, seen: Seen, verb: str, **typed: str) -> Seen:
    return visitor.follow(visitor.send("POST", f"{bank.url}/account/{verb}", {**seen.form(verb), **typed}))


def seed_in(seen: Seen) -> bytes:
    secret = parse_qs(urlsplit(re.findall(r"otpauth://[^\"]+", seen.text)[0].replace("&amp;", "&")).query)["secret"][0]
    return b32decode(secret + "=" * (-len(secret) % 8))


def totp_code(bank: Bank, seed: bytes) -> str:
    bank.world.clock.advance(30)
    return code_at(seed, step_at(bank.world.clock.now()))


def factor(bank: Bank, user: str, method: Method) -> Factor:
    return next(each for each in bank.factors(user) if each.method is method)


def confirm_first(bank: Bank, visitor: Visitor, seen: Seen) -> Seen:
    """Go through the challenge page, with the code of the app, and come back."""
    challenge = send(bank, visitor, seen, "step-up")
    assert "Change your ways to confirm" in challenge.words
    user = re.findall(r"user[0-9]+", challenge.words)[0]
    return visitor.submit(challenge, "answer", code=bank.code(user))


def used(bank: Bank, user: str, **answer: str) -> Asked:
    """The bank asks, and the user answers on the challenge page."""
    it = bank.ask(user)
    phone = Visitor()
    seen = phone.go(f"{phone.go(it.page).url}?way={answer['method']}")
    phone.submit(seen, "answer", number=it.number, **answer)
    return it


# --- each kind, added and then used


def test_an_authenticator_app_is_added_by_the_link_and_used(bank: Bank) -> None:
    user = bank.customer(totp=False)
    visitor, seen = entered(bank, user)
    seen = visitor.go(f"{bank.url}/account/add?way=totp")
    scan = send(bank, visitor, seen, "add", name="My phone")
    assert scan.status == 200
    assert scan.header("cache-control") == "no-store"
    assert "<svg" in scan.text
    seed = seed_in(scan)
    wrong = send(bank, visitor, scan, "confirm", code="000 000")
    assert "did not fit, and it counted" in wrong.words
    assert "4 tries are left" in wrong.words
    assert "<svg" not in wrong.text  # it is shown once
    added = send(bank, visitor, wrong, "confirm", code=totp_code(bank, seed))
    assert "It is added" in added.words
    assert "My phone" in added.words
    assert used(bank, user, method="totp", code=totp_code(bank, seed)).elevated


@pytest.mark.parametrize(
    ("method", "address", "shown"),
    [(Method.EMAIL, "ann@Example.org", "a…@example.org"), (Method.SMS, "+49 151 23456712", "+49 … 12")],
)
def test_an_address_is_added_marked_as_weaker_and_used(bank: Bank, method: Method, address: str, shown: str) -> None:
    """NIST-5."""
    user = bank.customer(totp=False)
    visitor, _ = entered(bank, user)
    seen = visitor.go(f"{bank.url}/account/add?way={method}")
    assert "one of the weaker ways" in seen.words
    pending = send(bank, visitor, seen, "add", address=address)
    assert shown in pending.words
    assert address not in pending.url
    nothing = send(bank, visitor, pending, "confirm", code="")
    assert "Nothing was counted" in nothing.words
    added = send(bank, visitor, nothing, "confirm", code=bank.world.outbox.code())
    assert "It is added" in added.words
    assert "one of the weaker ways" in added.words
    it = bank.ask(user)
    phone = Visitor()
    sent = phone.submit(phone.go(f"{phone.go(it.page).url}?way={method}"), "code")
    phone.submit(sent, "answer", code=bank.world.outbox.code(), number=it.number)
    assert it.elevated


def test_recovery_codes_are_shown_once_replace_the_old_and_are_used(bank: Bank) -> None:
    user = bank.customer()
    visitor, _ = entered(bank, user, login=True)
    first = visitor.go(f"{bank.url}/account/add?way=recovery")
    ready = confirm_first(bank, visitor, first)
    assert "Thank you, that is confirmed" in ready.words
    shown = send(bank, visitor, ready, "add")
    assert (shown.status, shown.header("cache-control")) == (200, "no-store")
    codes = re.findall(r"<code>([0-9A-Z-]{14})</code>", shown.text)
    assert len(set(codes)) == 10
    again = visitor.go(f"{bank.url}/account/add?way=recovery")
    assert "You have 10 codes left. They stop working" in again.words
    newer = re.findall(r"<code>([0-9A-Z-]{14})</code>", send(bank, visitor, again, "add").text)
    assert not used(bank, user, method="recovery", code=codes[0]).elevated
    assert used(bank, user, method="recovery", code=newer[0].lower()).elevated
    assert all(code not in visitor.go(f"{bank.url}/account").text for code in codes)


# --- renamed, removed, switched on again


def test_a_way_is_renamed_and_removed_after_a_step_up(bank: Bank) -> None:
    user = bank.customer()
    bank.address(user, Method.EMAIL, "ann@example.org")
    app, mail = factor(bank, user, Method.TOTP), factor(bank, user, Method.EMAIL)
    visitor, _ = entered(bank, user, login=True)
    page = visitor.go(f"{bank.url}/account/rename?factor={mail.id}")
    assert "Before anything changes here" in page.words
    page = confirm_first(bank, visitor, page)
    assert urlsplit(page.url).path == "/account/rename"
    renamed = send(bank, visitor, page, "rename", name="Work\u202e mail")
    assert "has signs in it that nobody can see" in renamed.words
    renamed = send(bank, visitor, renamed, "rename", name="<b>Work</b>")
    assert "It has its new name" in renamed.words
    assert "&lt;b&gt;Work" in renamed.text
    it = used(bank, user, method="totp", code=bank.code(user))
    before = it.elevated
    page = visitor.go(f"{bank.url}/account/remove?factor={app.id}")
    assert "everything that you allowed with it ends at once" in page.words
    assert "last way" not in page.words
    assert {each.id for each in bank.factors(user)} == {app.id, mail.id}  # looking removes nothing
    removed = send(bank, visitor, page, "remove")
    assert "It is removed" in removed.words
    assert (before, it.elevated) == (True, False)
    assert [each.id for each in bank.factors(user)] == [mail.id]
    assert send(bank, visitor, page, "remove").status == 200  # twice is once


def test_the_last_way_is_named_as_such(bank: Bank) -> None:
    user = bank.customer()
    (app,) = bank.factors(user)
    visitor, _ = entered(bank, user, login=True)
    page = confirm_first(bank, visitor, visitor.go(f"{bank.url}/account/remove?factor={app.id}"))
    assert "It is your last way to confirm" in page.words
    send(bank, visitor, page, "remove")
    assert bank.factors(user) == []


def test_a_way_that_is_switched_off_wants_a_stronger_one(bank: Bank) -> None:
    user = bank.customer()
    bank.address(user, Method.EMAIL, "ann@example.org")
    mail = factor(bank, user, Method.EMAIL)
    bank.do(bank.world.services.store.write(lambda t: t.set_factor_disabled(mail.id, disabled=True)))
    visitor, seen = entered(bank, user, login=True)
    assert "Switch on again" in seen.words
    page = confirm_first(bank, visitor, visitor.go(f"{bank.url}/account/clear?factor={mail.id}"))
    assert "It can be used again" in send(bank, visitor, page, "clear").words
    assert not factor(bank, user, Method.EMAIL).disabled


# --- refused, in plain words


def test_a_link_without_a_login_says_where_to_go(bank: Bank) -> None:
    user = bank.customer()
    visitor, _ = entered(bank, user)
    (app,) = bank.factors(user)
    for address in ("add?way=totp", f"rename?factor={app.id}", f"remove?factor={app.id}"):
        seen = visitor.go(f"{bank.url}/account/{address}")
        assert "Open your account from an app in which you are logged in" in seen.words
        assert "step-up" not in seen.text


def test_what_is_too_weak_held_or_declined_is_said(bank: Bank) -> None:
    user = bank.customer()
    visitor, _ = entered(bank, user, login=True)
    page = visitor.go(f"{bank.url}/account/add?way=passkey")
    refused = send(bank, visitor, page, "step-up")
    assert "no way to confirm that is strong enough" in refused.words
    page = visitor.go(f"{bank.url}/account/add?way=totp")
    challenge = send(bank, visitor, page, "step-up")
    declined = visitor.submit(challenge, "decline")
    assert "You did not confirm. Nothing was changed" in declined.words
    (app,) = bank.factors(user)
    later = replace(app, usable_from=bank.world.clock.now().replace(year=2100))
    bank.do(bank.world.services.store.write(lambda t: t.replace_factor(later)))
    held = send(bank, visitor, declined, "step-up")
    assert "from when it can be" in held.words
    assert "Can be used from" in visitor.go(f"{bank.url}/account").words


def test_limits_are_said_and_nothing_is_begun(bank: Bank) -> None:
    user = bank.customer(totp=False)
    visitor, _ = entered(bank, user)
    add = f"{bank.url}/account/add?way=email"
    seen = send(bank, visitor, visitor.go(add), "add", address="nobody")
    assert "no address that we can send to" in seen.words
    seen = send(bank, visitor, visitor.go(add), "add", address="a@example.org", name="x" * 65)
    assert "That name is too long" in seen.words
    for _ in range(3):
        send(bank, visitor, visitor.go(add), "add", address="a@example.org")
    seen = send(bank, visitor, visitor.go(add), "add", address="a@example.org")
    assert "Three codes were sent" in seen.words
    assert "Try again in" in seen.words
    other = bank.customer(totp=False)
    visitor, _ = entered(bank, other)
    scan = send(bank, visitor, visitor.go(f"{bank.url}/account/add?way=totp"), "add")
    for _ in range(4):
        send(bank, visitor, scan, "confirm", code="000000")
    spent = send(bank, visitor, scan, "confirm", code="000000")
    assert "the fifth code that did not fit" in spent.words
    gone = send(bank, visitor, scan, "confirm", code=totp_code(bank, seed_in(scan)))
    assert "Too much time has passed" in gone.words
    assert bank.factors(other) == []
    full = bank.customer()
    for number in range(19):
        bank.address(full, Method.EMAIL, f"a{number}@example.org")
    visitor, _ = entered(bank, full, login=True)
    page = confirm_first(bank, visitor, visitor.go(f"{bank.url}/account/add?way=totp"))
    assert "as many ways to confirm as there can be" in page.words


# --- nobody else


def test_every_form_needs_its_token_and_every_page_its_cookie(bank: Bank) -> None:
    """Attack 24: none of the new verbs is an exception."""
    user = bank.customer()
    visitor, _ = entered(bank, user, login=True)
    (app,) = bank.factors(user)
    form = visitor.go(f"{bank.url}/account/add?way=totp").form("step-up")["form"]
    foreign = {"Sec-Fetch-Site": "cross-site", "Origin": "https://evil.example"}
    fields = {"way": "totp", "factor": app.id, "then": "add:totp", "name": "x", "address": "a@example.org"}
    posts = [verb for method, verb in VERBS if method == "POST"]
    assert {"add", "confirm", "options", "rename", "remove", "clear", "step-up"} <= set(posts)
    for verb in posts:
        address = f"{bank.url}/account/{verb}"
        assert visitor.send("POST", address, fields).status == 404, verb
        assert visitor.send("POST", address, {**fields, "form": "x"}).status == 404, verb
        assert visitor.send("POST", address, {**fields, "form": form}, foreign).status == 404, verb
        assert Visitor().send("POST", address, {**fields, "form": form}).status == 404, verb
    for method, verb in VERBS:
        if method == "GET":
            seen = Visitor().go(f"{bank.url}/account/{verb}?{urlencode(fields)}")
            assert (seen.status, "This page is closed" in seen.words) == (404, True), verb
    assert [(each.id, each.name) for each in bank.factors(user)] == [(app.id, app.name)]


def test_nobody_touches_anothers(bank: Bank) -> None:
    """Neither their ways to confirm nor what they have begun, with a step-up of one's own and all."""
    owner, other = bank.customer(), bank.customer()
    (theirs,) = bank.factors(owner)
    owning, _ = entered(bank, owner, login=True)
    begun = send(bank, owning, confirm_first(bank, owning, owning.go(f"{bank.url}/account/add?way=totp")), "add")
    enrolment = begun.form("confirm")["enrolment"]
    visitor, _ = entered(bank, other, login=True)
    (mine,) = bank.factors(other)
    page = confirm_first(bank, visitor, visitor.go(f"{bank.url}/account/rename?factor={mine.id}"))
    form = page.form("rename")
    for verb in ("rename", "remove", "clear"):
        assert visitor.go(f"{bank.url}/account/{verb}?factor={theirs.id}").status == 404
        visitor.send("POST", f"{bank.url}/account/{verb}", {**form, "factor": theirs.id, "name": "mine"})
    assert [(each.id, each.name) for each in bank.factors(owner)] == [(theirs.id, theirs.name)]
    assert "Too much time has passed" in visitor.go(f"{bank.url}/account/confirm?enrolment={enrolment}").words
    fields = {"form": form["form"], "way": "totp", "enrolment": enrolment, "code": totp_code(bank, seed_in(begun))}
    visitor.send("POST", f"{bank.url}/account/confirm", fields)
    assert len(bank.factors(owner)) == len(bank.factors(other)) == 1
    done = send(bank, owning, begun, "confirm", code=totp_code(bank, seed_in(begun)))
    assert "It is added" in done.words


def test_the_way_back_is_for_the_browser_that_asked(bank: Bank) -> None:
    """Attack 9: on another device, or another of the user's pages, the code brings nothing."""
    user = bank.customer()
    visitor, _ = entered(bank, user, login=True)
    challenge = send(bank, visitor, visitor.go(f"{bank.url}/account/add?way=totp"), "step-up")
    assert "Number that the app shows" not in challenge.words
    address = f"{urlsplit(challenge.url).path}/answer"
    answer = visitor.send("POST", f"{bank.url}{address}", {**challenge.form("answer"), "code": bank.code(user)})
    back = answer.header("location") or ""
    assert urlsplit(back).path == "/account/back"
    assert "This page is closed" in Visitor().go(back).words
    other, _ = entered(bank, user, login=True)
    assert "could not be confirmed" in other.go(back).words
    assert visitor.send("POST", back.partition("?")[0], {}).status == 405
    seen = visitor.go(back)
    assert "Thank you, that is confirmed" in seen.words
    assert "code=" not in seen.url
    for state in ("", "add:external", "remove:", "../x", "end:1"):
        assert visitor.go(f"{bank.url}/account/back?{urlencode({'state': state, 'code': 'x'})}").status == 404


def test_no_secret_is_in_an_address_or_kept_by_a_cache(bank: Bank) -> None:
    user = bank.customer(totp=False)
    visitor, seen = entered(bank, user)
    pages = [seen, visitor.go(f"{bank.url}/account/add?way=totp")]
    scan = send(bank, visitor, pages[-1], "add", name="A")
    pages += [scan, send(bank, visitor, scan, "confirm", code="1")]
    for page in pages:
        assert page.header("cache-control") == "no-store"
        assert page.header("referrer-policy") == "no-referrer"
        policy = page.header("content-security-policy") or ""
        assert "unsafe" not in policy
        assert "style=" not in page.text
        secrets = set(visitor.cookies.values()) | {scan.form("confirm")["form"]}
        assert not any(secret in page.url for secret in secrets)
    assert re.findall(r"<script(?![^>]* src=)", scan.text) == []


def test_the_user_is_told_on_the_other_channels(bank: Bank) -> None:
    """§7.6, attack 19."""
    user = bank.customer()
    bank.address(user, Method.EMAIL, "ann@example.org")
    visitor, _ = entered(bank, user, login=True)
    page = confirm_first(bank, visitor, visitor.go(f"{bank.url}/account/add?way=totp"))
    scan = send(bank, visitor, page, "add")
    send(bank, visitor, scan, "confirm", code=totp_code(bank, seed_in(scan)))
    told = bank.world.outbox.sent[-1]
    assert told.recipient == "ann@example.org"
    assert "was added (Code from your authenticator app)" in told.text
    app = factor(bank, user, Method.TOTP)
    page = visitor.go(f"{bank.url}/account/remove?factor={app.id}")
    send(bank, visitor, page, "remove")
    assert "was removed (Code from your authenticator app)" in bank.world.outbox.sent[-1].text
