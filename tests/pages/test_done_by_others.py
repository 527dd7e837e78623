"""What other people and the app itself do for a challenge whose page is open shows there (semantics §7, §9)."""

from __future__ import annotations

from typing import Any

import pytest
from tests.pages.bank import Asked, Bank

from stairgate.model.access import Group
from stairgate.model.approvals import Quorum
from stairgate.model.ids import GroupId, UserId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.issue_code import issue_code
from stairgate.service.vote import VoteCall, vote

pytestmark = pytest.mark.lane("pages")


def asked_with_approval(bank: Bank) -> Asked:
    """Payments that one of the managers, here `mia`, must agree to."""
    managers = Group(GroupId("managers"), "managers", (UserId("mia"),))
    bank.do(bank.world.services.store.write(lambda transaction: transaction.put_group(managers)))
    others = frozenset({Quorum(1, frozenset({managers.id}))})
    return bank.ask(bank.customer(requirement=Requirement(level=Level.BASIC, approvals=others)))


def say(bank: Bank, it: Asked, *, approve: bool) -> None:
    async def run() -> None:
        request = it.view.challenge.request
        assert request is not None
        await vote(bank.world.services, await bank.world.login("mia"), request, VoteCall(approve, "", 1))

    bank.do(run())


def test_once_others_have_agreed_the_page_asks_for_the_factor(bank: Bank, tabs: Any) -> None:
    it, tab = asked_with_approval(bank), tabs()
    tab.page.goto(it.page)
    tab.heading("Others are asked first")
    say(bank, it, approve=True)
    tab.heading("Do you want to allow this?")
    assert not it.elevated
    tab.page.get_by_label("Code", exact=True).fill(bank.code(it.user))
    tab.page.get_by_label("Number that the app shows").fill(it.number)
    tab.press("Yes, allow it")
    tab.heading("Done")
    assert it.elevated


def test_a_no_of_the_others_is_told(bank: Bank, tabs: Any) -> None:
    it, tab = asked_with_approval(bank), tabs()
    tab.page.goto(it.page)
    tab.heading("Others are asked first")
    say(bank, it, approve=False)
    tab.heading("Not allowed")
    assert it.state == "declined"


def test_a_code_that_the_app_sent_and_took_back_is_done_here_too(bank: Bank, tabs: Any) -> None:
    """`external`: nobody attests on a page, so only the app can say it."""
    it, tab = bank.ask(bank.customer(totp=False)), tabs()
    tab.page.goto(it.page)
    tab.heading("You cannot confirm this here")

    async def attest() -> None:
        issued = await issue_code(bank.world.services, bank.shop, it.id, Method.EXTERNAL)
        call = AnswerCall(Method.EXTERNAL, code=issued.code)
        await answer_challenge(bank.world.services, bank.shop, it.id, call)

    bank.do(attest())
    tab.heading("Done")
    assert it.elevated
