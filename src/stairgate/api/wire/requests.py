"""Requests to other people (semantics §9; authress-contract §1.4 AccessRequest)."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from stairgate.api.wire.authress import CollectionLinks, Links, Pagination, Statement, Tags, User
from stairgate.api.wire.stepup import Area

Status = Literal["OPEN", "APPROVED", "DENIED", "DELETED"]
Comment = Annotated[str, Meta(max_length=1_000)]


class AccessTemplate(Struct, rename="camel", forbid_unknown_fields=True):
    """What the statements give, for all of `users`; the statements name nobody of their own."""

    users: Annotated[list[User], Meta(min_length=1, max_length=100)]
    statements: Annotated[list[Statement], Meta(min_length=1, max_length=100)]


class Quorum(Struct, rename="camel"):
    """So many different people of these groups. All quorums of a request must be met."""

    count: int
    groups: list[str]
    self_approval: bool


class Vote(Struct, rename="camel"):
    """What one person said of this version of the request."""

    user_id: str
    vote: Literal["approve", "decline"]
    time: datetime
    comment: str


class StepUpAsked(Struct, rename="camel"):
    """The step-up that is asked for. `asked` says it in words; `details` are the bound values."""

    resource_uri: str
    action: str
    area: Area
    level: str | None
    lifetime: int
    uses: int | None
    details: dict[str, Any]
    asked: str


class AccessRequest(Struct, rename="camel", forbid_unknown_fields=True):
    """
    Something that other people are asked to agree to: access, or (`kind` `step_up`) a step-up.

    Sent are `access`, `tags` and, with a new one, `expiry` in seconds; all else is read-only. For official clients
    `access` of a step-up names the user and the resource, with a role that nobody has. `ended` is null while it can
    still lead to something.
    """

    access: AccessTemplate
    request_id: Annotated[str, Meta(min_length=1, max_length=100)] | UnsetType | None = UNSET
    last_updated: datetime | UnsetType | None = UNSET
    status: Status | UnsetType | None = UNSET
    links: Links | UnsetType | None = UNSET
    tags: Tags | UnsetType | None = UNSET
    expiry: Annotated[int, Meta(ge=60, le=2_592_000)] | UnsetType | None = UNSET
    kind: Literal["access", "step_up"] | UnsetType | None = UNSET
    requester_id: str | UnsetType | None = UNSET
    opener_id: str | UnsetType | None = UNSET
    version: int | UnsetType | None = UNSET
    opened_at: datetime | UnsetType | None = UNSET
    expires_at: datetime | UnsetType | None = UNSET
    approvals: list[Quorum] | UnsetType | None = UNSET
    votes: list[Vote] | UnsetType | None = UNSET
    ended: str | UnsetType | None = UNSET
    ended_at: datetime | UnsetType | None = UNSET
    record_id: str | UnsetType | None = UNSET
    step_up: StepUpAsked | UnsetType | None = UNSET


class AccessRequestCollection(Struct, rename="camel"):
    """The caller's own requests and those that wait for them, ascending by id. A page may have fewer than `limit`."""

    records: list[AccessRequest]
    pagination: Pagination
    links: CollectionLinks


class AccessRequestResponse(Struct, rename="camel", forbid_unknown_fields=True):
    """What an approver says, as Authress calls it."""

    status: Literal["APPROVED", "DENIED"]
    comment: Comment | None = None


class GiveVote(Struct, rename="camel", forbid_unknown_fields=True):
    """What an approver says."""

    vote: Literal["approve", "decline"]
    comment: Comment | None = None
