"""Invites: access that waits for whoever brings the invite's id (authress-contract §1.3, §2.6)."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stairgate.model.access import Statement
from stairgate.model.canonical import base64url
from stairgate.model.ids import UserId


class ConflictResolution(StrEnum):
    """What is done with an access record that stands where the invite's would, and cannot be merged safely."""

    GENERATE_NEW_RECORD = "GENERATE_NEW_RECORD"
    UNSAFE_FORCE_MERGE = "UNSAFE_FORCE_MERGE"
    REPLACE_RECORD_DATA = "REPLACE_RECORD_DATA"
    SKIP_CHANGES = "SKIP_CHANGES"


@dataclass(frozen=True, slots=True)
class Invite:
    """
    An invite as it is kept.

    SECURITY: the id itself is not: *digest* is all that is. An id has 160 random bits, so a plain hash of it tells
    nobody who reads the store how to accept the invite, and none is found by guessing.

    Members:
        statements: What whoever accepts it is given; without users and groups of their own.
        inviter: Who made it, and so hands it out.
        linked_user: The only one who may accept it; None: whoever has the id.
        tenant: What the inviter's login SDK wants to find again; it means nothing here.
        accepted_by: Who accepted it, once that is done.
    """

    digest: str
    statements: tuple[Statement, ...]
    conflict_resolution: ConflictResolution
    inviter: UserId
    created_at: datetime
    expires_at: datetime
    linked_user: UserId | None = None
    tenant: str | None = None
    accepted_by: UserId | None = None


def invite_digest(invite: str) -> str:
    """What is kept of the id *invite*."""
    return base64url(hashlib.sha256(f"stairgate invite {invite}".encode()).digest())
