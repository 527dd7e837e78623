"""
The life of a request to other people: votes in, an outcome out (semantics §9; AR-5, AR-8; attacks 15, 17, 18).

Who is in which group is told anew at each decision, so that a vote of somebody who is no approver any more counts for
nothing. Nor does that of somebody who was put into a group after the request was opened: so nobody wins a quorum by
filling a group.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from stairgate.model.approvals import Quorum, Quorums
from stairgate.model.challenges import Ticket
from stairgate.model.errors import ConflictError, LimitReachedError, RequestEndedError
from stairgate.model.ids import ChallengeId, GroupId, UserId
from stairgate.model.requests import MAX_VOTES, AccessTemplate, Members, Request, RequestEnd, RequestStatus, Vote

Membership = Mapping[UserId, frozenset[GroupId]]  # the groups of each approver, as they are now


@dataclass(frozen=True, slots=True)
class Tally:
    """
    How far a request is.

    *counted* are the approvers whose approval counts now, *missing* how many more people it takes at the least.
    """

    counted: frozenset[UserId]
    missing: int

    @property
    def met(self) -> bool:
        """Whether every quorum is met."""
        return self.missing == 0


def may_approve(request: Request, approver: UserId, groups: frozenset[GroupId]) -> bool:
    """Whether *approver*, who is in *groups*, counts for a quorum of *request* (attack 17: not for one's own)."""
    return any(_counts(quorum, request, approver, groups) for quorum in request.quorums)


def tally(request: Request, membership: Membership) -> Tally:
    """
    How far *request* is, from its votes and who is in which group now (attack 18).

    Everyone counts for one quorum only: the one where they are most needed (a greatest matching of people and seats).
    """
    approvers = sorted({vote.approver for vote in request.votes if vote.approve})
    nobody: frozenset[GroupId] = frozenset()
    seats = [quorum for quorum in _ordered(request.quorums) for _ in range(quorum.count)]
    taken: dict[int, UserId] = {}

    def seated(approver: UserId, tried: set[int]) -> bool:
        for seat, quorum in enumerate(seats):
            if seat in tried or not _counts(quorum, request, approver, membership.get(approver, nobody)):
                continue
            tried.add(seat)
            if seat not in taken or seated(taken[seat], tried):
                taken[seat] = approver
                return True
        return False

    for approver in approvers:
        seated(approver, set())
    counted = frozenset(each for each in approvers if may_approve(request, each, membership.get(each, nobody)))
    return Tally(counted, len(seats) - len(taken))


def _counts(quorum: Quorum, request: Request, approver: UserId, groups: frozenset[GroupId]) -> bool:
    if approver in request.interested and not quorum.self_approval:
        return False
    return any(approver in request.members.get(group, ()) for group in quorum.groups & groups)


def _ordered(quorums: Quorums) -> list[Quorum]:
    return sorted(quorums, key=lambda each: (sorted(each.groups), each.count))


def settled(request: Request, now: datetime) -> Request:
    """*request* as it is at *now*: the same, or ended, at the time when it expired."""
    if request.end is not None or now < request.expires_at:
        return request
    status = RequestStatus.DELETED if request.status is RequestStatus.OPEN else request.status
    return _ended(replace(request, status=status), RequestEnd.EXPIRED, request.expires_at)


def require_open(request: Request, now: datetime) -> None:
    """Raises `RequestEndedError` where *request* is decided, or can be decided no more."""
    current = settled(request, now)
    if current.status is not RequestStatus.OPEN:
        raise RequestEndedError(current.status)


def voted(request: Request, vote: Vote) -> Request:
    """
    *request* with *vote*; the newest vote of one person counts. A vote to decline ends it.

    Raises:
        RequestEndedError: It is decided, or has expired.
        LimitReachedError: It has as many votes as it may have.
    """
    require_open(request, vote.at)
    others = tuple(each for each in request.votes if each.approver != vote.approver)
    if len(others) >= MAX_VOTES:
        raise LimitReachedError(f"a request has at most {MAX_VOTES} votes")
    now = replace(request, votes=(*others, vote), last_updated=vote.at)
    return now if vote.approve else _ended(replace(now, status=RequestStatus.DENIED), RequestEnd.DECLINED, vote.at)


def approved(request: Request, now: datetime) -> Request:
    """
    *request*, agreed to. It can be used until it expires, once.

    Raises:
        RequestEndedError: It is decided, or has expired.
    """
    require_open(request, now)
    return replace(request, status=RequestStatus.APPROVED, last_updated=now)


def used(request: Request, now: datetime) -> Request:
    """
    *request*, its approval used: an elevation was issued or a record written for it.

    Raises:
        ConflictError: It is not agreed to, or was used, or has expired.
    """
    if request.status is not RequestStatus.APPROVED or settled(request, now).end is not None:
        raise ConflictError("these approvals can be used no more")
    return _ended(request, RequestEnd.USED, now)


def ended(request: Request, end: RequestEnd, now: datetime) -> Request:
    """*request*, ended by somebody's word before it led to anything; one that has ended stays as it is."""
    if request.end is not None:
        return request
    status = RequestStatus.DELETED if request.status is RequestStatus.OPEN else request.status
    return _ended(replace(request, status=status), end, now)


def changed(request: Request, asked: AccessTemplate, quorums: Quorums, members: Members, now: datetime) -> Request:
    """
    *request*, asking for something else: what was said of it before is void (attack 15).

    *members* are those of the named groups now: as if it were opened now.

    Raises:
        RequestEndedError: It is decided, or has expired.
    """
    require_open(request, now)
    return replace(
        request,
        asked=asked,
        quorums=quorums,
        members=members,
        votes=(),
        version=request.version + 1,
        last_updated=now,
    )


def joined(request: Request, challenge: ChallengeId) -> Request:
    """*request* with one more challenge that waits for it."""
    return replace(request, challenges=(*request.challenges, challenge))


def fits(request: Request, ticket: Ticket, now: datetime) -> bool:
    """
    Whether what people agree to in *request* is what *ticket* asks, so that a later token of the user asks nobody anew.

    The same access with the same details, area and requirement; without a level, the same token, too. Which client
    asks makes no difference: it gets nothing by it.
    """
    asked = request.ticket
    if asked is None or settled(request, now).end is not None:
        return False
    return (
        (asked.account, asked.user, asked.resource, asked.action.key)
        == (ticket.account, ticket.user, ticket.resource, ticket.action.key)
        and dict(asked.details) == dict(ticket.details)
        and asked.requirement == ticket.requirement
        and (asked.area.resource, asked.area.action.key, asked.area.exact)
        == (ticket.area.resource, ticket.area.action.key, ticket.area.exact)
        and (ticket.requirement.level is not None or asked.token == ticket.token)
    )


def _ended(request: Request, end: RequestEnd, at: datetime) -> Request:
    return replace(request, end=end, ended_at=at, last_updated=at)
