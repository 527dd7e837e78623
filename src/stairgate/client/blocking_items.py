"""What `Stairgate` manages by id: the parts of the blocking client; the twin is `asynchronous_items`."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Generic, TypeVar

from stairgate.client import administration
from stairgate.client.driver import Driver
from stairgate.client.shapes import Identity, Invite, NewAccessKey, ServiceClient

T = TypeVar("T")


class Items(Generic[T]):
    """Items that are read, replaced and listed by id."""

    def __init__(self, driver: Driver, kind: administration.Kind[T]) -> None:
        self._driver = driver
        self._kind = kind

    def get(self, item_id: str) -> T:
        """Read one."""
        return self._driver.run(administration.get(self._kind, item_id))

    def replace(self, item_id: str, item: T, *, unchanged_since: datetime | None = None) -> None:
        """
        Put *item* in place of what is there.

        A record or group that was read is refused where it has changed since; *unchanged_since* says another moment.
        Marks that *item* does not mention are kept; a mark of None is removed.
        """
        self._driver.run(administration.replace(self._kind, item_id, item, unchanged_since=unchanged_since))

    def list(self, *, filter: str | None = None, page_size: int | None = None) -> Iterator[T]:  # noqa: A002  # the wire's name
        """Every item that this caller may read, page by page."""
        return self._driver.stream(administration.each(self._kind, {"filter": filter, "limit": page_size}))


class Collection(Items[T]):
    """Items that are created and deleted, too."""

    def create(self, item: T, *, idempotency_key: str | None = None) -> T:
        """
        Create *item* and get it as it is kept.

        With an *idempotency_key* of your own it is created once, however often it is sent, and repeated where the
        connection breaks.
        """
        return self._driver.run(administration.create(self._kind, item, key=idempotency_key))

    def delete(self, item_id: str) -> None:
        """Remove one."""
        self._driver.run(administration.delete(self._kind, item_id))


class ServiceClients(Collection[ServiceClient]):
    """`client.clients`: service clients and their access keys."""

    def create_key(self, client_id: str, *, idempotency_key: str | None = None) -> NewAccessKey:
        """A new access key; the service shows it this once, and to a repeat under its key for 10 minutes."""
        return self._driver.run(administration.create_key(client_id, key=idempotency_key))

    def delete_key(self, client_id: str, key_id: str) -> None:
        """Remove an access key: what it signed is not accepted any more."""
        self._driver.run(administration.delete_key(client_id, key_id))


class Identities:
    """`client.identities`: the issuers whose user tokens are trusted."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def create(self, identity: Identity, *, idempotency_key: str | None = None) -> Identity:
        """Trust an issuer; one that is trusted already is replaced."""
        return self._driver.run(administration.create_identity(identity, key=idempotency_key))

    def list(self) -> Iterator[Identity]:
        """Every trusted issuer."""
        return self._driver.stream(administration.each(administration.IDENTITIES, {}))


class Invites:
    """`client.invites`: access for whoever accepts it."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def create(self, invite: Invite, *, idempotency_key: str | None = None) -> Invite:
        """Make an invite. Its `invite_id` is all that is needed to accept it."""
        return self._driver.run(administration.create(administration.INVITES, invite, key=idempotency_key))

    def get(self, invite_id: str) -> Invite:
        """Read one, by its id."""
        return self._driver.run(administration.get(administration.INVITES, invite_id))

    def accept(self, invite_id: str) -> None:
        """As a user: gain what it gives. It can be accepted once."""
        self._driver.run(administration.accept_invite(invite_id))

    def delete(self, invite_id: str) -> None:
        """Take it back."""
        self._driver.run(administration.delete(administration.INVITES, invite_id))
