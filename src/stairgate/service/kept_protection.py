"""
A protection does not get lost (semantics §4): what a replaced object keeps where the new one says nothing of it.

The official Python SDK drops members that it does not know, so what it reads and puts back has no `stepUp` or `when`.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from typing import TypeVar

from stairgate.model.access import Permission, Statement
from stairgate.model.errors import ProtectionWouldBeLostError
from stairgate.model.protection import Requirement
from stairgate.service.drafts import ABSENT, Absent, PermissionDraft, StatementDraft, StepUpDraft, WhenDraft

Key = TypeVar("Key", bound=Hashable)

_Guarded = tuple[Requirement | None, str | None]  # the mark and the condition
_Said = tuple[StepUpDraft, WhenDraft]
_OPEN: _Guarded = (None, None)
_StatementKey = tuple[frozenset[str], frozenset[object], frozenset[str], frozenset[str]]


def statements_of(drafts: Sequence[StatementDraft], stored: Sequence[Statement]) -> tuple[Statement, ...]:
    """
    *drafts* as statements; one without a `stepUp` or a `when` keeps what the same statement of *stored* has.

    Two are the same if they have the same roles, resources and own users and groups, in whatever order. The text names
    marked statements only as what must not get lost; a statement with a condition is guarded, too, and is held alike.

    Raises:
        ProtectionWouldBeLostError: A statement with a mark has no counterpart and no draft says anything of `stepUp`;
            or one with a condition, and none says anything of `when`.
    """
    kept = _kept(
        [(_statement_key(draft), (draft.step_up, draft.when)) for draft in drafts],
        [(_statement_key(statement), (statement.step_up, statement.when)) for statement in stored],
    )
    return tuple(
        Statement(draft.roles, draft.resources, draft.users, draft.groups, mark, when)
        for draft, (mark, when) in zip(drafts, kept, strict=True)
    )


def permissions_of(drafts: Sequence[PermissionDraft], stored: Sequence[Permission]) -> tuple[Permission, ...]:
    """
    *drafts* as permissions; one without a `stepUp` keeps what the permission of *stored* for the same action has.

    Raises:
        ProtectionWouldBeLostError: A marked permission has no counterpart, and no draft says anything of `stepUp`.
    """
    marks = _kept(
        [(draft.action.key, (draft.step_up, ABSENT)) for draft in drafts],
        [(permission.action.key, (permission.step_up, None)) for permission in stored],
    )
    return tuple(
        Permission(draft.action, allow=draft.allow, grant=draft.grant, delegate=draft.delegate, step_up=mark)
        for draft, (mark, _) in zip(drafts, marks, strict=True)
    )


def _statement_key(statement: Statement | StatementDraft) -> _StatementKey:
    return (
        frozenset(statement.roles),
        frozenset(statement.resources),
        frozenset(statement.users),
        frozenset(statement.groups),
    )


def _kept(drafts: Sequence[tuple[Key, _Said]], stored: Iterable[tuple[Key, _Guarded]]) -> list[_Guarded]:
    """What guards each of *drafts*, in their order."""
    before: dict[Key, list[_Guarded]] = defaultdict(list)
    for key, guarded in stored:
        before[key].append(guarded)
    places: dict[Key, list[int]] = defaultdict(list)
    for place, (key, _) in enumerate(drafts):
        places[key].append(place)
    kept = [_OPEN] * len(drafts)
    lost = [guarded for key, found in before.items() if key not in places for guarded in found]
    for key, own in places.items():
        candidates = _as_many(before.get(key, []), len(own))
        lost += candidates[len(own) :]
        for place, (mark, when) in zip(own, candidates, strict=False):
            said_mark, said_when = drafts[place][1]
            kept[place] = (
                mark if isinstance(said_mark, Absent) else said_mark,
                when if isinstance(said_when, Absent) else said_when,
            )
    for part in (0, 1):
        if any(guarded[part] is not None for guarded in lost) and all(said[part] is ABSENT for _, said in drafts):
            raise ProtectionWouldBeLostError
    return kept


def _as_many(stored: Sequence[_Guarded], wanted: int) -> list[_Guarded]:
    """
    What guards equal stored statements, for *wanted* equal new ones: each keeps its own.

    Where fewer are left, the open ones are the first to go; where there are more, the new ones are as guarded as the
    last: an open copy of a guarded statement would make its mark and its condition void.
    """
    kept = list(stored)
    while len(kept) > wanted and _OPEN in kept:
        kept.remove(_OPEN)
    last = kept[-1] if kept else _OPEN
    return kept + [last] * (wanted - len(kept))
