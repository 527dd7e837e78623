"""How requests to other people end, in the transaction of whatever ends them, each with its audit entry."""

from __future__ import annotations

from datetime import datetime

from stairgate.model.audit import Event
from stairgate.model.ids import ChallengeId
from stairgate.model.requests import Request, RequestEnd
from stairgate.ports.store import WriteTransaction
from stairgate.service import audit
from stairgate.stepup import approvals


def settle(transaction: WriteTransaction, request: Request, now: datetime) -> Request:
    """*request* as it is at *now*; that its time is over is stored when somebody first has to do with it."""
    current = approvals.settled(request, now)
    if current is not request:
        store(transaction, current, by=audit.SYSTEM, at=now)
    return current


def store(transaction: WriteTransaction, request: Request, *, by: str, at: datetime) -> None:
    """Store *request*, which has just ended, with the entry that says so."""
    transaction.put_request(request)
    facts = {"end": None if request.end is None else request.end.value, "record": request.record}
    transaction.append_audit(audit.request_entry(Event.REQUEST_ENDED, request, by=by, at=at, facts=facts))


def end(
    transaction: WriteTransaction, request: Request, reason: RequestEnd, *, by: str, at: datetime
) -> tuple[Request, tuple[ChallengeId, ...]]:
    """End *request* before it led to anything; returns it as it is then, and the challenges to tell."""
    done = approvals.ended(request, reason, at)
    if done is not request:
        store(transaction, done, by=by, at=at)
    return done, done.challenges
