"""Model records as the wire Structs show them."""

from __future__ import annotations

from msgspec import UNSET, convert

from stairgate.api.wire.problem import Requirement
from stairgate.api.wire.stepup import Area, Challenge, CodeAddress, Elevation
from stairgate.model import elevations as model
from stairgate.model import protection
from stairgate.model.documents import area_document, requirement_document
from stairgate.service.views import ChallengeView


def requirement_view(requirement: protection.Requirement) -> Requirement:
    """*requirement*, every member of it."""
    return convert(requirement_document(requirement), Requirement)


def area_view(area: model.Area) -> Area:
    """*area* on the wire."""
    return convert(area_document(area), Area)


def challenge_view(view: ChallengeView) -> Challenge:
    """*view* without anything that proves: no code but those that are for this very reader, no token key."""
    challenge = view.challenge
    ticket = challenge.ticket
    return Challenge(
        challenge_id=challenge.id,
        state=challenge.state.value,
        opened_at=challenge.opened_at,
        expires_at=challenge.expires_at,
        user_id=ticket.user,
        resource_uri=str(ticket.resource),
        action=str(ticket.action),
        area=area_view(ticket.area),
        requirement=requirement_view(ticket.requirement),
        asked=view.asked,
        methods=[method.value for method in view.methods],
        attempts_left=view.attempts_left,
        addresses=[CodeAddress(each.factor, each.method.value, each.address) for each in view.addresses],
        elevation_id=challenge.elevation,
        ended_at=challenge.ended_at,
        page_uri=UNSET if view.page_uri is None else view.page_uri,
        match_code=UNSET if view.match_code is None else view.match_code,
        return_to=UNSET if view.return_to is None else view.return_to,
        request_id=UNSET if challenge.request is None else challenge.request,
        approved=UNSET if challenge.request is None else not challenge.waiting,
    )


def elevation_view(elevation: model.Elevation) -> Elevation:
    """*elevation* without its token key and its bound values."""
    return Elevation(
        elevation_id=elevation.id,
        user_id=elevation.user,
        area=area_view(elevation.area),
        level=protection.level_name(elevation.level),
        method=elevation.method.value,
        proven_at=elevation.proven_at,
        issued_at=elevation.issued_at,
        expires_at=elevation.expires_at,
        uses=elevation.uses,
        uses_left=elevation.uses_left,
        challenge_id=elevation.challenge,
    )
