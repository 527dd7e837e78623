"""Service clients, issuers and signing keys in SQL."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.ids import ClientId
from stairgate.ports.store import ChangeKind, Page, SigningKey
from stairgate.storage.sql import tables as t
from stairgate.storage.sql.dialects import MOST, number, put, text
from stairgate.storage.sql.documents import (
    client_of,
    client_text,
    issuer_of,
    issuer_text,
    micros,
    time_of,
)
from stairgate.storage.sql.journal import JournalReads, JournalWrites

_ID = text("row_id")

_CLIENT = select(t.clients.c.id, t.clients.c.document).where(t.clients.c.id == _ID)
_CLIENTS = (
    select(t.clients.c.id, t.clients.c.document)
    .where(t.clients.c.id > text("after"))
    .order_by(t.clients.c.id)
    .limit(number("limit"))
)
_PUT_CLIENT = put(t.clients)
_DELETE_CLIENT = delete(t.clients).where(t.clients.c.id == _ID)

_ISSUERS = select(t.issuers.c.issuer, t.issuers.c.document).order_by(t.issuers.c.issuer)
_PUT_ISSUER = put(t.issuers)

_SIGNING_KEYS = (
    select(t.signing_keys)
    .where(t.signing_keys.c.use == text("key_use"))
    .order_by(t.signing_keys.c.created_at.desc(), t.signing_keys.c.id.desc())
)
_PUT_SIGNING_KEY = put(t.signing_keys)


class TrustReads(JournalReads):
    """The reading half."""

    def client(self, client: ClientId) -> ServiceClient | None:
        row = self._session.first(_CLIENT, row_id=client)
        return None if row is None else client_of(*row)

    def clients(self, page: Page) -> Sequence[ServiceClient]:
        rows = self._session.all(_CLIENTS, after=page.after or "", limit=min(max(page.limit, 0), MOST))
        return [client_of(*row) for row in rows]

    def issuers(self) -> Sequence[Issuer]:
        return [issuer_of(*row) for row in self._session.all(_ISSUERS)]

    def signing_keys(self, use: str) -> Sequence[SigningKey]:
        return [
            SigningKey(key, kind, sealed, time_of(created_at), bool(retired))
            for key, kind, sealed, created_at, retired in self._session.all(_SIGNING_KEYS, key_use=use)
        ]


class TrustWrites(TrustReads, JournalWrites):
    """The writing half."""

    def put_client(self, client: ServiceClient) -> None:
        self._session.run(_PUT_CLIENT, id=client.id, document=client_text(client))
        self._append_changes([(ChangeKind.CLIENT, client.id)])

    def delete_client(self, client: ClientId) -> None:
        if self._session.run(_DELETE_CLIENT, row_id=client):
            self._append_changes([(ChangeKind.CLIENT, client)])

    def put_issuer(self, issuer: Issuer) -> None:
        self._session.run(_PUT_ISSUER, issuer=issuer.issuer, document=issuer_text(issuer))
        self._append_changes([(ChangeKind.ISSUER, issuer.issuer)])

    def put_signing_key(self, key: SigningKey) -> None:
        self._session.run(
            _PUT_SIGNING_KEY,
            id=key.id,
            use=key.use,
            sealed=key.sealed,
            created_at=micros(key.created_at),
            retired=int(key.retired),
        )
