"""Elevations: issued from a challenge and its evidence, used, ended (semantics §8)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from stairgate.model.approvals import cover
from stairgate.model.challenges import Challenge, ChallengeState
from stairgate.model.elevations import Area, Elevation, EndReason
from stairgate.model.errors import ChallengeEndedError, ConflictError, ProofRefusedError
from stairgate.model.evidence import Evidence
from stairgate.model.ids import ElevationId
from stairgate.stepup.challenges import require_live, require_meets

UNKNOWN_END_SECONDS = 3_600  # for a token that does not say when it ends (semantics §1)


def issue(
    challenge: Challenge,
    evidence: Evidence,
    *,
    id: ElevationId,  # noqa: A002  # what it is called everywhere
    now: datetime,
    once: bool = False,
    same_device: bool = False,
) -> Elevation:
    """
    The elevation that *evidence* earns: for the token that the challenge names, and no other.

    Args:
        challenge: Live, or just satisfied with this very elevation.
        evidence: What the factor's verification returned.
        id: The elevation's id.
        now: The server's time.
        once: The user asked for "only this once": one use, of exactly this access (semantics §8).
        same_device: It was finished on the device that asked (semantics §7.2).

    Raises:
        ChallengeEndedError: The challenge ended otherwise, or the token it names has.
        ProofRefusedError: The evidence does not meet the challenge's requirement, or people have yet to agree.
    """
    if challenge.state is not ChallengeState.SATISFIED:
        require_live(challenge, now)
    elif challenge.elevation != id or challenge.evidence != evidence:
        raise ChallengeEndedError(challenge.state)
    ticket, requirement = challenge.ticket, challenge.ticket.requirement
    require_meets(requirement, evidence)
    if not cover(challenge.approvals, requirement.approvals):
        raise ProofRefusedError
    expires_at = now + timedelta(seconds=requirement.lifetime)
    if ticket.token_expires_at is None:
        expires_at = min(expires_at, now + timedelta(seconds=UNKNOWN_END_SECONDS))
    else:
        expires_at = min(expires_at, ticket.token_expires_at)
    if expires_at <= now:
        raise ChallengeEndedError(ChallengeState.EXPIRED)
    uses = 1 if once else requirement.uses
    return Elevation(
        id=id,
        user=ticket.user,
        token=ticket.token,
        area=Area(ticket.resource, ticket.action, exact=True) if once else ticket.area,
        level=evidence.level,
        method=evidence.method,
        proven_at=evidence.proven_at,
        issued_at=now,
        expires_at=expires_at,
        challenge=challenge.id,
        factor=evidence.factor,
        uses=uses,
        uses_left=uses,
        details=ticket.details,
        same_device=same_device,
        approvals=challenge.approvals,
    )


def take_use(elevation: Elevation, now: datetime) -> Elevation:
    """
    *elevation* with one use fewer. The store does it in the transaction of the check (attack 6).

    Raises:
        ConflictError: It is not live, has no use left, or is not counted.
    """
    if elevation.uses_left is None or not elevation.live(now):
        raise ConflictError
    return replace(elevation, uses_left=elevation.uses_left - 1)


def end(elevation: Elevation, at: datetime, reason: EndReason) -> Elevation:
    """*elevation*, ended. One that has ended keeps its first time and reason."""
    if elevation.ended_at is not None:
        return elevation
    return replace(elevation, ended_at=at, end_reason=reason)
