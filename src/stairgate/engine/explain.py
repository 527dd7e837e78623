"""
Why a question is decided as it is: every grant that gives it, its marks, and what each elevation lacks for them.

Built from what decides: `matching`, `candidates_of`, `misses`, `merge` and, for the outcome, `decide` itself.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime

from stairgate.engine.candidates import Candidate, Match, candidates_of, matching, rank
from stairgate.engine.conditions import Condition, Conditions, Verdict
from stairgate.engine.decide import Pending, assess, resolve, without_met
from stairgate.engine.facts import Facts
from stairgate.engine.lookup import Asked
from stairgate.engine.meeting import Miss, misses, token_misses
from stairgate.engine.merging import merge, satisfiable, shared_area
from stairgate.engine.rights import Right
from stairgate.model.canonical import JsonValue
from stairgate.model.decisions import Allow, Decision, Question, Source, StepUpRequired
from stairgate.model.documents import Document, area_document, requirement_document
from stairgate.model.elevations import Area, Elevation
from stairgate.model.evidence import TokenEvidence
from stairgate.model.ids import ElevationId
from stairgate.model.protection import Enforcement, Mark, Requirement

_WHY = {
    Miss.USER: "it is another user's",
    Miss.TOKEN: "it is another token's",
    Miss.ENDED: "it was ended",
    Miss.EXPIRED: "it has expired",
    Miss.USED_UP: "its uses are used up",
    Miss.AREA: "its area does not cover the resource and action",
    Miss.NOT_EXACT: "it opens an area, and the mark wants exactly this access",
    Miss.TOO_OLD: "it is older than the lifetime of the mark",
    Miss.PROOF_TOO_OLD: "its proof is older than the mark allows",
    Miss.LEVEL: "its level is too low",
    Miss.METHOD: "its method is not one of the mark's",
    Miss.USES: "it may be used more often than the mark allows",
    Miss.NOT_BOUND: "it does not bind every detail that the mark binds",
    Miss.VALUE_DIFFERS: "a detail that it binds has another value",
    Miss.DEVICE: "it was not finished on the device that asked, as the mark wants",
    Miss.APPROVALS: "not all the people have agreed to it whom the mark wants",
}
_WHY_TOKEN = {
    Miss.USES: "a login cannot be counted, and the mark counts uses",
    Miss.DEVICE: "a login says nothing of the device, and the mark wants the one that asked",
    Miss.NOT_BOUND: "a login binds no details, and the mark binds some",
    Miss.APPROVALS: "nobody else agrees to a login, and the mark wants approvals",
    Miss.METHOD: "a token does not name the method, and the mark does",
    Miss.LEVEL: "its level is too low",
    Miss.TOO_OLD: "the login is older than the lifetime of the mark, or its time is not known",
    Miss.PROOF_TOO_OLD: "the login is older than the mark allows, or its time is not known",
}


@dataclass(frozen=True, slots=True)
class Attempt:
    """One elevation held against one mark. *elevation* None: the token's own evidence. No *missed* clause: it meets."""

    elevation: ElevationId | None
    missed: tuple[Miss, ...]

    @property
    def why(self) -> tuple[str, ...]:
        """In words, what it lacks."""
        words = _WHY_TOKEN if self.elevation is None else _WHY
        return tuple(words[miss] for miss in self.missed)


@dataclass(frozen=True, slots=True)
class ExplainedMark:
    """A mark on a grant, and what was held against it. *condition*: what its `when` says, where it has one."""

    mark: Mark
    attempts: tuple[Attempt, ...]
    condition: Condition | None = None

    @property
    def applies(self) -> bool:
        """Whether it applies: unless its condition is false."""
        return self.condition is None or self.condition.verdict is not Verdict.FALSE

    @property
    def met(self) -> bool:
        """Whether something meets it. All marks of a grant must be met by the *same* thing."""
        return any(not attempt.missed for attempt in self.attempts)

    @property
    def verdict(self) -> str:
        """`met`, `refuses`, for a mark that only watches `observed` (it would have refused), or `does_not_apply`."""
        if not self.applies:
            return "does_not_apply"
        if self.met:
            return "met"
        return "observed" if self.mark.requirement.enforce is Enforcement.OBSERVE else "refuses"


