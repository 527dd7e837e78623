"""One request to the account page by whoever is on it: what every verb of the page is handed."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass

from stairgate.pages.account.problems import NOTHING_TOLD, Told, telling, told_in
from stairgate.pages.actions import Actions
from stairgate.pages.http import Page, Request, see_other
from stairgate.pages.languages import Language
from stairgate.pages.templates import Templates
from stairgate.service.account_links import ACCOUNT_PATH, AccountSession, account_form_token
from stairgate.service.context import Services

MAX_FIELD = 256


@dataclass(frozen=True)
class Visit:
    """
    Who is on the page, what they ask, and how they are answered.

    *session* was verified, and so was the form where the request is a POST.
    """

    services: Services
    templates: Templates
    language: Language
    actions: Actions
    request: Request
    session: AccountSession

    def rendered(self, name: str, shown: Mapping[str, object], *, status: int = 200) -> Page:
        """The template *name* of the account page, with what it shows."""
        form = account_form_token(self.services, self.session)
        known = {"session": self.session, "form": form, "now": self.services.clock.now(), "told": told_in(self.request)}
        return rendered(self.templates, self.language, name, {**known, **shown}, status=status)

    def field(self, name: str) -> str:
        """What the form, or else the address, has under *name*, no longer than any value of ours."""
        given = self.request.form if self.request.method == "POST" else self.request.query
        return given.get(name, "")[:MAX_FIELD]

    def back(self, told: Told = NOTHING_TOLD, *, to: str = ACCOUNT_PATH) -> Page:
        """To the page itself, or another address, by GET: a reload repeats nothing."""
        return see_other(telling(to, told))


Verb = Callable[[Visit], Awaitable[Page]]
Verbs = Mapping[tuple[str, str], Verb]  # by the method and what follows the page's address


def rendered(
    templates: Templates, language: Language, name: str, shown: Mapping[str, object], *, status: int = 200
) -> Page:
    """The template *name* of the account page, for whoever it is."""
    body = templates.render(f"account/{name}.html", language, address=ACCOUNT_PATH, **shown)
    return Page(status, body, headers=((b"content-language", language.tag.encode()),))
