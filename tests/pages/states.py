"""Every state of the pages, made as people come into it: for axe, the pseudo-language and the pictures."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

from tests.pages.bank import BACK, Asked, Bank
from tests.pages.browsing import Visitor

from stairgate.model.access import Group
from stairgate.model.approvals import Quorum
from stairgate.model.canonical import JsonValue
from stairgate.model.ids import GroupId, UserId
from stairgate.model.protection import Device, Level, Method, Requirement
from stairgate.service.authentication import authenticate
from stairgate.service.cancel_challenge import cancel_challenge
from stairgate.service.caution import set_caution
from stairgate.service.factor_rights import Authority

DETAILS: dict[str, JsonValue] = {"amount": "1,249.00 EUR", "to": "Acme GmbH", "iban": "DE02 1203 0000 0000 2020 51"}
DEVICE = "Firefox on Linux, near Zürich"


@dataclass(frozen=True)
class Place:
    """Where the state is seen: the page's address with its secret, then what else the address says."""

    page: str
    query: str = ""
    whose: Asked | None = None
    enter: bool = False  # by the only button of the page, once
    below: str = ""  # a page below the one that was entered
    unfold: bool = False  # then all that is folded is opened
    press: str = ""  # then the form for this verb is sent
    cookies: dict[str, str] = field(default_factory=dict)  # of a browser that was there before


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


def astray(bank: Bank) -> Place:
    """The code that was sent has not come: another one is offered, and another way."""
    place = sent(bank)
    bank.world.clock.advance(21)
    return place


def recovery(bank: Bank) -> Place:
    it = _asked(bank)
    bank.address(it.user, Method.RECOVERY, "[]")
    return Place(it.page, "?way=recovery")


def no_way(bank: Bank) -> Place:
    return Place(bank.ask(bank.customer(totp=False)).page)


def not_yet(bank: Bank) -> Place:
    user = bank.customer(requirement=Requirement(level=Level.STRONG, methods=frozenset({Method.TOTP, Method.PASSKEY})))
    bank.address(user, Method.EMAIL, "ann@example.org")
    return Place(bank.ask(user).page)


def other_account(bank: Bank) -> Place:
    visitor = Visitor()
    visitor.submit(visitor.go(bank.account_link(bank.customer())), "enter")
    return Place(_asked(bank).page, cookies=visitor.cookies)


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


def account_stopped(bank: Bank) -> Place:
    it = _asked(bank)
    link = bank.account_link(it.user, token=it.token)
    return Place(link, enter=True, unfold=True, press="not-me")


def account_disowned(bank: Bank) -> Place:
    it = _asked(bank)
    return Place(bank.own_account_link(it.user), enter=True, unfold=True, press="not-me")


def account_history(bank: Bank) -> Place:
    """What was asked lately, however it ended; the wish to be asked every time is there."""
    it = _asked(bank)
    for below, end in (("/1", "no"), ("/2", "wrong"), ("/3", "not me"), ("/" + "long" * 30, "yes")):
        bank.world.clock.advance(1)
        another = bank.ask(it.user, below=below, context=DETAILS, device="p\u0430yp\u0430l \u202eevil")
        visitor = Visitor()
        seen = visitor.go(another.page)
        if end == "yes":
            visitor.submit(seen, "answer", code=bank.code(it.user), number=another.number)
        elif end == "wrong":
            for _ in range(5):
                visitor.submit(seen, "answer", code="123456", number="none")
        else:
            another.decline(not_me=end == "not me")
    caller = bank.do(authenticate(bank.world.services, it.token))
    bank.do(set_caution(bank.world.services, Authority(caller), UserId(it.user), always=True))
    return Place(bank.account_link(it.user, token=it.token), "?done=cautious", enter=True, unfold=True)


def account_lift(bank: Bank) -> Place:
    return _own(bank, below="/lift")


def account_lift_weak(bank: Bank) -> Place:
    return Place(bank.own_account_link(bank.customer(totp=False)), "?problem=weak", enter=True, below="/lift")


def account_empty(bank: Bank) -> Place:
    return Place(bank.account_link(bank.customer(totp=False)), enter=True)


def _own(bank: Bank, *, below: str = "", query: str = "", totp: bool = True) -> Place:
    """Somebody on their account page, by a login of theirs."""
    user = bank.customer(totp=totp)
    bank.address(user, Method.EMAIL, "ann@example.org")
    mail = next(each for each in bank.factors(user) if each.method is Method.EMAIL)
    query = query.format(factor=mail.id)
    return Place(bank.own_account_link(user), query, enter=True, below=below)


