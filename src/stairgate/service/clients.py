"""Service clients: make, read, list, replace, delete (authress-contract §1.3)."""

from __future__ import annotations

from dataclasses import replace

from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.actions import READ
from stairgate.model.audit import Event
from stairgate.model.clients import ServiceClient
from stairgate.model.errors import NotFoundError
from stairgate.model.ids import CLIENT_PREFIX, ClientId, RecordId
from stairgate.model.resources import Resource, ResourcePattern, management_resource
from stairgate.model.returns import return_uris
from stairgate.model.tokens import Caller
from stairgate.ports.store import Page, ReadTransaction, WriteTransaction
from stairgate.service.context import Services
from stairgate.service.drafts import ClientDraft
from stairgate.service.guard import CLAIM, CREATE, UPDATE, Guard
from stairgate.service.handing_out import require_one
from stairgate.service.management import (
    Listed,
    Shelf,
    Written,
    listed,
    reading,
    record_change,
    require_small,
    updated_at,
    writing,
)
from stairgate.service.policy_documents import client_document
from stairgate.service.records import store_record

ID_BITS = 80
KIND = "ServiceClients"
USER_PERMISSIONS = management_resource("UserPermissions")


def guarding(client: ClientId | None = None, *below: str) -> Resource:
    """What guards *client*, or what is *below* it; None: all clients."""
    return management_resource(KIND, *(() if client is None else (client, *below)))


async def create_client(services: Services, caller: Caller, draft: ClientDraft) -> Written[ServiceClient]:
    """
    Make a service client, without a key.

    Whoever may only `CLAIM` clients becomes the owner of what they make, and of no other client.

    Raises:
        ForbiddenError: The caller may not, or may not let a client check every user.
        InvalidInputError: A return address will not do.
    """
    key = ClientId(f"{CLIENT_PREFIX}{services.entropy.token(bits=ID_BITS)}")
    record = RecordId(f"rec_{services.entropy.token(bits=ID_BITS)}")

    def run(transaction: WriteTransaction, guard: Guard) -> ServiceClient:
        creates = guard.has(CREATE, guarding())
        guard.require(CREATE if creates else CLAIM, guarding(), hide=False)
        if not creates:
            store_record(transaction, guard, _claim(record, key, guard), None)
        client = _drafted(ServiceClient(key, draft.name, guard.now), draft)
        return _put(transaction, guard, client, None)

    return await writing(services, caller, run)


async def read_client(services: Services, caller: Caller, key: ClientId) -> ServiceClient:
    """
    The service client.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller has some right on it, but may not read it.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> ServiceClient:
        guard.require(READ, guarding(key))
        client = transaction.client(key)
        if client is None:
            raise NotFoundError
        return client

    return await reading(services, caller, run)


async def published_client(services: Services, key: ClientId) -> ServiceClient:
    """
    The service client, for whoever verifies its tokens: for its public keys alone.

    Raises:
        NotFoundError: There is none.
    """
    client = await services.facts.client(key)
    if client is None:
        raise NotFoundError
    return client


async def list_clients(services: Services, caller: Caller, *, limit: int, after: str | None) -> Listed[ServiceClient]:
    """The service clients that the caller may read, ascending by id."""

    def run(transaction: ReadTransaction, guard: Guard) -> Listed[ServiceClient]:
        shelf = Shelf(
            KIND,
            page=lambda after, size, until: transaction.clients(Page(size, after, until)),
            get=lambda key: transaction.client(ClientId(key)),
            key=lambda client: client.id,
        )
        return listed(guard, shelf, seen=lambda client: guard.sees(READ, guarding(client.id)), limit=limit, after=after)

    return await reading(services, caller, run)


async def replace_client(
    services: Services, caller: Caller, key: ClientId, draft: ClientDraft
) -> Written[ServiceClient]:
    """
    Put *draft* in place of the client's name, options and tags; its keys stay.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller may not change it, or may not let a client check every user.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> ServiceClient:
        stored = changeable(transaction, guard, key, guarding(key))
        return _put(transaction, guard, _drafted(stored, draft), stored)

    return await writing(services, caller, run)


async def delete_client(services: Services, caller: Caller, key: ClientId) -> Written[None]:
    """
    Remove the client and its keys: none of its tokens is accepted any more. Records keep naming it.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller may not change it.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> None:
        before = changeable(transaction, guard, key, guarding(key))
        transaction.delete_client(key)
        record_change(transaction, guard, Event.CLIENT_CHANGED, key=key, before=before, after=None)

    return await writing(services, caller, run)


def changeable(transaction: WriteTransaction, guard: Guard, key: ClientId, resource: Resource) -> ServiceClient:
    """
    The client, which the caller may change as far as *resource* guards it.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller may not change it.
    """
    guard.require(UPDATE, resource)
    client = transaction.client(key)
    if client is None:
        raise NotFoundError
    return client


def _claim(key: RecordId, client: ClientId, guard: Guard) -> AccessRecord:
    """What makes the caller the owner of *client*, its keys included."""
    owns = Statement((OWNER.id,), (ResourcePattern(guarding(client).segments),))
    return AccessRecord(
        key,
        f"Claim of {client}",
        (owns,),
        users=(guard.user,),
        admins=(guard.user,),
        last_updated=updated_at(guard.now, None),
    )


def _drafted(client: ServiceClient, draft: ClientDraft) -> ServiceClient:
    def option(said: bool | None, stands: bool) -> bool:  # noqa: FBT001  # two of a kind
        return stands if said is None else said

    return replace(
        client,
        name=draft.name,
        may_check_any_user=option(draft.may_check_any_user, client.may_check_any_user),
        may_mint_tokens=option(draft.may_mint_tokens, client.may_mint_tokens),
        tags=draft.tags,
        return_uris=client.return_uris if draft.return_uris is None else return_uris(draft.return_uris),
    )


def _put(
    transaction: WriteTransaction, guard: Guard, client: ServiceClient, before: ServiceClient | None
) -> ServiceClient:
    if client.may_check_any_user and not (before is not None and before.may_check_any_user):
        require_one(guard, READ, USER_PERMISSIONS)  # which is what the option hands out
    require_small(client_document(client))
    transaction.put_client(client)
    record_change(transaction, guard, Event.CLIENT_CHANGED, key=client.id, before=before, after=client)
    return client
