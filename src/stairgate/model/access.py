"""Who may do what: roles, statements, access records, groups, resource configurations (semantics §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from stairgate.model.actions import ANY_ACTION, READ, Action
from stairgate.model.ids import GroupId, RecordId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import ResourcePattern

NO_TAGS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Permission:
    """One action of a role: may do it, may give it on, may give all three on; and what guards it, through this role."""

    action: Action
    allow: bool
    grant: bool
    delegate: bool
    step_up: Requirement | None = None


@dataclass(frozen=True, slots=True)
class Role:
    """A bag of permissions that knows nothing of resources."""

    id: RoleId
    name: str
    permissions: tuple[Permission, ...]
    description: str | None = None
    last_updated: datetime | None = None


OWNER = Role(RoleId("Authress:Owner"), "Owner", (Permission(ANY_ACTION, allow=True, grant=True, delegate=True),))
READER = Role(
    RoleId("Authress:ReadResource"), "Read resource", (Permission(READ, allow=True, grant=False, delegate=False),)
)
BUILT_IN_ROLES: Mapping[RoleId, Role] = MappingProxyType({role.id: role for role in (OWNER, READER)})


@dataclass(frozen=True, slots=True)
class Statement:
    """
    Roles on resources, for the users and groups of the record or for its own.

    *when*: a condition (CEL); the grant counts only where it is true (semantics §3).
    """

    roles: tuple[RoleId, ...]
    resources: tuple[ResourcePattern, ...]
    users: tuple[UserId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    step_up: Requirement | None = None
    when: str | None = None


class RecordStatus(StrEnum):
    """Only ACTIVE records give access; a DELETED one stays readable and its id can be taken again."""

    ACTIVE = "ACTIVE"
    DELETED = "DELETED"


@dataclass(frozen=True, slots=True)
class AccessRecord:
    """
    Gives roles on resources to users and groups.

    INVARIANT: users and groups stand on the record or on its statements, never on both (checked where it is written).
    """

    id: RecordId
    name: str
    statements: tuple[Statement, ...]
    users: tuple[UserId, ...] = ()
    groups: tuple[GroupId, ...] = ()
    admins: tuple[UserId, ...] = ()
    description: str | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    status: RecordStatus = RecordStatus.ACTIVE
    last_updated: datetime | None = None


@dataclass(frozen=True, slots=True)
class Group:
    """Users who are given access together; its admins may edit it."""

    id: GroupId
    name: str
    users: tuple[UserId, ...] = ()
    admins: tuple[UserId, ...] = ()
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    last_updated: datetime | None = None


class ResourceAbility(StrEnum):
    """What a resource configuration can open: CLAIM lets users claim children, PUBLIC gives every user READ."""

    CLAIM = "CLAIM"
    PUBLIC = "PUBLIC"


@dataclass(frozen=True, slots=True)
class ResourceMark:
    """A requirement for *actions* on a resource and all below it."""

    actions: tuple[Action, ...]
    requirement: Requirement


@dataclass(frozen=True, slots=True)
class ResourceConfiguration:
    """What holds for a resource, whoever has access: abilities and marks. An empty one registers the resource."""

    resource: ResourcePattern
    abilities: frozenset[ResourceAbility] = frozenset()
    marks: tuple[ResourceMark, ...] = ()
    last_updated: datetime | None = None


class PrincipalKind(StrEnum):
    """Whom a grant names."""

    USER = "user"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Principal:
    """A user or a group, as grants name them."""

    kind: PrincipalKind
    id: str


@dataclass(frozen=True, slots=True)
class NamedUser:
    """A user whom statements name on a resource, directly or through a group, and the roles that these give."""

    user: UserId
    roles: tuple[RoleId, ...]


@dataclass(frozen=True, slots=True)
class Grant:
    """One statement of one ACTIVE record as it concerns one principal: what the engine compiles."""

    record: RecordId
    statement: int  # position in the record
    resources: tuple[ResourcePattern, ...]
    roles: tuple[RoleId, ...]
    step_up: Requirement | None = None
    when: str | None = None
