"""What `AsyncStairgate` manages by id: the parts of the asynchronous client; the twin is `blocking_items`."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import datetime
from typing import Generic, TypeVar

from stairgate.client import administration
from stairgate.client.driver import AsyncDriver
from stairgate.client.shapes import Identity, Invite, NewAccessKey, ServiceClient

T = TypeVar("T")


class AsyncItems(Generic[T]):
    """Items that are read, replaced and listed by id."""

    def __init__(self, driver: AsyncDriver, kind: administration.Kind[T]) -> None:
        self._driver = driver
        self._kind = kind

    async def get(self, item_id: str) -> T:
        """Read one."""
        return await self._driver.run(administration.get(self._kind, item_id))

    async def replace(self, item_id: str, item: T, *, unchanged_since: datetime | None = None) -> None:
        """
        Put *item* in place of what is there.

        A record or group that was read is refused where it has changed since; *unchanged_since* says another moment.
        Marks that *item* does not mention are kept; a mark of None is removed.
        """
        await self._driver.run(administration.replace(self._kind, item_id, item, unchanged_since=unchanged_since))

    def list(self, *, filter: str | None = None, page_size: int | None = None) -> AsyncIterator[T]:  # noqa: A002  # the wire's name
        """Every item that this caller may read, page by page."""
        return self._driver.stream(administration.each(self._kind, {"filter": filter, "limit": page_size}))


class AsyncCollection(AsyncItems[T]):
    """Items that are created and deleted, too."""

    async def create(self, item: T, *, idempotency_key: str | None = None) -> T:
        """
        Create *item* and get it as it is kept.

        With an *idempotency_key* of your own it is created once, however often it is sent, and repeated where the
        connection breaks.
        """
        return await self._driver.run(administration.create(self._kind, item, key=idempotency_key))

    async def delete(self, item_id: str) -> None:
        """Remove one."""
        await self._driver.run(administration.delete(self._kind, item_id))


class AsyncServiceClients(AsyncCollection[ServiceClient]):
    """`client.clients`: service clients and their access keys."""

    async def create_key(self, client_id: str, *, idempotency_key: str | None = None) -> NewAccessKey:
        """A new access key; the service shows it this once, and to a repeat under its key for 10 minutes."""
        return await self._driver.run(administration.create_key(client_id, key=idempotency_key))

    async def delete_key(self, client_id: str, key_id: str) -> None:
        """Remove an access key: what it signed is not accepted any more."""
        await self._driver.run(administration.delete_key(client_id, key_id))


class AsyncIdentities:
    """`client.identities`: the issuers whose user tokens are trusted."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def create(self, identity: Identity, *, idempotency_key: str | None = None) -> Identity:
        """Trust an issuer; one that is trusted already is replaced."""
        return await self._driver.run(administration.create_identity(identity, key=idempotency_key))

    def list(self) -> AsyncIterator[Identity]:
        """Every trusted issuer."""
        return self._driver.stream(administration.each(administration.IDENTITIES, {}))


class AsyncInvites:
    """`client.invites`: access for whoever accepts it."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def create(self, invite: Invite, *, idempotency_key: str | None = None) -> Invite:
        """Make an invite. Its `invite_id` is all that is needed to accept it."""
        return await self._driver.run(administration.create(administration.INVITES, invite, key=idempotency_key))

    async def get(self, invite_id: str) -> Invite:
        """Read one, by its id."""
        return await self._driver.run(administration.get(administration.INVITES, invite_id))

    async def accept(self, invite_id: str) -> None:
        """As a user: gain what it gives. It can be accepted once."""
        await self._driver.run(administration.accept_invite(invite_id))

    async def delete(self, invite_id: str) -> None:
        """Take it back."""
        await self._driver.run(administration.delete(administration.INVITES, invite_id))
