"""Resource configurations: abilities and marks where they stand (semantics §4; authress-contract §1.3)."""

from __future__ import annotations

from stairgate.engine.decide import Right
from stairgate.model.access import NamedUser, ResourceConfiguration
from stairgate.model.actions import ANY_ACTION, READ
from stairgate.model.audit import Event
from stairgate.model.errors import NotFoundError
from stairgate.model.resources import ResourcePattern, management_resource
from stairgate.model.tokens import Caller, ClientCaller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service.context import Services
from stairgate.service.drafts import Absent, ResourceDraft
from stairgate.service.guard import Guard, resource_permissions
from stairgate.service.management import Listed, Written, reading, record_change, require_small, updated_at, writing
from stairgate.service.policy_documents import resource_document


async def list_resources(
    services: Services, caller: Caller, *, limit: int, after: str | None
) -> Listed[ResourceConfiguration]:
    """
    Every configuration, ascending by its URI.

    Raises:
        ForbiddenError: The caller may not read them.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> Listed[ResourceConfiguration]:
        guard.require(READ, management_resource("ResourcePermissions"), hide=False)
        found = transaction.resources_after(after, limit=limit + 1)
        page = tuple(found[:limit])
        return Listed(page, str(page[-1].resource) if len(found) > limit else None)

    return await reading(services, caller, run)


async def list_users(
    services: Services, caller: Caller, pattern: ResourcePattern, *, limit: int, after: str | None
) -> Listed[NamedUser]:
    """
    The users whom statements name on exactly *pattern*, directly or through a group, ascending by id.

    It tells what is written, as the records do, and nothing of what a step-up would open.

    Raises:
        NotFoundError: The caller has no right on the resource's configuration.
        ForbiddenError: The caller may not ask about all users, or not hand out everything on the resource.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> Listed[NamedUser]:
        if not (isinstance(caller, ClientCaller) and caller.may_check_any_user):
            guard.require(READ, management_resource("UserPermissions"), hide=False)
        guard.require(ANY_ACTION, resource_permissions(pattern), right=Right.GRANT)
        found = transaction.users_on(pattern, after=after, limit=limit + 1)
        page = tuple(found[:limit])
        return Listed(page, page[-1].user if len(found) > limit else None)

    return await reading(services, caller, run)


async def read_resource(services: Services, caller: Caller, pattern: ResourcePattern) -> ResourceConfiguration:
    """
    The configuration that stands at exactly *pattern*.

    Raises:
        NotFoundError: There is none, or the caller has no right on it.
        ForbiddenError: The caller has some right on it, but may not read it.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> ResourceConfiguration:
        guard.require(ANY_ACTION, resource_permissions(pattern), right=Right.GRANT)
        configuration = transaction.resource(pattern)
        if configuration is None:
            raise NotFoundError
        return configuration

    return await reading(services, caller, run)


async def configure_resource(
    services: Services, caller: Caller, pattern: ResourcePattern, draft: ResourceDraft
) -> Written[ResourceConfiguration]:
    """
    Put *draft* where a configuration stands or none did; what it says nothing of stays (semantics §4).

    Raises:
        NotFoundError: The caller has no right on it.
        ForbiddenError: The caller has some right on it, but may not configure it.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> ResourceConfiguration:
        guard.require(ANY_ACTION, resource_permissions(pattern), right=Right.GRANT)
        stored = transaction.resource(pattern)
        before = stored or ResourceConfiguration(pattern)
        configuration = ResourceConfiguration(
            pattern,
            before.abilities if isinstance(draft.abilities, Absent) else draft.abilities,
            before.marks if isinstance(draft.marks, Absent) else draft.marks,
            updated_at(guard.now, before.last_updated),
        )
        require_small(resource_document(configuration))
        transaction.put_resource(configuration)
        record_change(transaction, guard, Event.RESOURCE_CHANGED, key=str(pattern), before=stored, after=configuration)
        return configuration

    return await writing(services, caller, run)
