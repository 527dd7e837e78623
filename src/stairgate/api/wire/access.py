"""What a user may do where, as the official clients read it (authress-contract §1.4), with what a step-up opens."""

from __future__ import annotations

from typing import Any

from msgspec import UNSET, Struct, UnsetType

from stairgate.api.wire.authress import Account, CollectionLinks, Pagination


class UserPermission(Struct, rename="camel"):
    """
    An action with the rights that are open.

    With `stepUp`, which only `includeProtected=true` brings: the rights that an elevation like that would open.
    """

    action: str
    allow: bool
    grant: bool
    delegate: bool
    step_up: dict[str, Any] | UnsetType = UNSET


class PermissionCollection(Struct, rename="camel"):
    """What the user may do on the resource, ascending by action."""

    account: Account
    user_id: str
    permissions: list[UserPermission]


class UserRole(Struct, rename="camel"):
    """A role. With `stepUp`, which only `includeProtected=true` brings: nothing of it is open before such a step-up."""

    role_id: str
    step_up: dict[str, Any] | UnsetType = UNSET


class UserRoleCollection(Struct, rename="camel"):
    """The roles that the user is given on exactly this resource, ascending by id."""

    user_id: str
    roles: list[UserRole]


class UserResource(Struct, rename="camel"):
    """A resource. With `stepUp`, which only `includeProtected=true` brings: it is not open before such a step-up."""

    resource_uri: str
    step_up: dict[str, Any] | UnsetType = UNSET


class UserResourcesCollection(Struct, rename="camel"):
    """
    Known resources that are open to the user, each before what is below it.

    A page may have fewer than `limit`, even none, and still a next one.
    """

    account: Account
    user_id: str
    resources: list[UserResource]
    pagination: Pagination
    links: CollectionLinks


class ResourceUser(Struct, rename="camel"):
    """A user and the roles that statements give them on the resource, ascending."""

    user_id: str
    roles: list[UserRole]


class ResourceUsersCollection(Struct):
    """Users whom statements name on exactly this resource, directly or through a group, ascending by id."""

    users: list[ResourceUser]
    pagination: Pagination
    links: CollectionLinks
