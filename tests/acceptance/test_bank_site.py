"""The web site of the demo's bank, which people copy, visited without scripts on a real service."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count
from urllib.parse import urljoin, urlsplit

import pytest
from tests.acceptance.support import Totp
from tests.api.threaded import Threaded
from tests.pages.browsing import Seen, Visitor, forms

from stairgate import AsyncStairgate, Stairgate
from stairgate.cli.demo.bank import ASKER, CHECKER, EACH_TIME, ENDER, PAYER, TEN_MINUTES, VIEWER, Bank, access, register
from stairgate.cli.demo.site import BACK, COOKIE, BankSite
from stairgate.testing.server import LocalServer

BALANCE = 1_000
_numbers = count(1)


@dataclass
class Street:
    """The bank's site, the service behind it, and a customer with an authenticator."""

    server: BankServer
    totp: Totp

    @property
    def url(self) -> str:
        return self.server.url

    def log_in(self) -> tuple[Visitor, Seen]:
        visitor = Visitor()
        return visitor, self.submit(visitor, visitor.go(self.url), "log-in")

    def submit(self, visitor: Visitor, seen: Seen, verb: str, **typed: str) -> Seen:
        """Send the form for *verb* of a page of the bank."""
        home = urlsplit(seen.url).path.rstrip("/") if verb in {"pay", "cancel"} else ""
        sent = visitor.send("POST", f"{self.url}{home}/{verb}", {**seen.form(verb), **typed})
        location = sent.header("location")
        return visitor.go(urljoin(sent.url, location)) if sent.status == 303 and location else sent

    def asked(self, amount: str = "120", to: str = "Acme GmbH") -> tuple[Visitor, Seen]:
        """Somebody who is logged in and asked for a payment."""
        visitor, account = self.log_in()
        return visitor, self.submit(visitor, account, "payments", amount=amount, to=to)

    def on_the_phone(self, seen: Seen, verb: str = "answer", *, number: bool = True) -> Seen:
        """Another browser opens the link of *seen* and answers."""
        phone = Visitor()
        page = phone.go(page_uri(seen))
        typed = {"code": self.totp.code()} if verb == "answer" else {}
        if number and verb == "answer":
            typed["number"] = seen.text.partition('id="number">')[2][:4]
        return phone.submit(page, verb, **typed)

    @property
    def balance(self) -> int:
        return self.server.bank._balances[self.server.customer]


def page_uri(seen: Seen) -> str:
    return next(part.partition('"')[0] for part in seen.text.split('href="') if "?key=" in part.partition('"')[0])


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalServer]:
    with LocalServer(tmp_path_factory.mktemp("street")) as running:
        with Stairgate(running.url, access_key=running.access_key) as owner:
            owner.roles.create(VIEWER)
            owner.roles.create(PAYER)
            for role in (CHECKER, ASKER, ENDER):
                owner.roles.create(role)
        yield running


class BankServer(Threaded):
    """The bank's site on the service, with a service client of its own."""

    bank: Bank

    def __init__(self, service: LocalServer) -> None:
        super().__init__("bank site")
        self.service = service
        self.url = f"http://127.0.0.1:{self.port}"
        self.customer = f"alice{next(_numbers)}"

    async def _live(self) -> None:
        async with AsyncStairgate(self.service.url, access_key=self.service.access_key) as owner:
            record = await owner.records.create(access(self.customer, EACH_TIME))
            self.record_id = record.record_id or ""
            key = await register(owner, self.url + BACK)
        async with AsyncStairgate(self.service.url, access_key=key) as client:
            self.bank = Bank(client)
            self.bank.open_account(self.customer, BALANCE)
            pages = self.service.url.replace("127.0.0.1", "localhost")
            await self._serve(
                BankSite(self.bank, origin=self.url, pages=pages, customer=self.customer, log_in=self._token)
            )

    async def _token(self, customer: str) -> str:
        return await asyncio.to_thread(self.service.token, customer)


@pytest.fixture
def street(service: LocalServer) -> Iterator[Street]:
    """A bank and a customer of its own for each test, on one service."""
    server = BankServer(service)
    server.start()
    try:
        yield Street(server, Totp(service.totp(server.customer)))
    finally:
        server.stop()