@dataclass(frozen=True, slots=True)
class ExplainedGrant:
    """
    One grant that gives what is asked, or would if its condition were true.

    *requirement* and *area* are those of its merged marks, None where no mark guards it. *determined*: the outcome
    names this grant. *condition*: what its `when` says, where it has one; a grant that does not count shows no marks.
    """

    source: Source
    permission: str
    marks: tuple[ExplainedMark, ...]
    requirement: Requirement | None
    area: Area | None
    satisfiable: bool
    open: bool
    determined: bool
    condition: Condition | None = None

    @property
    def counts(self) -> bool:
        """Whether it counts: where its condition is true."""
        return self.condition is None or self.condition.verdict is Verdict.TRUE


@dataclass(frozen=True, slots=True)
class Explanation:
    """The decision and everything that it was made from."""

    question: Question
    right: Right
    decision: Decision
    grants: tuple[ExplainedGrant, ...]
    revision: int

    @property
    def outcome(self) -> str:
        """The name of the outcome: `allow`, `step_up_required` or `deny`."""
        if isinstance(self.decision, Allow):
            return "allow"
        return "step_up_required" if isinstance(self.decision, StepUpRequired) else "deny"

    def document(self) -> Document:
        """The tree as JSON. It has no bound value, token or token key in it."""
        return {
            "userId": self.question.user,
            "resourceUri": str(self.question.resource),
            "permission": str(self.question.action),
            "right": self.right.value,
            "outcome": self.outcome,
            "why": self._why(),
            "decision": _decision_document(self.decision),
            "revision": self.revision,
            "grants": [_grant_document(grant) for grant in self.grants],
        }

    def _why(self) -> str:
        decision = self.decision
        if isinstance(decision, StepUpRequired):
            return f"every grant is guarded, and nothing meets all marks of one: {decision.reason.value}"
        if isinstance(decision, Allow):
            if decision.elevation is not None:
                return "an elevation of this token meets all marks of a grant"
            grant = next((each for each in self.grants if each.determined), None)
            if grant is not None and grant.requirement is not None:
                return "the token's own evidence meets all marks of a grant"
            return "a grant that no mark guards"
        return "no grant whose condition is true gives it" if self.grants else "no grant gives it"


def explain(
    question: Question,
    facts: Facts,
    elevations: Sequence[Elevation],
    now: datetime,
    token_evidence: TokenEvidence | None = None,
    *,
    right: Right = Right.ALLOW,
) -> Explanation:
    """
    The decision on *question* with all that led to it. It takes no use (semantics §5).

    Args:
        question: Who, what, where, with which token and details.
        facts: What the decision rests on.
        elevations: Those of this user and token, ended ones too.
        now: The time of the decision.
        token_evidence: What the user token itself proves.
        right: Which member of a permission is asked for.
    """
    outcome = assess(question, facts, right=right)
    decision: Decision
    if isinstance(outcome, Pending):
        decision = resolve(outcome, elevations, now, token_evidence)
    elif isinstance(outcome, Allow):
        decision = without_met(outcome, question, elevations, now, token_evidence)
    else:
        decision = outcome
    named = None if not isinstance(decision, Allow | StepUpRequired) else decision.source
    conditions = Conditions(question)
    grants = []
    for candidate, condition in sorted(_grants(question, facts, right, conditions), key=lambda each: rank(each[0])):
        if condition is not None and condition.verdict is not Verdict.TRUE:
            grants.append(_not_counting(candidate, condition))
            continue
        marks = tuple(
            ExplainedMark(
                mark,
                _attempts(mark, question, elevations, now, token_evidence),
                None if mark.requirement.when is None else conditions.of(mark.requirement.when),
            )
            for mark in (*candidate.marks, *candidate.observed)
        )
        grants.append(_explained(candidate, marks, facts, question, named, condition))
    return Explanation(question, right, decision, tuple(grants), facts.revision)


class _Whatever:
    """Judges no condition: every grant counts and every mark applies, so that all of them can be shown."""

    __slots__ = ()

    def count(self, _: str | None) -> bool:
        return True

    def apply(self, _: str | None) -> bool:
        return True


