"""Roles, compiled: which actions a role opens, and which of them it guards (semantics §3, §4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from stairgate.engine.rights import Right
from stairgate.model.access import BUILT_IN_ROLES, Permission, Role
from stairgate.model.actions import Action
from stairgate.model.ids import RoleId
from stairgate.model.protection import Requirement


def gives(permission: Permission, right: Right) -> bool:
    """Whether *permission* gives *right* on its action. Who may delegate may grant, too."""
    if right is Right.ALLOW:
        return permission.allow
    if right is Right.GRANT:
        return permission.grant or permission.delegate
    return permission.delegate


class RoleTable:
    """All roles of the account. Immutable; replaced by revision."""

    __slots__ = ("_actions", "_marks", "_opening", "_permissions")

    def __init__(self, roles: Iterable[Role]) -> None:
        # SECURITY: the built-in roles come last, so that no stored role can stand in for one of them.
        by_id = {**{role.id: role for role in roles}, **BUILT_IN_ROLES}
        self._permissions = {role.id: role.permissions for role in by_id.values()}
        self._actions: dict[str, Action] = {}
        for action in sorted((each.action for role in by_id.values() for each in role.permissions), key=str):
            self._actions.setdefault(action.key, action)
        self._opening: dict[Right, dict[RoleId, frozenset[str]]] = {
            right: {
                role.id: frozenset(each.action.key for each in role.permissions if gives(each, right))
                for role in by_id.values()
            }
            for right in Right
        }
        # SECURITY: a permission's mark guards its action even where the permission itself gives nothing: it guards
        # the action through this role, "however the role's other permissions give it" (semantics §4).
        self._marks: dict[RoleId, tuple[tuple[Action, Requirement], ...]] = {
            role.id: marks
            for role in by_id.values()
            if (marks := tuple((each.action, each.step_up) for each in role.permissions if each.step_up is not None))
        }

    def opening(self, right: Right) -> Mapping[RoleId, frozenset[str]]:
        """For each role the keys of the actions on which it gives *right*. A role that does not exist gives none."""
        return self._opening[right]

    def permissions(self, role: RoleId) -> tuple[Permission, ...]:
        """The permissions of *role*; of one that does not exist, none."""
        return self._permissions.get(role, ())

    @property
    def actions(self) -> Mapping[str, Action]:
        """Every action that some role names, by its key: the actions that Stairgate knows."""
        return self._actions

    @property
    def marks(self) -> Mapping[RoleId, tuple[tuple[Action, Requirement], ...]]:
        """The roles that guard something, each with the guarded actions and what they ask."""
        return self._marks


def compile_roles(roles: Iterable[Role]) -> RoleTable:
    """The table of *roles* and the built-in ones, which nothing replaces."""
    return RoleTable(roles)
