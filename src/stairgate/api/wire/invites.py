"""Invites (authress-contract §1.4), with the protections that statements of records have, too."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

from msgspec import UNSET, Meta, Struct, UnsetType

from stairgate.api.wire.authress import Links, Statement

Strategy = Literal["GENERATE_NEW_RECORD", "UNSAFE_FORCE_MERGE", "REPLACE_RECORD_DATA", "SKIP_CHANGES"]


class Invite(Struct, rename="camel", forbid_unknown_fields=True):
    """
    Access for whoever accepts it: each statement gives its roles on its resources, and names nobody.

    `conflictResolutionStrategy` says what is done where the record for exactly these statements was changed since.
    `linkedUserId`: only this user may accept it. `defaultLoginTenantId` and `tenantId` are kept, and mean nothing here.
    Read-only: inviteId, authenticationRequestUri, links.
    """

    statements: Annotated[list[Statement], Meta(max_length=100)]
    conflict_resolution_strategy: Strategy | UnsetType | None = UNSET
    expiry_time: datetime | UnsetType | None = UNSET
    linked_user_id: Annotated[str, Meta(min_length=1, max_length=128)] | UnsetType | None = UNSET
    default_login_tenant_id: Annotated[str, Meta(max_length=128)] | UnsetType | None = UNSET
    tenant_id: Annotated[str, Meta(max_length=128)] | UnsetType | None = UNSET
    invite_id: Annotated[str, Meta(max_length=256)] | UnsetType | None = UNSET
    authentication_request_uri: str | UnsetType | None = UNSET
    links: Links | UnsetType | None = UNSET


class InviteAcceptance(Struct, forbid_unknown_fields=True):
    """Nothing: the calling user accepts."""
