"""
The challenge page over HTTP.

The secret comes in the address once, goes into a cookie of this challenge and out of the address (semantics §7.8). GET
changes nothing but that cookie; every POST carries the form's own token beside it (attack 24).
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

import segno

from stairgate.model.canonical import read_json
from stairgate.model.challenges import Challenge, ChallengeState
from stairgate.model.errors import (
    ChallengeEndedError,
    ChallengePendingError,
    DomainError,
    InvalidInputError,
    MethodNotAllowedError,
    NotFoundError,
)
from stairgate.model.ids import ChallengeId, FactorId
from stairgate.model.protection import Method
from stairgate.model.tokens import PageHolder
from stairgate.pages.account.cookie import session_cookie, session_of
from stairgate.pages.actions import Actions
from stairgate.pages.challenge.problems import problem_in, problem_of
from stairgate.pages.challenge.screen import ON_PAGES, SENT, Screen, screen
from stairgate.pages.http import Page, Request, see_other
from stairgate.pages.languages import Language, Languages
from stairgate.pages.templates import Templates
from stairgate.service import pages
from stairgate.service.account_links import AccountSession, leave_account
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.context import Services
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.passkey_options import passkey_options
from stairgate.service.read_challenge import read_challenge, wait_for_challenge
from stairgate.service.send_code import send_code
from stairgate.service.views import ChallengeView

WAY_SECONDS = 365 * 86_400
COOKIE_SECONDS = 3_600  # after the challenge's end: "this was not me" works then, too
HEARTBEAT = 15  # seconds
MAX_ID = 64
FORM = "form"  # the field that has the form's token
_MAX_TYPED = 64
_JSON = b"application/json"
_PROVING = frozenset({"answer", "code", "options"})  # what only the named user may do


@dataclass(frozen=True)
class ChallengePage:
    """
    The page of every challenge.

    Args:
        services: What use cases are handed.
        templates: What it is rendered from.
        languages: Those that there are.
        actions: The operator's words for actions.
    """

    services: Services
    templates: Templates
    languages: Languages
    actions: Actions

    async def serve(self, request: Request) -> tuple[str, Page]:
        """
        Answer `/step-up/{challengeId}` and what is below it.

        Returns:
            The pattern of the route, for logs, and the answer.

        Raises:
            DomainError: There is no such page, or what was sent is no form of ours.
        """
        challenge, verb = ChallengeId(request.path[1]), "/".join(request.path[2:])
        calls = {
            ("GET", ""): self._show,
            ("GET", "events"): self._events,
            ("GET", "state"): self._state,
            ("POST", "answer"): self._answer,
            ("POST", "code"): self._code,
            ("POST", "options"): self._options,
            ("POST", "decline"): self._decline,
            ("POST", "leave"): self._leave,
        }
        pattern = f"{pages.PAGES_PATH}/{{challengeId}}{'/' if verb else ''}{verb}"
        call = calls.get(("GET" if request.method == "HEAD" else request.method, verb))
        if call is None:
            allowed = tuple(method for method, known in calls if known == verb)
            raise MethodNotAllowedError(allowed) if allowed else NotFoundError
        if len(challenge) > MAX_ID or not challenge.isascii():
            raise NotFoundError
        if pages.PAGE_SECRET_PARAMETER in request.query:
            return pattern, await self._enter(request, challenge)
        holder = PageHolder(request.cookie(self._cookie(challenge)) or "")
        if request.method == "POST":
            view = await read_challenge(self.services, holder, challenge)  # who has no part in it learns nothing else
            self._require_own_form(request, challenge)
            if verb in _PROVING and await self._somebody_else(request, view) is not None:
                return pattern, see_other(_address(challenge))  # which says so
        return pattern, await call(request, challenge, holder)

    def language(self, request: Request, challenge: Challenge | None = None) -> Language:
        """What the reader reads."""
        wish = None if challenge is None else challenge.opening.locale
        return self.languages.chosen(wish, request.header(b"accept-language"))

    # --- the secret

    async def _enter(self, request: Request, challenge: ChallengeId) -> Page:
        """Put the secret into the cookie and take it out of the address."""
        secret = request.query[pages.PAGE_SECRET_PARAMETER]
        view = await read_challenge(self.services, PageHolder(secret), challenge)
        left = int((view.challenge.expires_at - self.services.clock.now()).total_seconds())
        scope = "Path=/; Secure" if self._secure else f"Path={_address(challenge)}"
        seconds = max(left, 0) + COOKIE_SECONDS
        cookie = f"{self._cookie(challenge)}={secret}; {scope}; HttpOnly; SameSite=Lax; Max-Age={seconds}"
        return see_other(_address(challenge), (b"set-cookie", cookie.encode("ascii", "replace")))

    @property
    def _secure(self) -> bool:
        return pages.page_origin(self.services).startswith("https://")

    def _cookie(self, challenge: ChallengeId) -> str:
        """
        The name of the challenge's cookie.

        SECURITY: `__Host-` ties it to this very host and to https. On plain http, which is for one machine alone, no
        browser would keep such a cookie, so there it has another name and the path of its challenge.
        """
        return f"{'__Host-' if self._secure else ''}stairgate-{challenge}"

    @property
    def _way_cookie(self) -> str:
        return f"{'__Host-' if self._secure else ''}stairgate-way"

    def _remembered(self, method: Method) -> tuple[bytes, bytes]:
        """What was right on this device is offered first the next time; the method's name, and nothing of anybody."""
        secure = "; Secure" if self._secure else ""
        cookie = f"{self._way_cookie}={method.value}; Path=/{secure}; HttpOnly; SameSite=Lax; Max-Age={WAY_SECONDS}"
        return (b"set-cookie", cookie.encode())

    def _require_own_form(self, request: Request, challenge: ChallengeId) -> None:
        """
        Refuse a form that is none of this page's (attack 24).

        Raises:
            NotFoundError: Its token is missing or wrong.
        """
        site, origin = request.header(b"sec-fetch-site"), request.header(b"origin")
        # `Origin` is `null` where the page sends no referrer, as ours do not: then the token alone decides.
        foreign = site not in {"", "same-origin"} or origin not in {"", "null", *self.services.rules.public_origins}
        if foreign or not pages.is_form_token(self.services, challenge, request.form.get(FORM, "")):
            raise NotFoundError

    async def _somebody_else(self, request: Request, view: ChallengeView) -> AccountSession | None:
        """The account page that is open in this browser, where it is not that of the challenge's user."""
        session = await session_of(self.services, request)
        return None if session is None or session.user == view.challenge.ticket.user else session

    async def _leave(self, request: Request, challenge: ChallengeId, holder: PageHolder) -> Page:
        """Close the account page that is open in this browser."""
        session = await session_of(self.services, request)
        if session is not None:
            await leave_account(self.services, session)
        return see_other(_address(challenge), session_cookie(self.services, "", 0))

    # --- reading

    async def _show(self, request: Request, challenge: ChallengeId, holder: PageHolder) -> Page:
        view = await read_challenge(self.services, holder, challenge)
        language = self.language(request, view.challenge)
        wishes = (request.query.get("way", ""), request.cookie(self._way_cookie) or "")
        shown = await self._screen(view, language, wishes)
        other = await self._somebody_else(request, view) if view.challenge.state is ChallengeState.OPEN else None
        body = self.templates.render(
            f"challenge/{_template(shown) if other is None else 'other'}.html",
            language,
            screen=shown,
            other=None if other is None else other.user,
            problem=problem_in(request),
            address=_address(challenge),
            form=pages.form_token(self.services, challenge),
            qr=self._qr(view.challenge),
        )
        return Page(200, body, headers=((b"content-language", language.tag.encode()),), elsewhere=_elsewhere(view))

    async def _screen(self, view: ChallengeView, language: Language, wishes: Sequence[str]) -> Screen:
        asker = view.challenge.ticket.client
        known = None if asker is None else await self.services.facts.client(asker)
        name = None if asker is None else (known.name if known is not None and known.name else asker)
        back = pages.return_address(view.challenge, None)
        return screen(view, language, self.actions, asked_by=name, wishes=wishes, back=back)

    def _qr(self, challenge: Challenge) -> str:
        """The page's own address as an image, to go on with on a phone; empty where no number could be typed there."""
        address = pages.page_uri(self.services, challenge)
        if challenge.match is None or address is None or challenge.state is not ChallengeState.OPEN:
            return ""
        return segno.make(address, error="m").svg_inline(border=2, svgclass="qr", lineclass="qr-line", omitsize=True)

    async def _state(self, request: Request, challenge: ChallengeId, holder: PageHolder) -> Page:
        view = await read_challenge(self.services, holder, challenge)
        return Page(200, _told(view), _JSON)

    async def _events(self, request: Request, challenge: ChallengeId, holder: PageHolder) -> Page:
        view = await read_challenge(self.services, holder, challenge)
        headers = ((b"x-accel-buffering", b"no"),)
        return Page(200, b"", b"text/event-stream", headers, stream=self._states(holder, view))

    async def _states(self, holder: PageHolder, view: ChallengeView) -> AsyncGenerator[bytes, None]:
        yield b"data: %b\n\n" % _told(view)
        while view.challenge.state.live:
            began = self.services.clock.now()
            try:
                following = await wait_for_challenge(self.services, holder, view.challenge.id, HEARTBEAT)
            except DomainError:
                return  # the page asks again, and is told there
            if following.challenge.version != view.challenge.version:
                yield b"data: %b\n\n" % _told(following)
            else:
                yield b": still waiting\n\n"
                if self.services.clock.now() == began:
                    await asyncio.sleep(1)  # a wait that was none must not become a loop
            view = following

    # --- answering

    async def _answer(self, request: Request, challenge: ChallengeId, holder: PageHolder) -> Page:
        form = request.form
        method = _method(form.get("method", ""))
        try:
            view = await answer_challenge(self.services, holder, challenge, _answer_call(form, method))
        except (ChallengeEndedError, ChallengePendingError):
            return see_other(_address(challenge))
        except DomainError as error:
            return self._back(challenge, error, method)
        return see_other(view.return_to or _address(challenge), self._remembered(method))

    async def _code(self, request: Request, challenge: ChallengeId, holder: PageHolder) -> Page:
        method = _method(request.form.get("method", ""))
        to = request.form.get("to")
        factor = None if to is None else FactorId(to[:MAX_ID])
        language = self.language(request, (await read_challenge(self.services, holder, challenge)).challenge)
        try:
            await send_code(self.services, holder, challenge, method, factor=factor, locale=language.tag)
        except (ChallengeEndedError, ChallengePendingError):
            return see_other(_address(challenge))
        except DomainError as error:
            return self._back(challenge, error, method)
        return see_other(f"{_address(challenge)}?way={method}")

    async def _options(self, request: Request, challenge: ChallengeId, holder: PageHolder) -> Page:
        once = request.form.get("once") == "yes"
        try:
            options = await passkey_options(self.services, holder, challenge, once=once)
        except DomainError as error:
            problem = problem_of(error)
            if problem is None and not isinstance(error, ChallengeEndedError | ChallengePendingError):
                raise
            return Page(409, json.dumps({"problem": problem.word if problem else ""}).encode(), _JSON)
        return Page(200, json.dumps({"publicKey": dict(options)}).encode(), _JSON)

    async def _decline(self, request: Request, challenge: ChallengeId, holder: PageHolder) -> Page:
        not_me = request.form.get("notMe") == "yes"
        try:
            view = await decline_challenge(self.services, holder, challenge, not_me=not_me)
        except ChallengeEndedError:
            return see_other(_address(challenge))
        back = pages.return_address(view.challenge, None)
        return see_other(_address(challenge) if back is None or not_me else back)

    def _back(self, challenge: ChallengeId, error: DomainError, method: Method) -> Page:
        problem = problem_of(error)
        if problem is None:
            raise error
        return see_other(f"{_address(challenge)}?{problem.query(way=method.value)}")


