"""The cookie of an account page's session, and who is on that page in this browser."""

from __future__ import annotations

from stairgate.model.errors import NotFoundError
from stairgate.pages.http import Request
from stairgate.service.account_links import AccountSession, account_session, was_stopped
from stairgate.service.context import Services
from stairgate.service.pages import page_origin

MAX_SECRET = 256


def _secure(services: Services) -> bool:
    return page_origin(services).startswith("https://")


def _name(services: Services) -> str:
    """SECURITY: `__Host-` where there is https; on plain http no browser would keep such a cookie."""
    return f"{'__Host-' if _secure(services) else ''}stairgate-account"


async def session_of(services: Services, request: Request) -> AccountSession | None:
    """The session that *request* comes with; None where there is none, or its time is over."""
    secret = request.cookie(_name(services))
    if not secret:
        return None
    try:
        return await account_session(services, secret[:MAX_SECRET])
    except NotFoundError:
        return None


async def stopped_in(services: Services, request: Request) -> bool:
    """Whether the session that *request* comes with is over because "this was not me" was said of its login."""
    secret = request.cookie(_name(services))
    return secret is not None and await was_stopped(services, secret[:MAX_SECRET])


def session_cookie(services: Services, secret: str, seconds: int) -> tuple[bytes, bytes]:
    """The header field that keeps *secret* for *seconds*; 0 forgets it."""
    scope = "Path=/; Secure" if _secure(services) else "Path=/"
    cookie = f"{_name(services)}={secret}; {scope}; HttpOnly; SameSite=Lax; Max-Age={seconds}"
    return (b"set-cookie", cookie.encode("ascii"))