def _first(bank: Bank, way: str, *, query: str = "", press: str = "") -> Place:
    """Somebody who adds their first way to confirm, by a link."""
    link = bank.account_link(bank.customer(totp=False))
    return Place(link, f"?way={way}{query}", enter=True, below="/add", press=press)


def add_first_confirm(bank: Bank) -> Place:
    return _own(bank, below="/add", query="?way=totp")


def add_too_weak(bank: Bank) -> Place:
    return _own(bank, below="/add", query="?way=passkey&problem=weak")


def add_held(bank: Bank) -> Place:
    return _own(bank, below="/add", query="?way=passkey&problem=held")


def add_not_here(bank: Bank) -> Place:
    return Place(bank.account_link(bank.customer()), "?way=totp", enter=True, below="/add")


def add_passkey(bank: Bank) -> Place:
    return _first(bank, "passkey")


def add_passkey_no_script(bank: Bank) -> Place:
    return _first(bank, "passkey", query="&problem=script")


def add_app(bank: Bank) -> Place:
    return _first(bank, "totp")


def add_app_scan(bank: Bank) -> Place:
    return _first(bank, "totp", press="add")


def add_email(bank: Bank) -> Place:
    return _first(bank, "email", query="&problem=address")


def add_phone(bank: Bank) -> Place:
    return _first(bank, "sms", query="&problem=prompts&seconds=120")


def add_phone_code(bank: Bank) -> Place:
    user = bank.customer(totp=False)
    enrolment = bank.begun(user, Method.SMS, "+4915123456712")
    return Place(bank.own_account_link(user), f"?enrolment={enrolment}&problem=wrong", enter=True, below="/confirm")


def add_app_code(bank: Bank) -> Place:
    user = bank.customer(totp=False)
    enrolment = bank.begun(user, Method.TOTP)
    return Place(bank.own_account_link(user), f"?enrolment={enrolment}&problem=code", enter=True, below="/confirm")


def add_recovery(bank: Bank) -> Place:
    return _first(bank, "recovery")


def recovery_codes(bank: Bank) -> Place:
    return _first(bank, "recovery", press="add")


def added(bank: Bank) -> Place:
    return _own(bank, query="?done=added")


def rename(bank: Bank) -> Place:
    return _changed(bank, "rename")


def remove(bank: Bank) -> Place:
    return _changed(bank, "remove")


def remove_first_confirm(bank: Bank) -> Place:
    return _own(bank, below="/remove", query="?factor={factor}&problem=declined", totp=False)


def clear(bank: Bank) -> Place:
    return _changed(bank, "clear")


def _changed(bank: Bank, verb: str) -> Place:
    """Somebody whose login was stepped up for the page: the way there is the challenge page, so it is gone here."""
    user = bank.customer()
    bank.address(user, Method.EMAIL, "ann@example.org")
    mail = next(each for each in bank.factors(user) if each.method is Method.EMAIL)
    visitor = Visitor()
    visitor.submit(visitor.go(bank.own_account_link(user)), "enter")
    address = f"{bank.url}/account/{verb}?factor={mail.id}"
    fields = visitor.go(address).form("step-up")
    challenge = visitor.follow(visitor.send("POST", f"{bank.url}/account/step-up", fields))
    visitor.submit(challenge, "answer", code=bank.code(user))
    return Place(f"{bank.url}/account", f"?factor={mail.id}", below=f"/{verb}", cookies=visitor.cookies)


def change_of_factors(bank: Bank) -> Place:
    """The challenge page of a step-up that the account page asked for."""
    user = bank.customer()
    visitor = Visitor("zu")  # the pseudo-language, where there is one
    visitor.submit(visitor.go(bank.own_account_link(user)), "enter")
    fields = visitor.go(f"{bank.url}/account/add?way=totp").form("step-up")
    challenge = visitor.send("POST", f"{bank.url}/account/step-up", fields)
    return Place(challenge.header("location") or "")


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
        astray,
        recovery,
        no_way,
        not_yet,
        other_account,
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
        account_stopped,
        account_disowned,
        account_history,
        account_lift,
        account_lift_weak,
        added,
        add_first_confirm,
        add_too_weak,
        add_held,
        add_not_here,
        add_passkey,
        add_passkey_no_script,
        add_app,
        add_app_scan,
        add_app_code,
        add_email,
        add_phone,
        add_phone_code,
        add_recovery,
        recovery_codes,
        rename,
        remove,
        remove_first_confirm,
        clear,
        change_of_factors,
    )
}
