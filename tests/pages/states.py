"""Every state of the challenge page, made as people come into it: for axe, the pseudo-language and the pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from tests.pages.bank import BACK, Asked, Bank
from tests.pages.browsing import Visitor

from stairgate.model.access import Group
from stairgate.model.approvals import Quorum
from stairgate.model.canonical import JsonValue
from stairgate.model.ids import GroupId, UserId
from stairgate.model.protection import Device, Level, Method, Requirement
from stairgate.service.cancel_challenge import cancel_challenge

DETAILS: dict[str, JsonValue] = {"amount": "1,249.00 EUR", "to": "Acme GmbH", "iban": "DE02 1203 0000 0000 2020 51"}
DEVICE = "Firefox on Linux, near Zürich"


@dataclass(frozen=True)
class Place:
    """Where the state is seen: the page's address with its secret, then what else the address says."""

    page: str
    query: str = ""
    whose: Asked | None = None
    enter: bool = False  # by the only button of the page, once


State = Callable[[Bank], Place]


def _asked(bank: Bank, *, totp: bool = True, passkey: bool = False, back: bool = False, once: bool = False) -> Asked:
    bound = Requirement(level=Level.BASIC, bind=frozenset(DETAILS), uses=1 if once else None)
    user = bank.customer(totp=totp, requirement=bound)
    if passkey:
        bank.passkey(user)
    return bank.ask(user, context=DETAILS, device=DEVICE, return_uri=BACK if back else None)


def passkey(bank: Bank) -> Place:
    return Place(_asked(bank, passkey=True).page)


def code(bank: Bank) -> Place:
    return Place(_asked(bank, passkey=True).page, "?way=totp")


def only_code(bank: Bank) -> Place:
    return Place(_asked(bank, once=True).page)


def same_device(bank: Bank) -> Place:
    user = bank.customer(requirement=Requirement(level=Level.BASIC, device=Device.SAME))
    return Place(bank.ask(user, return_uri=BACK).page)


def way_back(bank: Bank) -> Place:
    return Place(_asked(bank, back=True).page)


def wrong(bank: Bank) -> Place:
    it = _asked(bank)
    visitor = Visitor()
    seen = visitor.go(it.page)
    for _ in range(3):
        seen = visitor.submit(seen, "answer", code="123456", number="none")
    return Place(it.page, "?problem=wrong&way=totp")


def wait(bank: Bank) -> Place:
    return Place(_asked(bank).page, "?problem=wait&seconds=30&way=totp")


def no_script(bank: Bank) -> Place:
    return Place(_asked(bank, passkey=True).page, "?problem=script&way=totp")


def hostile(bank: Bank) -> Place:
    user = bank.customer(requirement=Requirement(level=Level.BASIC, bind=frozenset({"amount", "to", "note", "url"})))
    context: dict[str, JsonValue] = {
        "amount": "9" * 40 + ".00",
        "to": "p\u0430yp\u0430l.example",
        "note": "\u202epay 1\u202c <b>" + "long" * 60,
        "url": {"nested": ["x", 1, None]},
    }
    return Place(bank.ask(user, context=context, device="x" * 200).page)


def waiting(bank: Bank) -> Place:
    managers = Group(GroupId("managers"), "managers", (UserId("manager"),))
    bank.do(bank.world.services.store.write(lambda transaction: transaction.put_group(managers)))
    others = frozenset({Quorum(1, frozenset({managers.id}))})
    user = bank.customer(requirement=Requirement(level=Level.BASIC, approvals=others))
    return Place(bank.ask(user).page)


def send(bank: Bank) -> Place:
    it = _asked(bank)
    bank.address(it.user, Method.EMAIL, "ann@example.org")
    bank.address(it.user, Method.EMAIL, "ann@work.example")
    return Place(it.page, "?way=email")


def sent(bank: Bank) -> Place:
    it = _asked(bank)
    bank.address(it.user, Method.SMS, "+4915123456712")
    visitor = Visitor()
    visitor.submit(visitor.go(visitor.go(it.page).url + "?way=sms"), "code")
    return Place(it.page, "?way=sms")


def recovery(bank: Bank) -> Place:
    it = _asked(bank)
    bank.address(it.user, Method.RECOVERY, "[]")
    return Place(it.page, "?way=recovery")


def no_way(bank: Bank) -> Place:
    return Place(bank.ask(bank.customer(totp=False)).page)


def proven(bank: Bank) -> Place:
    it = _asked(bank, back=True)
    visitor = Visitor()
    visitor.submit(visitor.go(it.page), "answer", code=bank.code(it.user))
    return Place(it.page)


def satisfied(bank: Bank) -> Place:
    it = _asked(bank)
    visitor = Visitor()
    visitor.submit(visitor.go(it.page), "answer", code=bank.code(it.user), number=it.number)
    return Place(it.page)


def declined(bank: Bank) -> Place:
    it = _asked(bank)
    it.decline()
    return Place(it.page)


def not_me(bank: Bank) -> Place:
    it = _asked(bank)
    it.decline(not_me=True)
    return Place(it.page)


def expired(bank: Bank) -> Place:
    it = _asked(bank, back=True)
    bank.world.clock.advance(600)
    return Place(it.page)


def cancelled(bank: Bank) -> Place:
    it = _asked(bank)
    bank.do(cancel_challenge(bank.world.services, bank.shop, it.id))
    return Place(it.page)


def superseded(bank: Bank) -> Place:
    it = _asked(bank)
    bank.ask(it.user, token=it.token, context={**DETAILS, "amount": "9,999.00 EUR"})
    return Place(it.page)


def locked(bank: Bank) -> Place:
    it = _asked(bank)
    visitor = Visitor()
    seen = visitor.go(it.page)
    for _ in range(5):
        visitor.submit(seen, "answer", code="123456", number="none")
    return Place(it.page)


def unknown(bank: Bank) -> Place:
    return Place(f"{bank.url}/step-up/unknown")


def account_link(bank: Bank) -> Place:
    return Place(bank.account_link(bank.customer()))


def account_closed(bank: Bank) -> Place:
    return Place(f"{bank.url}/account")


def account(bank: Bank) -> Place:
    it = _asked(bank, passkey=True, once=True)
    visitor = Visitor()
    visitor.submit(visitor.go(f"{it.page}"), "answer", method="totp", code=bank.code(it.user), number=it.number)
    bank.address(it.user, Method.EMAIL, "ann@example.org")
    bank.address(it.user, Method.RECOVERY, "[]")
    return Place(bank.account_link(it.user, token=it.token), enter=True)


def account_empty(bank: Bank) -> Place:
    return Place(bank.account_link(bank.customer(totp=False)), enter=True)


STATES: dict[str, State] = {
    state.__name__: state
    for state in (
        passkey,
        code,
        only_code,
        same_device,
        way_back,
        wrong,
        wait,
        no_script,
        hostile,
        waiting,
        send,
        sent,
        recovery,
        no_way,
        proven,
        satisfied,
        declined,
        not_me,
        expired,
        cancelled,
        superseded,
        locked,
        unknown,
        account_link,
        account_closed,
        account,
        account_empty,
    )
}
