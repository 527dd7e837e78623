"""
The life of a challenge: `open` → (`proven` →) one end, once (semantics §7, TA-8, TA-9).

Every transition returns a new record with its version one higher; the store refuses it where somebody was first.
"""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import datetime, timedelta

from stairgate.model.approvals import Quorums
from stairgate.model.challenges import (
    NOTHING_SAID,
    Challenge,
    ChallengeState,
    IssuedCode,
    IssuedReturn,
    Opening,
    Ticket,
)
from stairgate.model.errors import ChallengeEndedError, ProofRefusedError
from stairgate.model.evidence import Evidence
from stairgate.model.ids import ChallengeId, ClientId, ElevationId
from stairgate.model.protection import Requirement, reaches
from stairgate.model.requests import Request, RequestStatus

CHALLENGE_SECONDS = 600  # NIST-1
MAX_LIVE = 5  # per token
MAX_WRONG = 5  # wrong answers that lock a challenge


def open_challenge(
    ticket: Ticket,
    *,
    id: ChallengeId,  # noqa: A002  # what it is called everywhere
    opener: ClientId | None,
    now: datetime,
    opening: Opening = NOTHING_SAID,
    match: str | None = None,
    request: Request | None = None,
) -> Challenge:
    """
    The challenge that *ticket* asks for, opened by the service client *opener*, or by the named token itself.

    *match*, the keyed hash of its match code, does not count where it is to be finished on the device that asked, or
    where no factor is asked. While other people are asked in *request*, it waits as long as that does; what they agreed
    to before, it has from the start.
    """
    over = now + timedelta(seconds=CHALLENGE_SECONDS)
    requirement = ticket.requirement
    match = None if requirement.device is not None or requirement.level is None else match
    challenge = Challenge(id, ticket, opener, now, over, opening=opening, match=match)
    if request is None:
        return challenge
    if request.status is RequestStatus.APPROVED:
        return replace(challenge, request=request.id, approvals=request.quorums)
    return replace(challenge, request=request.id, expires_at=request.expires_at)


def agreed(challenge: Challenge, approvals: Quorums) -> Challenge:
    """*challenge*, to which the people of *approvals* have agreed: now the factor is asked."""
    return replace(challenge, approvals=approvals, version=challenge.version + 1)


def reopened(challenge: Challenge, opening: Opening) -> Challenge:
    """*challenge*, whose opener said *opening* this time: what is left out stays as it was."""
    said = {each.name: value for each in fields(Opening) if (value := getattr(opening, each.name)) is not None}
    told = replace(challenge.opening, **said)
    if told == challenge.opening or challenge.state is not ChallengeState.OPEN:
        return challenge
    return replace(challenge, opening=told, version=challenge.version + 1)


def identical(a: Ticket, b: Ticket) -> bool:
    """Whether both came from the same refusal to the same asker, so that one challenge serves both (semantics §7)."""
    return (
        _same_access(a, b)
        and a.client == b.client
        and a.requirement == b.requirement
        and (a.area.resource, a.area.action.key, a.area.exact) == (b.area.resource, b.area.action.key, b.area.exact)
        and dict(a.details) == dict(b.details)
    )


def supersedes(new: Ticket, old: Ticket) -> bool:
    """Whether *new* is for the same access of the same token but otherwise, so that *old*'s challenge ends (TA-10)."""
    return _same_access(new, old) and not identical(new, old)


def _same_access(a: Ticket, b: Ticket) -> bool:
    return (a.account, a.user, a.token, a.resource, a.action.key) == (
        b.account,
        b.user,
        b.token,
        b.resource,
        b.action.key,
    )


def settled(challenge: Challenge, now: datetime) -> Challenge:
    """
    *challenge* as it is at *now*: the same, or `expired` where its time, or that of the token it names, is over.

    One that expired ended at that time, whenever it is looked at. A proven one lives as long as its return code:
    without it nothing can follow.
    """
    over = challenge.expires_at
    if challenge.state is ChallengeState.PROVEN and challenge.returning is not None:
        over = min(over, challenge.returning.expires_at)
    if challenge.ticket.token_expires_at is not None:
        over = min(over, challenge.ticket.token_expires_at)
    if not challenge.state.live or now < over:
        return challenge
    return _end(challenge, ChallengeState.EXPIRED, over)


