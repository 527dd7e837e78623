"""The account over HTTP, and the lists that are empty here (authress-contract §1.3)."""

from __future__ import annotations

from collections.abc import Callable

from msgspec import UNSET

from stairgate.api.answers import Answer, json_answer
from stairgate.api.call import Call, Handler
from stairgate.api.handlers.authress import listing
from stairgate.api.handlers.authress.showing import collection_links, itself, pagination
from stairgate.api.wire import authress as wire
from stairgate.model.errors import InvalidInputError
from stairgate.service import accounts


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/accounts`: a database has one account, so a list has one item."""
    return json_answer(
        200, wire.AccountCollection([_view(call, await accounts.read_account(call.services, call.caller))])
    )


async def read(call: Call) -> Answer:
    """Answer `GET /v1/accounts/{accountId}`."""
    account = await accounts.read_account(call.services, call.caller, call.parameters["accountId"])
    return json_answer(200, _view(call, account))


def nothing(kind: str, collection: Callable[[wire.Pagination, wire.CollectionLinks], object]) -> Handler:
    """What answers a list of *kind*, of which there are none: a user interface that shows them shows none."""

    async def list_nothing(call: Call) -> Answer:
        await accounts.list_nothing(call.services, call.caller, kind)
        call.integer("limit", low=1, high=listing.MOST_OF_NOTHING)
        if "cursor" in call.query:
            raise InvalidInputError("cursor", "is not a cursor of this list: start again without one")
        return json_answer(200, collection(pagination(None), collection_links(call, None)))

    return list_nothing


def _view(call: Call, account: accounts.Account) -> wire.AccountDetails:
    return wire.AccountDetails(
        account_id=account.id,
        created_time=UNSET if account.created_at is None else account.created_at,
        name=account.id,
        company={},
        domain=call.services.rules.public_origins[0],
        links=itself(call, f"/v1/accounts/{account.id}"),
    )
