"""Whatever a browser, or what pretends to be one, sends: an answer below 500, and nothing lost (attacks 16, 21, 24)."""

from __future__ import annotations

from urllib.parse import urlencode, urlsplit

import pytest
from tests.pages.bank import Asked, Bank
from tests.pages.browsing import Visitor

from stairgate.pages.account import activity, adding, factors, step_up

ADDRESSES = [
    "?way=%00&problem=wrong",
    "?way=totp&problem=<script>&seconds=1e9",
    "?problem=wait&seconds=99999999999999999999",
    "?problem=wait&seconds=-1",
    "?problem=wait&seconds=٣",
    "?key=",
    "?key=" + "x" * 5_000,
    "?key=%ff%fe",
    "?key=a&key=b",
    "?" + "a=b&" * 100,
    "?%",
    "/",
    "/..",
    "/answer/more",
    "/%2e%2e/%2fetc",
    "/events?x=1",
    "/state",
]
HEADERS: list[dict[str, str]] = [
    {"Accept-Language": "q=1;;;,*;q=nan,x;q=inf,de;q=-1" + ",a" * 5_000},
    {"Accept-Language": "\xff\xfe"},
    {"Cookie": "a; b=; =c; ;;; \xff"},
    {"Cookie": "x" * 20_000},
    {"Content-Type": "application/x-www-form-urlencoded; charset=utf-7"},
    {"Origin": "null"},
]
FORMS: list[dict[str, str]] = [
    {"method": "passkey", "credential": "{"},
    {"method": "passkey", "credential": "[" * 5_000},
    {"method": "passkey", "credential": '{"id": 1, "response": {"clientDataJSON": []}, "rawId": null}'},
    {"method": "passkey", "credential": '{"a": 1, "a": 2}'},
    {"method": "passkey", "code": "123456", "number": "1"},
    {"method": "totp", "code": "\x00\x1b\u202e", "number": "\x00"},
    {"method": "totp", "code": "𝟏𝟐𝟑𝟒𝟓𝟔", "number": "١٢٣٤"},
    {"method": "totp", "code": "1" * 9_000, "number": "2" * 5_000, "once": "maybe"},
    {"method": "recovery", "code": "🦆" * 64, "number": "1"},
    {"method": "email", "to": "x" * 9_000, "code": "1", "number": "1"},
    {"method": "", "code": ""},
    {"method": "__proto__", "code": "1", "number": "1"},
]


@pytest.fixture(scope="module")
def it(bank: Bank) -> Asked:
    return bank.ask(bank.customer())


@pytest.mark.parametrize("address", ADDRESSES, ids=lambda address: ascii(address)[:30])
def test_an_address(bank: Bank, it: Asked, address: str) -> None:
    visitor = Visitor()
    visitor.go(it.page)
    for base in (f"/step-up/{it.id}", "/step-up/x", "/pages/x", "/pages"):
        for method in ("GET", "HEAD", "PUT", "DELETE", "OPTIONS"):
            if address.startswith("/events") and method == "GET":
                continue  # it would be followed
            seen = visitor.send(method, f"{bank.url}{base}" + address.replace("٣", "%D9%A3"))
            assert seen.status < 500, (method, base)
            assert "<script>" not in seen.text.replace('<script type="module"', "")


@pytest.mark.parametrize("headers", HEADERS, ids=lambda headers: ascii(next(iter(headers.items())))[:40])
def test_a_header(bank: Bank, it: Asked, headers: dict[str, str]) -> None:
    visitor = Visitor()
    seen = visitor.go(it.page)
    assert visitor.send("GET", seen.url, headers=headers).status < 500
    assert visitor.send("POST", f"{seen.url}/decline", {"form": "x"}, headers).status in {400, 404}


@pytest.mark.parametrize("verb", ["answer", "code", "options"])
@pytest.mark.parametrize("form", FORMS, ids=lambda form: ascii(sorted(form.items()))[:70])
def test_a_form(bank: Bank, verb: str, form: dict[str, str]) -> None:
    it = bank.ask(bank.customer())
    visitor = Visitor()
    seen = visitor.go(it.page)
    answered = visitor.send("POST", f"{seen.url}/{verb}", {"form": seen.form("decline")["form"], **form})
    assert answered.status < 500
    assert it.state == "open"
    done = visitor.submit(visitor.go(seen.url), "answer", code=bank.code(it.user), number=it.number)
    assert "Done" in done.words, urlsplit(done.url).query


ACCOUNT_FORMS: list[dict[str, str]] = [
    {},
    {"challenge": "\x00\u202e", "elevation": "__proto__", "then": "lift:x", "state": "lift:"},
    {"challenge": "x" * 9_000, "elevation": "x" * 9_000, "done": "<script>", "state": "lift", "code": "1"},
    {"way": "__proto__", "then": "add:__proto__", "factor": "\x00", "state": "add"},
    {"way": "external", "then": "add:external", "enrolment": "x", "state": "clear:\u202e"},
    {"way": "approval", "then": "remove:" + "x" * 9_000, "factor": "x" * 9_000, "name": "x" * 9_000},
    {"way": "passkey", "enrolment": "x", "credential": "[" * 5_000},
    {"way": "passkey", "enrolment": "\ud83e\udd86", "credential": '{"a": 1, "a": 2}', "code": "1"},
    {"way": "passkey", "credential": '{"id": 1, "response": {"clientDataJSON": []}, "rawId": null}'},
    {"way": "totp", "enrolment": "", "code": "\x00\x1b\u202e", "name": "\u202e\x00", "problem": "<script>"},
    {"way": "email", "address": "a@b\r\nBcc: c@example.org", "name": "🦆" * 64, "seconds": "٣"},
    {"way": "sms", "address": "+" + "9" * 5_000, "challengeId": "x" * 5_000, "code": "x" * 5_000, "state": "add:totp"},
]


@pytest.mark.parametrize("fields", ACCOUNT_FORMS, ids=lambda fields: ascii(sorted(fields.items()))[:70])
@pytest.mark.parametrize("first", [True, False], ids=["by a link", "by a login"])
def test_the_account_page(bank: Bank, fields: dict[str, str], first: bool) -> None:
    user = bank.customer(totp=not first)
    visitor = Visitor()
    link = bank.account_link(user) if first else bank.own_account_link(user)
    seen = visitor.submit(visitor.go(link), "enter")
    form = visitor.go(f"{bank.url}/account/add?way=totp").form("add" if first else "step-up")["form"]
    fields = {name: value.encode("utf-16", "surrogatepass").decode("utf-16") for name, value in fields.items()}
    for method, verb in {**factors.VERBS, **adding.VERBS, **step_up.VERBS, **activity.VERBS}:
        address = f"{bank.url}/account/{verb}"
        if method == "GET":
            answered = visitor.send("GET", f"{address}?{urlencode(fields)}")
        else:
            answered = visitor.send("POST", address, {**fields, "form": form})
        assert answered.status < 500, verb
        assert "<script>" not in answered.text
    assert len(bank.factors(user)) == (0 if first else 1)
    assert "Your account" in visitor.go(seen.url).words
