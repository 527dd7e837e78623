"""Explain a check: the same question, the same code path, and why it is answered so. Takes no use (semantics §5)."""

from __future__ import annotations

from stairgate.engine.explain import Explanation
from stairgate.engine.explain import explain as explain_decision
from stairgate.model.tokens import Caller
from stairgate.service.check import CheckCall, asked_of, look
from stairgate.service.context import Services


async def explain(services: Services, caller: Caller, call: CheckCall) -> Explanation:
    """
    Why *call* is answered as it is. Nothing is written, no use is taken and no challenge token is minted.

    Raises:
        The same errors as `service.check.check`.
    """
    asked = await asked_of(services, caller, call)
    facts = await services.facts.facts_of(call.user, asker=asked.asker)
    seen = await services.store.read(lambda transaction: look(transaction, asked, services.clock.now()))
    return explain_decision(asked.question, facts, seen.elevations, services.clock.now(), seen.evidence)