def _template(shown: Screen) -> str:
    if shown.state is not ChallengeState.OPEN:
        return "ended"
    if shown.view.challenge.waiting:
        return "waiting"
    return "open" if shown.methods else "none"


def _address(challenge: ChallengeId) -> str:
    return f"{pages.PAGES_PATH}/{quote(challenge, safe='')}"


def _method(name: str) -> Method:
    for method in ON_PAGES:
        if method.value == name:
            return method
    raise InvalidInputError("method", "is none that can be used on a page")


def _answer_call(fields: Mapping[str, str], method: Method) -> AnswerCall:
    code, credential = fields.get("code", "")[:_MAX_TYPED], fields.get("credential", "")
    if method in SENT | {Method.TOTP}:
        code = code.replace("-", "").strip()
    number = fields.get("number", "").replace("-", "").strip()[:_MAX_TYPED]
    return AnswerCall(
        method,
        code=code if method is not Method.PASSKEY else None,
        once=fields.get("once") == "yes",
        credential=_credential(credential) if method is Method.PASSKEY else None,
        match_code=number or None,
    )


def _credential(text: str) -> dict[str, object] | None:
    if not text:
        return None
    value = read_json(text, field="credential")
    if not isinstance(value, dict):
        raise InvalidInputError("credential", "must be an object")
    return dict(value)


def _told(view: ChallengeView) -> bytes:
    waiting = view.challenge.state is ChallengeState.OPEN and view.challenge.waiting
    return json.dumps({"state": "waiting" if waiting else view.challenge.state.value}).encode()


def _elsewhere(view: ChallengeView) -> str:
    """The origin, or the scheme of an app's own, that answering may lead on to: browsers hold redirects to it, too."""
    uri = view.challenge.opening.return_uri
    if uri is None:
        return ""
    parts = urlsplit(uri)
    return f"{parts.scheme}://{parts.netloc}" if parts.scheme in {"http", "https"} else f"{parts.scheme}:"
