"""Service clients, issuers, signing keys and remembered answers in SQL."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select, tuple_

from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.ids import ClientId, UserId
from stairgate.ports.store import ChangeKind, Page, SigningKey
from stairgate.ports.trust import RememberedAnswer
from stairgate.storage.sql import tables as t
from stairgate.storage.sql.dialects import AFTER_ALL, MOST, number, put, text
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
    .where(t.clients.c.id > text("after"), t.clients.c.id <= text("until"))
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

_ANSWER = select(t.remembered_answers).where(
    t.remembered_answers.c.caller == text("by"), t.remembered_answers.c.key == text("under")
)
_PUT_ANSWER = put(t.remembered_answers)
_ANSWER_KEY = (t.remembered_answers.c.caller, t.remembered_answers.c.key)
_FORGET_ANSWERS = delete(t.remembered_answers).where(
    tuple_(*_ANSWER_KEY).in_(
        select(*_ANSWER_KEY)
        .where(t.remembered_answers.c.expires_at <= number("before"))
        .order_by(t.remembered_answers.c.expires_at)
        .limit(number("most"))
    )
)


class TrustReads(JournalReads):
    """The reading half."""

    def client(self, client: ClientId) -> ServiceClient | None:
        row = self._session.first(_CLIENT, row_id=client)
        return None if row is None else client_of(*row)

    def clients(self, page: Page) -> Sequence[ServiceClient]:
        until = AFTER_ALL if page.until is None else page.until
        limit = min(max(page.limit, 0), MOST)
        rows = self._session.all(_CLIENTS, after=page.after or "", until=until, limit=limit)
        return [client_of(*row) for row in rows]

    def issuers(self) -> Sequence[Issuer]:
        return [issuer_of(*row) for row in self._session.all(_ISSUERS)]

    def signing_keys(self, use: str) -> Sequence[SigningKey]:
        return [
            SigningKey(key, kind, sealed, time_of(created_at), bool(retired))
            for key, kind, sealed, created_at, retired in self._session.all(_SIGNING_KEYS, key_use=use)
        ]

    def remembered_answer(self, caller: UserId, key: str) -> RememberedAnswer | None:
        row = self._session.first(_ANSWER, by=caller, under=key)
        if row is None:
            return None
        by, under, fingerprint, answer, shown_until, expires_at = row
        return RememberedAnswer(by, under, fingerprint, answer, time_of(shown_until), time_of(expires_at))


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

    def put_remembered_answer(self, answer: RememberedAnswer) -> None:
        self._session.run(
            _PUT_ANSWER,
            caller=answer.caller,
            key=answer.key,
            fingerprint=answer.fingerprint,
            answer=answer.answer,
            shown_until=micros(answer.shown_until),
            expires_at=micros(answer.expires_at),
        )

    def forget_answers(self, *, before: datetime, most: int) -> int:
        return self._session.run(_FORGET_ANSWERS, before=micros(before), most=min(max(most, 0), MOST))
