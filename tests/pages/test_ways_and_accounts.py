"""Which way to confirm stands first, what cannot be used and why, and who may not confirm at all."""

from __future__ import annotations

from datetime import timedelta
from functools import partial

from tests.pages.bank import Bank
from tests.pages.browsing import Visitor, forms

from stairgate.factors.recovery_code import CODES
from stairgate.model.evidence import Factor
from stairgate.model.ids import FactorId, UserId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.ports.store import WriteTransaction


def test_ways_that_cannot_be_used_are_told_with_the_reason_and_lead_nowhere(bank: Bank) -> None:
    """What would do and is not there, and what is there and would not do; what is neither is not told."""
    user = bank.customer(requirement=Requirement(level=Level.STRONG, methods=frozenset({Method.TOTP, Method.PASSKEY})))
    bank.address(user, Method.EMAIL, "ann@example.org")
    seen = Visitor().go(bank.ask(user).page)
    assert "Passkey – not set up" in seen.words
    assert "Code by email – not enough for this" in seen.words
    assert "Code by text message" not in seen.words
    assert "way=passkey" not in seen.text
    assert "way=email" not in seen.text


def _put(factor: Factor, transaction: WriteTransaction) -> None:
    transaction.put_factor(factor)


def test_a_way_on_hold_switched_off_or_used_up_says_so(bank: Bank) -> None:
    user = bank.customer(totp=False)
    services, now = bank.world.services, bank.world.clock.now()
    factors = (
        Factor(FactorId(f"held-{user}"), UserId(user), Method.TOTP, b"", now, now + timedelta(days=1)),
        Factor(FactorId(f"off-{user}"), UserId(user), Method.SMS, b"", now, now, disabled=True),
        Factor(FactorId(f"used-{user}"), UserId(user), Method.RECOVERY, b"", now, now, counter=CODES),
    )
    for factor in factors:
        bank.do(services.store.write(partial(_put, factor)))
    seen = Visitor().go(bank.ask(user).page)
    assert "You cannot confirm this here" in seen.words
    assert "Code from your authenticator app – can be used from" in seen.words
    assert "Code by text message – switched off after too many wrong answers" in seen.words
    assert "Recovery code – every code was used" in seen.words


def test_what_was_right_on_this_device_is_offered_first_the_next_time(bank: Bank) -> None:
    """A cookie with the method's name alone; it opens nothing that the challenge does not."""
    user = bank.customer()
    bank.passkey(user)
    visitor = Visitor()
    it = bank.ask(user)
    seen = visitor.go(it.page)
    assert "Use your passkey" in seen.words
    wrong = visitor.submit(visitor.go(f"{seen.url}?way=totp"), "answer", code="123456", number=it.number)
    assert "stairgate-way" not in visitor.cookies
    visitor.submit(wrong, "answer", code=bank.code(user), number=it.number)
    assert visitor.cookies["stairgate-way"] == "totp"
    assert "authenticator app shows now" in visitor.go(bank.ask(user, token=bank.world.token(user)).page).words
    strict = bank.customer(requirement=Requirement(level=Level.PHISHING_RESISTANT))
    bank.passkey(strict)
    assert "Use your passkey" in visitor.go(bank.ask(strict).page).words


def test_where_another_accounts_page_is_open_both_are_named_and_nothing_can_be_confirmed(bank: Bank) -> None:
    """ux-and-ecosystem §3.6, wrong account; only the named user can finish a challenge."""
    user, other = bank.customer(), bank.customer()
    visitor = Visitor()
    visitor.submit(visitor.go(bank.account_link(other)), "enter")
    it = bank.ask(user)
    seen = visitor.go(it.page)
    assert "This is for another account" in seen.words
    assert f"This request is for {user}. In this browser the account page of {other} is open." in seen.words
    assert "answer" not in forms(seen.text)
    token = seen.form("decline")
    for verb in ("answer", "code", "options"):
        refused = visitor.send(
            "POST", f"{seen.url}/{verb}", {**token, "method": "totp", "code": bank.code(user), "number": it.number}
        )
        assert refused.status == 303
    assert not it.elevated
    assert it.state == "open"
    left = visitor.submit(seen, "leave")
    assert "This page is closed" in visitor.go(f"{bank.url}/account").words
    assert "Done" in visitor.submit(left, "answer", code=bank.code(user), number=it.number).words
    assert it.elevated


def test_ones_own_account_page_is_in_nobodys_way(bank: Bank) -> None:
    user = bank.customer()
    visitor = Visitor()
    visitor.submit(visitor.go(bank.account_link(user)), "enter")
    it = bank.ask(user)
    assert "Done" in visitor.submit(visitor.go(it.page), "answer", code=bank.code(user), number=it.number).words


def test_who_is_somebody_else_may_still_decline(bank: Bank) -> None:
    user, other = bank.customer(), bank.customer()
    visitor = Visitor()
    visitor.submit(visitor.go(bank.account_link(other)), "enter")
    it = bank.ask(user)
    assert "Not allowed" in visitor.submit(visitor.go(it.page), "decline").words
    assert it.state == "declined"
