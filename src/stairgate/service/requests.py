"""Requests to other people: see them, ask for access, change, withdraw (semantics §9; authress-contract §1.3, §2.6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice

from stairgate.engine.approving import approvals_guarding, hands_out_something
from stairgate.engine.reach import Reach
from stairgate.model.access import AccessRecord
from stairgate.model.actions import READ, parse_action
from stairgate.model.approvals import MAX_QUORUMS, Quorums, merged_quorums
from stairgate.model.audit import Event
from stairgate.model.errors import (
    ChallengeBarredError,
    DomainError,
    ForbiddenError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    PreconditionFailedError,
    PreconditionRequiredError,
    RequestEndedError,
)
from stairgate.model.ids import ClientId, GroupId, RecordId, RequestId, UserId
from stairgate.model.requests import (
    DEFAULT_EXPIRY,
    EXPIRY_SECONDS,
    MAX_LIVE_REQUESTS,
    AccessTemplate,
    Members,
    Request,
    RequestEnd,
    RequestStatus,
)
from stairgate.model.resources import Resource, management_resource
from stairgate.model.tokens import Caller
from stairgate.ports.store import Page, ReadTransaction, WriteTransaction
from stairgate.service import audit, endings
from stairgate.service.context import Services
from stairgate.service.drafts import AccessRequestDraft
from stairgate.service.guard import Guard
from stairgate.service.handing_out import KnownRoles, could_hand_out
from stairgate.service.kept_protection import statements_of
from stairgate.service.management import Listed, Written, reading, require_small, writing
from stairgate.stepup import approvals

ID_BITS = 160
KIND = "AccessRequests"
DELETE = parse_action("DELETE")
MOST_LOOKED = 1_000  # a page looks at no more requests than this
SCAN_PAGE = 100


def guarding(request: RequestId) -> Resource:
    """What guards *request*."""
    return management_resource(KIND, request)


async def open_access_request(services: Services, caller: Caller, draft: AccessRequestDraft) -> Written[Request]:
    """
    Ask for access. Anybody may; who decides is told when it is decided.

    Raises:
        InvalidInputError: Statements name users or groups of their own, or the expiry is out of its bounds.
        LimitReachedError: The requester has as many open requests as they may have.
        TooLargeError: It is larger than a record may be.
    """
    fresh = RequestId(f"req_{services.entropy.token(bits=ID_BITS)}")
    expiry = expiry_of(draft.expiry)
    access = _access(draft)

    def run(transaction: WriteTransaction, guard: Guard) -> Request:
        require_unbarred(transaction, guard)
        require_room(transaction, guard.user, guard.now)
        quorums = quorums_of_access(transaction, access)
        request = Request(
            id=fresh,
            requester=guard.user,
            asked=access,
            quorums=quorums,
            opened_at=guard.now,
            expires_at=guard.now + timedelta(seconds=expiry),
            last_updated=guard.now,
            tags=draft.tags,
            token=guard.caller.token.key,
            members=members_of(transaction, quorums),
        )
        transaction.put_request(request)
        _record(transaction, guard, Event.REQUEST_OPENED, request)
        return request

    return await writing(services, caller, run)


async def change_access_request(
    services: Services, caller: Caller, key: RequestId, draft: AccessRequestDraft, *, seen: int | None
) -> Written[Request]:
    """
    Ask for something else instead: what was said of it before is void (attack 15).

    Raises:
        NotFoundError: There is none, or the caller may not see it.
        ForbiddenError: The caller is not its requester.
        PreconditionRequiredError: It was not said which version the caller saw.
        PreconditionFailedError: It has another version by now.
        RequestEndedError: It is decided, or has expired.
        InvalidInputError: It asks for a step-up, which cannot be changed; or as `open_access_request`.
    """
    access = _access(draft)
    if draft.expiry is not None:
        raise InvalidInputError("expiry", "stays as it was: withdraw the request and make another")

    def run(transaction: WriteTransaction, guard: Guard) -> Request | DomainError:
        stored = find(transaction, guard, key)
        if stored.requester != guard.user:
            raise ForbiddenError("only its requester may change a request")
        require_seen(stored, seen)
        request = endings.settle_request(transaction, stored, guard.now)
        if request.status is not RequestStatus.OPEN:
            return RequestEndedError(request.status)
        if request.ticket is not None:
            raise InvalidInputError("requestId", "asks for a step-up, which cannot be changed: decline its challenge")
        require_unbarred(transaction, guard)
        quorums = quorums_of_access(transaction, access)
        members = members_of(transaction, quorums)
        changed = approvals.changed(request, access, quorums, members, guard.now)
        changed = replace(changed, tags=draft.tags)
        transaction.put_request(changed)
        _record(transaction, guard, Event.REQUEST_CHANGED, changed)
        return changed

    return told(await writing(services, caller, run))


async def read_request(services: Services, caller: Caller, key: RequestId) -> Request:
    """
    The request, as it is now.

    Raises:
        NotFoundError: There is none, or the caller may not see it.
    """
    return await reading(
        services, caller, lambda transaction, guard: approvals.settled(find(transaction, guard, key), guard.now)
    )


async def list_requests(
    services: Services, caller: Caller, *, limit: int, after: str | None, status: RequestStatus | None
) -> Listed[Request]:
    """The caller's own requests, those that wait for them, and those that they may read, ascending by id."""
    # What has expired is still stored as open: among those, and those that are stored as such, is what is deleted.
    stored = None if status is RequestStatus.DELETED else status

    def run(transaction: ReadTransaction, guard: Guard) -> Listed[Request]:
        reach = Reach(guard.facts, READ).children_of(management_resource(KIND).segments)
        wide = reach is None or bool(reach) or hands_out_something(guard.facts)

        def fetch(start: str | None) -> Sequence[Request]:
            page = Page(SCAN_PAGE, start)
            if wide:
                return transaction.requests(page, status=stored)
            return transaction.requests_of(guard.user, page, status=stored)

        onlooker = Onlooker.of(transaction, guard)

        def wanted(request: Request) -> bool:
            return (status is None or request.status is status) and onlooker.sees(request)

        return _page(fetch, lambda each: approvals.settled(each, guard.now), wanted, limit=limit, after=after)

    return await reading(services, caller, run)


