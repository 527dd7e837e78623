"""How challenges, requests and elevations end, in the transaction of whatever ends them, each with its audit entry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from stairgate.model.audit import Event
from stairgate.model.challenges import Challenge, ChallengeState
from stairgate.model.elevations import Elevation, EndReason
from stairgate.model.ids import ChallengeId, UserId
from stairgate.model.protection import LIFETIME_SECONDS
from stairgate.model.requests import Request, RequestEnd
from stairgate.model.tokens import TokenKey
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit
from stairgate.stepup import approvals
from stairgate.stepup.challenges import CHALLENGE_SECONDS, ended, settled
from stairgate.stepup.elevations import end


def settle(transaction: WriteTransaction, challenge: Challenge, now: datetime) -> Challenge:
    """*challenge* as it is at *now*; that its time is over is stored when somebody first has to do with it."""
    current = settled(challenge, now)
    if current.version != challenge.version:
        store(transaction, current, by=audit.SYSTEM, at=now)
    return current


def store(transaction: WriteTransaction, challenge: Challenge, *, by: str, at: datetime) -> None:
    """Store *challenge*, which has just ended, with the entry that says so."""
    transaction.replace_challenge(challenge)
    facts = {"notMe": challenge.not_me, "elevation": challenge.elevation, "wrongAnswers": challenge.wrong_answers}
    transaction.append_audit(audit.challenge_entry(Event.CHALLENGE_ENDED, challenge, by=by, at=at, facts=facts))
    _release(transaction, challenge, by=by, at=at)


def _release(transaction: WriteTransaction, challenge: Challenge, *, by: str, at: datetime) -> None:
    """End the request that the ended *challenge* waited for, unless another challenge does, or it can be used yet."""
    end = _END_OF.get(challenge.state)
    request = None if challenge.request is None else transaction.request(challenge.request)
    if end is None or request is None or request.end is not None:
        return
    others = (transaction.challenge(each) for each in request.challenges if each != challenge.id)
    if challenge.not_me:
        end_request(transaction, request, RequestEnd.NOT_ME, by=by, at=at)
    elif not any(other is not None and settled(other, at).state.live for other in others):
        end_request(transaction, request, end, by=by, at=at)


# What its challenge's end means for a request. One that expired or was locked can be taken up by another challenge.
_END_OF = {
    ChallengeState.DECLINED: RequestEnd.WITHDRAWN,
    ChallengeState.CANCELLED: RequestEnd.WITHDRAWN,
    ChallengeState.SUPERSEDED: RequestEnd.SUPERSEDED,
}
# And what a request's end means for the challenges that wait for it; of one that was used, those that did not use it.
_STATE_OF = {
    RequestEnd.USED: ChallengeState.SUPERSEDED,
    RequestEnd.DECLINED: ChallengeState.DECLINED,
    RequestEnd.EXPIRED: ChallengeState.EXPIRED,
    RequestEnd.WITHDRAWN: ChallengeState.CANCELLED,
    RequestEnd.SUPERSEDED: ChallengeState.SUPERSEDED,
    RequestEnd.NOT_ME: ChallengeState.DECLINED,
}


def settle_request(transaction: WriteTransaction, request: Request, now: datetime) -> Request:
    """*request* as it is at *now*; that its time is over is stored when somebody first has to do with it."""
    current = approvals.settled(request, now)
    if current is not request:
        store_request(transaction, current, by=audit.SYSTEM, at=now)
    return current


def store_request(transaction: WriteTransaction, request: Request, *, by: str, at: datetime) -> None:
    """Store *request*, which has just ended, with the entry that says so; what waits for it ends, too."""
    transaction.put_request(request)
    facts = {"end": None if request.end is None else request.end.value, "record": request.record}
    transaction.append_audit(audit.request_entry(Event.REQUEST_ENDED, request, by=by, at=at, facts=facts))
    if request.end is None:
        return
    waiting = [settle(transaction, each, at) for each in _challenges_of(transaction, request)]
    live = [challenge for challenge in waiting if challenge.state.live]
    end_challenges(transaction, live, _STATE_OF[request.end], by=by, at=at)


def end_request(transaction: WriteTransaction, request: Request, end: RequestEnd, *, by: str, at: datetime) -> Request:
    """End *request* before it led to anything; returns it as it is then."""
    done = approvals.ended(request, end, at)
    if done is not request:
        store_request(transaction, done, by=by, at=at)
    return done


def end_requests_of(
    transaction: WriteTransaction,
    user: UserId,
    end: RequestEnd,
    *,
    token: TokenKey | None = None,
    by: str,
    at: datetime,
) -> None:
    """End what *user* asks other people for; with *token*, only what was asked with it."""
    for request in transaction.live_requests_of(user):
        if token is None or token == request.token:
            current = settle_request(transaction, request, at)
            end_request(transaction, current, end, by=by, at=at)


def _challenges_of(transaction: ReadTransaction, request: Request) -> list[Challenge]:
    found = (transaction.challenge(challenge) for challenge in request.challenges)
    return [challenge for challenge in found if challenge is not None]


def live_challenges(transaction: WriteTransaction, token: TokenKey, now: datetime) -> list[Challenge]:
    """The live challenges of *token*; those whose time is over are stored as that."""
    current = [settle(transaction, challenge, now) for challenge in transaction.challenges_of_token(token)]
    return [challenge for challenge in current if challenge.state.live]


def live_challenges_of_user(transaction: WriteTransaction, user: UserId, now: datetime) -> list[Challenge]:
    """The live challenges of every token of *user*."""
    # Twice the life of a challenge: a node whose clock is behind may have opened one "earlier".
    recent = transaction.challenges_of_user(user, since=now - timedelta(seconds=2 * CHALLENGE_SECONDS))
    # Those that wait for other people live longer.
    waiting = [each for request in transaction.live_requests_of(user) for each in _challenges_of(transaction, request)]
    known = {challenge.id: challenge for challenge in (*recent, *waiting) if challenge.state.live}
    current = [settle(transaction, challenge, now) for challenge in known.values()]
    return [challenge for challenge in current if challenge.state.live]


def end_challenges(
    transaction: WriteTransaction,
    challenges: Iterable[Challenge],
    state: ChallengeState,
    *,
    by: str,
    at: datetime,
    not_me: bool = False,
) -> list[ChallengeId]:
    """End live *challenges* as *state*; returns which were ended."""
    done: list[ChallengeId] = []
    for one in challenges:
        challenge = transaction.challenge(one.id) or one
        if not challenge.state.live:  # the end of another took it along, with the request that both waited for
            continue
        store(transaction, ended(challenge, state, at, not_me=not_me), by=by, at=at)
        done.append(challenge.id)
    return done


def revocable_elevations(transaction: ReadTransaction, user: UserId, token: TokenKey, now: datetime) -> list[Elevation]:
    """
    The elevations of *token* that neither ended nor expired.

    Used up ones, too: a repeat under an Idempotency-Key is decided as if its use were still there (semantics §8), so
    that they still help until they are ended.
    """
    return [each for each in transaction.elevations_of_token(user, token, since=now) if each.ended_at is None]


def revocable_elevations_of_user(transaction: ReadTransaction, user: UserId, now: datetime) -> list[Elevation]:
    """The same for every token of *user*."""
    found = {each.id: each for each in transaction.elevations_of_user(user, now=now)}
    # The store lists live ones; those that are used up are found by the challenges that they came from.
    since = now - timedelta(seconds=LIFETIME_SECONDS[1] + 2 * CHALLENGE_SECONDS)
    for challenge in transaction.challenges_of_user(user, since=since):
        if challenge.elevation is None or challenge.elevation in found:
            continue
        elevation = transaction.elevation(challenge.elevation)
        if elevation is not None and elevation.ended_at is None and now < elevation.expires_at:
            found[elevation.id] = elevation
    return list(found.values())


def drop_enrolments(transaction: WriteTransaction, user: UserId) -> None:
    """
    Drop every factor of *user* that is begun and not confirmed.

    Whatever is taken back from a token, or with a factor, must not live on in a factor that it allowed a moment before
    (attack 19). An honest user begins again.
    """
    for enrolment in transaction.enrolments_of(user):
        transaction.remove_enrolment(enrolment.id)


def end_elevations(
    transaction: WriteTransaction, elevations: Iterable[Elevation], reason: EndReason, *, by: str, at: datetime
) -> int:
    """End *elevations*, and what was begun on their strength; returns how many had not ended before."""
    count = 0
    for elevation in elevations:
        if transaction.end_elevation(elevation.id, at=at, reason=reason):
            count += 1
            entry = audit.elevation_entry(
                Event.ELEVATION_ENDED, end(elevation, at, reason), by=by, at=at, facts={"reason": reason.value}
            )
            transaction.append_audit(entry)
            drop_enrolments(transaction, elevation.user)
    return count
