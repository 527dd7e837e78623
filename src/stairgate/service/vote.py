"""
One vote on a request, and what it brings about, in one transaction (semantics §9; attacks 15, 17, 18).

Of an access request whose marks ask for approvals both must hold: the quorum, and that one who agreed may hand out
everything in it. Else those who may only agree to a use could give the access for good. Without a quorum one who may
hand it out decides, as with Authress.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from stairgate.engine.approving import approvals_guarding, with_quorum_in_place
from stairgate.model.access import AccessRecord
from stairgate.model.actions import parse_action
from stairgate.model.approvals import merged_quorums
from stairgate.model.audit import Event
from stairgate.model.errors import (
    AccessRecordAlreadyExistsError,
    DomainError,
    ForbiddenError,
    RequestEndedError,
)
from stairgate.model.evidence import Evidence
from stairgate.model.ids import ChallengeId, ElevationId, RequestId, UserId
from stairgate.model.protection import Method
from stairgate.model.requests import AccessTemplate, Request, RequestStatus, Vote
from stairgate.model.resources import ResourcePattern
from stairgate.model.tokens import Caller, UserCaller
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit, endings
from stairgate.service.context import Services
from stairgate.service.earning import ELEVATION_ID_BITS, Earner
from stairgate.service.guard import Guard
from stairgate.service.handing_out import could_hand_out, require_for_record
from stairgate.service.loading import facts_in
from stairgate.service.management import Written, updated_at, writing
from stairgate.service.proving import Proof
from stairgate.service.records import store_record
from stairgate.service.requests import (
    find,
    guarding,
    members_of,
    quorums_of_access,
    record_for,
    require_seen,
    require_unbarred,
    told,
)
from stairgate.stepup import approvals
from stairgate.stepup.challenges import agreed

APPROVE = parse_action("Approve")

_Outcome = tuple[Request | DomainError, Sequence[ChallengeId]]


@dataclass(frozen=True, slots=True)
class VoteCall:
    """
    What an approver says.

    *seen* is the version that they saw. *plain*: by a call of Authress, which does not know versions: of an access
    request such a call may go without.
    """

    approve: bool
    comment: str
    seen: int | None
    plain: bool = False


async def vote(services: Services, caller: Caller, key: RequestId, call: VoteCall) -> Written[Request]:
    """
    Say yes or no to a request; the vote that completes its quorum brings about what was asked.

    Raises:
        NotFoundError: There is none, or the caller may not see it.
        PreconditionRequiredError: It was not said which version the caller saw.
        PreconditionFailedError: It has another version by now.
        RequestEndedError: It is decided, or has expired.
        ForbiddenError: The caller is no approver of it: its requester, in none of the groups, or a service client where
            other people must agree.
        StepUpRefusedError: The caller is, and wants a step-up first.
        AccessRecordAlreadyExistsError: There is a record with the id that it would have.
    """
    elevation = ElevationId(services.entropy.token(bits=ELEVATION_ID_BITS))

    def run(transaction: WriteTransaction, guard: Guard) -> _Outcome:
        stored = find(transaction, guard, key)
        if call.seen is not None or not call.plain or stored.ticket is not None:
            require_seen(stored, call.seen)
        request = endings.settle_request(transaction, stored, guard.now)
        if request.status is not RequestStatus.OPEN:
            return RequestEndedError(request.status), request.challenges
        return _voted(transaction, guard, _as_guarded_today(transaction, request), call, elevation)

    written = await writing(services, caller, run)
    outcome, touched = written.value
    services.notices.tell(touched)
    return told(Written(outcome, written.revision))


def _as_guarded_today(transaction: ReadTransaction, request: Request) -> Request:
    """*request* with what marks ask by now, too; what they asked when it was made stays."""
    if not isinstance(request.asked, AccessTemplate):
        return request
    quorums = merged_quorums([request.quorums, quorums_of_access(transaction, request.asked)])
    # Of a group that a mark names only now, those who are in it now.
    members = {**members_of(transaction, quorums), **request.members}
    return replace(request, quorums=quorums, members=members)


def _voted(
    transaction: WriteTransaction, guard: Guard, request: Request, call: VoteCall, elevation: ElevationId
) -> _Outcome:
    hands_out = _require_approver(transaction, guard, request, approve=call.approve)
    said = Vote(guard.user, call.approve, guard.now, call.comment, hands_out)
    request = approvals.voted(request, said)
    by = audit.actor(guard.caller)
    facts = {
        "vote": "approve" if said.approve else "decline",
        "token": str(guard.caller.token.key),
        "elevations": list(guard.taken),
    }
    transaction.append_audit(audit.request_entry(Event.REQUEST_VOTE, request, by=by, at=guard.now, facts=facts))
    if request.end is not None:
        endings.store_request(transaction, request, by=by, at=guard.now)
        return request, request.challenges
    if not _agreed(transaction, guard, request):
        transaction.put_request(request)
        return request, ()
    request = approvals.approved(request, guard.now)
    transaction.append_audit(audit.request_entry(Event.REQUEST_APPROVED, request, by=by, at=guard.now))
    if request.ticket is None:
        return _give_access(transaction, guard, request), ()
    transaction.put_request(request)
    _tell_challenges(transaction, guard, request, elevation)
    return transaction.request(request.id) or request, request.challenges


def _require_approver(transaction: WriteTransaction, guard: Guard, request: Request, *, approve: bool) -> bool:
    """
    Let nobody vote who is no approver; returns whether the approver may hand out all that is asked.

    Where other people must agree only users vote: a service client has nobody who reads what is asked (attack 32). A
    plain access request it decides like any other who could make the record itself.
    """
    if not isinstance(guard.caller, UserCaller) and (request.ticket is not None or request.quorums):
        raise ForbiddenError("other people must agree to this: only users vote on it, with a token of their own")
    require_unbarred(transaction, guard)
    groups = frozenset(transaction.groups_of(guard.user))
    counts = approvals.may_approve(request, guard.user, groups)
    if guard.user in request.interested and not counts:
        raise ForbiddenError("nobody approves what they would get, or asked for")
    entitled = (
        request.ticket is None
        and guard.user not in request.interested
        and could_hand_out(transaction, guard.facts, guard.user, record_for(request))
    )
    if not counts and not entitled:
        raise ForbiddenError("you are no approver of this request")
    if entitled and approve:
        guard = _with_quorum_in_place(transaction, guard, request)
    # Being an approver is a grant on the request like any other: so a mark on it can ask approvers to step up.
    guard.require(APPROVE, guarding(request.id), admins=(guard.user,))
    if entitled and approve:
        require_for_record(transaction, guard, record_for(request), None)
    return entitled


def _with_quorum_in_place(transaction: ReadTransaction, guard: Guard, request: Request) -> Guard:
    """
    *guard*, for handing out what *request* asks, which nobody does before its quorum is met.

    Users hand out under the marks on what they hand out. The approvals that these ask are the quorum of the request.
    """
    if not request.quorums or not isinstance(request.asked, AccessTemplate):
        return guard
    roles, configurations = transaction.roles(), transaction.resources()
    facts = with_quorum_in_place(
        guard.facts,
        roles,
        configurations,
        asked=approvals_guarding(request.asked.statements, roles, configurations),
        where=ResourcePattern(guarding(request.id).segments),
        action=APPROVE,
    )
    return replace(guard, facts=facts)


def _agreed(transaction: ReadTransaction, guard: Guard, request: Request) -> bool:
    """Whether all agree whom it takes, by what they are and hold now (attack 18)."""
    approvers = [vote for vote in request.votes if vote.approve]
    membership = {vote.approver: frozenset(transaction.groups_of(vote.approver)) for vote in approvers}
    if not approvals.tally(request, membership).met:
        return False
    if request.ticket is not None:
        return True
    record = record_for(request)
    return any(
        vote.hands_out and (vote.approver == guard.user or _still_could(transaction, vote.approver, record))
        for vote in approvers
    )


def _still_could(transaction: ReadTransaction, approver: UserId, record: AccessRecord) -> bool:
    return could_hand_out(transaction, facts_in(transaction, approver), approver, record)


def _tell_challenges(transaction: WriteTransaction, guard: Guard, request: Request, elevation: ElevationId) -> None:
    """
    Let the challenges that wait go on: now the factor is asked, or where none is, the asking token is elevated.

    Without a level only the challenge of the asking token fits the request, so that one elevation is issued.
    """
    for challenge in (transaction.challenge(each) for each in request.challenges):
        current = None if challenge is None else endings.settle(transaction, challenge, guard.now)
        if current is None or not current.state.live:
            continue
        if current.ticket.requirement.level is not None:
            transaction.replace_challenge(agreed(current, request.quorums))
            continue
        evidence = Evidence(Method.APPROVAL, None, user_verified=False, proven_at=guard.now)
        earner = Earner(guard.services, audit.actor(guard.caller), elevation, same_device=False)
        with_approvals = replace(current, approvals=request.quorums)
        earner.satisfy(transaction, with_approvals, Proof(evidence, ()), once=False, now=guard.now)
        return


def _give_access(transaction: WriteTransaction, guard: Guard, request: Request) -> Request:
    record = record_for(request)
    if transaction.record(record.id) is not None:
        raise AccessRecordAlreadyExistsError
    admins = tuple(vote.approver for vote in request.votes if vote.approve and vote.hands_out)
    record = replace(record, admins=admins, last_updated=updated_at(guard.now, None))
    store_record(transaction, guard, record, None)
    done = replace(approvals.used(request, guard.now), record=record.id)
    endings.store_request(transaction, done, by=audit.actor(guard.caller), at=guard.now)
    return done
