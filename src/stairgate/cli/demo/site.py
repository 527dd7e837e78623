"""
The bank's web site: an account, a form to pay, and what a customer sees while a payment waits for their yes.

It is written to be copied. GET changes nothing, but for the way back with the return code; every form carries the
session's own token; a payment is made by the server, from what it kept, never from what comes back with the browser.
"""

from __future__ import annotations

import hmac
import secrets  # noqa: TID251  # the bank is an application of its own, with randomness of its own
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path

import segno
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from stairgate import (
    AsyncStairgate,
    Challenge,
    ChallengeBarredError,
    ChallengeEndedError,
    ChallengePendingError,
    NoEligibleFactorError,
    StairgateError,
    StepUpAuthorizationRequired,
    TooManyError,
    Unauthorized,
    UserTokenRefusedError,
    WrongAnswerError,
)
from stairgate.cli.demo.bank import NAME, Asked, Bank, Payment, TooLittleMoneyError
from stairgate.cli.demo.web import (
    EVENTS,
    Answer,
    BadRequestError,
    Receive,
    Request,
    Scope,
    Send,
    read_request,
    see_other,
    send_answer,
)

COOKIE = "bank-session"
BACK = "/back"
MOST_TO, MOST_DIGITS = 70, 6
_FOLDER = Path(__file__).parent / "pages"
_ASSETS = {"/bank.css": "text/css; charset=utf-8", "/bank.js": "text/javascript; charset=utf-8"}
_ENDED = {"declined", "expired", "cancelled", "superseded", "locked"}


@dataclass
class Order:
    """A payment that was asked for, and how far it is: *asked* while it waits, *left* once it is paid."""

    payment: Payment
    asked: Asked | None = None
    state: str = ""
    left: int | None = None
    problem: str = ""


@dataclass
class Session:
    """One login: the customer's token stays here, on the server."""

    user: str
    token: str = field(repr=False)
    form: str = field(default_factory=lambda: secrets.token_urlsafe(16), repr=False)
    orders: dict[str, Order] = field(default_factory=dict)


