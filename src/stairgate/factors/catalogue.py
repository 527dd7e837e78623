"""
Every method of proof, in one table: what it can reach, and what it takes (semantics §4 `level`, §7).

A new factor is a module beside this one and a change of its entry here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType

from stairgate.model.protection import BEST_LEVELS, Level, Method, Requirement


class Answer(StrEnum):
    """What the person gives back, and so which module verifies it."""

    CODE = "code"  # made by the person's own device: `factors.totp`
    DELIVERED_CODE = "delivered_code"  # handed out first: `factors.delivered_code`
    RECOVERY_CODE = "recovery_code"
    ASSERTION = "assertion"
    VOTES = "votes"


@dataclass(frozen=True, slots=True)
class Entry:
    """
    One method.

    *amr* are its RFC 8176 values. *sends*: Stairgate itself sends a message for it, so prompts are limited
    (semantics §7.5). *enrolled*: a user must have a factor for it.
    """

    method: Method
    best_level: Level | None  # None: it proves no factor at all
    answer: Answer
    amr: tuple[str, ...]
    sends: bool
    enrolled: bool


def _entry(method: Method, answer: Answer, *amr: str, sends: bool = False, enrolled: bool = True) -> Entry:
    return Entry(method, BEST_LEVELS.get(method), answer, amr, sends=sends, enrolled=enrolled)


# Strongest first: the order in which methods are offered.
_ENTRIES = (
    _entry(Method.PASSKEY, Answer.ASSERTION, "user", "mfa"),
    _entry(Method.TOTP, Answer.CODE, "otp"),
    _entry(Method.EMAIL, Answer.DELIVERED_CODE, "otp", sends=True),
    _entry(Method.SMS, Answer.DELIVERED_CODE, "otp", "sms", sends=True),
    _entry(Method.RECOVERY, Answer.RECOVERY_CODE, "otp"),
    _entry(Method.EXTERNAL, Answer.DELIVERED_CODE, "otp", enrolled=False),
    _entry(Method.APPROVAL, Answer.VOTES, enrolled=False),
)
CATALOGUE: Mapping[Method, Entry] = MappingProxyType({entry.method: entry for entry in _ENTRIES})


def amr_of(method: Method, *, backup_eligible: bool | None = None) -> tuple[str, ...]:
    """The RFC 8176 values of a proof by *method*, from what was verified alone (FA-1)."""
    if backup_eligible is None:
        return CATALOGUE[method].amr
    return ("swk" if backup_eligible else "hwk", *CATALOGUE[method].amr)


def level_reached(method: Method, *, external_level: Level | None = None) -> Level:
    """
    The level that a proof by *method* gives.

    A passkey's real level depends on its ceremony, so its own module says; here it is the best possible.

    Args:
        method: How it was proven.
        external_level: What the operator raised `external` to for the attesting client, None where not.

    Raises:
        ValueError: The method proves no factor.
    """
    best = CATALOGUE[method].best_level
    if best is None:
        raise ValueError(f"`{method}` proves no factor")
    if method is Method.EXTERNAL and external_level is not None:
        return max(best, external_level)
    return best


def methods_meeting(requirement: Requirement, best_levels: Mapping[Method, Level] = BEST_LEVELS) -> tuple[Method, ...]:
    """
    The methods that can meet *requirement*, strongest first; none where no factor is asked.

    Args:
        requirement: What must be met.
        best_levels: The best level of each method that is offered, with `external` as it counts for the client at hand.
    """
    if requirement.level is None:
        return ()
    return tuple(
        entry.method
        for entry in _ENTRIES
        if (level := best_levels.get(entry.method)) is not None
        and level >= requirement.level
        and (requirement.methods is None or entry.method in requirement.methods)
    )
