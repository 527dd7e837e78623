"""
Claims: what nobody has yet becomes the caller's (authress-contract §1.3, §2.6).

A resource can be claimed where its collection is configured with `CLAIM`, or by somebody who may hand out everything on
it anyway. Look and take are one transaction, so of any number who claim one thing at once, one gets it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from stairgate.engine.decide import Right
from stairgate.model.access import OWNER, AccessRecord, Statement
from stairgate.model.actions import ANY_ACTION
from stairgate.model.errors import AlreadyClaimedError, ForbiddenError, InvalidInputError
from stairgate.model.ids import RecordId, UserId
from stairgate.model.resources import MANAGEMENT_PREFIX, Resource, ResourcePattern, parse_resource
from stairgate.model.tokens import Caller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service.context import Services
from stairgate.service.guard import CLAIM, Guard, claimable
from stairgate.service.management import Written, updated_at, writing
from stairgate.service.records import ID_BITS, store_record

# Beyond so many records on a resource and below it, that somebody else has access is taken as certain.
MOST_LOOKED_AT = 100
_NAME = 128


@dataclass(frozen=True, slots=True)
class Claimed:
    """What was claimed, and the record that says so."""

    resource: Resource
    record: AccessRecord


def claimed_resource(collection: str, child: str) -> Resource:
    """
    The resource *child* of *collection*.

    Raises:
        InvalidInputError: The collection is not one node of the tree, or the child not one segment.
    """
    node = parse_resource(collection, field="collectionResource")
    if node.children:
        raise InvalidInputError("collectionResource", "must name one collection, without `*`")
    segment = parse_resource(child, field="resourceId")
    if "/" in child or segment.children:
        raise InvalidInputError("resourceId", "must be one segment, without `/` and `*`")
    return parse_resource(f"{node}/{segment}", field="resourceId")


async def claim_resource(services: Services, caller: Caller, resource: Resource) -> Written[Claimed]:
    """
    Make the caller the owner of *resource*, which nobody else has access to, and the admin of the record of that.

    Raises:
        ForbiddenError: It cannot be claimed: its collection is not open to claims, and the caller may not hand it out.
        StepUpRefusedError: It can, after a step-up.
        AlreadyClaimedError: The caller owns it already, or others have access to it or to something below it.
    """
    fresh = RecordId(f"rec_{services.entropy.token(bits=ID_BITS)}")

    def run(transaction: WriteTransaction, guard: Guard) -> Claimed:
        _require_claimable(transaction, guard, resource)
        _require_free(transaction, guard.user, resource)
        record = AccessRecord(
            id=fresh,
            name=f"Claim of {resource}"[:_NAME],
            statements=(Statement((OWNER.id,), (ResourcePattern(resource.segments),)),),
            users=(guard.user,),
            admins=(guard.user,),
            last_updated=updated_at(guard.now, None),
        )
        store_record(transaction, guard, record, None)
        return Claimed(resource, record)

    return await writing(services, caller, run)


def _require_claimable(transaction: ReadTransaction, guard: Guard, resource: Resource) -> None:
    if resource.segments[0].startswith(MANAGEMENT_PREFIX):
        # SECURITY: whoever owned `Authress:ServiceClients/{id}` could make keys of a client that is somebody else's.
        raise ForbiddenError("what guards the management API cannot be claimed")
    if claimable(transaction, resource):
        # Being let claim it is a grant like any other: marks on the resource hold.
        guard.require(CLAIM, resource, admins=(guard.user,), hide=False)
    else:
        guard.require(ANY_ACTION, resource, right=Right.DELEGATE, hide=False)


def _require_free(transaction: ReadTransaction, user: UserId, resource: Resource) -> None:
    """
    Nobody else may have been given access to it by its name, nor to something below, which its owner would get at.

    Access through a parent or a wildcard is not to this resource in particular, and stays what it is.
    """
    records = transaction.records_on(resource, most=MOST_LOOKED_AT + 1)
    if len(records) > MOST_LOOKED_AT:
        raise AlreadyClaimedError
    for record in records:
        for statement in record.statements:
            if any(_is_on(pattern, resource) for pattern in statement.resources):
                users = {*record.users, *statement.users}
                if users - {user} or record.groups or statement.groups:
                    raise AlreadyClaimedError
                if user in users and OWNER.id in statement.roles and _is_exactly(statement.resources, resource):
                    raise AlreadyClaimedError("it is yours already")


def _is_on(pattern: ResourcePattern, resource: Resource) -> bool:
    return pattern.segments[: len(resource.segments)] == resource.segments


def _is_exactly(patterns: Iterable[ResourcePattern], resource: Resource) -> bool:
    return ResourcePattern(resource.segments) in patterns