def test_what_is_confirmed_on_the_phone_is_paid_once(street: Street) -> None:
    """§7.2, the match code; GET pays nothing, and two presses of the button pay once."""
    visitor, seen = street.asked()
    assert "Confirm this payment" in seen.words
    assert "Done" in street.on_the_phone(seen).words
    seen = visitor.go(seen.url)
    assert "You have confirmed" in visitor.go(seen.url).words
    assert street.balance == BALANCE
    assert "There are 880 EUR left" in street.submit(visitor, seen, "pay").words
    assert "Paid" in street.submit(visitor, seen, "pay").words
    assert street.balance == 880
    assert "120 EUR to Acme GmbH" in visitor.go(street.url).words


def test_without_the_number_the_phone_confirms_nothing_for_the_desktop(street: Street) -> None:
    """Attack 9: a link that was passed on is worth nothing to whoever asked."""
    visitor, seen = street.asked()
    street.on_the_phone(seen, number=False)
    seen = visitor.go(seen.url)
    assert "You have confirmed" not in seen.words
    assert street.balance == BALANCE


def test_the_same_device_comes_back_and_has_paid(street: Street) -> None:
    """§7.2, the return code. It is good in the session that asked, and in no other (attack 9)."""
    visitor, seen = street.asked()
    page = visitor.go(page_uri(seen))
    sent = visitor.submit(page, "answer", code=street.totp.code())
    back = sent.header("location") or ""
    assert back.startswith(f"{street.url}{BACK}?")
    stranger, _ = street.asked("1", "Bob")
    assert "does not belong" in stranger.go(back).words
    assert street.balance == BALANCE
    came = visitor.go(back)
    assert "There are 880 EUR left" in came.words
    assert "code=" not in came.url
    assert "880 EUR left" in visitor.go(back).words
    assert street.balance == 880


def test_a_wrong_return_code_pays_nothing(street: Street) -> None:
    visitor, seen = street.asked()
    page = visitor.go(page_uri(seen))
    back = visitor.submit(page, "answer", code=street.totp.code()).header("location") or ""
    forged = re.sub(r"code=[^&]*", "code=nonsense", back)
    assert forged != back
    visitor.go(forged)
    assert street.balance == BALANCE


def test_a_no_is_told_and_can_be_tried_again(street: Street) -> None:
    visitor, seen = street.asked()
    street.on_the_phone(seen, "decline")
    seen = visitor.go(seen.url)
    assert "You said no, so nothing was paid." in seen.words
    assert "Confirm this payment" in street.submit(visitor, seen, "pay").words
    assert street.balance == BALANCE


def test_what_was_taken_back_cannot_be_confirmed(street: Street) -> None:
    visitor, seen = street.asked()
    assert "Your account" in street.submit(visitor, seen, "cancel").words
    assert "Taken back" in Visitor().go(page_uri(seen)).words
    assert visitor.go(seen.url).status == 404


@pytest.mark.parametrize(
    "headers",
    [{"Origin": "https://evil.example"}, {"Sec-Fetch-Site": "cross-site"}, {"Host": "evil.example"}],
    ids=["another origin", "another site", "another name"],
)
def test_a_form_of_another_site_is_refused(street: Street, headers: dict[str, str]) -> None:
    """Attack 24."""
    visitor, account = street.log_in()
    form = {**account.form("payments"), "amount": "1", "to": "Mallory"}
    assert visitor.send("POST", f"{street.url}/payments", form, headers).status == 400
    assert visitor.send("POST", f"{street.url}/payments", form).status == 303


@pytest.mark.parametrize("token", [None, "", "AAAA", "ä"])
def test_a_form_without_the_sessions_token_is_refused(street: Street, token: str | None) -> None:
    """Attack 24."""
    visitor, _ = street.log_in()
    form = {"amount": "1", "to": "Mallory"} | ({} if token is None else {"form": token})
    for path in ("payments", "ways", "log-out"):
        assert visitor.send("POST", f"{street.url}/{path}", form).status == 400
    assert "Your account" in visitor.go(street.url).words


def test_another_session_sees_nothing_of_a_payment(street: Street) -> None:
    _, seen = street.asked()
    stranger, account = street.log_in()
    assert stranger.go(seen.url).status == 404
    assert stranger.send("POST", f"{seen.url}/pay", account.form("payments")).status == 404
    assert Visitor().go(seen.url).status == 403


