"""Invites over HTTP (authress-contract §1.3)."""

from __future__ import annotations

from stairgate.api.answers import Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress import listing
from stairgate.api.handlers.authress.drafting import invite_draft
from stairgate.api.handlers.authress.making import made
from stairgate.api.handlers.authress.showing import invite_view
from stairgate.api.wire import invites as wire
from stairgate.service import invites


async def create(call: Call) -> Answer:
    """Answer `POST /v1/invites`."""
    draft = invite_draft(call.body(wire.Invite))
    return await made(
        call,
        lambda services: invites.create_invite(services, call.caller, draft),
        lambda known: invite_view(call, known),
    )


async def read(call: Call) -> Answer:
    """Answer `GET /v1/invites/{inviteId}`."""
    known = await invites.read_invite(call.services, call.caller, call.parameters["inviteId"])
    return json_answer(200, invite_view(call, known))


async def accept(call: Call) -> Answer:
    """Answer `PATCH /v1/invites/{inviteId}`: empty, as the newest official clients expect."""
    call.body(wire.InviteAcceptance)
    written = await invites.accept_invite(call.services, call.caller, call.parameters["inviteId"])
    return empty_answer(200, listing.revision(written.revision))


async def delete(call: Call) -> Answer:
    """Answer `DELETE /v1/invites/{inviteId}`."""
    written = await invites.delete_invite(call.services, call.caller, call.parameters["inviteId"])
    return empty_answer(204, listing.revision(written.revision))
