"""Why a way to confirm cannot be used for a challenge, for whoever chooses among them (semantics §7.6)."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from stairgate.factors.catalogue import CATALOGUE
from stairgate.model.evidence import Factor
from stairgate.model.protection import Level, Method, reaches
from stairgate.service.context import Services
from stairgate.service.stored_factors import codes_left, level_of


class Obstacle(StrEnum):
    """What stands in the way."""

    WEAK = "weak"  # it does not meet what is asked
    HELD = "held"  # its hold is not over
    DISABLED = "disabled"  # by wrong answers
    SPENT = "spent"  # every code was used
    MISSING = "missing"  # it would do, and the user has set up none


@dataclass(frozen=True, slots=True)
class UnusableMethod:
    """A method, why it cannot be used now and, where that is a matter of time, from when it can."""

    method: Method
    obstacle: Obstacle
    usable_from: datetime | None = None


def unusable_methods(
    services: Services,
    factors: Sequence[Factor],
    *,
    meeting: Sequence[Method],
    usable: Sequence[Method],
    level: Level | None,
) -> tuple[UnusableMethod, ...]:
    """
    The enrolled methods that the service offers and the user cannot use now, strongest first.

    What the user does not have is told only where it would do.

    Args:
        services: The application's.
        factors: The user's.
        meeting: The methods that could meet the challenge.
        usable: Those that the user can use now.
        level: What is asked.
    """
    offered = [
        method
        for method, entry in CATALOGUE.items()
        if entry.enrolled and method in services.rules.methods and method not in usable
    ]
    found = [
        _obstacle(services, method, [each for each in factors if each.method is method], method in meeting, level)
        for method in offered
    ]
    return tuple(each for each in found if each is not None)


def _obstacle(
    services: Services,
    method: Method,
    factors: Sequence[Factor],
    meets: bool,  # noqa: FBT001
    level: Level | None,
) -> UnusableMethod | None:
    strong = [factor for factor in factors if meets and reaches(level_of(services, factor), level)]
    if not factors:
        return UnusableMethod(method, Obstacle.MISSING) if meets else None
    if not strong:
        return UnusableMethod(method, Obstacle.WEAK)
    sound = [factor for factor in strong if not factor.disabled]
    if not sound:
        return UnusableMethod(method, Obstacle.DISABLED)
    waiting = [factor.usable_from for factor in sound if codes_left(factor) != 0]
    return UnusableMethod(method, Obstacle.HELD, min(waiting)) if waiting else UnusableMethod(method, Obstacle.SPENT)
