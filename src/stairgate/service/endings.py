"""How challenges and elevations end, in the transaction of whatever ends them, each with its audit entry."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta

from stairgate.model.audit import Event
from stairgate.model.challenges import Challenge, ChallengeState
from stairgate.model.elevations import Elevation, EndReason
from stairgate.model.ids import ChallengeId, UserId
from stairgate.model.protection import LIFETIME_SECONDS
from stairgate.model.tokens import TokenKey
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service import audit
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


def live_challenges(transaction: WriteTransaction, token: TokenKey, now: datetime) -> list[Challenge]:
    """The live challenges of *token*; those whose time is over are stored as that."""
    current = [settle(transaction, challenge, now) for challenge in transaction.challenges_of_token(token)]
    return [challenge for challenge in current if challenge.state.live]


def live_challenges_of_user(transaction: WriteTransaction, user: UserId, now: datetime) -> list[Challenge]:
    """The live challenges of every token of *user*."""
    # Twice the life of a challenge: a node whose clock is behind may have opened one "earlier".
    recent = transaction.challenges_of_user(user, since=now - timedelta(seconds=2 * CHALLENGE_SECONDS))
    current = [settle(transaction, challenge, now) for challenge in recent if challenge.state.live]
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
    for challenge in challenges:
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


def end_elevations(
    transaction: WriteTransaction, elevations: Iterable[Elevation], reason: EndReason, *, by: str, at: datetime
) -> int:
    """End *elevations*; returns how many had not ended before."""
    count = 0
    for elevation in elevations:
        if transaction.end_elevation(elevation.id, at=at, reason=reason):
            count += 1
            entry = audit.elevation_entry(
                Event.ELEVATION_ENDED, end(elevation, at, reason), by=by, at=at, facts={"reason": reason.value}
            )
            transaction.append_audit(entry)
    return count
