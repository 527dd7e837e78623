"""
The ASGI application of everything that people see.

It stands beside the API, on the same port, and knows nothing of it: both speak to the service alone.
"""

from __future__ import annotations

import asyncio
from itertools import count
from pathlib import Path
from time import perf_counter
from typing import Protocol

from stairgate.model.errors import (
    DomainError,
    ForbiddenError,
    InvalidInputError,
    MethodNotAllowedError,
    NotFoundError,
    TooLargeError,
    UnavailableError,
)
from stairgate.pages.account.routes import AccountPage
from stairgate.pages.actions import read_actions
from stairgate.pages.assets import ASSETS_PATH, Assets
from stairgate.pages.branding import Branding
from stairgate.pages.challenge.routes import ChallengePage
from stairgate.pages.http import Page, Receive, Request, Scope, Send, read_request
from stairgate.pages.languages import load_languages
from stairgate.pages.templates import Templates
from stairgate.service.account_links import ACCOUNT_PATH
from stairgate.service.context import Services
from stairgate.service.pages import PAGES_PATH, page_origin

BODY_SECONDS = 30
UNKNOWN_ROUTE = "-"
_NOTICES = {400: "malformed", 404: "unknown", 405: "malformed", 413: "malformed", 500: "failed", 503: "away"}


class Served(Protocol):
    """Is told what was served. Route patterns only: no path, secret, code or id ever comes here."""

    def served(
        self, *, method: str, route: str, status: int, seconds: float, request_id: str, outcome: str | None
    ) -> None:
        """Must take note of an answered request; must not raise."""
        ...

    def failed(self, *, route: str, request_id: str, error: BaseException) -> None:
        """Must log what was not foreseen; must not raise."""
        ...


def is_page(raw_path: bytes) -> bool:
    """Whether *raw_path* is one of the pages'."""
    below = (f"{PAGES_PATH}/".encode(), f"{ASSETS_PATH}/".encode(), f"{ACCOUNT_PATH}/".encode())
    return raw_path == ACCOUNT_PATH.encode() or raw_path.startswith(below)


class Pages:
    """
    Every page.

    Args:
        services: What use cases are handed.
        served: Who is told what was served.
        branding: The operator's name, logo and colours.
        folder: The operator's templates, catalogues and words for actions.

    Raises:
        InvalidInputError: What is in the folder will not do; says what.
    """

    def __init__(
        self,
        services: Services,
        *,
        served: Served,
        branding: Branding | None = None,
        folder: Path | None = None,
    ) -> None:
        branding = branding or Branding()
        self._served = served
        self._secure = page_origin(services).startswith("https://")
        self.assets = Assets(branding)
        try:
            self.languages = load_languages([] if folder is None else [folder / "locale"])
        except ValueError as error:
            raise InvalidInputError("STAIRGATE_TEMPLATES", str(error)) from error
        self.templates = Templates(folder, brand=branding, asset=self.assets.address)
        actions = read_actions(folder)
        self._challenge = ChallengePage(services, self.templates, self.languages, actions)
        self._account = AccountPage(services, self.templates, self.languages, actions)
        self._process = services.entropy.token(bits=64)
        self._numbers = count(1)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request for a page."""
        began = perf_counter()
        request_id = f"{self._process}.{next(self._numbers):x}"
        route, page = await self._answered(scope, receive, request_id)
        await self._send(page, scope["method"], receive, send, request_id)
        self._served.served(
            method=scope["method"],
            route=route,
            status=page.status,
            seconds=perf_counter() - began,
            request_id=request_id,
            outcome=None,
        )

    async def _answered(self, scope: Scope, receive: Receive, request_id: str) -> tuple[str, Page]:
        request: Request | None = None
        route = UNKNOWN_ROUTE
        try:
            async with asyncio.timeout(BODY_SECONDS):
                request = await read_request(scope, receive)
            if request.path[0] == ASSETS_PATH.strip("/"):
                return self.assets.serve(request)
            if request.path[0] == ACCOUNT_PATH.strip("/"):
                return await self._account.serve(request)
            return await self._challenge.serve(request)
        except DomainError as error:
            status = _status_of(error)
            if status >= 500:  # noqa: PLR2004  # its cause is for the log
                self._served.failed(route=route, request_id=request_id, error=error)
            allow = ((b"allow", ", ".join(error.allowed).encode()),) if isinstance(error, MethodNotAllowedError) else ()
            return route, self._notice(status, request, request_id).with_headers(*allow)
        except TimeoutError:
            return route, self._notice(400, request, request_id)
        except Exception as error:  # noqa: BLE001  # the last resort: whatever it is, its text stays inside
            self._served.failed(route=route, request_id=request_id, error=error)
            return route, self._notice(500, request, request_id)

    def _notice(self, status: int, request: Request | None, request_id: str) -> Page:
        """A page that says why there is no other. Nothing of what was sent is in it."""
        language = self.languages.chosen(None, "" if request is None else request.header(b"accept-language"))
        body = self.templates.render(
            "notice.html", language, notice=_NOTICES.get(status, "failed"), reference=request_id
        )
        return Page(status, body)

    async def _send(self, page: Page, method: str, receive: Receive, send: Send, request_id: str) -> None:
        fields = [*page.fields(secure=self._secure), (b"x-request-id", request_id.encode())]
        if page.stream is None:
            fields.append((b"content-length", b"%d" % len(page.body)))
        await send({"type": "http.response.start", "status": page.status, "headers": fields})
        if page.stream is None:
            await send({"type": "http.response.body", "body": b"" if method == "HEAD" else page.body})
        else:
            await _send_stream(page, receive, send)


def _status_of(error: DomainError) -> int:
    match error:
        case NotFoundError():
            return 404
        case MethodNotAllowedError():
            return 405
        case TooLargeError():
            return 413
        case UnavailableError():
            return 503
        case InvalidInputError() | ForbiddenError():
            return 400
        case _:
            return 500


async def _send_stream(page: Page, receive: Receive, send: Send) -> None:
    """Send the chunks until they end or the browser leaves, whichever is first."""
    stream = page.stream
    if stream is None:
        return

    async def sending() -> None:
        async for chunk in stream:
            await send({"type": "http.response.body", "body": chunk, "more_body": True})
        await send({"type": "http.response.body", "body": b""})

    async def leaving() -> None:
        while (await receive())["type"] != "http.disconnect":
            pass

    tasks = [asyncio.ensure_future(sending()), asyncio.ensure_future(leaving())]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await stream.aclose()
