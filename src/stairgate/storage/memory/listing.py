"""What lists are read by, over data in memory."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

import sys
from bisect import bisect_right
from collections.abc import Callable, Hashable, Iterator, Sequence
from functools import partial
from itertools import islice
from typing import TypeVar

from stairgate.model.access import NamedUser, Principal, PrincipalKind, ResourceConfiguration, Role
from stairgate.model.ids import GroupId, RecordId, RoleId, UserId
from stairgate.model.resources import ResourcePattern
from stairgate.storage.expansion import grants_in, merged
from stairgate.storage.memory.data import Data
from stairgate.storage.memory.tables import Table

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")

_BEFORE_ALL = ""  # of texts
_USER, _GROUP = PrincipalKind.USER.value, PrincipalKind.GROUP.value


class MemoryListing:
    """`ports.listing.ListingReads`."""

    def __init__(self, data: Data) -> None:
        self._data = data

    def known_place(self, place: str) -> str | None:
        tables = (self._data.records, self._data.resources)
        found = [first for table in tables if (first := table.first_from("known", place)) is not None]
        return min(found, default=None)

    def users_on(self, resource: ResourcePattern, *, after: str | None, limit: int) -> Sequence[NamedUser]:
        on = str(resource)
        groups = list(self._standing(on, _GROUP))
        streams: list[Callable[[str], str | None]] = [partial(self._next_standing, on, _USER)]
        streams += [_after_in(self._members(group)) for group in groups]
        found = []
        for user, numbers in merged(streams, after or "", limit):
            named = [Principal(PrincipalKind.GROUP, groups[each - 1]) for each in numbers if each > 0]
            if 0 in numbers:
                named.append(Principal(PrincipalKind.USER, user))
            roles = {role for principal in named for role in self._roles_on(resource, principal)}
            found.append(NamedUser(UserId(user), tuple(sorted(roles))))
        return found

    def records_of_admin(self, admin: UserId, *, after: str | None, limit: int) -> Sequence[RecordId]:
        return [RecordId(key) for key in first_of(_administered(self._data.records, admin, after), limit)]

    def groups_of_admin(self, admin: UserId, *, after: str | None, limit: int) -> Sequence[GroupId]:
        return [GroupId(key) for key in first_of(_administered(self._data.groups, admin, after), limit)]

    def record_ahead(self, after: str | None, *, steps: int) -> RecordId | None:
        return next((row.id for row in islice(walk(self._data.records, "id", after), steps - 1, None)), None)

    def group_ahead(self, after: str | None, *, steps: int) -> GroupId | None:
        return next((row.id for row in islice(walk(self._data.groups, "id", after), steps - 1, None)), None)

    def roles_after(self, after: str | None, *, limit: int) -> Sequence[Role]:
        return page_in(self._data.roles, "id", after, limit)

    def resources_after(self, after: str | None, *, limit: int) -> Sequence[ResourceConfiguration]:
        return page_in(self._data.resources, "text", after, limit)

    def _next_standing(self, resource: str, kind: str, after: str) -> str | None:
        first = self._data.records.first_from("standing", (resource, kind, _next(after)))
        return str(first[2]) if first is not None and first[:2] == (resource, kind) else None

    def _standing(self, resource: str, kind: str) -> Iterator[str]:
        who = self._next_standing(resource, kind, _BEFORE_ALL)
        while who is not None:
            yield who
            who = self._next_standing(resource, kind, who)

    def _members(self, group: str) -> list[str]:
        stored = self._data.groups.get(GroupId(group))
        return [] if stored is None else sorted(stored.users)

    def _roles_on(self, resource: ResourcePattern, principal: Principal) -> Iterator[RoleId]:
        for record in self._data.records.find("standing", (str(resource), principal.kind.value, principal.id)):
            for named, grant in grants_in(record):
                if named == principal and resource in grant.resources:
                    yield from grant.roles


def walk(table: Table[K, V], index: str, after: str | None, until: str | None = None) -> Iterator[V]:
    """The rows of *table* after *after* up to *until*, ascending by an *index* of one text a row."""
    key = table.first_from(index, _next(after or _BEFORE_ALL))
    while key is not None and (until is None or key <= until):
        yield from table.find(index, key)
        key = table.first_from(index, _next(key))


def page_in(table: Table[K, V], index: str, after: str | None, limit: int) -> list[V]:
    """At most *limit* of the rows that `walk` gives."""
    return first_of(walk(table, index, after), limit)


def first_of(rows: Iterator[V], limit: int) -> list[V]:
    """At most *limit* of *rows*, which may be any whole number."""
    return list(islice(rows, min(max(limit, 0), sys.maxsize)))


def _administered(table: Table[K, V], admin: UserId, after: str | None) -> Iterator[str]:
    key = table.first_from("admin", (admin, _next(after or _BEFORE_ALL)))
    while key is not None and key[0] == admin:
        yield key[1]
        key = table.first_from("admin", (admin, _next(key[1])))


def _after_in(texts: list[str]) -> Callable[[str], str | None]:
    def following(after: str) -> str | None:
        place = bisect_right(texts, after)
        return texts[place] if place < len(texts) else None

    return following


def _next(text: str) -> str:
    """The lowest text after *text*."""
    return text + "\0"
