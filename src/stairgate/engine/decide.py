"""
The decision: a question and its facts in, one of three outcomes out (semantics §5).

`assess` needs no elevations and settles what is plain: no grant, or a grant that nothing guards. Only where every
grant is guarded does it answer `Pending`, and `resolve` decides from the elevations of the token.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import NoReturn

from stairgate.engine.candidates import Candidate, applying, candidates_of, matching, rank, source_of
from stairgate.engine.conditions import JudgedLater
from stairgate.engine.facts import Facts
from stairgate.engine.frozen import quick_allow
from stairgate.engine.lookup import Asked
from stairgate.engine.meeting import PASSED, Miss, meets, misses, token_misses
from stairgate.engine.merging import cost, merge, satisfiable, shared_area
from stairgate.engine.rights import Right
from stairgate.model.canonical import canonical_json
from stairgate.model.decisions import Allow, Decision, Deny, Question, Reason, StepUpRequired
from stairgate.model.elevations import NO_DETAILS, Area, Elevation
from stairgate.model.evidence import TokenEvidence
from stairgate.model.protection import Level, Mark, Method, Requirement

__all__ = ["Pending", "Right", "assess", "decide", "holds", "meets", "resolve", "without_met"]


JUDGED_LATER = JudgedLater()


@dataclass(frozen=True, slots=True)
class Pending:
    """The user has the access, but every grant of it is guarded: only elevations can decide."""

    question: Question
    candidates: tuple[Candidate, ...]
    best_levels: Mapping[Method, Level]

    def __bool__(self) -> NoReturn:
        message = "a pending decision has no truth value: resolve it"
        raise TypeError(message)


def assess(
    question: Question, facts: Facts, *, right: Right = Right.ALLOW, judged_later: bool = False
) -> Allow | Deny | Pending:
    """
    What can be said of *question* without any elevation.

    The first grant without a mark allows at once. An `observe` mark never refuses, nor does it make the answer wait
    for the store: `Allow.observed` lists those on the grant, and `decide` takes off those that were met.

    Args:
        question: Who, what, where, with which details.
        facts: What the decision rests on.
        right: Which member of a permission is asked for.
        judged_later: The context is not known, and a check will judge the conditions: until then every grant counts,
            and only marks without a condition apply (semantics §7).
    """
    asked = Asked(question.resource, question.action)
    if judged_later:
        asked.conditions = JUDGED_LATER
    roles_with_marks = facts.roles.marks
    guards: tuple[Mark, ...] | None = None
    found: list[Candidate] = []
    for match in matching(asked, facts, right, question):
        if guards is None:
            guards = applying(facts.resources.marks_on(asked), asked, question)
        _, given, role = match
        if not guards and given.step_up is None and role not in roles_with_marks:
            return quick_allow(source_of(match))
        for candidate in candidates_of(match, asked, facts, right, guards, question):
            if not candidate.marks and not candidate.observed:
                return Allow(candidate.source)
            found.append(candidate)
    if not found:
        return Deny()
    watched = [candidate for candidate in found if not candidate.marks]
    if watched:
        least = min(watched, key=lambda candidate: (len(candidate.observed), rank(candidate)))
        return Allow(least.source, observed=least.observed)
    return Pending(question, tuple(sorted(found, key=rank)), facts.best_levels)


def resolve(
    pending: Pending,
    elevations: Sequence[Elevation],
    now: datetime,
    token_evidence: TokenEvidence | None = None,
) -> Allow | StepUpRequired:
    """
    Decide what `assess` left open.

    Args:
        pending: The question and the guarded grants.
        elevations: Those of this user and token; expired, used-up and ended ones tell the reason of a refusal.
        now: The time of the decision.
        token_evidence: What the user token itself proves, where its issuer is configured so.

    Raises:
        InvalidInputError: A bound member of the context is no JSON that both sides would read alike.
    """
    if pending.question.token is None:
        return _refusal(pending, Reason.TOKEN_REQUIRED)
    allowed = _by_token(pending, token_evidence, now) or _by_elevation(pending, elevations, now)
    if allowed is None:
        return _refusal(pending, _reason(pending, elevations, now))
    candidate, elevation = allowed
    observed = _would_refuse(candidate.observed, pending.question, elevations, now, token_evidence)
    if elevation is None:
        return Allow(candidate.source, observed=observed)
    return Allow(candidate.source, elevation.id, counted=elevation.uses is not None, observed=observed)


def decide(
    question: Question,
    facts: Facts,
    elevations: Sequence[Elevation],
    now: datetime,
    token_evidence: TokenEvidence | None = None,
) -> Decision:
    """`assess`, then `resolve`: the whole ladder of semantics §5."""
    outcome = assess(question, facts)
    if isinstance(outcome, Pending):
        return resolve(outcome, elevations, now, token_evidence)
    if isinstance(outcome, Allow):
        return without_met(outcome, question, elevations, now, token_evidence)
    return outcome


def without_met(
    allow: Allow,
    question: Question,
    elevations: Sequence[Elevation],
    now: datetime,
    token_evidence: TokenEvidence | None = None,
) -> Allow:
    """An *allow* of `assess`, its observed marks less those that would not have refused."""
    if not allow.observed:
        return allow
    return replace(allow, observed=_would_refuse(allow.observed, question, elevations, now, token_evidence))


def holds(question: Question, facts: Facts, right: Right) -> Allow | Deny | Pending:
    """
    Whether the user may hand the action out: `assess` for `grant` or `delegate`, under the same marks (semantics §3).

    Args:
        question: Who, what, where.
        facts: What the decision rests on.
        right: `GRANT` to hand out `allow`; `DELEGATE` to hand out all three.
    """
    return assess(question, facts, right=right)


def _by_token(
    pending: Pending, evidence: TokenEvidence | None, now: datetime
) -> tuple[Candidate, Elevation | None] | None:
    """
    The first grant all of whose marks the token itself meets.

    The text does not say whether a token may meet one mark and an elevation another. Here one thing meets all marks
    of a grant, as the ladder says of elevations: that never opens more than either alone.
    """
    if evidence is not None:
        for candidate in pending.candidates:
            if not any(token_misses(evidence, mark, now) for mark in candidate.marks):
                return candidate, None
    return None


def _by_elevation(
    pending: Pending, elevations: Sequence[Elevation], now: datetime
) -> tuple[Candidate, Elevation | None] | None:
    """A grant all of whose marks one elevation meets: an uncounted one first, then the soonest to end."""
    question = pending.question
    for elevation in sorted(elevations, key=lambda each: (each.uses is not None, each.expires_at, each.id)):
        for candidate in pending.candidates:
            if all(meets(elevation, mark, question, now) for mark in candidate.marks):
                return candidate, elevation
    return None


def _would_refuse(
    observed: tuple[Mark, ...],
    question: Question,
    elevations: Sequence[Elevation],
    now: datetime,
    evidence: TokenEvidence | None,
) -> tuple[Mark, ...]:
    """Those of the *observed* marks that would have refused, were they on: none, if one thing meets them all."""
    if question.token is None:
        return observed
    met = [tuple(mark for mark in observed if meets(each, mark, question, now)) for each in elevations]
    if evidence is not None:
        met.append(tuple(mark for mark in observed if not token_misses(evidence, mark, now)))
    best = max(met, key=len, default=())
    return tuple(mark for mark in observed if mark not in best)


def _refusal(pending: Pending, reason: Reason) -> StepUpRequired:
    """The refusal for the cheapest grant that can be met, or else for the cheapest of all, which cannot be."""
    question = pending.question
    offers: list[tuple[Requirement, Area, Candidate]] = []
    for candidate in pending.candidates:
        requirement = merge(candidate.marks)
        offers.append((requirement, shared_area(candidate.marks, question), candidate))
    open_to_someone = [offer for offer in offers if satisfiable(offer[0], pending.best_levels)]
    requirement, area, candidate = min(open_to_someone or offers, key=lambda offer: cost(offer[0], offer[1]))
    context = question.context or {}
    details: Mapping[str, str] = NO_DETAILS
    if reason is not Reason.TOKEN_REQUIRED:
        if not open_to_someone:
            reason = Reason.REQUIREMENT_UNSATISFIABLE
        elif not requirement.bind <= context.keys():
            reason = Reason.DETAILS_REQUIRED
        elif requirement.bind:
            details = {
                name: canonical_json(context[name], field=f"context.{name}") for name in sorted(requirement.bind)
            }
    return StepUpRequired(reason, requirement, area, candidate.source, candidate.marks, details)


def _reason(pending: Pending, elevations: Sequence[Elevation], now: datetime) -> Reason:
    """
    Why a challenge is needed, from the elevations that nearly did (semantics §6).

    "Would do" is read as: would have allowed this check, through any of its grants. A mark that an elevation has
    outlived counts as expiry; an elevation that was ended is no reason at all.
    """
    expired = False
    for elevation in elevations:
        for candidate in pending.candidates:
            missed = {miss for mark in candidate.marks for miss in misses(elevation, mark, pending.question, now)}
            if missed == {Miss.VALUE_DIFFERS}:
                return Reason.DETAILS_CHANGED
            expired = expired or missed <= PASSED
    return Reason.ELEVATION_EXPIRED if expired else Reason.ELEVATION_REQUIRED
