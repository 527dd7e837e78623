"""
The users that this service knows of: listed, and taken out of everything (authress-contract §1.3).

It keeps no identities. A user is an id that records, groups or factors name; name and picture are the identity
provider's.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from stairgate.model.access import AccessRecord
from stairgate.model.actions import READ
from stairgate.model.audit import AuditDraft, Event
from stairgate.model.canonical import JsonValue
from stairgate.model.challenges import ChallengeState
from stairgate.model.elevations import EndReason
from stairgate.model.errors import InvalidInputError, NotFoundError
from stairgate.model.ids import CLIENT_PREFIX, ChallengeId, UserId
from stairgate.model.requests import RequestEnd
from stairgate.model.resources import Resource, management_resource
from stairgate.model.tokens import Caller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit, endings
from stairgate.service.context import Services
from stairgate.service.elevations import DELETE
from stairgate.service.guard import Guard
from stairgate.service.management import (
    MOST_LOOKED,
    SCAN_PAGE,
    Listed,
    Written,
    reading,
    record_change,
    updated_at,
    writing,
)
from stairgate.service.records import store_record


@dataclass(frozen=True, slots=True)
class Removed:
    """What a user was taken out of, by number."""

    records: int
    groups: int
    factors: int
    elevations: int


def guarding(user: UserId | None = None) -> Resource:
    """What guards *user*; None: all users."""
    return management_resource("Users") if user is None else management_resource("Users", user)


async def list_users(
    services: Services, caller: Caller, *, limit: int, after: str | None, text: str | None
) -> Listed[UserId]:
    """
    The users that records, groups or factors name, ascending by id. *text* is a part of the id, in any case.

    It looks at a bounded number of users, so a page may have fewer of them, and still be followed by another.

    Raises:
        ForbiddenError: The caller may not read all users.
    """
    wanted = None if text is None else text.casefold()

    def run(transaction: ReadTransaction, guard: Guard) -> Listed[UserId]:
        guard.require(READ, guarding(), hide=False)
        items: list[UserId] = []
        position = after
        for _ in range(MOST_LOOKED // SCAN_PAGE):
            found = transaction.users(after=position, most=SCAN_PAGE)
            for user in found:
                if wanted is None or wanted in user.casefold():
                    if len(items) == limit:
                        return Listed(tuple(items), position)
                    items.append(user)
                position = user
            if len(found) < SCAN_PAGE:
                return Listed(tuple(items), None)
        return Listed(tuple(items), position)

    return await reading(services, caller, run)


async def read_user(services: Services, caller: Caller, user: UserId) -> UserId:
    """
    The user, whom the service knows. Everybody may read themselves.

    Raises:
        NotFoundError: The user is not known here, or the caller has no right on the user.
        ForbiddenError: The caller has some right on the user, but may not read it.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> UserId:
        if guard.user != user:
            guard.require(READ, guarding(user))
        if user.startswith(CLIENT_PREFIX) or not (guard.user == user or transaction.knows_user(user)):
            raise NotFoundError
        return user

    return await reading(services, caller, run)


async def delete_user(services: Services, caller: Caller, user: UserId) -> Written[Removed]:
    """
    Take *user* out of every record and group, and end what rests on the user's factors.

    All of it in one transaction: a user who is named in thousands of records holds up other writers for seconds, and
    nothing ever finds the user half deleted. Records and groups that are left with nobody stay. What the identity
    provider knows is not touched: the user's tokens stay valid there, and give nothing here.

    Raises:
        InvalidInputError: It is a service client.
        NotFoundError: The user is not known here, or the caller has no right on the user.
        ForbiddenError: The caller has some right on the user, but may not delete it; nobody may by being the user.
    """
    if user.startswith(CLIENT_PREFIX):
        raise InvalidInputError("userId", "is a service client: delete it with DELETE /v1/clients/{clientId}")

    def run(transaction: WriteTransaction, guard: Guard) -> tuple[Removed, list[ChallengeId]]:
        guard.require(DELETE, guarding(user))
        by, now = audit.actor(caller), guard.now
        live = endings.live_challenges_of_user(transaction, user, now)
        elevations = endings.revocable_elevations_of_user(transaction, user, now)
        if not (transaction.knows_user(user) or live or elevations):
            raise NotFoundError
        touched = endings.end_challenges(transaction, live, ChallengeState.CANCELLED, by=by, at=now)
        endings.end_requests_of(transaction, user, RequestEnd.WITHDRAWN, by=by, at=now)
        removed = Removed(
            records=_leave_records(transaction, guard, user),
            groups=_leave_groups(transaction, guard, user),
            factors=_remove_factors(transaction, guard, user),
            elevations=endings.end_elevations(transaction, elevations, EndReason.USER_DELETED, by=by, at=now),
        )
        facts: dict[str, JsonValue] = {
            "user": user,
            "records": removed.records,
            "groups": removed.groups,
            "factors": removed.factors,
        }
        transaction.append_audit(AuditDraft(Event.USER_DELETED, now, by, facts))
        return removed, touched

    written = await writing(services, caller, run)
    removed, touched = written.value
    services.notices.tell(touched)
    return Written(removed, written.revision)


def _leave_records(transaction: WriteTransaction, guard: Guard, user: UserId) -> int:
    records = transaction.records_naming(user)
    for record in records:
        store_record(transaction, guard, _without(record, user, updated=guard), record)
    return len(records)


def _without(record: AccessRecord, user: UserId, *, updated: Guard) -> AccessRecord:
    return replace(
        record,
        users=_others(record.users, user),
        admins=_others(record.admins, user),
        statements=tuple(
            replace(statement, users=_others(statement.users, user)) if user in statement.users else statement
            for statement in record.statements
        ),
        last_updated=updated_at(updated.now, record.last_updated),
    )


def _leave_groups(transaction: WriteTransaction, guard: Guard, user: UserId) -> int:
    groups = transaction.groups_naming(user)
    for group in groups:
        left = replace(
            group,
            users=_others(group.users, user),
            admins=_others(group.admins, user),
            last_updated=updated_at(guard.now, group.last_updated),
        )
        transaction.put_group(left)
        record_change(transaction, guard, Event.GROUP_CHANGED, key=group.id, before=group, after=left)
    return len(groups)


def _remove_factors(transaction: WriteTransaction, guard: Guard, user: UserId) -> int:
    """Factors, and what would let new ones or access be added: what waits for the user, and what the user offers."""
    for invite in transaction.invites_of(user):
        transaction.remove_invite(invite.digest)
    for enrolment in transaction.enrolments_of(user):
        transaction.remove_enrolment(enrolment.id)
    for link in transaction.account_links_of(user):
        transaction.remove_account_link(link.id)
    factors = transaction.factors_of(user)
    for factor in factors:
        transaction.remove_factor(factor.id)
        entry = audit.factor_entry(Event.FACTOR_REMOVED, factor, by=audit.actor(guard.caller), at=guard.now)
        transaction.append_audit(entry)
    return len(factors)


def _others(users: Iterable[UserId], user: UserId) -> tuple[UserId, ...]:
    return tuple(other for other in users if other != user)