class BankSite:
    """
    An ASGI application.

    Args:
        bank: The bank.
        origin: Where this site is.
        pages: Where Stairgate's pages are: a form may lead there.
        customer: Who can log in.
        log_in: The identity provider: gives a token of the customer, another one each time.
    """

    def __init__(
        self, bank: Bank, *, origin: str, pages: str, customer: str, log_in: Callable[[str], Awaitable[str]]
    ) -> None:
        self._bank, self._origin, self._customer, self._log_in = bank, origin, customer, log_in
        self._sessions: dict[str, Session] = {}
        self._templates = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)
        self._templates.globals["parts"] = self._templates.get_template("_parts.html").module
        policy = (
            "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; "
            f"form-action 'self' {pages}; base-uri 'none'; frame-ancestors 'none'"
        )
        self._headers = (
            ("content-security-policy", policy),
            ("referrer-policy", "same-origin"),
            ("x-content-type-options", "nosniff"),
            ("cache-control", "no-store"),
        )

    @property
    def _stairgate(self) -> AsyncStairgate:
        return self._bank.stairgate

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        try:
            answer = await self._answer(await read_request(scope, receive))
        except BadRequestError:
            answer = self._page("notice.html", 400, None, problem="malformed")
        except UserTokenRefusedError:
            answer = self._page("notice.html", 403, None, problem="over")
        except StairgateError:
            answer = self._page("notice.html", 503, None, problem="away")
        await send_answer(answer, receive, send, self._headers)

    async def _answer(self, request: Request) -> Answer:
        # SECURITY: a name that somebody else pointed at this address (DNS rebinding) is not ours.
        if request.headers.get("host", "") != self._origin.partition("//")[2]:
            raise BadRequestError
        if request.method == "GET" and request.path in _ASSETS:
            text = (_FOLDER / request.path[1:]).read_text(encoding="utf-8")
            return Answer(200, text, _ASSETS[request.path])
        key = request.cookie(COOKIE)
        session = self._sessions.get(key)
        if request.method == "POST":
            self._require_own_form(request, session)
            if request.path == "/log-in":
                return await self._logged_in(key)
            if request.path == "/log-out" and session is not None:
                return await self._logged_out(key, session)
        if session is None:
            return self._page("log_in.html", 200 if request.path == "/" else 403, None, customer=self._customer)
        return await self._of_session(request, session)

    async def _of_session(self, request: Request, session: Session) -> Answer:
        match request.method, request.path.split("/")[1:]:
            case "GET", [""]:
                return await self._account(session)
            case "POST", ["ways"]:
                link = await self._stairgate.account_link(session.user, user_token=session.token)
                return see_other(link.account_uri)
            case "POST", ["payments"]:
                return await self._order(request, session)
            case "GET", ["back"]:
                return await self._back(request, session)
            case _, ["payments", id_, *verb] if id_ in session.orders:
                return await self._of_order(request, session, session.orders[id_], "/".join(verb))
        return self._page("notice.html", 404, session, problem="unknown")

    async def _of_order(self, request: Request, session: Session, order: Order, verb: str) -> Answer:
        match request.method, verb:
            case "GET", "":
                return await self._show(session, order)
            case "GET", "events":
                return Answer(200, media_type=EVENTS, stream=self._events(session, order))
            case "POST", "pay":
                await self._pay(request, session, order)
                return see_other(_address(order))
            case "POST", "cancel":
                return await self._cancel(session, order)
        return self._page("notice.html", 404, session, problem="unknown")

    def _require_own_form(self, request: Request, session: Session | None) -> None:
        """Refuse a form that is none of ours: from another site, or without the session's token."""
        site, origin = request.headers.get("sec-fetch-site", "same-origin"), request.headers.get("origin", self._origin)
        if site != "same-origin" or origin != self._origin:
            raise BadRequestError
        if session is not None and not _same(request.form.get("form", ""), session.form):
            raise BadRequestError

    # --- the login

    async def _logged_in(self, old: str) -> Answer:
        self._sessions.pop(old, None)
        key = secrets.token_urlsafe(32)
        self._sessions[key] = Session(self._customer, await self._log_in(self._customer))
        # Over https, as anywhere but on one machine, its name begins with `__Host-`, and it is `Secure`.
        return see_other("/", ("set-cookie", f"{COOKIE}={key}; Path=/; HttpOnly; SameSite=Lax"))

    async def _logged_out(self, key: str, session: Session) -> Answer:
        del self._sessions[key]
        await self._stairgate.elevations.end_all(session.user, user_token=session.token)
        return see_other("/")

    # --- paying

    async def _account(self, session: Session, *, problem: str = "", typed: dict[str, str] | None = None) -> Answer:
        balance = await self._bank.balance(session.user, session.token)
        return self._page(
            "account.html",
            422 if problem else 200,
            session,
            balance=balance,
            paid=self._bank.paid(session.user),
            waiting=[order for order in session.orders.values() if order.asked is not None],
            problem=problem,
            typed=typed or {},
        )

    async def _order(self, request: Request, session: Session) -> Answer:
        amount, to = request.form.get("amount", "").strip(), request.form.get("to", "").strip()
        if not (amount.isascii() and amount.isdecimal() and len(amount) <= MOST_DIGITS and int(amount) > 0):
            return await self._account(session, problem="amount", typed={"amount": amount, "to": to})
        if not 1 <= len(to) <= MOST_TO or not to.isprintable():
            return await self._account(session, problem="to", typed={"amount": amount, "to": to})
        payment = Payment(secrets.token_urlsafe(12), session.user, int(amount), to)
        order = session.orders[payment.payment_id] = Order(payment)
        await self._pay(request, session, order)
        return see_other(_address(order))

    async def _pay(self, request: Request, session: Session, order: Order) -> None:
        """Try the payment. Where it wants a step-up first, open the challenge: the same call succeeds after it."""
        order.asked, order.problem = None, "unasked"
        try:
            order.left = await self._bank.pay_out(order.payment, session.token)
            order.problem = ""
        except TooLittleMoneyError:
            order.problem = "money"
        except Unauthorized:
            order.problem = "denied"
        except StepUpAuthorizationRequired as refusal:
            await self._ask(request, session, order, refusal)

    async def _ask(
        self, request: Request, session: Session, order: Order, refusal: StepUpAuthorizationRequired
    ) -> None:
        order.state = secrets.token_urlsafe(16)
        try:
            order.asked = await self._bank.ask(
                refusal,
                session.token,
                device=_device(request.headers.get("user-agent", "")),
                return_uri=self._origin + BACK,
                state=order.state,
            )
            order.problem = "" if order.asked is not None else "denied"
        except NoEligibleFactorError:
            order.problem = "no_way"
        except ChallengeBarredError:
            order.problem = "barred"
        except TooManyError:
            order.problem = "many"

    async def _back(self, request: Request, session: Session) -> Answer:
        """
        The browser that answered on this device comes back, with a return code if it said yes.

        SECURITY: *state* ties it to this session. Without that, somebody could send their own code here (attack 9).
        """
        state, code = request.query.get("state", ""), request.query.get("code", "")
        order = next((each for each in session.orders.values() if each.state and _same(each.state, state)), None)
        if order is None:
            return self._page("notice.html", 400, session, problem="foreign")
        if order.asked is not None and code:
            try:
                await self._stairgate.step_up_authorization(
                    order.asked.challenge_token, user_token=session.token, code=code
                )
                await self._pay(request, session, order)
            except (WrongAnswerError, ChallengeEndedError, ChallengePendingError, ChallengeBarredError):
                pass  # its page says what became of it
        return see_other(_address(order))

    async def _cancel(self, session: Session, order: Order) -> Answer:
        if order.asked is not None and (await self._challenge(session, order.asked)).live:
            await self._stairgate.challenges.cancel(order.asked.challenge.challenge_id, user_token=session.token)
        session.orders.pop(order.payment.payment_id, None)
        return see_other("/")

    # --- showing

    async def _show(self, session: Session, order: Order) -> Answer:
        state, address = "", ""
        if order.asked is not None:
            state = (await self._challenge(session, order.asked)).state
            address = order.asked.challenge.page_uri or ""
        template = "paid" if order.left is not None else "ended" if order.problem or state in _ENDED else "confirm"
        return self._page(
            f"{template}.html",
            200,
            session,
            order=order,
            state=state,
            address=address,
            qr=segno.make(address, error="m").svg_inline(border=2, omitsize=True) if address else "",
        )

    async def _events(self, session: Session, order: Order) -> AsyncIterator[str]:
        """Each state of the challenge, as server-sent events."""
        if order.asked is not None:
            challenge_id = order.asked.challenge.challenge_id
            async for challenge in self._stairgate.challenges.watch(challenge_id, user_token=session.token):
                yield f"data: {challenge.state}\n\n"

    async def _challenge(self, session: Session, asked: Asked) -> Challenge:
        return await self._stairgate.challenges.get(asked.challenge.challenge_id, user_token=session.token)

    def _page(self, template: str, status: int, session: Session | None, **values: object) -> Answer:
        body = self._templates.get_template(template).render(bank=NAME, session=session, **values)
        return Answer(status, body)


def _address(order: Order) -> str:
    return f"/payments/{order.payment.payment_id}"


def _same(one: str, other: str) -> bool:
    return hmac.compare_digest(one.encode(), other.encode())


def _device(user_agent: str) -> str:
    """The browser that asks, in words, for the page that is answered elsewhere."""
    browser = next((name for name in ("Firefox", "Edg", "Chrome", "Safari") if name in user_agent), "A browser")
    system = next((name for name in ("Android", "iPhone", "Windows", "Mac", "Linux") if name in user_agent), "")
    return f"{browser.replace('Edg', 'Edge')} on {system}" if system else browser
