"""
The account page over HTTP.

A link is exchanged by a button, never by opening it: what fetches addresses in mails would use it up. Its session is in
a cookie. GET changes nothing; every POST carries the session's own form token (attack 24).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from stairgate.model.errors import MethodNotAllowedError, NotFoundError
from stairgate.pages.account import activity, adding, factors, step_up
from stairgate.pages.account.cookie import MAX_SECRET, session_cookie, session_of, stopped_in
from stairgate.pages.account.visit import Verbs, Visit, rendered
from stairgate.pages.actions import Actions
from stairgate.pages.http import Page, Request, see_other
from stairgate.pages.languages import Language, Languages
from stairgate.pages.templates import Templates
from stairgate.service.account_links import (
    ACCOUNT_PATH,
    AccountSession,
    enter_account,
    is_account_form_token,
    leave_account,
)
from stairgate.service.context import Services

LINK = "link"
LEAVE = "leave"


async def show(visit: Visit) -> Page:
    """Answer `GET /account`."""
    return visit.rendered("account", {**await factors.factors(visit), **await activity.activity(visit)})


async def leave(visit: Visit) -> Page:
    """Answer `POST /account/leave`: end the session."""
    await leave_account(visit.services, visit.session)
    return visit.back().with_headers(session_cookie(visit.services, "", 0))


VERBS: Verbs = {
    ("GET", ""): show,
    ("POST", LEAVE): leave,
    **factors.VERBS,
    **adding.VERBS,
    **step_up.VERBS,
    **activity.VERBS,
}
_ENTER = ("POST", "enter")  # the only one that there is no session for yet


@dataclass(frozen=True)
class AccountPage:
    """
    The page of every account.

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
        Answer `/account` and what is below it.

        Returns:
            The pattern of the route, for logs, and the answer.

        Raises:
            DomainError: There is no such page, or what was sent is no form of ours.
        """
        name = "/".join(request.path[1:])
        called = ("GET" if request.method == "HEAD" else request.method, name)
        verb = VERBS.get(called)
        if verb is None and called != _ENTER:
            allowed = tuple(method for method, known in (*VERBS, _ENTER) if known == name)
            raise MethodNotAllowedError(allowed) if allowed else NotFoundError
        pattern = f"{ACCOUNT_PATH}{'/' if name else ''}{name}"
        if verb is None:
            return pattern, await self._enter(request)
        if called == ("GET", "") and LINK in request.query:
            return pattern, self._rendered(request, "enter", {"link": request.query[LINK][:MAX_SECRET]})
        session = await session_of(self.services, request)
        if session is None:
            closed = "stopped" if await stopped_in(self.services, request) else "closed"
            return pattern, self._rendered(request, closed, {}, status=404)
        if request.method == "POST":
            self._require_own_form(request, session)
        visit = Visit(self.services, self.templates, self._language(request), self.actions, request, session)
        return pattern, await verb(visit)

    async def _enter(self, request: Request) -> Page:
        self._require_own_site(request)
        try:
            session = await enter_account(self.services, request.form.get(LINK, "")[:MAX_SECRET])
        except NotFoundError:
            return self._rendered(request, "closed", {}, status=404)
        seconds = max(int((session.expires_at - self.services.clock.now()).total_seconds()), 0)
        return see_other(ACCOUNT_PATH, session_cookie(self.services, session.secret, seconds))

    def _require_own_site(self, request: Request) -> None:
        """
        Refuse what another site sends: it could bring somebody onto a page that is not theirs (attack 24).

        Raises:
            NotFoundError: Another site sent it.
        """
        site, origin = request.header(b"sec-fetch-site"), request.header(b"origin")
        if site not in {"", "same-origin"} or origin not in {"", "null", *self.services.rules.public_origins}:
            raise NotFoundError

    def _require_own_form(self, request: Request, session: AccountSession) -> None:
        self._require_own_site(request)
        if not is_account_form_token(self.services, session, request.form.get("form", "")):
            raise NotFoundError

    def _language(self, request: Request) -> Language:
        return self.languages.chosen(None, request.header(b"accept-language"))

    def _rendered(self, request: Request, name: str, shown: Mapping[str, object], *, status: int = 200) -> Page:
        return rendered(self.templates, self._language(request), name, shown, status=status)