def _page(
    fetch: Callable[[str | None], Sequence[Request]],
    now: Callable[[Request], Request],
    wanted: Callable[[Request], bool],
    *,
    limit: int,
    after: str | None,
) -> Listed[Request]:
    def everything(start: str | None) -> Iterator[Request]:
        while True:
            found = fetch(start)
            yield from found
            if len(found) < SCAN_PAGE:
                return
            start = found[-1].id

    items: list[Request] = []
    candidates = everything(after)
    for stored in islice(candidates, MOST_LOOKED):
        request = now(stored)
        if wanted(request):
            if len(items) == limit:
                return Listed(tuple(items), after)
            items.append(request)
        after = request.id
    more = next(candidates, None) is not None
    return Listed(tuple(items), after if more else None)


async def withdraw_request(services: Services, caller: Caller, key: RequestId) -> Written[Request]:
    """
    Take the request back; what waits for it ends, too. One that is decided stays as it is.

    Raises:
        NotFoundError: There is none, or the caller may not see it.
        ForbiddenError: The caller is not its requester, and has no right to delete it.
    """

    def run(transaction: WriteTransaction, guard: Guard) -> Request:
        stored = find(transaction, guard, key)
        if stored.requester != guard.user:
            guard.require(DELETE, guarding(key), hide=False)
        request = endings.settle_request(transaction, stored, guard.now)
        return endings.end_request(
            transaction, request, RequestEnd.WITHDRAWN, by=audit.actor(guard.caller), at=guard.now
        )

    written = await writing(services, caller, run)
    services.notices.tell(written.value.challenges)
    return written


def find(transaction: ReadTransaction, guard: Guard, key: RequestId) -> Request:
    """
    The request that the caller may see.

    Raises:
        NotFoundError: There is none, or it is not theirs to know (attack 27).
    """
    request = transaction.request(key)
    if request is None or not Onlooker.of(transaction, guard).sees(request):
        raise NotFoundError
    return request


@dataclass(slots=True)
class Onlooker:
    """Which requests the caller may see: what is asked of the store for it, is asked once."""

    guard: Guard
    roles: KnownRoles
    groups: frozenset[GroupId]

    @classmethod
    def of(cls, transaction: ReadTransaction, guard: Guard) -> Onlooker:
        """The caller, as *transaction* knows them."""
        return cls(guard, KnownRoles(transaction), frozenset(transaction.groups_of(guard.user)))

    def sees(self, request: Request) -> bool:
        """Whether they may see *request*: its requester, opener and approvers, and who may read all requests."""
        user = self.guard.user
        if user == request.requester or ClientId(user) == request.opener:
            return True
        if any(not self.groups.isdisjoint(quorum.groups) for quorum in request.quorums):
            return True
        if any(vote.approver == user for vote in request.votes):
            return True
        if request.ticket is None and could_hand_out(self.roles, self.guard.facts, user, record_for(request)):
            return True
        return self.guard.sees(READ, guarding(request.id))


