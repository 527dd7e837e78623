"""Is it alive, can it work, and how much does it do."""

from __future__ import annotations

from stairgate.api.answers import NO_STORE, Answer, json_answer, text_answer
from stairgate.api.call import Call
from stairgate.api.wire.wellknown import Health


async def live(_call: Call) -> Answer:
    """Answer `GET /health/live`: the process answers."""
    return json_answer(200, Health("ok"))


async def ready(call: Call) -> Answer:
    """Answer `GET /health/ready`: the store can be read; 503 otherwise."""
    await call.services.store.read(lambda transaction: transaction.revision())
    return json_answer(200, Health("ok"))


async def metrics(call: Call) -> Answer:
    """Answer `GET /metrics`."""
    page, media_type = call.instruments.metrics()
    return text_answer(200, page, media_type.encode(), NO_STORE)
