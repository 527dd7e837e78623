"""The user's factors on the account page: what there is, and how each is renamed, removed or switched on again."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping

from stairgate.model.errors import DomainError, NotFoundError
from stairgate.model.ids import FactorId
from stairgate.model.protection import Method
from stairgate.pages.account.problems import Told, problem_of
from stairgate.pages.account.step_up import Wish, refusal_of, wish_of
from stairgate.pages.account.visit import Verbs, Visit
from stairgate.pages.http import Page
from stairgate.service.account_factors import FactorView, change_factor, delete_factor, list_session_factors
from stairgate.service.enrolment import enrolled_here

# As they are offered: what proves most, and asks nobody to copy a code, comes first (NIST-5, NIST-7; WCAG 3.3.8).
_WAYS = (Method.PASSKEY, Method.TOTP, Method.RECOVERY, Method.EMAIL, Method.SMS)


async def factors(visit: Visit) -> Mapping[str, object]:
    """What `_factors.html` shows."""
    offered = enrolled_here(visit.services)
    return {
        "factors": await list_session_factors(visit.services, visit.session),
        "ways": [method.value for method in _WAYS if method in offered],
    }


def _form(verb: str) -> Callable[[Visit], Awaitable[Page]]:
    async def show(visit: Visit) -> Page:
        wish = wish_of(f"{verb}:{visit.field('factor')}")
        known = await list_session_factors(visit.services, visit.session)
        shown = {"wish": wish, "factor": _found(known, wish), "last": len(known) == 1}
        return visit.rendered("change", {**shown, "factors": known, "refusal": await refusal_of(visit, wish)})

    return show


def _found(known: list[FactorView], wish: Wish) -> FactorView:
    for factor in known:
        if factor.id == wish.of:
            return factor
    raise NotFoundError


async def rename(visit: Visit) -> Page:
    """Answer `POST /account/rename`."""
    services, session, factor = visit.services, visit.session, _factor(visit)
    name = visit.field("name").strip()
    work = change_factor(services, session.authority, session.user, factor, name=name)
    return await _done(visit, work, Wish("rename", factor), "renamed")


async def remove(visit: Visit) -> Page:
    """Answer `POST /account/remove`."""
    services, session, factor = visit.services, visit.session, _factor(visit)
    work = delete_factor(services, session.authority, session.user, factor)
    return await _done(visit, work, Wish("remove", factor), "removed")


async def clear(visit: Visit) -> Page:
    """Answer `POST /account/clear`: switch on again what wrong answers have switched off."""
    services, session, factor = visit.services, visit.session, _factor(visit)
    work = change_factor(services, session.authority, session.user, factor, clear=True)
    return await _done(visit, work, Wish("clear", factor), "cleared")


def _factor(visit: Visit) -> FactorId:
    return FactorId(visit.field("factor"))


async def _done(visit: Visit, work: Awaitable[object], wish: Wish, done: str) -> Page:
    try:
        await work
    except NotFoundError:  # it is gone already: the list shows what is
        return visit.back()
    except DomainError as error:
        problem = problem_of(error)
        if problem is None:
            raise
        return visit.back(Told() if problem.problem in {"first", "app"} else problem, to=wish.address)
    return visit.back(Told(done=done))


VERBS: Verbs = {
    ("GET", "rename"): _form("rename"),
    ("GET", "remove"): _form("remove"),
    ("GET", "clear"): _form("clear"),
    ("POST", "rename"): rename,
    ("POST", "remove"): remove,
    ("POST", "clear"): clear,
}
