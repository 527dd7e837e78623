"""What the account page shows of what was allowed and asked, and how it ends (semantics §7.7, §8)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass

from stairgate.model.errors import DomainError, NotFoundError
from stairgate.model.ids import ChallengeId, ElevationId
from stairgate.pages.account.problems import Told, problem_of
from stairgate.pages.account.step_up import LIFT, Wish, refusal_of
from stairgate.pages.account.visit import Verbs, Visit
from stairgate.pages.challenge.screen import Detail, Piece, details_of, title_of
from stairgate.pages.harmless import Shown, shown, visible
from stairgate.pages.http import Page
from stairgate.service.caution import read_caution, set_caution
from stairgate.service.decline_challenge import disown_challenge
from stairgate.service.elevations import end_elevation, list_elevations
from stairgate.service.history import PastStepUp, list_step_ups


@dataclass(frozen=True, slots=True)
class Row:
    """A past step-up in words, all that others wrote made harmless."""

    past: PastStepUp
    title: tuple[Piece, ...]
    details: tuple[Detail, ...]
    resource: Shown
    device: Shown | None
    asked_by: str | None


async def activity(visit: Visit) -> Mapping[str, object]:
    """What `_activity.html` shows: nothing where the page was entered without a token of the user."""
    services, caller = visit.services, visit.session.caller
    if caller is None:
        return {}
    return {
        "elevations": await list_elevations(services, caller, visit.session.user),
        "history": [await _row(visit, past) for past in await list_step_ups(services, caller)],
        "cautious": await read_caution(services, caller, visit.session.user),
    }


async def _row(visit: Visit, past: PastStepUp) -> Row:
    asker = None if past.asked_by is None else await visit.services.facts.client(past.asked_by)
    name = past.asked_by if asker is None or not asker.name else asker.name
    wording = visit.actions.of(past.action)
    return Row(
        past=past,
        title=tuple(title_of(past, wording, visit.language)),
        details=tuple(details_of(past, wording, visit.language)),
        resource=shown(str(past.resource)),
        device=None if past.device is None else shown(past.device),
        asked_by=None if name is None else visible(name),
    )


async def end(visit: Visit) -> Page:
    """Answer `POST /account/end`: end one elevation."""
    caller = visit.session.caller
    if caller is None:
        raise NotFoundError
    with suppress(NotFoundError):  # it is over, as was asked
        await end_elevation(visit.services, caller, visit.session.user, ElevationId(visit.field("elevation")))
    return visit.back(Told(done="ended"))


async def not_me(visit: Visit) -> Page:
    """Answer `POST /account/not-me`: "this was not me" about one past step-up."""
    caller = visit.session.caller
    if caller is None:
        raise NotFoundError
    await disown_challenge(visit.services, caller, ChallengeId(visit.field("challenge")))
    return visit.back(Told(done="not_me"))  # or it is told that this very login was stopped


async def ask_always(visit: Visit) -> Page:
    """Answer `POST /account/caution`: "ask me every time"."""
    if visit.session.caller is None:
        raise NotFoundError
    await set_caution(visit.services, visit.session.authority, visit.session.user, always=True)
    return visit.back(Told(done="cautious"))


async def show_lift(visit: Visit) -> Page:
    """Answer `GET /account/lift`: the question, or the step-up that comes first."""
    return visit.rendered("lift", {"wish": Wish(LIFT), "refusal": await refusal_of(visit, Wish(LIFT))})


async def lift(visit: Visit) -> Page:
    """Answer `POST /account/lift`: ask every time no more."""
    wish = Wish(LIFT)
    try:
        await set_caution(visit.services, visit.session.authority, visit.session.user, always=False)
    except DomainError as error:
        problem = problem_of(error)
        if problem is None:
            raise
        return visit.back(Told() if problem.problem in {"first", "app"} else problem, to=wish.address)
    return visit.back(Told(done="lifted"))


VERBS: Verbs = {
    ("POST", "end"): end,
    ("POST", "not-me"): not_me,
    ("POST", "caution"): ask_always,
    ("GET", LIFT): show_lift,
    ("POST", LIFT): lift,
}
