"""Records, roles, groups and resources in SQL."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, Table, delete, func, or_, select, union_all

from stairgate.model.access import (
    AccessRecord,
    Grant,
    Group,
    Principal,
    RecordStatus,
    ResourceConfiguration,
    Role,
)
from stairgate.model.ids import CLIENT_PREFIX, GroupId, RecordId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import Resource, ResourcePattern
from stairgate.ports.store import ChangeKind, Page
from stairgate.storage.expansion import fold, grants_in, group_changes, record_changes, users_in
from stairgate.storage.sql import tables as t
from stairgate.storage.sql.dialects import AFTER_ALL, MOST, add, number, put, text
from stairgate.storage.sql.documents import (
    group_of,
    group_text,
    record_of,
    record_text,
    requirement_of_text,
    requirement_text,
    resource_of,
    resource_text,
    role_of,
    role_text,
    statement_of,
    statement_text,
)
from stairgate.storage.sql.listing import ListingReads, ListingWrites

_ID = text("row_id")
_AFTER = text("after")
_LIMIT = number("limit")
_UNTIL = text("until")
_FILTER = text("filter_text")

# The grants of one principal, by the primary key of `grants`.
_GRANTS_OF = (
    select(t.grants.c.record_id, t.grants.c.position, t.statements.c.document)
    .join_from(
        t.grants,
        t.statements,
        (t.statements.c.record_id == t.grants.c.record_id) & (t.statements.c.position == t.grants.c.position),
    )
    .where(t.grants.c.principal_kind == text("kind"), t.grants.c.principal_id == _ID)
    .order_by(t.grants.c.record_id, t.grants.c.position)
)
# Those with a `when`, or with a mark that has one; within a text the quotes would be escaped.
_CONDITIONAL_STATEMENTS = select(t.statements.c.document).where(t.statements.c.document.contains('"when":"'))
_GROUPS_OF = select(t.memberships.c.group_id).where(t.memberships.c.user_id == _ID).order_by(t.memberships.c.group_id)


def _page(table: Table, columns: Sequence[str], *where: ColumnElement[bool]) -> Select[tuple[str, ...]]:
    """A page of *table* by id."""
    statement = select(*(table.c[name] for name in columns)).where(table.c.id > _AFTER, table.c.id <= _UNTIL, *where)
    return statement.order_by(table.c.id).limit(_LIMIT)


def _search(table: Table, columns: Sequence[str], *where: ColumnElement[bool]) -> Select[tuple[str, ...]]:
    """
    A page of those rows of *table* that have a text in their folded id or name, by id.

    The texts are looked through in an index that has them, so that only the documents that are shown are read.
    """
    holding = or_(func.holds(table.c.folded_id, _FILTER), func.holds(table.c.folded_name, _FILTER))
    found = _page(table, ("id",), holding, *where).subquery("found")
    return select(*(table.c[name] for name in columns)).where(table.c.id == found.c.id).order_by(found.c.id)


_RECORD = select(t.records.c.id, t.records.c.status, t.records.c.document).where(t.records.c.id == _ID)
_RECORD_COLUMNS = ("id", "status", "document")
_STATUS = text("status")
_RECORDS = _page(t.records, _RECORD_COLUMNS)
_RECORDS_IN = _page(t.records, _RECORD_COLUMNS, t.records.c.status == _STATUS)
_FIND_RECORDS = _search(t.records, _RECORD_COLUMNS)
# Written so that the index of the status, which has no names, is not taken.
_FIND_RECORDS_IN = _search(t.records, _RECORD_COLUMNS, t.records.c.status.concat("") == _STATUS)
_PUT_RECORD = put(t.records)
_ADD_STATEMENT = add(t.statements)
_ADD_GRANT = add(t.grants)
_ADD_STATEMENT_RESOURCE = add(t.statement_resources)
_ADD_STATEMENT_MARK = add(t.statement_marks)
_CLEAR_RECORD = [
    delete(table).where(table.c.record_id == _ID)
    for table in (t.grants, t.statement_resources, t.statement_marks, t.statements)
]
# The next one that statements ask: of many that ask the same, one row is read.
_NEXT_STATEMENT_MARK = (
    select(t.statement_marks.c.requirement)
    .where(t.statement_marks.c.requirement > _AFTER)
    .order_by(t.statement_marks.c.requirement)
    .limit(1)
)

_ROLE = select(t.roles.c.id, t.roles.c.document).where(t.roles.c.id == _ID)
_ROLES = select(t.roles.c.id, t.roles.c.document).order_by(t.roles.c.id)
_PUT_ROLE = put(t.roles)
_DELETE_ROLE = delete(t.roles).where(t.roles.c.id == _ID)

_GROUP = select(t.groups.c.id, t.groups.c.document).where(t.groups.c.id == _ID)
_GROUPS = _page(t.groups, ("id", "document"))
_FIND_GROUPS = _search(t.groups, ("id", "document"))
_PUT_GROUP = put(t.groups)
_DELETE_GROUP = delete(t.groups).where(t.groups.c.id == _ID)
_ADD_MEMBERSHIP = add(t.memberships)
_CLEAR_GROUP = delete(t.memberships).where(t.memberships.c.group_id == _ID)

_RESOURCE = select(t.resources.c.pattern, t.resources.c.document).where(t.resources.c.pattern == _ID)
_RESOURCES = select(t.resources.c.pattern, t.resources.c.document).order_by(t.resources.c.pattern)
_PUT_RESOURCE = put(t.resources)
_DELETE_RESOURCE = delete(t.resources).where(t.resources.c.pattern == _ID)


# By the primary key of `statement_resources`: one URI, and the texts that begin with it and a slash. A slash is a byte
# below the digit that ends the range.
_uri = t.statement_resources.c.resource
_RECORDS_ON = (
    select(t.records.c.id, t.records.c.status, t.records.c.document)
    .where(
        t.records.c.id.in_(
            union_all(
                select(t.statement_resources.c.record_id).where(_uri == text("itself")),
                select(t.statement_resources.c.record_id).where(_uri >= text("first"), _uri < text("end")),
            )
        )
    )
    .order_by(t.records.c.id)
    .limit(_LIMIT)
)
_RECORD_KIND, _GROUP_KIND = "record", "group"
_ADD_NAMED = add(t.named_users)
_CLEAR_NAMED = delete(t.named_users).where(t.named_users.c.kind == text("in_kind"), t.named_users.c.named_by == _ID)
_NAMED_BY = select(t.named_users.c.named_by).where(
    t.named_users.c.user_id == text("of_user"), t.named_users.c.kind == text("in_kind")
)
_RECORDS_NAMING = (
    select(t.records.c.id, t.records.c.status, t.records.c.document)
    .where(t.records.c.id.in_(_NAMED_BY))
    .order_by(t.records.c.id)
)
_GROUPS_NAMING = select(t.groups.c.id, t.groups.c.document).where(t.groups.c.id.in_(_NAMED_BY)).order_by(t.groups.c.id)
# Service clients are named as users are, and are none: their ids begin with what ends just below `sc` and a backtick.
_USERS = [
    select(table.c.user_id)
    .distinct()
    .where(
        table.c.user_id > _AFTER,
        or_(table.c.user_id < CLIENT_PREFIX, table.c.user_id >= f"{CLIENT_PREFIX[:-1]}`"),
    )
    .order_by(table.c.user_id)
    .limit(_LIMIT)
    for table in (t.named_users, t.factors)
]
_KNOWS_USER = [
    select(table.c.user_id).where(table.c.user_id == text("of_user")).limit(1) for table in (t.named_users, t.factors)
]


class AccessReads(ListingReads):
    """The reading half."""

    def grants_of(self, principal: Principal) -> Sequence[Grant]:
        rows = self._session.all(_GRANTS_OF, kind=principal.kind.value, row_id=principal.id)
        grants = []
        for record, position, document in rows:
            statement = statement_of(document)
            grants.append(
                Grant(record, position, statement.resources, statement.roles, statement.step_up, statement.when)
            )
        return grants

    def statement_marks(self) -> Sequence[Requirement]:
        marks, after = [], ""
        while row := self._session.first(_NEXT_STATEMENT_MARK, after=after):
            (after,) = row
            marks.append(requirement_of_text(after))
        return list(dict.fromkeys(marks))  # one requirement may have been written in the forms of two versions

    def statement_conditions(self) -> Sequence[str]:
        conditions = (statement_of(document).when for (document,) in self._session.all(_CONDITIONAL_STATEMENTS))
        return list(dict.fromkeys(when for when in conditions if when is not None))

    def groups_of(self, user: UserId) -> Sequence[GroupId]:
        return [GroupId(group) for (group,) in self._session.all(_GROUPS_OF, row_id=user)]

    def record(self, record: RecordId) -> AccessRecord | None:
        row = self._session.first(_RECORD, row_id=record)
        return None if row is None else record_of(*row)

    def records(
        self, page: Page, *, status: RecordStatus | None = None, filter_text: str | None = None
    ) -> Sequence[AccessRecord]:
        parameters = _page_parameters(page, filter_text)
        if status is None:
            statement = _RECORDS if filter_text is None else _FIND_RECORDS
        else:
            statement = _RECORDS_IN if filter_text is None else _FIND_RECORDS_IN
            parameters["status"] = status.value
        rows = self._session.all(statement, **parameters)
        return [record_of(*row) for row in rows]

    def role(self, role: RoleId) -> Role | None:
        row = self._session.first(_ROLE, row_id=role)
        return None if row is None else role_of(*row)

    def roles(self) -> Sequence[Role]:
        return [role_of(*row) for row in self._session.all(_ROLES)]

    def group(self, group: GroupId) -> Group | None:
        row = self._session.first(_GROUP, row_id=group)
        return None if row is None else group_of(*row)

    def groups(self, page: Page, *, filter_text: str | None = None) -> Sequence[Group]:
        statement = _GROUPS if filter_text is None else _FIND_GROUPS
        rows = self._session.all(statement, **_page_parameters(page, filter_text))
        return [group_of(*row) for row in rows]

    def resource(self, resource: ResourcePattern) -> ResourceConfiguration | None:
        row = self._session.first(_RESOURCE, row_id=str(resource))
        return None if row is None else resource_of(*row)

    def resources(self) -> Sequence[ResourceConfiguration]:
        return [resource_of(*row) for row in self._session.all(_RESOURCES)]

    def records_on(self, resource: Resource, *, most: int) -> Sequence[AccessRecord]:
        node = "/".join(resource.segments)
        rows = self._session.all(
            _RECORDS_ON, itself=node, first=f"{node}/", end=f"{node}0", limit=min(max(most, 0), MOST)
        )
        return [record_of(*row) for row in rows]

    def users(self, *, after: str | None, most: int) -> Sequence[UserId]:
        parameters = {"after": after or "", "limit": min(max(most, 0), MOST)}
        found = {UserId(user) for statement in _USERS for (user,) in self._session.all(statement, **parameters)}
        return sorted(found)[: max(most, 0)]

    def knows_user(self, user: UserId) -> bool:
        return any(self._session.first(statement, of_user=user) is not None for statement in _KNOWS_USER)

    def records_naming(self, user: UserId) -> Sequence[AccessRecord]:
        rows = self._session.all(_RECORDS_NAMING, of_user=user, in_kind=_RECORD_KIND)
        return [record_of(*row) for row in rows]

    def groups_naming(self, user: UserId) -> Sequence[Group]:
        return [group_of(*row) for row in self._session.all(_GROUPS_NAMING, of_user=user, in_kind=_GROUP_KIND)]


def _page_parameters(page: Page, filter_text: str | None) -> dict[str, object]:
    parameters: dict[str, object] = {
        "after": page.after or "",
        "until": AFTER_ALL if page.until is None else page.until,
        "limit": min(max(page.limit, 0), MOST),
    }
    return parameters if filter_text is None else parameters | {"filter_text": fold(filter_text)}


class AccessWrites(AccessReads, ListingWrites):
    """The writing half."""

    def put_record(self, record: AccessRecord) -> None:
        before = self.record(record.id)
        for statement in _CLEAR_RECORD:
            self._session.run(statement, row_id=record.id)
        self._session.run(
            _PUT_RECORD,
            id=record.id,
            status=record.status.value,
            folded_id=fold(record.id),
            folded_name=fold(record.name),
            document=record_text(record),
        )
        if record.status is RecordStatus.ACTIVE:
            self._put_grants(record)
        self._put_named(_RECORD_KIND, record)
        self._list_record(before, record)
        self._append_changes(record_changes(before, record))

    def _put_named(self, kind: str, thing: AccessRecord | Group) -> None:
        self._session.run(_CLEAR_NAMED, in_kind=kind, row_id=thing.id)
        rows = [{"user_id": user, "kind": kind, "named_by": thing.id} for user in users_in(thing)]
        self._session.run_each(_ADD_NAMED, rows)

    def _put_grants(self, record: AccessRecord) -> None:
        for position, statement in enumerate(record.statements):
            place: dict[str, object] = {"record_id": record.id, "position": position}
            self._session.run(_ADD_STATEMENT, document=statement_text(statement), **place)
            if statement.step_up is not None:
                self._session.run(_ADD_STATEMENT_MARK, requirement=requirement_text(statement.step_up), **place)
            stands_on = [place | {"resource": str(resource)} for resource in dict.fromkeys(statement.resources)]
            self._session.run_each(_ADD_STATEMENT_RESOURCE, stands_on)
        names = [
            {
                "principal_kind": principal.kind.value,
                "principal_id": principal.id,
                "record_id": record.id,
                "position": grant.statement,
            }
            for principal, grant in grants_in(record)
        ]
        self._session.run_each(_ADD_GRANT, names)

    def put_role(self, role: Role) -> None:
        self._session.run(_PUT_ROLE, id=role.id, document=role_text(role))
        self._append_changes([(ChangeKind.ROLE, role.id)])

    def delete_role(self, role: RoleId) -> None:
        if self._session.run(_DELETE_ROLE, row_id=role):
            self._append_changes([(ChangeKind.ROLE, role)])

    def put_group(self, group: Group) -> None:
        before = self.group(group.id)
        self._session.run(
            _PUT_GROUP,
            id=group.id,
            folded_id=fold(group.id),
            folded_name=fold(group.name),
            document=group_text(group),
        )
        self._session.run(_CLEAR_GROUP, row_id=group.id)
        members = [{"user_id": user, "group_id": group.id} for user in dict.fromkeys(group.users)]
        self._session.run_each(_ADD_MEMBERSHIP, members)
        self._put_named(_GROUP_KIND, group)
        self._list_group(before, group, group.id)
        self._append_changes(group_changes(before, group))

    def delete_group(self, group: GroupId) -> None:
        before = self.group(group)
        self._session.run(_DELETE_GROUP, row_id=group)
        self._session.run(_CLEAR_GROUP, row_id=group)
        self._session.run(_CLEAR_NAMED, in_kind=_GROUP_KIND, row_id=group)
        self._list_group(before, None, group)
        self._append_changes(group_changes(before, None))

    def put_resource(self, configuration: ResourceConfiguration) -> None:
        pattern = str(configuration.resource)
        self._session.run(_PUT_RESOURCE, pattern=pattern, document=resource_text(configuration))
        self._list_resource(configuration.resource, there=True)
        self._append_changes([(ChangeKind.RESOURCE, pattern)])

    def delete_resource(self, resource: ResourcePattern) -> None:
        pattern = str(resource)
        if self._session.run(_DELETE_RESOURCE, row_id=pattern):
            self._list_resource(resource, there=False)
            self._append_changes([(ChangeKind.RESOURCE, pattern)])
