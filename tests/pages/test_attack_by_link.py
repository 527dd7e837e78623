"""
Attack 9: the attacker puts a link or a QR code of their own in front of the victim, and a story with it.

Who asks comes first: only a login of a user has challenges of that user. Then the page tells whose account it is, takes
factors of that account alone, and wants the number that only the opener was given. `test_over_http.py` has the plain
case of the mailed page.
"""

from __future__ import annotations

from urllib.parse import parse_qs, urlsplit

import pytest
from tests.pages.bank import BACK, Asked, Bank
from tests.pages.browsing import Visitor

from stairgate.model.challenges import Opening
from stairgate.model.errors import DomainError, InvalidInputError
from stairgate.model.ids import UserId
from stairgate.model.protection import Device, Level, Requirement
from stairgate.ports.store import ReadTransaction
from stairgate.service.open_challenge import OpenCall, open_challenge

LURE = "Security check of your bank"  # what the attacker calls the device that asks


def failures(bank: Bank, user: str) -> list[int]:
    """How many wrong answers each factor of *user* has had."""

    def run(reads: ReadTransaction) -> list[int]:
        return [reads.attempts(UserId(user), each.id).failures for each in reads.factors_of(UserId(user))]

    return bank.do(bank.world.services.store.read(run))


def test_without_a_login_of_the_victim_there_is_no_page_to_show(bank: Bank) -> None:
    """Authenticate, then initiate: her challenge token alone opens nothing for somebody else."""
    victim, attacker = bank.customer(), bank.customer()
    it = bank.ask(victim)
    caller = bank.do(bank.world.login(attacker))
    with pytest.raises(DomainError) as refused:
        bank.do(open_challenge(bank.world.services, caller, OpenCall(it.challenge_token, Opening())))
    assert refused.value.code == "NotFound"


def test_a_page_of_the_attackers_account_names_it_and_takes_nothing_of_the_victims(bank: Bank) -> None:
    """She is given the number, too. Her code is no code of that account, and not even counted against hers."""
    victim, attacker = bank.customer(), bank.customer()
    it = bank.ask(attacker, device=LURE)
    phone = Visitor()
    seen = phone.go(it.page)
    assert f"Account{attacker}" in seen.words.replace(" ", "")
    assert victim not in seen.words
    refused = phone.submit(seen, "answer", code=bank.code(victim), number=it.number)
    assert "That did not fit" in refused.words
    assert (it.elevated, it.state) == (False, "open")
    assert failures(bank, victim) == [0]
    assert not bank.may(victim, bank.world.token(victim), f"accounts/{victim}")


def test_five_guesses_at_the_number_end_the_page_and_touch_no_factor(bank: Bank) -> None:
    """The victim types what a caller on the phone makes up, with a right code each time (and attack 26)."""
    victim = bank.customer()
    it = bank.ask(victim, device=LURE)
    phone = Visitor()
    seen = phone.go(it.page)
    for guess in range(1, 6):
        seen = phone.submit(seen, "answer", code=bank.code(victim), number=f"{(int(it.number) + guess) % 10_000:04}")
    assert "Too many wrong answers" in seen.words
    assert (it.elevated, it.state) == (False, "locked")
    assert failures(bank, victim) == [0]


def test_who_is_told_the_number_too_sees_who_asks_and_stops_it(bank: Bank) -> None:
    """What is left of the attack is a victim who reads nothing: the words on the page are not the attacker's."""
    victim = bank.customer()
    it = bank.ask(victim, device=LURE)
    phone = Visitor()
    seen = phone.go(it.page)
    for told in ("payout", f"accounts/{victim}", "Bank app", "(reported by the app)", "about nobody else's"):
        assert told in seen.words, told
    assert "can ask for nothing more" in phone.submit(seen, "decline", 1).words
    late = Visitor().go(it.page)
    assert "answer" not in late.text.split("<main")[1]
    assert it.report() == "ChallengeBarred"


def same_device(bank: Bank) -> tuple[str, Asked]:
    victim = bank.customer(requirement=Requirement(level=Level.BASIC, device=Device.SAME))
    return victim, bank.ask(victim, return_uri=BACK, state="attacker", device=LURE)


def test_where_the_device_must_be_the_same_no_story_helps(bank: Bank) -> None:
    """She believes everything and answers. The way back is the app's own, and her browser is no browser of theirs."""
    victim, it = same_device(bank)
    assert it.view.match_code is None  # there is no number to tell her
    browser, attacker = Visitor(), Visitor()
    back = browser.submit(browser.go(it.page), "answer", code=bank.code(victim))
    target = urlsplit(back.header("location") or "")
    assert f"{target.scheme}://{target.netloc}{target.path}" == BACK
    code = parse_qs(target.query)["code"][0]
    assert code not in attacker.go(it.page).text
    assert it.report() == "StepUpChallengePending"
    assert it.report(code, token=bank.world.token(victim)) == "NotFound"  # the app reports it for her login
    assert not it.elevated


@pytest.mark.parametrize(
    "address", ["https://evil.example/back", f"{BACK}/", f"{BACK}?to=evil", "https://shop.example"]
)
def test_the_way_back_is_never_the_attackers(bank: Bank, address: str) -> None:
    victim = bank.customer(requirement=Requirement(level=Level.BASIC, device=Device.SAME))
    with pytest.raises(InvalidInputError) as refused:
        bank.ask(victim, return_uri=address)
    assert refused.value.field == "returnUri"
