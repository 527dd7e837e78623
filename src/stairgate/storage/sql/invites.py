"""Invites in SQL."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import delete, select

from stairgate.model.ids import UserId
from stairgate.model.invites import ConflictResolution, Invite
from stairgate.storage.sql import tables as t
from stairgate.storage.sql.dialects import MOST, number, put, text
from stairgate.storage.sql.documents import micros, read, reader, statement_of, statement_text, text_of, time_of
from stairgate.storage.sql.journal import JournalReads, JournalWrites
from stairgate.storage.sql.session import Row

_DIGEST = text("row_digest")
_USER = text("of_user")

_INVITE = select(t.invites).where(t.invites.c.digest == _DIGEST)
_INVITES_BY = select(t.invites).where(t.invites.c.inviter == _USER)
_INVITES_FOR = select(t.invites).where(t.invites.c.linked_user == _USER)
_PUT_INVITE = put(t.invites)
_REMOVE_INVITE = delete(t.invites).where(t.invites.c.digest == _DIGEST)
_FORGET_INVITES = delete(t.invites).where(
    t.invites.c.digest.in_(
        select(t.invites.c.digest)
        .where(t.invites.c.expires_at <= number("before"))
        .order_by(t.invites.c.expires_at)
        .limit(number("most"))
    )
)


class InviteReads(JournalReads):
    """The reading half."""

    def invite(self, digest: str) -> Invite | None:
        row = self._session.first(_INVITE, row_digest=digest)
        return None if row is None else _invite_of(row)

    def invites_of(self, user: UserId) -> Sequence[Invite]:
        rows = [row for statement in (_INVITES_BY, _INVITES_FOR) for row in self._session.all(statement, of_user=user)]
        found = {invite.digest: invite for invite in map(_invite_of, rows)}
        return sorted(found.values(), key=lambda invite: invite.digest)


class InviteWrites(InviteReads, JournalWrites):
    """The writing half."""

    def put_invite(self, invite: Invite) -> None:
        self._session.run(
            _PUT_INVITE,
            digest=invite.digest,
            inviter=invite.inviter,
            linked_user=invite.linked_user,
            expires_at=micros(invite.expires_at),
            document=_invite_text(invite),
        )

    def remove_invite(self, digest: str) -> None:
        self._session.run(_REMOVE_INVITE, row_digest=digest)

    def forget_invites(self, *, before: datetime, most: int) -> int:
        return self._session.run(_FORGET_INVITES, before=micros(before), most=min(max(most, 0), MOST))


def _invite_text(invite: Invite) -> str:
    return text_of(
        {
            "statements": [statement_text(statement) for statement in invite.statements],
            "conflictResolution": invite.conflict_resolution.value,
            "createdAt": micros(invite.created_at),
            "tenant": invite.tenant,
            "acceptedBy": invite.accepted_by,
        }
    )


@reader
def _invite_of(row: Row) -> Invite:
    digest, inviter, linked_user, expires_at, document = row
    value = read(document)
    return Invite(
        digest=digest,
        statements=tuple(statement_of(statement) for statement in value["statements"]),
        conflict_resolution=ConflictResolution(value["conflictResolution"]),
        inviter=UserId(inviter),
        created_at=time_of(value["createdAt"]),
        expires_at=time_of(expires_at),
        linked_user=None if linked_user is None else UserId(linked_user),
        tenant=value["tenant"],
        accepted_by=value["acceptedBy"],
    )
