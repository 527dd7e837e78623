"""The grants that give what is asked, each with the marks that apply to it (semantics §5): one path for all callers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from stairgate.engine.conditions import Conditions
from stairgate.engine.facts import Facts
from stairgate.engine.frozen import quick_source
from stairgate.engine.grants import Given
from stairgate.engine.lookup import Asked, Judge, pattern_of
from stairgate.engine.rights import Right
from stairgate.engine.roles import gives
from stairgate.model.actions import READ, Action
from stairgate.model.decisions import Question, Source
from stairgate.model.ids import RoleId
from stairgate.model.protection import Enforcement, Mark

# A grant before its permissions are told apart: the text of its pattern, the statement, the role (None: PUBLIC).
Match = tuple[str, Given, RoleId | None]


@dataclass(frozen=True, slots=True)
class Candidate:
    """
    One (record, statement, resource, role, permission) that gives what is asked.

    *marks* are those that guard it, *observed* those that only watch.
    """

    source: Source
    permission: Action
    marks: tuple[Mark, ...]
    observed: tuple[Mark, ...]


def judge(asked: Asked, question: Question) -> Judge:
    """What conditions say of *question*, taken apart as *asked*."""
    if asked.conditions is None:
        asked.conditions = Conditions(question)
    return asked.conditions


def applying(marks: tuple[Mark, ...], asked: Asked, question: Question) -> tuple[Mark, ...]:
    """Those of *marks* that apply, as far as conditions go: all whose `when` is not false (semantics §5)."""
    if all(mark.requirement.when is None for mark in marks):
        return marks
    apply = judge(asked, question).apply
    return tuple(mark for mark in marks if apply(mark.requirement.when))


def matching(asked: Asked, facts: Facts, right: Right, question: Question) -> Iterator[Match]:
    """Everything that gives *right* on what is asked. Nothing: the user does not have the access."""
    opening = facts.roles.opening(right)
    holders = asked.holders
    for table in facts.tables:
        for text, given in table.hits(asked):
            for role in given.roles:
                keys = opening.get(role)
                if keys is None or keys.isdisjoint(holders):
                    continue
                if given.when is None or judge(asked, question).count(given.when):
                    yield text, given, role
    public = facts.resources.public
    if public and right is Right.ALLOW and READ.covers(asked.action):
        for text, given in public.hits(asked):
            yield text, given, None


def source_of(match: Match) -> Source:
    """Where *match* comes from."""
    text, given, role = match
    return quick_source(given.record, given.statement, role, pattern_of(text, below=given.below))


def candidates_of(
    match: Match, asked: Asked, facts: Facts, right: Right, guards: tuple[Mark, ...], question: Question
) -> list[Candidate]:
    """
    *match*, once for each permission of its role that gives *right* on what is asked.

    Args:
        match: Of `matching`.
        asked: What is asked.
        facts: What the decision rests on.
        right: The member of the permission that is asked for.
        guards: The marks of resources that apply: `ResourceTable.marks_on`, then `applying`.
        question: For the conditions of marks.
    """
    _, given, role = match
    source = source_of(match)
    if role is None:
        return [_candidate(source, READ, guards)]
    through_role = tuple(
        Mark(requirement, source.resource, action, f"role {role}")
        for action, requirement in facts.roles.marks.get(role, ())
        if action.covers(asked.action) or asked.action.covers(action)
    )
    through_role = applying(through_role, asked, question)
    found = []
    for permission in facts.roles.permissions(role):
        if not gives(permission, right) or not permission.action.covers(asked.action):
            continue
        own: tuple[Mark, ...] = ()
        if given.step_up is not None:
            where = f"record {given.record} statement {given.statement}"
            own = applying((Mark(given.step_up, source.resource, permission.action, where),), asked, question)
        found.append(_candidate(source, permission.action, own + through_role + guards))
    return found


def _candidate(source: Source, permission: Action, marks: tuple[Mark, ...]) -> Candidate:
    guarding = tuple(mark for mark in marks if mark.requirement.enforce is Enforcement.ON)
    watching = () if len(guarding) == len(marks) else tuple(mark for mark in marks if mark not in guarding)
    return Candidate(source, permission, guarding, watching)


def rank(candidate: Candidate) -> tuple[str, int, str, str, str, str]:
    """An order of candidates that does not depend on the order of the facts."""
    source = candidate.source
    permission = candidate.permission
    return (
        source.record or "",
        source.statement,
        source.role or "",
        str(source.resource),
        permission.key,
        permission.written,
    )
