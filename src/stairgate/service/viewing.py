"""How access is read: who may ask about whom, for which token, and from one snapshot (semantics §6, §11)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from stairgate.engine.listing import Viewpoint
from stairgate.model.canonical import JsonValue
from stairgate.model.ids import UserId
from stairgate.model.tokens import Caller, ClientCaller
from stairgate.ports.store import ReadTransaction
from stairgate.service.authentication import require_known
from stairgate.service.check import proofs_of
from stairgate.service.context import Services
from stairgate.service.loading import facts_in
from stairgate.service.whose_token import may_ask, token_for

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class ViewCall:
    """
    Whose access is asked for, as it came.

    *user_token* is what a service client passes for the user, *context* the details for conditions and `bind`.
    """

    user: UserId
    user_token: str | None = field(default=None, repr=False)
    context: Mapping[str, JsonValue] | None = field(default=None, repr=False)
    include_protected: bool = False


async def viewing(
    services: Services, caller: Caller, call: ViewCall, function: Callable[[ReadTransaction, Viewpoint], T]
) -> T:
    """
    Run *function* against one snapshot, with what is open to the user there. Nothing is written, no use is taken.

    Raises:
        InvalidInputError: A user passed a user token.
        ForbiddenError: The caller may not ask about this user.
        UserTokenRefusedError: The user token is not valid, or not this user's.
        UnavailableError: The store is away.
    """
    await may_ask(services, caller, call.user)
    token = await token_for(services, caller, call.user, call.user_token, remembered=False)
    asker = caller.client if isinstance(caller, ClientCaller) else None
    facts = await services.facts.facts_of(call.user, asker=asker)
    await require_known(services, caller, token)

    def look(transaction: ReadTransaction) -> T:
        now = services.clock.now()
        current = facts
        if transaction.revision() != facts.revision:  # access changed since they were loaded: one state, not two
            current = facts_in(transaction, call.user, asker=asker)
        elevations, evidence = proofs_of(transaction, call.user, token, now)
        key = None if token is None else token.key
        return function(transaction, Viewpoint(call.user, current, now, key, tuple(elevations), evidence, call.context))

    return await services.store.read(look)