def record_for(request: Request) -> AccessRecord:
    """
    The access record that approving *request* writes.

    Raises:
        ValueError: It asks for a step-up.
    """
    if not isinstance(request.asked, AccessTemplate):
        raise ValueError("a step-up writes no record")  # noqa: TRY004  # a state, not a type
    return AccessRecord(
        id=RecordId(f"rec_{request.id}"),
        name=f"Access request {request.id}",
        statements=request.asked.statements,
        users=request.asked.users,
        tags=request.tags,
    )


def quorums_of_access(transaction: ReadTransaction, access: AccessTemplate) -> Quorums:
    """
    Who must agree to *access*, by the marks that guard it now; nobody in particular where none asks for approvals.

    Raises:
        InvalidInputError: They are more than one request may have.
    """
    asked = approvals_guarding(access.statements, transaction.roles(), transaction.resources())
    quorums = merged_quorums(each.approvals for each in asked)
    if len(quorums) > MAX_QUORUMS:
        raise InvalidInputError("access", f"is guarded by more than {MAX_QUORUMS} quorums: ask for less at once")
    return quorums


def members_of(transaction: ReadTransaction, quorums: Quorums) -> Members:
    """Who is in each group that *quorums* name, now: only they count later, if they still are."""
    named = {group for quorum in quorums for group in quorum.groups}
    known = {group: transaction.group(group) for group in named}
    return {name: frozenset() if group is None else frozenset(group.users) for name, group in known.items()}


def require_unbarred(transaction: ReadTransaction, guard: Guard) -> None:
    """Raises `ChallengeBarredError` where the user said of the calling token that it was not them (semantics §7.7)."""
    if transaction.standing(guard.caller.token.key).not_me:
        raise ChallengeBarredError


def require_room(transaction: ReadTransaction, user: UserId, now: datetime) -> None:
    """Raises `LimitReachedError` where *user* has as many requests under way as one may have."""
    live = [each for each in transaction.live_requests_of(user) if now < each.expires_at]
    if len(live) >= MAX_LIVE_REQUESTS:
        raise LimitReachedError(f"{MAX_LIVE_REQUESTS} requests are under way: withdraw one first")


def require_seen(request: Request, seen: int | None) -> None:
    """
    Let pass only who saw *request* as it is (HT-2).

    Raises:
        PreconditionRequiredError: They do not say.
        PreconditionFailedError: They saw another version.
    """
    if seen is None:
        raise PreconditionRequiredError
    if seen != request.version:
        raise PreconditionFailedError(request.last_updated)


def told(written: Written[Request | DomainError]) -> Written[Request]:
    """What was written, or the error that was told beside what had to stay. Raises it."""
    if isinstance(written.value, DomainError):
        raise written.value
    return Written(written.value, written.revision)


def expiry_of(seconds: int | None) -> int:
    """
    *seconds*, or the usual.

    Raises:
        InvalidInputError: It is out of its bounds.
    """
    low, high = EXPIRY_SECONDS
    if seconds is None:
        return DEFAULT_EXPIRY
    if not low <= seconds <= high:
        raise InvalidInputError("expiry", f"must be from {low} to {high} seconds")
    return seconds


def _access(draft: AccessRequestDraft) -> AccessTemplate:
    for place, statement in enumerate(draft.statements):
        for name, own in (("users", statement.users), ("groups", statement.groups)):
            if own:
                raise InvalidInputError(f"access.statements[{place}].{name}", "must stand on `access`, or be left out")
    access = AccessTemplate(tuple(dict.fromkeys(draft.users)), statements_of(draft.statements, ()))
    require_small(audit.access_document(access))
    return access


def _record(transaction: WriteTransaction, guard: Guard, event: Event, request: Request) -> None:
    by = audit.actor(guard.caller)
    token = {"token": str(guard.caller.token.key)}
    transaction.append_audit(audit.request_entry(event, request, by=by, at=guard.now, facts=token))