def test_a_new_login_has_a_new_session_and_logging_out_ends_it(street: Street) -> None:
    visitor, _ = street.log_in()
    first = visitor.cookies[COOKIE]
    account = street.submit(visitor, visitor.go(street.url), "log-out")
    assert "Log in" in account.words
    old = Visitor(cookies={COOKIE: first})
    assert "Log in as" in old.go(street.url).words
    street.submit(visitor, account, "log-in")
    second = visitor.cookies[COOKIE]
    assert second != first
    visitor.send("POST", f"{street.url}/log-in", visitor.go(street.url).form("payments"))
    assert visitor.cookies[COOKIE] != second
    assert "Log in as" in Visitor(cookies={COOKIE: second}).go(street.url).words


def test_logging_out_ends_what_the_login_was_allowed(street: Street) -> None:
    service, customer = street.server.service, street.server.customer
    with Stairgate(service.url, access_key=service.access_key) as owner:
        owner.records.replace(street.server.record_id, access(customer, TEN_MINUTES))
        visitor, seen = street.asked()
        street.on_the_phone(seen)
        street.submit(visitor, visitor.go(seen.url), "pay")
        assert owner.elevations.list(customer) != []
        street.submit(visitor, visitor.go(street.url), "log-out")
        assert owner.elevations.list(customer) == []


def test_who_has_no_way_to_confirm_is_told_and_pays_nothing(service: LocalServer) -> None:
    """§7.6: no eligible factor is never a pass."""
    server = BankServer(service)
    server.start()
    try:
        _, seen = Street(server, Totp("")).asked()
    finally:
        server.stop()
    assert "You have no way to confirm yet. Nothing was paid." in seen.words


@pytest.mark.parametrize("amount", ["", "0", "-5", "1.5", "1e3", "²", "9999999"])
def test_what_is_no_amount_is_said_and_keeps_what_was_typed(street: Street, amount: str) -> None:
    _, seen = street.asked(amount, "Ann & <b>Bob</b>")
    assert seen.status == 422
    assert "whole euros" in seen.words
    assert "Ann &amp; &lt;b&gt;Bob" in seen.text


def test_more_than_there_is_is_not_asked_about(street: Street) -> None:
    visitor, seen = street.asked("1001")
    assert "not enough money" in seen.words
    assert "cancel" in forms(seen.text)
    assert visitor.go(street.url).status == 200


def test_the_link_to_the_account_page_is_entered_by_this_login(street: Street) -> None:
    visitor, account = street.log_in()
    sent = visitor.send("POST", f"{street.url}/ways", account.form("ways"))
    seen = visitor.go(sent.header("location") or "")
    assert "Open your account" in seen.words
    assert "localhost" in urlsplit(seen.url).netloc


def test_pages_load_nothing_from_elsewhere_and_no_page_is_kept(street: Street) -> None:
    visitor, seen = street.asked()
    for path in ("/", urlsplit(seen.url).path, "/nothing"):
        got = visitor.send("GET", street.url + path)
        policy = got.header("content-security-policy") or ""
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert "frame-ancestors 'none'" in policy
        assert got.header("cache-control") == "no-store"


def test_a_stairgate_that_is_away_pays_nothing(street: Street) -> None:
    visitor, account = street.log_in()
    street.server.bank.stairgate._driver.transport._url = "http://127.0.0.1:9"  # type: ignore[attr-defined]
    form = {**account.form("payments"), "amount": "1", "to": "Bob"}
    got = visitor.send("POST", f"{street.url}/payments", form)
    assert got.status == 503
    assert "nothing was paid" in got.words
    assert street.balance == BALANCE


def test_a_code_is_for_one_payment(street: Street) -> None:
    """`uses: 1` and `bind`: the yes to one payment opens no other one, whatever the session does."""
    visitor, seen = street.asked("120", "Acme GmbH")
    street.on_the_phone(seen)
    account = visitor.go(street.url)
    other = street.submit(visitor, account, "payments", amount="900", to="Mallory")
    assert "Confirm this payment" in other.words
    assert street.balance == BALANCE
