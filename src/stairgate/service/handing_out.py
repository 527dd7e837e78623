"""
Who may hand out what: nobody more than they may give (semantics §3; authress-contract §2.4).

For each permission of a role on each resource that a record newly gives to somebody, its writer needs `grant` there;
`delegate` where the permission itself lets its holder hand on.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from stairgate.engine.approving import hands_out_something
from stairgate.engine.decide import Right, assess
from stairgate.engine.facts import Facts
from stairgate.model.access import BUILT_IN_ROLES, AccessRecord, Grant, Permission, Role, Statement
from stairgate.model.actions import ANY_ACTION, Action
from stairgate.model.decisions import Allow, Deny, Question
from stairgate.model.errors import DomainError, ForbiddenError, NotFoundError, StepUpRefusedError, TooLargeError
from stairgate.model.ids import RoleId, UserId
from stairgate.model.resources import Resource, ResourcePattern, management_resource
from stairgate.ports.store import ReadTransaction
from stairgate.service.guard import CREATE, Guard

# Each is a question to the engine, and one record of 100 kB could ask a million of them.
MOST_GIVEN = 10_000

EVERYTHING = Resource((), children=True)
_UNKNOWN = (Permission(ANY_ACTION, allow=True, grant=True, delegate=True),)


class Roles(Protocol):
    """Where roles are read: a transaction, or what it said before."""

    def roles(self) -> Sequence[Role]:
        """Must return every stored role."""
        ...


class Rights(Protocol):
    """What of a guard is needed here."""

    def require(self, action: Action, resource: Resource, *, right: Right = Right.ALLOW, hide: bool = True) -> None:
        """Must raise where the right is not there."""
        ...

    def holds(self, action: Action, resource: Resource, right: Right) -> bool:
        """Must tell whether the right is there without any step-up."""
        ...


_Given = tuple[RoleId, ResourcePattern, str | None]  # with its condition
_Receivers = frozenset[tuple[str, str]]


def require_for_record(transaction: Roles, guard: Rights, record: AccessRecord, before: AccessRecord | None) -> None:
    """
    Refuse a record that gives somebody what its writer may not hand out.

    Args:
        transaction: Where roles are read.
        guard: Of the writer.
        record: As it will be.
        before: As it was, None for a new one. What it gave to somebody already is not asked again.

    Raises:
        ForbiddenError: The caller may not hand out a part of it.
        StepUpRefusedError: The caller may, after a step-up.
        TooLargeError: It gives more at once than can be asked for.
    """
    if _may_hand_out_everything(guard):
        return
    nobody: _Receivers = frozenset()
    if before is None:
        # Even what a new record gives to nobody yet: else anyone could fill the store, and take others' ids.
        new = {given for given, _ in _gives(record)}
    else:
        had: dict[_Given, _Receivers] = {}
        for given, receivers in _gives(before):
            known = had.get(given)
            had[given] = receivers if known is None or known == receivers else known | receivers
        # Who had it without a condition had it under any; a condition that is new, changed or gone is given anew.
        new = {
            (role, pattern, when)
            for (role, pattern, when), receivers in _gives(record)
            if not receivers <= had.get((role, pattern, None), nobody) | had.get((role, pattern, when), nobody)
        }
    if _require(transaction, guard, new) == 0 and before is None:
        guard.require(CREATE, management_resource("AccessRecords"), hide=False)


class KnownRoles:
    """The roles of a transaction, read once."""

    def __init__(self, transaction: ReadTransaction) -> None:
        self._transaction = transaction
        self._known: Sequence[Role] | None = None

    def roles(self) -> Sequence[Role]:
        """Every stored role."""
        if self._known is None:
            self._known = self._transaction.roles()
        return self._known


def could_hand_out(roles: Roles, facts: Facts, holder: UserId, record: AccessRecord) -> bool:
    """
    Whether *holder* has what it takes to hand out everything in *record*, which is new, marks aside.

    Marks are asked of who acts. This tells who would be asked, and whether somebody who was still could be.

    Args:
        roles: Where roles are read.
        facts: About the holder.
        holder: Who would hand out.
        record: What.
    """
    if not hands_out_something(facts):
        return False
    try:
        require_for_record(roles, _Standing(holder, facts), record, None)
    except (ForbiddenError, NotFoundError, TooLargeError):
        return False
    return True


@dataclass(frozen=True, slots=True)
class _Standing:
    """What somebody holds, whatever guards it."""

    user: UserId
    facts: Facts

    def require(self, action: Action, resource: Resource, *, right: Right = Right.ALLOW, hide: bool = True) -> None:
        if isinstance(assess(Question(self.user, resource, action), self.facts, right=right), Deny):
            raise NotFoundError if hide else ForbiddenError

    def holds(self, action: Action, resource: Resource, right: Right) -> bool:
        return isinstance(assess(Question(self.user, resource, action), self.facts, right=right), Allow)


def require_for_grants(transaction: ReadTransaction, guard: Guard, grants: list[Grant]) -> None:
    """
    Refuse to bring to life *grants* that already name what is about to be made, unless the caller may hand them out.

    Raises:
        As `require_for_record`.
    """
    if grants and not _may_hand_out_everything(guard):
        given = {(role, pattern, grant.when) for grant in grants for role in grant.roles for pattern in grant.resources}
        _require(transaction, guard, given)


def require_one(guard: Guard, action: Action, resource: Resource) -> None:
    """
    Refuse to let *action* on *resource* be handed out by somebody who may not.

    Raises:
        As `require_for_record`.
    """
    if not _may_hand_out_everything(guard):
        _ask(guard, action, resource, Right.GRANT)


def _may_hand_out_everything(guard: Rights) -> bool:
    return guard.holds(ANY_ACTION, EVERYTHING, Right.DELEGATE)


def _gives(record: AccessRecord) -> Iterator[tuple[_Given, _Receivers]]:
    everyone = _receivers(record)
    size = sum(len(statement.roles) * len(statement.resources) for statement in record.statements)
    if size > MOST_GIVEN:
        raise TooLargeError(f"it gives more than {MOST_GIVEN} roles on resources: split it")
    for statement in record.statements:
        receivers = everyone | _receivers(statement)
        for pattern in statement.resources:
            for role in statement.roles:
                yield (role, pattern, statement.when), receivers


def _receivers(names: AccessRecord | Statement) -> _Receivers:
    return frozenset((*(("user", user) for user in names.users), *(("group", group) for group in names.groups)))


def _require(transaction: Roles, guard: Rights, given: set[_Given]) -> int:
    """Ask the engine for each permission of *given*; returns for how many it was asked."""
    if not given:
        return 0
    roles: Mapping[RoleId, Role] = {**{role.id: role for role in transaction.roles()}, **BUILT_IN_ROLES}
    questions: dict[tuple[str, Right, ResourcePattern], Action] = {}
    for role, pattern, _ in given:
        # A role that does not exist may mean anything once somebody makes it.
        permissions = roles[role].permissions if role in roles else _UNKNOWN
        for permission in permissions:
            if permission.grant or permission.delegate:
                questions[permission.action.key, Right.DELEGATE, pattern] = permission.action
            elif permission.allow:
                questions[permission.action.key, Right.GRANT, pattern] = permission.action
        if len(questions) > MOST_GIVEN:
            raise TooLargeError(f"it gives more than {MOST_GIVEN} permissions on resources: split it")
    for (_, right, pattern), action in sorted(questions.items(), key=lambda each: (str(each[0][2]), each[0][0])):
        # A wildcard in the middle stands for itself here: only a grant with one there covers all that it stands for.
        _ask(guard, action, Resource(pattern.segments, pattern.below), right)
    return len(questions)


def _ask(guard: Rights, action: Action, resource: Resource, right: Right) -> None:
    try:
        guard.require(action, resource, right=right)
    except StepUpRefusedError:
        raise
    except (ForbiddenError, NotFoundError):
        raise _may_not(action, resource) from None


def _may_not(action: Action, resource: Resource) -> DomainError:
    return ForbiddenError(f"you may not hand out `{action}` on `{resource}`")
