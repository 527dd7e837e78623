"""What a user may do on a resource, and through which roles (semantics §11; authress-contract §1.3)."""

from __future__ import annotations

from stairgate.engine.listing import ShownPermission, ShownRole, permissions_on, roles_on
from stairgate.model.errors import NotFoundError
from stairgate.model.resources import Resource
from stairgate.model.tokens import Caller
from stairgate.service.context import Services
from stairgate.service.viewing import ViewCall, viewing


async def permissions_of(
    services: Services, caller: Caller, call: ViewCall, resource: Resource
) -> tuple[ShownPermission, ...]:
    """
    The actions that are open to the user on *resource*, with the rights to hand them out.

    Raises:
        NotFoundError: There are none to show.
        InvalidInputError, ForbiddenError, UserTokenRefusedError, UnavailableError: As for `viewing`.
    """
    shown = await viewing(
        services,
        caller,
        call,
        lambda _, view: permissions_on(resource, view, include_protected=call.include_protected),
    )
    if not shown:
        raise NotFoundError("the user has no permission on this resource")
    return shown


async def roles_of(services: Services, caller: Caller, call: ViewCall, resource: Resource) -> tuple[ShownRole, ...]:
    """
    The roles that statements give the user on exactly *resource*.

    Raises:
        NotFoundError: There are none to show.
        InvalidInputError, ForbiddenError, UserTokenRefusedError, UnavailableError: As for `viewing`.
    """
    shown = await viewing(
        services, caller, call, lambda _, view: roles_on(resource, view, include_protected=call.include_protected)
    )
    if not shown:
        raise NotFoundError("the user has no role on this resource")
    return shown
