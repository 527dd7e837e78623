"""
Weakening a protection is itself protected (semantics §4; attack 35).

What a *user* must prove is asked of the very call: on the resource and action that guard it, once, for exactly the
body that it carries. Service clients are not asked: they have no factors, and to make one, or a key for one, is asked.

What the text leaves open is read so. The details that a weakened mark binds are those of the accesses it guards; the
body's digest stands in their place. Whoever may make a record without a right on all records has no guarding resource
of its own for it, so making anything is asked on its collection. That an issuer's `acr` counts as a step-up, and any
change of such an issuer, is asked for like a key: it decides who can meet a mark.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from itertools import chain

from stairgate.engine.weakening import (
    newly_manage,
    reaches_management,
    weakened_in_record,
    weakened_in_resource,
    weakened_in_role,
)
from stairgate.model.access import (
    AccessRecord,
    Group,
    Permission,
    Principal,
    PrincipalKind,
    RecordStatus,
    ResourceAbility,
    ResourceConfiguration,
    Role,
)
from stairgate.model.actions import ANY_ACTION, Action
from stairgate.model.audit import Event
from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.ids import CLIENT_PREFIX, GroupId, RoleId, UserId
from stairgate.model.protection import Enforcement, Requirement, Scope
from stairgate.model.resources import Resource, management_resource, parse_pattern
from stairgate.model.tokens import ClientCaller
from stairgate.ports.store import ReadTransaction
from stairgate.service.guard import BODY, CREATE, UPDATE, Guard, resource_permissions
from stairgate.service.loading import every_client
from stairgate.service.policy_documents import Changed

# "At least the default requirement", once, for this body alone.
CHANGE_OF_PROTECTION = Requirement(uses=1, bind=frozenset({BODY}))

_KINDS = {
    Event.RECORD_CHANGED: "AccessRecords",
    Event.ROLE_CHANGED: "Roles",
    Event.GROUP_CHANGED: "Groups",
    Event.CLIENT_CHANGED: "ServiceClients",
}


def require_for_change(
    transaction: ReadTransaction,
    guard: Guard,
    event: Event,
    *,
    key: str,
    before: Changed | None,
    after: Changed | None,
) -> None:
    """
    Let no user weaken a protection, or arm a service client that could, without the step-up that it takes.

    Args:
        transaction: Which has done the change already.
        guard: Of the caller.
        event: What kind of thing was changed.
        key: Which one.
        before: As it was, None if it is new.
        after: As it is now, None if it is gone.

    Raises:
        StepUpRefusedError: The caller wants a step-up first.
    """
    if isinstance(guard.caller, ClientCaller):
        return
    weakened = _weakened(transaction, before, after)
    if not weakened and not (arms(transaction, before, after) and any_mark_stands(transaction)):
        return
    action, resource = guarding(event, key, is_new=before is None or _is_deleted(before))
    asked = [replace(mark, bind=frozenset(), scope=Scope.EXACT if mark.exact else None) for mark in weakened]
    guard.require_elevation(action, resource, [*asked, CHANGE_OF_PROTECTION])


def guarding(event: Event, key: str, *, is_new: bool) -> tuple[Action, Resource]:
    """The action and resource that guard a change of the thing *key*, or the making of it."""
    match event:
        case Event.RESOURCE_CHANGED:
            return ANY_ACTION, resource_permissions(parse_pattern(key))
        case Event.KEY_CHANGED:
            return UPDATE, management_resource("ServiceClients", key.partition("/")[0], "access-keys")
        case Event.ISSUER_CHANGED:
            return UPDATE, management_resource("Configuration")
        case _:
            kind = _KINDS[event]
            return (CREATE, management_resource(kind)) if is_new else (UPDATE, management_resource(kind, key))


def any_mark_stands(transaction: ReadTransaction) -> bool:
    """Whether anything in the account is protected."""
    return next(_marks_in_force(transaction), None) is not None


def _marks_in_force(transaction: ReadTransaction) -> Iterator[Requirement]:
    """What is asked by resources, roles and statements; what only observes is left out."""
    marks: Iterator[Requirement | None] = chain(
        (mark.requirement for configuration in transaction.resources() for mark in configuration.marks),
        (permission.step_up for role in transaction.roles() for permission in role.permissions),
        transaction.statement_marks(),
    )
    return (mark for mark in marks if mark is not None and mark.enforce is Enforcement.ON)


def _approved_by(transaction: ReadTransaction, group: GroupId) -> tuple[Requirement, ...]:
    """The marks that members of *group* can help to meet."""
    asking = (each for each in _marks_in_force(transaction) if any(group in quorum.groups for quorum in each.approvals))
    return tuple(dict.fromkeys(asking))


def _is_deleted(thing: Changed) -> bool:
    return isinstance(thing, AccessRecord) and thing.status is RecordStatus.DELETED


def _weakened(transaction: ReadTransaction, before: Changed | None, after: Changed | None) -> tuple[Requirement, ...]:
    match before, after:
        case (AccessRecord(), AccessRecord() | None):
            return weakened_in_record(before, after)
        case (Role(), Role() | None):
            return weakened_in_role(before, after)
        case (ResourceConfiguration(), ResourceConfiguration() | None):
            return weakened_in_resource(before, after)
        case (Group() | None, Group()):
            joining = _new(() if before is None else before.users, after.users)
            return _approved_by(transaction, after.id) if joining else ()
        case _:
            return ()


def arms(transaction: ReadTransaction, before: Changed | None, after: Changed | None) -> bool:
    """Whether the change gives a service client a key or rights over the management API, or lets tokens prove more."""
    match after:
        case AccessRecord():
            stood = before if isinstance(before, AccessRecord) else None
            return _names_client(_new(() if stood is None else stood.admins, after.admins)) or any(
                _is_client(transaction, one) for one in newly_manage(stood, after)
            )
        case Role():
            return _role_arms(transaction, before if isinstance(before, Role) else None, after)
        case Group():
            return _group_arms(transaction, before if isinstance(before, Group) else None, after)
        case ResourceConfiguration():
            was = isinstance(before, ResourceConfiguration) and ResourceAbility.PUBLIC in before.abilities
            return ResourceAbility.PUBLIC in after.abilities and not was and reaches_management(after.resource)
        case ServiceClient():
            known = before if isinstance(before, ServiceClient) else None
            keys = {key.id for key in known.keys} if known is not None else set()
            checks = after.may_check_any_user and not (known is not None and known.may_check_any_user)
            return checks or any(key.id not in keys for key in after.keys)
        case Issuer():
            return after.trust_acr and after != before
        case None:
            return False


def _role_arms(transaction: ReadTransaction, before: Role | None, after: Role) -> bool:
    """Whether the role opens more than before to a service client that holds it over the management API."""
    had = () if before is None else before.permissions
    if all(any(_gives_all(old, new) for old in had) for new in after.permissions):
        return False
    return any(
        _holds_over_management(transaction, Principal(PrincipalKind.USER, client.id), after.id)
        or any(
            _holds_over_management(transaction, Principal(PrincipalKind.GROUP, group), after.id)
            for group in transaction.groups_of(UserId(client.id))
        )
        for client in every_client(transaction)
    )


def _gives_all(old: Permission, new: Permission) -> bool:
    return (
        old.action.covers(new.action)
        and old.allow >= new.allow
        and (old.grant or old.delegate) >= new.grant
        and old.delegate >= new.delegate
    )


def _group_arms(transaction: ReadTransaction, before: Group | None, after: Group) -> bool:
    if _names_client(_new(() if before is None else before.admins, after.admins)):
        return True
    joining = _names_client(_new(() if before is None else before.users, after.users))
    return joining and _holds_over_management(transaction, Principal(PrincipalKind.GROUP, after.id), None)


def _holds_over_management(transaction: ReadTransaction, principal: Principal, role: RoleId | None) -> bool:
    return any(
        (role is None or role in grant.roles) and any(map(reaches_management, grant.resources))
        for grant in transaction.grants_of(principal)
    )


def _is_client(transaction: ReadTransaction, principal: Principal) -> bool:
    if principal.kind is PrincipalKind.USER:
        return principal.id.startswith(CLIENT_PREFIX)
    group = transaction.group(GroupId(principal.id))
    return group is not None and _names_client(group.users)


def _names_client(users: Iterable[UserId]) -> bool:
    return any(user.startswith(CLIENT_PREFIX) for user in users)


def _new(before: tuple[UserId, ...], after: tuple[UserId, ...]) -> set[UserId]:
    return set(after) - set(before)
