"""What is under way before a factor exists, and links to the account page, in SQL."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import delete, select

from stairgate.model.enrolment import AccountLink, Enrolment
from stairgate.model.ids import EnrolmentId, LinkId, UserId
from stairgate.model.protection import Level, Method
from stairgate.storage.sql import tables as t
from stairgate.storage.sql.dialects import put, text
from stairgate.storage.sql.documents import maybe_micros, maybe_time_of, micros, reader, time_of, token_of, token_text
from stairgate.storage.sql.journal import JournalReads, JournalWrites
from stairgate.storage.sql.session import Row

_ID = text("row_id")
_USER = text("of_user")

_ENROLMENTS_OF = (
    select(t.enrolments).where(t.enrolments.c.user_id == _USER).order_by(t.enrolments.c.created_at, t.enrolments.c.id)
)
_PUT_ENROLMENT = put(t.enrolments)
_REMOVE_ENROLMENT = delete(t.enrolments).where(t.enrolments.c.id == _ID)
_LINK = select(t.account_links).where(t.account_links.c.id == _ID)
_LINKS_OF = (
    select(t.account_links)
    .where(t.account_links.c.user_id == _USER)
    .order_by(t.account_links.c.created_at, t.account_links.c.id)
)
_PUT_LINK = put(t.account_links)
_REMOVE_LINK = delete(t.account_links).where(t.account_links.c.id == _ID)


class EnrolmentReads(JournalReads):
    """The reading half."""

    def enrolments_of(self, user: UserId) -> Sequence[Enrolment]:
        return [_enrolment_of(row) for row in self._session.all(_ENROLMENTS_OF, of_user=user)]

    def account_link(self, link: LinkId) -> AccountLink | None:
        row = self._session.first(_LINK, row_id=link)
        return None if row is None else _link_of(row)

    def account_links_of(self, user: UserId) -> Sequence[AccountLink]:
        return [_link_of(row) for row in self._session.all(_LINKS_OF, of_user=user)]


class EnrolmentWrites(EnrolmentReads, JournalWrites):
    """The writing half."""

    def put_enrolment(self, enrolment: Enrolment) -> None:
        self._session.run(
            _PUT_ENROLMENT,
            id=enrolment.id,
            user_id=enrolment.user,
            method=enrolment.method.value,
            started_by=enrolment.started_by,
            secret=enrolment.secret,
            name=enrolment.name,
            most=enrolment.most.value,
            first=int(enrolment.first),
            created_at=micros(enrolment.created_at),
            expires_at=micros(enrolment.expires_at),
            wrong_answers=enrolment.wrong_answers,
        )

    def remove_enrolment(self, enrolment: EnrolmentId) -> None:
        self._session.run(_REMOVE_ENROLMENT, row_id=enrolment)

    def put_account_link(self, link: AccountLink) -> None:
        self._session.run(
            _PUT_LINK,
            id=link.id,
            user_id=link.user,
            digest=link.digest,
            made_by=link.made_by,
            created_at=micros(link.created_at),
            expires_at=micros(link.expires_at),
            token=None if link.token is None else token_text(link.token),
            token_expires_at=maybe_micros(link.token_expires_at),
            enrols=int(link.enrols),
            entered=int(link.entered),
            spent=int(link.spent),
        )

    def remove_account_link(self, link: LinkId) -> None:
        self._session.run(_REMOVE_LINK, row_id=link)


@reader
def _enrolment_of(row: Row) -> Enrolment:
    id_, user, method, started_by, secret, name, most, first, created_at, expires_at, wrong = row
    return Enrolment(
        id=EnrolmentId(id_),
        user=UserId(user),
        method=Method(method),
        started_by=started_by,
        secret=secret,
        name=name,
        most=Level(most),
        first=bool(first),
        created_at=time_of(created_at),
        expires_at=time_of(expires_at),
        wrong_answers=wrong,
    )


@reader
def _link_of(row: Row) -> AccountLink:
    id_, user, digest, made_by, created_at, expires_at, token, token_expires_at, enrols, entered, spent = row
    return AccountLink(
        id=LinkId(id_),
        user=UserId(user),
        digest=digest,
        made_by=made_by,
        created_at=time_of(created_at),
        expires_at=time_of(expires_at),
        token=None if token is None else token_of(token),
        token_expires_at=maybe_time_of(token_expires_at),
        enrols=bool(enrols),
        entered=bool(entered),
        spent=bool(spent),
    )
