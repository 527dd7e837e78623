"""What the account page shows of what was allowed, and how it ends (semantics §8)."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress

from stairgate.model.errors import NotFoundError
from stairgate.model.ids import ElevationId
from stairgate.pages.account.visit import Verbs, Visit
from stairgate.pages.http import Page
from stairgate.service.elevations import end_elevation, list_elevations

MAX_ID = 64


async def activity(visit: Visit) -> Mapping[str, object]:
    """What `_activity.html` shows."""
    caller = visit.session.caller
    if caller is None:
        return {"elevations": ()}
    return {"elevations": await list_elevations(visit.services, caller, visit.session.user)}


async def end(visit: Visit) -> Page:
    """Answer `POST /account/end`: end one elevation."""
    caller = visit.session.caller
    if caller is None:
        raise NotFoundError
    elevation = ElevationId(visit.request.form.get("elevation", "")[:MAX_ID])
    with suppress(NotFoundError):  # it is over, as was asked
        await end_elevation(visit.services, caller, visit.session.user, elevation)
    return visit.back()


VERBS: Verbs = {("POST", "end"): end}
