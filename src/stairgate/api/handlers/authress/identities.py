"""Trusted issuers over HTTP (authress-contract §1.3)."""

from __future__ import annotations

from stairgate.api.answers import Answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress.drafting import issuer_draft
from stairgate.api.handlers.authress.making import made
from stairgate.api.handlers.authress.showing import issuer_view
from stairgate.api.wire import authress as wire
from stairgate.service import identities


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/identities`."""
    found = await identities.list_issuers(call.services, call.caller)
    return json_answer(200, wire.IdentityCollection([issuer_view(issuer) for issuer in found]))


async def trust(call: Call) -> Answer:
    """Answer `POST /v1/identities`."""
    draft = issuer_draft(call.body(wire.IdentityRequest))
    return await made(call, lambda services: identities.trust_issuer(services, call.caller, draft), issuer_view)
