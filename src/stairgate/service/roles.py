"""Roles: make, read, list, replace, delete (semantics §3, §4; authress-contract §1.3)."""

from __future__ import annotations

from stairgate.model.access import BUILT_IN_ROLES, Role
from stairgate.model.actions import READ
from stairgate.model.audit import Event
from stairgate.model.errors import AlreadyExistsError, ForbiddenError, InvalidInputError, NotFoundError
from stairgate.model.ids import RoleId
from stairgate.model.resources import Resource, management_resource
from stairgate.model.tokens import Caller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service.context import Services
from stairgate.service.drafts import RoleDraft
from stairgate.service.guard import CREATE, UPDATE, Guard
from stairgate.service.kept_protection import permissions_of
from stairgate.service.management import (
    Listed,
    Shelf,
    Written,
    holds_text,
    listed,
    reading,
    record_change,
    require_small,
    updated_at,
    writing,
)
from stairgate.service.policy_documents import role_document

ID_BITS = 80
KIND = "Roles"
RESERVED = "Authress:"  # what the ids of built-in roles begin with


def guarding(role: RoleId | None = None) -> Resource:
    """What guards *role*; None: all of them."""
    return management_resource(KIND) if role is None else management_resource(KIND, role)


async def create_role(services: Services, caller: Caller, draft: RoleDraft) -> Written[Role]:
    """
    Make a role.

    Raises:
        ForbiddenError: The caller may not.
        AlreadyExistsError: A role has its id.
        InvalidInputError: The id is reserved for built-in roles.
    """
    key = draft.id or RoleId(f"ro_{services.entropy.token(bits=ID_BITS)}")
    if key.lower().startswith(RESERVED.lower()):
        raise InvalidInputError("roleId", f"must not begin with `{RESERVED}`, which is for built-in roles")

    def run(transaction: WriteTransaction, guard: Guard) -> Role:
        guard.require(CREATE, guarding(), hide=False)
        if transaction.role(key) is not None:
            raise AlreadyExistsError
        permissions = permissions_of(draft.permissions, ())
        role = Role(key, draft.name, permissions, draft.description, updated_at(guard.now, None))
        return _put(transaction, guard, role, None)

    return await writing(services, caller, run)


async def read_role(services: Services, caller: Caller, key: RoleId) -> Role:
    """
    The role, built-in ones too.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller has some right on it, but may not read it.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> Role:
        guard.require(READ, guarding(key))
        return _existing(transaction, key)

    return await reading(services, caller, run)


async def list_roles(
    services: Services, caller: Caller, *, limit: int, after: str | None, text: str | None
) -> Listed[Role]:
    """
    The roles that the caller may read, built-in ones too, ascending by id. *text* is a part of the id or the name.

    Raises:
        ForbiddenError: The caller may read none.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> Listed[Role]:
        def page_of(wanted: str | None, limit: int, after: str | None) -> Listed[Role]:
            shelf = Shelf(
                KIND,
                page=lambda after, size, _: _page(transaction, after, size),
                get=lambda key: BUILT_IN_ROLES.get(RoleId(key)) or transaction.role(RoleId(key)),
                key=lambda role: role.id,
                having=lambda role: holds_text(wanted, role.id, role.name),
            )
            return listed(guard, shelf, seen=lambda role: guard.sees(READ, guarding(role.id)), limit=limit, after=after)

        found = page_of(text, limit, after)
        if not found.items and found.after is None and not page_of(None, 1, None).items:
            guard.require(READ, guarding(), hide=False)
        return found

    return await reading(services, caller, run)


async def replace_role(services: Services, caller: Caller, key: RoleId, draft: RoleDraft) -> Written[Role]:
    """
    Put *draft* in place of the role; a protection that it says nothing of stays (semantics §4).

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller may not change it, or nobody may: it is built in.
        ProtectionWouldBeLostError: A marked permission is gone and the draft says nothing of `stepUp`.
        InvalidInputError: The draft has another id.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> Role:
        stored = _changeable(transaction, guard, key)
        if draft.id not in {None, key}:
            raise InvalidInputError("roleId", "must be the one in the address, or left out")
        permissions = permissions_of(draft.permissions, stored.permissions)
        at = updated_at(guard.now, stored.last_updated)
        role = Role(key, draft.name, permissions, draft.description, at)
        return _put(transaction, guard, role, stored)

    return await writing(services, caller, run)


async def delete_role(services: Services, caller: Caller, key: RoleId) -> Written[None]:
    """
    Remove the role. Records keep naming it, and get nothing from it.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller may not change it, or nobody may: it is built in.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> None:
        before = _changeable(transaction, guard, key)
        transaction.delete_role(key)
        record_change(transaction, guard, Event.ROLE_CHANGED, key=key, before=before, after=None)

    return await writing(services, caller, run)


def _page(transaction: ReadTransaction, after: str | None, size: int) -> list[Role]:
    """The next *size* roles, built-in ones in their place."""
    built_in = [role for role in BUILT_IN_ROLES.values() if role.id > (after or "")]
    return sorted([*transaction.roles_after(after, limit=size), *built_in], key=lambda role: role.id)[:size]


def _existing(transaction: ReadTransaction, key: RoleId) -> Role:
    role = BUILT_IN_ROLES.get(key) or transaction.role(key)
    if role is None:
        raise NotFoundError
    return role


def _changeable(transaction: WriteTransaction, guard: Guard, key: RoleId) -> Role:
    guard.require(UPDATE, guarding(key))
    if key in BUILT_IN_ROLES:
        raise ForbiddenError("a built-in role cannot be changed: make one of your own")
    return _existing(transaction, key)


def _put(transaction: WriteTransaction, guard: Guard, role: Role, before: Role | None) -> Role:
    require_small(role_document(role))
    transaction.put_role(role)
    record_change(transaction, guard, Event.ROLE_CHANGED, key=role.id, before=before, after=role)
    return role