def require_live(challenge: Challenge, now: datetime) -> None:
    """Raises `ChallengeEndedError` where *challenge* can no longer be answered at *now*."""
    state = settled(challenge, now).state
    if not state.live:
        raise ChallengeEndedError(state)


def require_open(challenge: Challenge, now: datetime) -> None:
    """Raises `ChallengeEndedError` where *challenge* takes no proof at *now*: it has ended, or has one."""
    state = settled(challenge, now).state
    if state is not ChallengeState.OPEN:
        raise ChallengeEndedError(state)


def require_meets(requirement: Requirement, evidence: Evidence) -> None:
    """Raises `ProofRefusedError` where *evidence* is too weak or by another method: no caller chooses those (TA-6)."""
    if not reaches(evidence.level, requirement.level):
        raise ProofRefusedError
    if requirement.methods is not None and evidence.method not in requirement.methods:
        raise ProofRefusedError


def with_code(challenge: Challenge, code: IssuedCode) -> Challenge:
    """
    *challenge* with *code* as its one live code: the one before it is dead. Wrong answers stay counted (NIST-2).

    Raises:
        ChallengeEndedError: It has ended. Whether its time is over is the caller's to ask (`require_live`).
    """
    if not challenge.state.live:
        raise ChallengeEndedError(challenge.state)
    return replace(challenge, code=code, prompts=challenge.prompts + 1, version=challenge.version + 1)


def wrong(challenge: Challenge, now: datetime) -> Challenge:
    """
    *challenge* with one more wrong answer; the fifth locks it, and the whole authorization starts again (TA-8).

    Raises:
        ChallengeEndedError: It has ended.
    """
    require_live(challenge, now)
    counted = replace(challenge, wrong_answers=challenge.wrong_answers + 1, version=challenge.version + 1)
    if counted.wrong_answers < MAX_WRONG:
        return counted
    return replace(counted, state=ChallengeState.LOCKED, ended_at=now)


def proven(challenge: Challenge, evidence: Evidence, returning: IssuedReturn, now: datetime) -> Challenge:
    """
    *challenge* with its proof, which counts once the return code *returning* comes back (semantics §7.2).

    Raises:
        ChallengeEndedError: It has ended, or has a proof.
        ProofRefusedError: The evidence does not meet its requirement.
    """
    require_open(challenge, now)
    require_meets(challenge.ticket.requirement, evidence)
    return replace(
        challenge,
        state=ChallengeState.PROVEN,
        evidence=evidence,
        returning=returning,
        code=None,
        version=challenge.version + 1,
    )


def satisfied(challenge: Challenge, evidence: Evidence, elevation_id: ElevationId, now: datetime) -> Challenge:
    """
    *challenge*, ended by *evidence*, which earned *elevation_id*.

    Raises:
        ChallengeEndedError: It has ended.
        ProofRefusedError: The evidence does not meet its requirement.
    """
    require_live(challenge, now)
    require_meets(challenge.ticket.requirement, evidence)
    # The codes are spent, so not even their hashes are kept.
    done = _end(challenge, ChallengeState.SATISFIED, now)
    return replace(done, evidence=evidence, elevation=elevation_id, code=None, returning=None)


def ended(challenge: Challenge, state: ChallengeState, now: datetime, *, not_me: bool = False) -> Challenge:
    """
    *challenge*, ended as *state* by somebody's word: declined, cancelled, superseded.

    Raises:
        ChallengeEndedError: It has ended.
        ValueError: *state* is no such end.
    """
    if state.live or state is ChallengeState.SATISFIED:
        raise ValueError(f"`{state}` is reached by evidence only")
    require_live(challenge, now)
    return replace(_end(challenge, state, now), not_me=not_me)


def _end(challenge: Challenge, state: ChallengeState, at: datetime) -> Challenge:
    return replace(challenge, state=state, ended_at=at, version=challenge.version + 1)
