"""
A protection does not get lost (semantics §4): what a replaced object keeps where the new one says nothing of it.

The official Python SDK drops members that it does not know, so what it reads and puts back has no `stepUp`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from stairgate.model.access import Permission, Statement
from stairgate.model.errors import ProtectionWouldBeLostError
from stairgate.model.protection import Requirement
from stairgate.service.drafts import ABSENT, Absent, PermissionDraft, StatementDraft, StepUpDraft

Key = TypeVar("Key", bound=Hashable)

_StatementKey = tuple[frozenset[str], frozenset[object], frozenset[str], frozenset[str]]


def statements_of(drafts: Sequence[StatementDraft], stored: Sequence[Statement]) -> tuple[Statement, ...]:
    """
    *drafts* as statements; one without a `stepUp` keeps what the same statement of *stored* has.

    Two are the same if they have the same roles, resources and own users and groups, in whatever order.

    Raises:
        ProtectionWouldBeLostError: A marked statement has no counterpart, and no draft says anything of `stepUp`.
    """
    marks = _kept(
        [(_statement_key(draft), draft.step_up) for draft in drafts],
        [(_statement_key(statement), statement.step_up) for statement in stored],
    )
    return tuple(
        Statement(draft.roles, draft.resources, draft.users, draft.groups, mark)
        for draft, mark in zip(drafts, marks, strict=True)
    )


def permissions_of(drafts: Sequence[PermissionDraft], stored: Sequence[Permission]) -> tuple[Permission, ...]:
    """
    *drafts* as permissions; one without a `stepUp` keeps what the permission of *stored* for the same action has.

    Raises:
        ProtectionWouldBeLostError: A marked permission has no counterpart, and no draft says anything of `stepUp`.
    """
    marks = _kept(
        [(draft.action.key, draft.step_up) for draft in drafts],
        [(permission.action.key, permission.step_up) for permission in stored],
    )
    return tuple(
        Permission(draft.action, allow=draft.allow, grant=draft.grant, delegate=draft.delegate, step_up=mark)
        for draft, mark in zip(drafts, marks, strict=True)
    )


def _statement_key(statement: Statement | StatementDraft) -> _StatementKey:
    return (
        frozenset(statement.roles),
        frozenset(statement.resources),
        frozenset(statement.users),
        frozenset(statement.groups),
    )


def _kept(
    drafts: Sequence[tuple[Key, StepUpDraft]], stored: Iterable[tuple[Key, Requirement | None]]
) -> list[Requirement | None]:
    """The mark of each of *drafts*, in their order."""
    before: dict[Key, list[Requirement | None]] = defaultdict(list)
    for key, mark in stored:
        before[key].append(mark)
    places: dict[Key, list[int]] = defaultdict(list)
    for place, (key, _) in enumerate(drafts):
        places[key].append(place)
    marks: list[Requirement | None] = [None] * len(drafts)
    lost = any(mark is not None for key, found in before.items() if key not in places for mark in found)
    for key, own in places.items():
        candidates = _as_many(before.get(key, []), len(own))
        lost = lost or any(mark is not None for mark in candidates[len(own) :])
        for place, mark in zip(own, candidates, strict=False):
            said = drafts[place][1]
            marks[place] = mark if isinstance(said, Absent) else said
    if lost and all(said is ABSENT for _, said in drafts):
        raise ProtectionWouldBeLostError
    return marks


def _as_many(stored: Sequence[Requirement | None], wanted: int) -> list[Requirement | None]:
    """
    The marks of equal stored statements, for *wanted* equal new ones: each keeps its own.

    Where fewer are left, those without a mark are the first to go; where there are more, the new ones are as guarded
    as the last: an unmarked copy of a marked statement would make the mark void.
    """
    kept = list(stored)
    while len(kept) > wanted and None in kept:
        kept.remove(None)
    last = kept[-1] if kept else None
    return kept + [last] * (wanted - len(kept))
