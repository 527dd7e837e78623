"""Claims over HTTP (authress-contract §1.3)."""

from __future__ import annotations

from stairgate.api.answers import Answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress.making import made
from stairgate.api.handlers.authress.showing import claim_view
from stairgate.api.wire import authress as wire
from stairgate.service import claims


async def claim(call: Call) -> Answer:
    """Answer `POST /v1/claims`."""
    body = call.body(wire.ClaimRequest)
    resource = claims.claimed_resource(body.collection_resource, body.resource_id)
    return await made(
        call,
        lambda services: claims.claim_resource(services, call.caller, resource),
        lambda claimed: claim_view(call, claimed),
    )
