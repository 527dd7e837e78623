"""What lists are read by in SQL: who stands on which resource, what is known, who administers what."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial

from sqlalchemy import ColumnElement, Select, Table, delete, exists, select
from sqlalchemy.sql.base import Executable

from stairgate.model.access import AccessRecord, Group, NamedUser, PrincipalKind, ResourceConfiguration, Role
from stairgate.model.ids import GroupId, RecordId, RoleId, UserId
from stairgate.model.resources import ResourcePattern, node_at, place_of
from stairgate.storage.expansion import is_literal, known_in, merged, standing_in
from stairgate.storage.sql import tables as t
from stairgate.storage.sql.dialects import MOST, add, number, text
from stairgate.storage.sql.documents import resource_of, role_of, statement_of
from stairgate.storage.sql.journal import JournalReads, JournalWrites

_AFTER = text("after")
_LIMIT = number("limit")
_WHO = text("who")


def _page(wanted: Select[tuple[str, ...]], key: ColumnElement[str]) -> Select[tuple[str, ...]]:
    return wanted.where(key > _AFTER).order_by(key).limit(_LIMIT)


_KNOWN = (
    select(t.known_resources.c.place)
    .where(t.known_resources.c.place >= text("place"))
    .order_by(t.known_resources.c.place)
    .limit(1)
)
_ADD_KNOWN = add(t.known_resources)
_FORGET_KNOWN = delete(t.known_resources).where(
    t.known_resources.c.place == text("place"),
    ~exists().where(t.statement_resources.c.resource == text("resource")),
    ~exists().where(t.resources.c.pattern == text("resource")),
)

_on = t.resource_grants.c
_NEXT_ON = (
    select(_on.principal_id)
    .where(_on.resource == text("resource"), _on.principal_kind == text("kind"), _on.principal_id > _AFTER)
    .order_by(_on.principal_id)
    .limit(1)
)
_STATEMENTS_ON = (
    select(t.statements.c.document)
    .join_from(
        t.resource_grants,
        t.statements,
        (t.statements.c.record_id == _on.record_id) & (t.statements.c.position == _on.position),
    )
    .where(_on.resource == text("resource"), _on.principal_kind == text("kind"), _on.principal_id == _WHO)
)
_NEXT_MEMBER = (
    select(t.memberships.c.user_id)
    .where(t.memberships.c.group_id == _WHO, t.memberships.c.user_id > _AFTER)
    .order_by(t.memberships.c.user_id)
    .limit(1)
)
_ADD_ON = add(t.resource_grants)
_REMOVE_ON = delete(t.resource_grants).where(
    *(column == (number if column is _on.position else text)(column.name) for column in t.resource_grants.columns)
)

_RECORDS_OF = _page(
    select(t.record_admins.c.record_id).where(t.record_admins.c.user_id == _WHO), t.record_admins.c.record_id
)
_GROUPS_OF_ADMIN = _page(
    select(t.group_admins.c.group_id).where(t.group_admins.c.user_id == _WHO), t.group_admins.c.group_id
)
_ADD_RECORD_ADMIN = add(t.record_admins)
_ADD_GROUP_ADMIN = add(t.group_admins)


def _remove_admin(table: Table, thing: str) -> Executable:
    return delete(table).where(table.c.user_id == text("user_id"), table.c[thing] == text(thing))


_REMOVE_RECORD_ADMIN = _remove_admin(t.record_admins, "record_id")
_REMOVE_GROUP_ADMIN = _remove_admin(t.group_admins, "group_id")

_RECORD_AHEAD = _page(select(t.records.c.id), t.records.c.id).offset(number("before"))
_GROUP_AHEAD = _page(select(t.groups.c.id), t.groups.c.id).offset(number("before"))

_ROLES_AFTER = _page(select(t.roles.c.id, t.roles.c.document), t.roles.c.id)
_RESOURCES_AFTER = _page(select(t.resources.c.pattern, t.resources.c.document), t.resources.c.pattern)


class ListingReads(JournalReads):
    """The reading half."""

    def known_place(self, place: str) -> str | None:
        row = self._session.first(_KNOWN, place=place)
        return None if row is None else row[0]

    def users_on(self, resource: ResourcePattern, *, after: str | None, limit: int) -> Sequence[NamedUser]:
        on = str(resource)
        groups = self._groups_on(on)
        streams: list[Callable[[str], str | None]] = [partial(self._next_on, on, PrincipalKind.USER)]
        streams += [partial(self._next_member, group) for group in groups]
        through_group: dict[str, set[RoleId]] = {}
        found = []
        for user, numbers in merged(streams, after or "", limit):
            roles: set[RoleId] = set()
            for each in numbers:
                if each == 0:
                    roles |= self._roles_on(on, PrincipalKind.USER, user)
                    continue
                group = groups[each - 1]
                if group not in through_group:
                    through_group[group] = self._roles_on(on, PrincipalKind.GROUP, group)
                roles |= through_group[group]
            found.append(NamedUser(UserId(user), tuple(sorted(roles))))
        return found

    def records_of_admin(self, admin: UserId, *, after: str | None, limit: int) -> Sequence[RecordId]:
        rows = self._session.all(_RECORDS_OF, who=admin, after=after or "", limit=_bounded(limit))
        return [RecordId(record) for (record,) in rows]

    def groups_of_admin(self, admin: UserId, *, after: str | None, limit: int) -> Sequence[GroupId]:
        rows = self._session.all(_GROUPS_OF_ADMIN, who=admin, after=after or "", limit=_bounded(limit))
        return [GroupId(group) for (group,) in rows]

    def record_ahead(self, after: str | None, *, steps: int) -> RecordId | None:
        row = self._session.first(_RECORD_AHEAD, after=after or "", limit=1, before=steps - 1)
        return None if row is None else RecordId(row[0])

    def group_ahead(self, after: str | None, *, steps: int) -> GroupId | None:
        row = self._session.first(_GROUP_AHEAD, after=after or "", limit=1, before=steps - 1)
        return None if row is None else GroupId(row[0])

    def roles_after(self, after: str | None, *, limit: int) -> Sequence[Role]:
        rows = self._session.all(_ROLES_AFTER, after=after or "", limit=_bounded(limit))
        return [role_of(*row) for row in rows]

    def resources_after(self, after: str | None, *, limit: int) -> Sequence[ResourceConfiguration]:
        rows = self._session.all(_RESOURCES_AFTER, after=after or "", limit=_bounded(limit))
        return [resource_of(*row) for row in rows]

    def _next_on(self, resource: str, kind: PrincipalKind, after: str) -> str | None:
        row = self._session.first(_NEXT_ON, resource=resource, kind=kind.value, after=after)
        return None if row is None else row[0]

    def _next_member(self, group: str, after: str) -> str | None:
        row = self._session.first(_NEXT_MEMBER, who=group, after=after)
        return None if row is None else row[0]

    def _groups_on(self, resource: str) -> list[str]:
        groups: list[str] = []
        group = self._next_on(resource, PrincipalKind.GROUP, "")
        while group is not None:
            groups.append(group)
            group = self._next_on(resource, PrincipalKind.GROUP, group)
        return groups

    def _roles_on(self, resource: str, kind: PrincipalKind, who: str) -> set[RoleId]:
        rows = self._session.all(_STATEMENTS_ON, resource=resource, kind=kind.value, who=who)
        return {role for (document,) in rows for role in statement_of(document).roles}


class ListingWrites(ListingReads, JournalWrites):
    """Keeps what lists are read by in step: only what differs from before is written."""

    def _list_record(self, before: AccessRecord | None, after: AccessRecord) -> None:
        """To be called once the record's statements are written."""
        stood, stands = (set() if each is None else set(standing_in(each)) for each in (before, after))
        for statement, changed in ((_REMOVE_ON, stood - stands), (_ADD_ON, stands - stood)):
            rows: list[dict[str, object]] = [
                {
                    "resource": resource,
                    "principal_kind": principal.kind.value,
                    "principal_id": principal.id,
                    "record_id": after.id,
                    "position": position,
                }
                for resource, principal, position in changed
            ]
            self._session.run_each(statement, rows)
        knew, knows = known_in(before), known_in(after)
        self._session.run_each(_ADD_KNOWN, [{"place": place} for place in knows - knew])
        self._forget(knew - knows)
        self._list_admins(_REMOVE_RECORD_ADMIN, _ADD_RECORD_ADMIN, before, after, record_id=after.id)

    def _list_group(self, before: Group | None, after: Group | None, group: GroupId) -> None:
        self._list_admins(_REMOVE_GROUP_ADMIN, _ADD_GROUP_ADMIN, before, after, group_id=group)

    def _list_resource(self, pattern: ResourcePattern, *, there: bool) -> None:
        """To be called once the configuration is written, or removed."""
        if is_literal(pattern):
            place = place_of(pattern.segments)
            if there:
                self._session.run(_ADD_KNOWN, place=place)
            else:
                self._forget({place})

    def _forget(self, places: set[str]) -> None:
        self._session.run_each(_FORGET_KNOWN, [{"place": place, "resource": str(node_at(place))} for place in places])

    def _list_admins(
        self,
        remove: Executable,
        give: Executable,
        before: AccessRecord | Group | None,
        after: AccessRecord | Group | None,
        **thing: str,
    ) -> None:
        were, are = (set() if each is None else set(each.admins) for each in (before, after))
        for statement, users in ((remove, were - are), (give, are - were)):
            self._session.run_each(statement, [{"user_id": user, **thing} for user in users])


def _bounded(limit: int) -> int:
    return min(max(limit, 0), MOST)