def _grants(
    question: Question, facts: Facts, right: Right, conditions: Conditions
) -> Iterator[tuple[Candidate, Condition | None]]:
    """Every grant, whatever its condition, with what that says; and with every mark on it."""
    asked = Asked(question.resource, question.action)
    asked.conditions = _Whatever()
    guards = facts.resources.marks_on(asked)
    for match in matching(asked, facts, right, question):
        when = _when(match)
        condition = None if when is None else conditions.of(when)
        for candidate in candidates_of(match, asked, facts, right, guards, question):
            yield candidate, condition


def _when(match: Match) -> str | None:
    _, given, role = match
    return None if role is None else given.when


def _not_counting(candidate: Candidate, condition: Condition) -> ExplainedGrant:
    # Where nothing gives the access, nothing is said of protection.
    return ExplainedGrant(
        candidate.source,
        str(candidate.permission),
        (),
        None,
        None,
        satisfiable=False,
        open=False,
        determined=False,
        condition=condition,
    )


def _attempts(
    mark: Mark, question: Question, elevations: Sequence[Elevation], now: datetime, evidence: TokenEvidence | None
) -> tuple[Attempt, ...]:
    attempts = [Attempt(each.id, misses(each, mark, question, now)) for each in elevations]
    if evidence is not None and question.token is not None:
        attempts.insert(0, Attempt(None, token_misses(evidence, mark, now)))
    return tuple(attempts)


def _explained(
    candidate: Candidate,
    shown: tuple[ExplainedMark, ...],
    facts: Facts,
    question: Question,
    named: Source | None,
    condition: Condition | None,
) -> ExplainedGrant:
    guarding = [each for each in shown if each.applies and each.mark in candidate.marks]
    marks = tuple(each.mark for each in guarding)
    requirement = merge(marks) if marks else None
    held = zip(*(each.attempts for each in guarding), strict=True)  # one row for each thing that was held against all
    return ExplainedGrant(
        candidate.source,
        str(candidate.permission),
        shown,
        requirement,
        shared_area(marks, question) if marks else None,
        requirement is None or satisfiable(requirement, facts.best_levels),
        not marks or any(all(not attempt.missed for attempt in row) for row in held),
        candidate.source == named,
        condition,
    )


def _decision_document(decision: Decision) -> Document | None:
    if isinstance(decision, StepUpRequired):
        return {
            "reason": decision.reason.value,
            "requirement": requirement_document(decision.requirement),
            "area": area_document(decision.area),
            "bound": sorted(decision.requirement.bind),
            "source": _source_document(decision.source),
        }
    if isinstance(decision, Allow):
        return {
            "source": _source_document(decision.source),
            "elevationId": decision.elevation,
            "takesUse": decision.counted,
            "observed": [mark.source for mark in decision.observed],
        }
    return None


def _source_document(source: Source) -> Document:
    if source.record is None:
        return {"public": True, "resourceUri": str(source.resource)}
    return {
        "recordId": source.record,
        "statement": source.statement,
        "roleId": source.role,
        "resourceUri": str(source.resource),
    }


def _grant_document(grant: ExplainedGrant) -> Document:
    marks: list[JsonValue] = [
        {
            "source": each.mark.source,
            "resourceUri": str(each.mark.resource),
            "action": str(each.mark.action),
            "requirement": requirement_document(each.mark.requirement),
            "condition": _condition_document(each.condition),
            "verdict": each.verdict,
            "attempts": [_attempt_document(attempt) for attempt in each.attempts],
        }
        for each in grant.marks
    ]
    return {
        "source": _source_document(grant.source),
        "permission": grant.permission,
        "condition": _condition_document(grant.condition),
        "counts": grant.counts,
        "open": grant.open,
        "determined": grant.determined,
        "satisfiable": grant.satisfiable,
        "requirement": None if grant.requirement is None else requirement_document(grant.requirement),
        "area": None if grant.area is None else area_document(grant.area),
        "marks": marks,
    }


def _condition_document(condition: Condition | None) -> Document | None:
    if condition is None:
        return None
    return {"when": condition.expression, "verdict": condition.verdict.value, "error": condition.error}


def _attempt_document(attempt: Attempt) -> Document:
    return {
        "elevationId": attempt.elevation,
        "meets": not attempt.missed,
        "misses": [miss.value for miss in attempt.missed],
        "why": list(attempt.why),
    }
