"""Groups: make, read, list, replace, delete (semantics §3; authress-contract §1.3, §2.6)."""

from __future__ import annotations

from dataclasses import replace

from stairgate.model.access import Group, Principal, PrincipalKind
from stairgate.model.actions import READ
from stairgate.model.audit import Event
from stairgate.model.errors import AlreadyExistsError, InvalidInputError, NotFoundError
from stairgate.model.ids import GroupId
from stairgate.model.resources import Resource, management_resource
from stairgate.model.tokens import Caller
from stairgate.ports.store import Page, ReadTransaction, WriteTransaction
from stairgate.service.context import Services
from stairgate.service.drafts import GroupDraft
from stairgate.service.guard import CREATE, UPDATE, Guard
from stairgate.service.handing_out import require_for_grants
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
from stairgate.service.policy_documents import group_document
from stairgate.service.preconditions import UnmodifiedSince

ID_BITS = 80
KIND = "Groups"


def guarding(group: GroupId | None = None) -> Resource:
    """What guards *group*; None: all of them."""
    return management_resource(KIND) if group is None else management_resource(KIND, group)


async def create_group(services: Services, caller: Caller, draft: GroupDraft) -> Written[Group]:
    """
    Make a group. Without admins in the draft its creator becomes its admin.

    Raises:
        ForbiddenError: The caller may not, or records already name the id and the caller may not hand out what they
            give.
        AlreadyExistsError: A group has its id.
    """
    key = draft.id or GroupId(f"grp_{services.entropy.token(bits=ID_BITS)}")
    admins = (caller.principal,) if draft.admins is None else draft.admins

    def run(transaction: WriteTransaction, guard: Guard) -> Group:
        guard.require(CREATE, guarding(), hide=False)
        if transaction.group(key) is not None:
            raise AlreadyExistsError
        # Records keep naming a deleted group: whoever makes one of that id gives its members what they say.
        require_for_grants(transaction, guard, list(transaction.grants_of(Principal(PrincipalKind.GROUP, key))))
        group = Group(key, draft.name, draft.users, admins, draft.tags, updated_at(guard.now, None))
        return _put(transaction, guard, group, None)

    return await writing(services, caller, run)


async def read_group(services: Services, caller: Caller, key: GroupId) -> Group:
    """
    The group.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller has some right on it, but may not read it.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> Group:
        group = transaction.group(key)
        guard.require(READ, guarding(key), admins=() if group is None else group.admins)
        if group is None:
            raise NotFoundError
        return group

    return await reading(services, caller, run)


async def list_groups(
    services: Services, caller: Caller, *, limit: int, after: str | None, text: str | None
) -> Listed[Group]:
    """The groups that the caller may read, ascending by id. *text* is a part of the id or the name."""

    def run(transaction: ReadTransaction, guard: Guard) -> Listed[Group]:
        def seen(group: Group) -> bool:
            return guard.sees(READ, guarding(group.id), admins=group.admins)

        shelf = Shelf(
            KIND,
            page=lambda after, size, until: transaction.groups(Page(size, after, until), filter_text=text),
            get=lambda key: transaction.group(GroupId(key)),
            key=lambda group: group.id,
            administered=lambda after, size: transaction.groups_of_admin(guard.user, after=after, limit=size),
            having=lambda group: holds_text(text, group.id, group.name),
            ahead=lambda after, steps: None if text is None else transaction.group_ahead(after, steps=steps),
        )
        return listed(guard, shelf, seen=seen, limit=limit, after=after)

    return await reading(services, caller, run)


async def replace_group(
    services: Services, caller: Caller, key: GroupId, draft: GroupDraft, condition: UnmodifiedSince | None
) -> Written[Group]:
    """
    Put *draft* in place of the group.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller may not change it.
        PreconditionFailedError: It has changed since *condition*.
        InvalidInputError: The draft has another id.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> Group:
        stored = _changeable(transaction, guard, key)
        if condition is not None:
            condition.require(stored.last_updated)
        if draft.id not in {None, key}:
            raise InvalidInputError("groupId", "must be the one in the address, or left out")
        group = replace(
            stored,
            name=draft.name,
            users=draft.users,
            admins=stored.admins if draft.admins is None else draft.admins,
            tags=draft.tags,
            last_updated=updated_at(guard.now, stored.last_updated),
        )
        return _put(transaction, guard, group, stored)

    return await writing(services, caller, run)


async def delete_group(services: Services, caller: Caller, key: GroupId) -> Written[None]:
    """
    Remove the group. Records keep naming it, and give nobody anything through it.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller may not change it.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> None:
        before = _changeable(transaction, guard, key)
        transaction.delete_group(key)
        record_change(transaction, guard, Event.GROUP_CHANGED, key=key, before=before, after=None)

    return await writing(services, caller, run)


def _changeable(transaction: WriteTransaction, guard: Guard, key: GroupId) -> Group:
    group = transaction.group(key)
    guard.require(UPDATE, guarding(key), admins=() if group is None else group.admins)
    if group is None:
        raise NotFoundError
    return group


def _put(transaction: WriteTransaction, guard: Guard, group: Group, before: Group | None) -> Group:
    require_small(group_document(group))
    transaction.put_group(group)
    record_change(transaction, guard, Event.GROUP_CHANGED, key=group.id, before=before, after=group)
    return group
