"""`client.access`, of both clients: each method is one line over an operation of `client.access`."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping

from stairgate.client import access
from stairgate.client.driver import AsyncDriver, Driver
from stairgate.client.shapes import ResourceUser, UserPermission, UserResource, UserRole


class Access:
    """`client.access`: what a user may do, through which roles and where; who is named on a resource. Takes no use."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver

    def permissions(
        self,
        user_id: str,
        resource_uri: str,
        *,
        user_token: str | None = None,
        context: Mapping[str, object] | None = None,
        include_protected: bool = False,
    ) -> list[UserPermission]:
        """
        What the user may do on the resource; nothing: an empty list.

        Args:
            user_id: Whom it is about.
            resource_uri: Where.
            user_token: From a service client: the access token that the user came with, whose elevations count.
            context: The details of the request, for marks that bind to them.
            include_protected: Carry what wants a step-up, with its requirement, in place of leaving it out.
        """
        return self._driver.run(
            access.permissions(
                self._driver.conversation,
                user_id,
                resource_uri,
                user_token=user_token,
                context=context,
                include_protected=include_protected,
            )
        )

    def roles(
        self,
        user_id: str,
        resource_uri: str,
        *,
        user_token: str | None = None,
        context: Mapping[str, object] | None = None,
        include_protected: bool = False,
    ) -> list[UserRole]:
        """The roles that the user is given on exactly this resource; the arguments are `permissions`'."""
        return self._driver.run(
            access.roles(
                self._driver.conversation,
                user_id,
                resource_uri,
                user_token=user_token,
                context=context,
                include_protected=include_protected,
            )
        )

    def resources(
        self,
        user_id: str,
        *,
        collection: str | None = None,
        permission: str | None = None,
        nested: bool = False,
        user_token: str | None = None,
        context: Mapping[str, object] | None = None,
        include_protected: bool = False,
        page_size: int | None = None,
    ) -> Iterator[UserResource]:
        """
        Where the user may do something, page by page: of the resources that policies name without a wildcard.

        Args:
            user_id: Whom it is about.
            collection: Only what lies below it, one level without *nested*.
            permission: What must be open there; without it any action will do.
            nested: At any depth.
            user_token: As for `permissions`.
            context: As for `permissions`.
            include_protected: As for `permissions`.
            page_size: How many are asked for at once, at most 20.
        """
        return self._driver.stream(
            access.resources(
                self._driver.conversation,
                user_id,
                collection=collection,
                permission=permission,
                nested=nested,
                user_token=user_token,
                context=context,
                include_protected=include_protected,
                page_size=page_size,
            )
        )

    def users(self, resource_uri: str, *, page_size: int | None = None) -> Iterator[ResourceUser]:
        """Who is named on exactly this resource, directly or through a group, page by page."""
        return self._driver.stream(access.users(resource_uri, page_size=page_size))


class AsyncAccess:
    """`client.access`: what a user may do, through which roles and where; who is named on a resource. Takes no use."""

    def __init__(self, driver: AsyncDriver) -> None:
        self._driver = driver

    async def permissions(
        self,
        user_id: str,
        resource_uri: str,
        *,
        user_token: str | None = None,
        context: Mapping[str, object] | None = None,
        include_protected: bool = False,
    ) -> list[UserPermission]:
        """
        What the user may do on the resource; nothing: an empty list.

        Args:
            user_id: Whom it is about.
            resource_uri: Where.
            user_token: From a service client: the access token that the user came with, whose elevations count.
            context: The details of the request, for marks that bind to them.
            include_protected: Carry what wants a step-up, with its requirement, in place of leaving it out.
        """
        return await self._driver.run(
            access.permissions(
                self._driver.conversation,
                user_id,
                resource_uri,
                user_token=user_token,
                context=context,
                include_protected=include_protected,
            )
        )

    async def roles(
        self,
        user_id: str,
        resource_uri: str,
        *,
        user_token: str | None = None,
        context: Mapping[str, object] | None = None,
        include_protected: bool = False,
    ) -> list[UserRole]:
        """The roles that the user is given on exactly this resource; the arguments are `permissions`'."""
        return await self._driver.run(
            access.roles(
                self._driver.conversation,
                user_id,
                resource_uri,
                user_token=user_token,
                context=context,
                include_protected=include_protected,
            )
        )

    def resources(
        self,
        user_id: str,
        *,
        collection: str | None = None,
        permission: str | None = None,
        nested: bool = False,
        user_token: str | None = None,
        context: Mapping[str, object] | None = None,
        include_protected: bool = False,
        page_size: int | None = None,
    ) -> AsyncIterator[UserResource]:
        """
        Where the user may do something, page by page: of the resources that policies name without a wildcard.

        Args:
            user_id: Whom it is about.
            collection: Only what lies below it, one level without *nested*.
            permission: What must be open there; without it any action will do.
            nested: At any depth.
            user_token: As for `permissions`.
            context: As for `permissions`.
            include_protected: As for `permissions`.
            page_size: How many are asked for at once, at most 20.
        """
        return self._driver.stream(
            access.resources(
                self._driver.conversation,
                user_id,
                collection=collection,
                permission=permission,
                nested=nested,
                user_token=user_token,
                context=context,
                include_protected=include_protected,
                page_size=page_size,
            )
        )

    def users(self, resource_uri: str, *, page_size: int | None = None) -> AsyncIterator[ResourceUser]:
        """Who is named on exactly this resource, directly or through a group, page by page."""
        return self._driver.stream(access.users(resource_uri, page_size=page_size))
