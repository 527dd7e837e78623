"""Identifiers: their types, so that look-alikes cannot be swapped, and the shapes that they must have."""

from __future__ import annotations

import re
from typing import NewType

from stairgate.model.errors import InvalidInputError

AccountId = NewType("AccountId", str)
UserId = NewType("UserId", str)  # also a service client's id: a client is a user whose id is the client id
ClientId = NewType("ClientId", str)
KeyId = NewType("KeyId", str)
RoleId = NewType("RoleId", str)
GroupId = NewType("GroupId", str)
RecordId = NewType("RecordId", str)
ChallengeId = NewType("ChallengeId", str)
RequestId = NewType("RequestId", str)
ElevationId = NewType("ElevationId", str)
FactorId = NewType("FactorId", str)
EnrolmentId = NewType("EnrolmentId", str)
LinkId = NewType("LinkId", str)

CLIENT_PREFIX = "sc_"  # no issuer yields a user id that begins so (semantics §1)

# Each pattern is one character class with a bound, so matching is linear (authress-contract §1.2).
_USER = re.compile(r"[a-zA-Z0-9+._|/~:@\s-]{1,128}")
_ROLE = re.compile(r"[a-zA-Z0-9._:@-]{1,64}")
_GROUP = re.compile(r"[a-zA-Z0-9_-]{1,64}")
_RECORD = re.compile(r"[a-zA-Z0-9_:|~-]{1,100}")
_CLIENT = re.compile(r"[a-zA-Z0-9_-]{1,64}")


def _matching(pattern: re.Pattern[str], text: str, field: str, allowed: str) -> str:
    if pattern.fullmatch(text) is None:
        raise InvalidInputError(field, f"must be {allowed}")
    return text


def user_id(text: str, *, field: str = "userId") -> UserId:
    """*text* as a user id. Raises `InvalidInputError` naming *field*."""
    return UserId(_matching(_USER, text, field, "1 to 128 letters, digits, blanks or any of + . _ | / ~ : @ -"))


def role_id(text: str, *, field: str = "roleId") -> RoleId:
    """*text* as a role id. Raises `InvalidInputError` naming *field*."""
    return RoleId(_matching(_ROLE, text, field, "1 to 64 letters, digits or any of . _ : @ -"))


def group_id(text: str, *, field: str = "groupId") -> GroupId:
    """*text* as a group id. Raises `InvalidInputError` naming *field*."""
    return GroupId(_matching(_GROUP, text, field, "1 to 64 letters, digits, _ or -"))


def record_id(text: str, *, field: str = "recordId") -> RecordId:
    """*text* as a record id. Raises `InvalidInputError` naming *field*."""
    return RecordId(_matching(_RECORD, text, field, "1 to 100 letters, digits or any of _ : | ~ -"))


def request_id(text: str, *, field: str = "requestId") -> RequestId:
    """*text* as a request id. Raises `InvalidInputError` naming *field*."""
    return RequestId(_matching(_RECORD, text, field, "1 to 100 letters, digits or any of _ : | ~ -"))


def client_id(text: str, *, field: str = "clientId") -> ClientId:
    """*text* as a service client id. Raises `InvalidInputError` naming *field*."""
    return ClientId(_matching(_CLIENT, text, field, "1 to 64 letters, digits, _ or -"))
