"""The part of the store's port that lists need: each method reads as much as it returns, wherever the page begins."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from stairgate.model.access import NamedUser, ResourceConfiguration, Role
from stairgate.model.ids import GroupId, RecordId, UserId
from stairgate.model.resources import ResourcePattern


class ListingReads(Protocol):
    """Pages: at most *limit* items whose id comes after *after* (None: from the start), ascending."""

    def known_place(self, place: str) -> str | None:
        """
        Must return the first place at or after *place* of a known resource (`model.resources.place_of`).

        Known is what a statement of an ACTIVE record or a resource configuration names without a wildcard.
        """
        ...

    def users_on(self, resource: ResourcePattern, *, after: str | None, limit: int) -> Sequence[NamedUser]:
        """
        Must return a page of the users whom statements of ACTIVE records name on exactly *resource*.

        Each once, by user id, whether named directly or by a group they are in, with the roles of all these statements,
        each once and ascending.
        """
        ...

    def records_of_admin(self, admin: UserId, *, after: str | None, limit: int) -> Sequence[RecordId]:
        """Must return a page of the records, DELETED ones included, that *admin* is an admin of."""
        ...

    def groups_of_admin(self, admin: UserId, *, after: str | None, limit: int) -> Sequence[GroupId]:
        """Must return a page of the groups that *admin* is an admin of."""
        ...

    def record_ahead(self, after: str | None, *, steps: int) -> RecordId | None:
        """Must return the id of the *steps*-th record after *after*, None where there are fewer; without the others."""
        ...

    def group_ahead(self, after: str | None, *, steps: int) -> GroupId | None:
        """Must return the id of the *steps*-th group after *after*, None where there are fewer; without the others."""
        ...

    def roles_after(self, after: str | None, *, limit: int) -> Sequence[Role]:
        """Must return a page of the stored roles."""
        ...

    def resources_after(self, after: str | None, *, limit: int) -> Sequence[ResourceConfiguration]:
        """Must return a page of the resource configurations, by the text of their patterns."""
        ...
