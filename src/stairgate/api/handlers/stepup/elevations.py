"""Elevations over HTTP (semantics §8)."""

from __future__ import annotations

from stairgate.api.answers import Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.stepup.check import MAX_USER_TOKEN, USER_TOKEN
from stairgate.api.views import elevation_view
from stairgate.api.wire.stepup import Elevations, EndedElevations
from stairgate.model.errors import NotFoundError
from stairgate.model.ids import ElevationId, user_id
from stairgate.service import elevations

_MAX_ID = 128


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/users/{userId}/elevations`."""
    user = user_id(call.parameters["userId"])
    found = await elevations.list_elevations(call.services, call.caller, user)
    return json_answer(200, Elevations([elevation_view(elevation) for elevation in found]))


async def end(call: Call) -> Answer:
    """Answer `DELETE /v1/users/{userId}/elevations/{elevationId}`."""
    user = user_id(call.parameters["userId"])
    text = call.parameters["elevationId"]
    if len(text) > _MAX_ID or not text.isascii():
        raise NotFoundError
    await elevations.end_elevation(call.services, call.caller, user, ElevationId(text))
    return empty_answer(204)


async def end_all(call: Call) -> Answer:
    """Answer `DELETE /v1/users/{userId}/elevations`: of the user token that it comes with, or of every token."""
    ended = await elevations.end_elevations(
        call.services,
        call.caller,
        user_id(call.parameters["userId"]),
        user_token=call.header(USER_TOKEN, maximum=MAX_USER_TOKEN),
        everything=call.boolean("all"),
    )
    return json_answer(200, EndedElevations(ended))
