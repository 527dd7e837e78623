"""What callers of the management API write: like the records of `model.access`, but a protection may be left out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum

from stairgate.model.access import NO_TAGS, ResourceAbility, ResourceMark
from stairgate.model.actions import Action
from stairgate.model.ids import GroupId, RecordId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import ResourcePattern


class Absent(Enum):
    """A member that the document does not have, which is not the same as one that is null (semantics §4)."""

    ABSENT = "absent"


ABSENT = Absent.ABSENT

# A requirement sets the mark, None removes it, ABSENT keeps what is there.
StepUpDraft = Requirement | Absent | None
WhenDraft = str | Absent | None  # likewise, of a condition


@dataclass(frozen=True, slots=True)
class StatementDraft:
    """A statement as it was written."""

    roles: tuple[RoleId, ...]
    resources: tuple[ResourcePattern, ...]
    users: tuple[UserId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    step_up: StepUpDraft = ABSENT
    when: WhenDraft = ABSENT


@dataclass(frozen=True, slots=True)
class RecordDraft:
    """An access record as it was written. *admins* of None: not said, so a new record's is its creator."""

    name: str
    statements: tuple[StatementDraft, ...]
    id: RecordId | None = None
    users: tuple[UserId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    admins: tuple[UserId, ...] | None = None
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)


@dataclass(frozen=True, slots=True)
class AccessRequestDraft:
    """An access request as it was written. *expiry* in seconds; None: not said."""

    users: tuple[UserId, ...]
    statements: tuple[StatementDraft, ...]
    expiry: int | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)


@dataclass(frozen=True, slots=True)
class PermissionDraft:
    """A permission of a role as it was written."""

    action: Action
    allow: bool
    grant: bool
    delegate: bool
    step_up: StepUpDraft = ABSENT


@dataclass(frozen=True, slots=True)
class RoleDraft:
    """A role as it was written."""

    name: str
    permissions: tuple[PermissionDraft, ...]
    id: RoleId | None = None
    description: str | None = None


@dataclass(frozen=True, slots=True)
class GroupDraft:
    """A group as it was written. *admins* of None: not said, so a new group's is its creator."""

    name: str
    users: tuple[UserId, ...]
    id: GroupId | None = None
    admins: tuple[UserId, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)


@dataclass(frozen=True, slots=True)
class ResourceDraft:
    """A resource configuration as it was written: each part may be left out, and is kept then."""

    abilities: frozenset[ResourceAbility] | Absent = ABSENT
    marks: tuple[ResourceMark, ...] | Absent = ABSENT


@dataclass(frozen=True, slots=True)
class ClientDraft:
    """A service client as it was written. An option of None is not said, and stays as it is."""

    name: str = ""
    may_check_any_user: bool | None = None
    may_mint_tokens: bool | None = None
    return_uris: tuple[str, ...] | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)


@dataclass(frozen=True, slots=True)
class IssuerDraft:
    """A trusted issuer as it was written."""

    issuer: str
    audience: str = "*"
    user_id_expression: str = "{sub}"
    algorithms: frozenset[str] | None = None  # None: the default set
    keys_uri: str | None = None
    trust_acr: bool = False
    return_uris: tuple[str, ...] = ()
