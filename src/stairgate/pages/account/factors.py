"""The user's factors on the account page (semantics §7.6)."""

from __future__ import annotations

from collections.abc import Mapping

from stairgate.pages.account.visit import Verbs, Visit
from stairgate.service.account_factors import list_session_factors


async def factors(visit: Visit) -> Mapping[str, object]:
    """What `_factors.html` shows."""
    return {"factors": await list_session_factors(visit.services, visit.session)}


VERBS: Verbs = {}
