"""Whether an elevation, or the token's own evidence, meets a mark, and if not, for which reasons (semantics §5)."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from stairgate.model.approvals import cover
from stairgate.model.canonical import canonical_json
from stairgate.model.decisions import Question
from stairgate.model.elevations import Elevation
from stairgate.model.evidence import TokenEvidence
from stairgate.model.protection import Mark, reaches


class Miss(StrEnum):
    """A clause of "an elevation meets a mark" that does not hold."""

    USER = "user"
    TOKEN = "token"  # noqa: S105  # a clause, not a secret
    ENDED = "ended"
    EXPIRED = "expired"
    USED_UP = "used_up"
    AREA = "area"
    NOT_EXACT = "not_exact"
    TOO_OLD = "too_old"
    PROOF_TOO_OLD = "proof_too_old"
    LEVEL = "level"
    METHOD = "method"
    USES = "uses"
    NOT_BOUND = "not_bound"
    VALUE_DIFFERS = "value_differs"
    DEVICE = "device"
    APPROVALS = "approvals"


# What only time and use did: such an elevation met the mark once.
PASSED = frozenset({Miss.EXPIRED, Miss.USED_UP, Miss.TOO_OLD, Miss.PROOF_TOO_OLD})


def misses(elevation: Elevation, mark: Mark, question: Question, now: datetime) -> tuple[Miss, ...]:
    """
    Every clause of semantics §5 that fails for *elevation* and *mark*. None: it meets it.

    `misses` does not stop at the first: the reason of a refusal says what *alone* was amiss.

    Raises:
        InvalidInputError: A bound member of the context is no JSON that both sides would read alike.
    """
    asked = mark.requirement
    clauses = (
        (Miss.USER, elevation.user == question.user),
        (Miss.TOKEN, question.token is not None and elevation.token == question.token),
        (Miss.ENDED, elevation.ended_at is None),
        (Miss.EXPIRED, now < elevation.expires_at),
        (Miss.USED_UP, _has_uses(elevation)),
        (Miss.AREA, elevation.area.covers(question.resource, question.action)),
        (Miss.NOT_EXACT, elevation.area.exact or not asked.exact),
        (Miss.TOO_OLD, now - elevation.issued_at < timedelta(seconds=asked.lifetime)),
        (Miss.PROOF_TOO_OLD, now - elevation.proven_at <= timedelta(seconds=asked.proof_age)),
        (Miss.LEVEL, reaches(elevation.level, asked.level)),
        (Miss.METHOD, asked.methods is None or elevation.method in asked.methods),
        (Miss.USES, asked.uses is None or (elevation.uses is not None and elevation.uses <= asked.uses)),
        (Miss.NOT_BOUND, asked.bind <= elevation.details.keys()),
        (Miss.VALUE_DIFFERS, _values_equal(elevation, question)),
        (Miss.DEVICE, elevation.same_device or asked.device is None),
        (Miss.APPROVALS, cover(elevation.approvals, asked.approvals)),
    )
    return tuple(miss for miss, holds in clauses if not holds)


def meets(elevation: Elevation, mark: Mark, question: Question, now: datetime) -> bool:
    """Whether *elevation* meets *mark* for *question* at *now*: every clause of semantics §5 holds."""
    return not misses(elevation, mark, question, now)


def _has_uses(elevation: Elevation) -> bool:
    # One that was issued with uses but does not know how many are left is not trusted to have any.
    if elevation.uses is None and elevation.uses_left is None:
        return True
    return elevation.uses_left is not None and elevation.uses_left > 0


def _values_equal(elevation: Elevation, question: Question) -> bool:
    context = question.context or {}
    return all(
        name in context and canonical_json(context[name], field=f"context.{name}") == value
        for name, value in elevation.details.items()
    )


def token_misses(evidence: TokenEvidence, mark: Mark, now: datetime) -> tuple[Miss, ...]:
    """
    Every reason why the token's own `acr` and `auth_time` do not meet *mark*. None: they do.

    They say nothing of a method or a device, so that a mark that names either is not met by them; and a login that lies
    in the future has no age that could be young enough. Semantics §5 is silent here, and read the strict way.
    """
    asked = mark.requirement
    proven = evidence.proven_at
    age = None if proven is None or proven > now else now - proven
    clauses = (
        (Miss.USES, asked.uses is None),
        (Miss.NOT_BOUND, not asked.bind),
        (Miss.APPROVALS, not asked.approvals),
        (Miss.METHOD, asked.methods is None),
        (Miss.DEVICE, asked.device is None),
        (Miss.LEVEL, reaches(evidence.level, asked.level)),
        (Miss.TOO_OLD, age is not None and age < timedelta(seconds=asked.lifetime)),
        (Miss.PROOF_TOO_OLD, age is not None and age <= timedelta(seconds=asked.proof_age)),
    )
    return tuple(miss for miss, holds in clauses if not holds)
