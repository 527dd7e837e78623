"""What a decision rests on, beside the elevations of the token (design §3)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from stairgate.engine.grants import GrantTable
from stairgate.engine.resources import ResourceTable
from stairgate.engine.roles import RoleTable
from stairgate.model.protection import BEST_LEVELS, Level, Method


@dataclass(frozen=True, slots=True)
class Facts:
    """
    The compiled facts about one user at one revision.

    *tables* are the user's own grants and those of each of their groups. *best_levels* is what each method can prove
    for the client that asks: the operator may have raised `external` for it (semantics §4, `level`).
    """

    tables: tuple[GrantTable, ...]
    roles: RoleTable
    resources: ResourceTable
    revision: int = 0
    best_levels: Mapping[Method, Level] = field(default_factory=lambda: BEST_LEVELS)
