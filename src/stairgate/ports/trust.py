"""The part of the store's port that claims, invites and repeated requests need."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol

from stairgate.model.access import AccessRecord, Group
from stairgate.model.ids import UserId
from stairgate.model.invites import Invite
from stairgate.model.resources import Resource


@dataclass(frozen=True, slots=True)
class RememberedAnswer:
    """
    What a request under an Idempotency-Key was answered with, so that its repeat does nothing and says the same.

    SECURITY: *answer* is sealed by the key ring: it can hold what is shown once.
    """

    caller: UserId
    key: str
    fingerprint: str  # digest of the caller's token key, the route and all that was sent
    answer: bytes = field(repr=False)
    shown_until: datetime  # then a repeat is told that it was done, and no more
    expires_at: datetime


class TrustReads(Protocol):
    """The reading half."""

    def records_on(self, resource: Resource, *, most: int) -> Sequence[AccessRecord]:
        """
        Must return at most *most* ACTIVE records with a statement on exactly *resource* or on something below it.

        By an indexed query, ascending by id. What stands above, or on a wildcard that covers it, is not meant.
        """
        ...

    def users(self, *, after: str | None, most: int) -> Sequence[UserId]:
        """
        Must return at most *most* users that come after *after*, ascending, by indexed queries.

        A user is who is named in a record or group, as an admin too, or has a factor; service clients are none.
        """
        ...

    def knows_user(self, user: UserId) -> bool:
        """Must say whether *user* is named in a record or group, as an admin too, or has a factor."""
        ...

    def records_naming(self, user: UserId) -> Sequence[AccessRecord]:
        """Must return every record that names *user*, as an admin too, DELETED ones included, ascending by id."""
        ...

    def groups_naming(self, user: UserId) -> Sequence[Group]:
        """Must return every group that names *user*, as an admin too, ascending by id."""
        ...

    def invite(self, digest: str) -> Invite | None:
        """Must return the invite whose id has this digest, expired or not."""
        ...

    def invites_of(self, user: UserId) -> Sequence[Invite]:
        """Must return every invite that *user* made, or that is for *user* alone, ascending by digest."""
        ...

    def remembered_answer(self, caller: UserId, key: str) -> RememberedAnswer | None:
        """Must return what *caller*'s request under *key* was answered with, expired or not, if it is kept."""
        ...


class TrustWrites(TrustReads, Protocol):
    """The writing half."""

    def put_invite(self, invite: Invite) -> None:
        """Must store the invite in place of one with its digest."""
        ...

    def remove_invite(self, digest: str) -> None:
        """Must remove the invite."""
        ...

    def forget_invites(self, *, before: datetime, most: int) -> int:
        """Must remove at most *most* invites that expire at or before *before*, and return how many."""
        ...

    def put_remembered_answer(self, answer: RememberedAnswer) -> None:
        """Must keep the answer in place of one with its caller and key."""
        ...

    def forget_answers(self, *, before: datetime, most: int) -> int:
        """Must remove at most *most* answers that expire at or before *before*, and return how many."""
        ...
