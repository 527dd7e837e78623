"""Facts, the change feed and the audit chain in SQL: what every transaction can need."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import func, select

from stairgate.model.audit import NO_ENTRIES, AuditDraft, AuditEntry, ChainHead, link
from stairgate.ports.store import Change, ChangeKind
from stairgate.storage.sql import tables as t
from stairgate.storage.sql.dialects import MOST, add, number, put, text
from stairgate.storage.sql.documents import reader
from stairgate.storage.sql.session import Session

_AFTER = number("after")
_LIMIT = number("limit")

_FACT = select(t.facts.c.value).where(t.facts.c.name == text("fact_name"))
_PUT_FACT = put(t.facts)

_REVISION = select(func.max(t.changes.c.revision))
_CHANGES_AFTER = (
    select(t.changes.c.revision, t.changes.c.kind, t.changes.c.key)
    .where(t.changes.c.revision > _AFTER)
    .order_by(t.changes.c.revision)
    .limit(_LIMIT)
)
_ADD_CHANGE = add(t.changes)

_HEAD = select(t.audit_head.c.number, t.audit_head.c.digest)
_PUT_HEAD = put(t.audit_head)
_ENTRIES = (
    select(t.audit_entries).where(t.audit_entries.c.number > _AFTER).order_by(t.audit_entries.c.number).limit(_LIMIT)
)
_ADD_ENTRY = add(t.audit_entries)


class JournalReads:
    """The reading half."""

    def __init__(self, session: Session) -> None:
        self._session = session

    def fact(self, name: str) -> str | None:
        row = self._session.first(_FACT, fact_name=name)
        return None if row is None else str(row[0])

    def revision(self) -> int:
        row = self._session.first(_REVISION)
        return 0 if row is None or row[0] is None else int(row[0])

    def changes_after(self, revision: int, *, limit: int = 1000) -> Sequence[Change]:
        return [_change_of(*row) for row in self._session.all(_CHANGES_AFTER, **_part(revision, limit))]

    def audit_head(self) -> ChainHead:
        row = self._session.first(_HEAD)
        return NO_ENTRIES if row is None else ChainHead(*row)

    def audit_entries(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        return [AuditEntry(*row) for row in self._session.all(_ENTRIES, **_part(after, limit))]


def _part(after: int, limit: int) -> dict[str, object]:
    """Numbers that came from outside, within what a parameter can have."""
    return {"after": min(max(after, 0), MOST), "limit": min(max(limit, 0), MOST)}


@reader
def _change_of(revision: int, kind: str, key: str) -> Change:
    return Change(revision, ChangeKind(kind), key)


class JournalWrites(JournalReads):
    """The writing half."""

    def put_fact(self, name: str, value: str) -> None:
        self._session.run(_PUT_FACT, name=name, value=value)

    def append_audit(self, draft: AuditDraft) -> AuditEntry:
        head = self.audit_head()
        entry = link(head.number + 1, draft, head.digest)
        self._session.run(
            _ADD_ENTRY,
            number=entry.number,
            event=entry.event,
            at=entry.at,
            actor=entry.actor,
            facts=entry.facts,
            previous=entry.previous,
            digest=entry.digest,
        )
        self._session.run(_PUT_HEAD, id=1, number=entry.number, digest=entry.digest)
        return entry

    def _append_changes(self, changes: Iterable[tuple[ChangeKind, str]]) -> None:
        self._session.run_each(_ADD_CHANGE, [{"kind": kind.value, "key": key} for kind, key in changes])
