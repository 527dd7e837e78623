"""
What is open to a user with a token, as lists show it (semantics §11).

Every verdict is the decision's own, for one resource, one action and one right. So a list shows nothing that the check
with the same token would refuse. No use is ever taken: an elevation that has one left counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from datetime import datetime

from stairgate.engine.access import HeldAction, actions_on, conditional_on
from stairgate.engine.decide import Pending, Right, assess, resolve
from stairgate.engine.facts import Facts
from stairgate.engine.grants import Given, GrantTable
from stairgate.engine.lookup import Asked, text_of
from stairgate.engine.merging import cost
from stairgate.model.actions import ANY_ACTION, Action
from stairgate.model.canonical import JsonValue
from stairgate.model.decisions import Allow, Decision, Deny, Question, StepUpRequired
from stairgate.model.elevations import Elevation
from stairgate.model.evidence import TokenEvidence
from stairgate.model.ids import CLIENT_PREFIX, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import Resource, ResourcePattern
from stairgate.model.tokens import TokenKey


@dataclass(frozen=True, slots=True)
class Viewpoint:
    """Whose access is listed, and for which token: with what it has proven, at which moment."""

    user: UserId
    facts: Facts
    now: datetime
    token: TokenKey | None = None
    elevations: Sequence[Elevation] = ()
    evidence: TokenEvidence | None = None
    context: Mapping[str, JsonValue] | None = field(default=None, repr=False)

    def question(self, resource: Resource, action: Action) -> Question:
        """What a check of *action* on *resource* asks."""
        return Question(self.user, resource, action, self.token, self.context)

    def decision(self, resource: Resource, action: Action, right: Right = Right.ALLOW) -> Decision:
        """What a check would answer; for `GRANT` and `DELEGATE`, what handing the action out would meet."""
        outcome = assess(self.question(resource, action), self.facts, right=right)
        if not isinstance(outcome, Pending):
            return outcome
        if right is not Right.ALLOW and self.user.startswith(CLIENT_PREFIX):
            return Allow(outcome.candidates[0].source)  # what a client may hand out is under no mark (semantics §3)
        return resolve(outcome, self.elevations, self.now, self.evidence)


@dataclass(frozen=True, slots=True)
class ShownPermission:
    """
    An action on a resource with the rights that are open or, with *step_up*, that an elevation like that would open.

    One action can be shown several times: what is open, and what wants which step-up.
    """

    action: Action
    allow: bool
    grant: bool
    delegate: bool
    step_up: Requirement | None = None


@dataclass(frozen=True, slots=True)
class ShownRole:
    """A role that a statement gives the user on exactly this resource. With *step_up*: nothing of it is open before."""

    role: RoleId
    step_up: Requirement | None = None


@dataclass(frozen=True, slots=True)
class ShownResource:
    """A known resource on which something is open or, with *step_up*, an elevation like that would open it."""

    resource: Resource
    step_up: Requirement | None = None


_Verdict = tuple[Action, Right, Allow | StepUpRequired]
# What is held and not open: it wants a step-up, or a condition is false for it that may be true for a part of it.
_Guarded = tuple[Action, Right, StepUpRequired | Deny]


def permissions_on(
    resource: Resource, view: Viewpoint, *, include_protected: bool = False
) -> tuple[ShownPermission, ...]:
    """
    The actions that are open to the user on *resource*, ascending, as the grants spell them.

    Where a mark guards a part of an action that is held, such as `pay` of `*`, the whole is not open; then the known
    actions below it that are open are shown in its place.

    Args:
        resource: Where.
        view: To whom.
        include_protected: Carry what wants a step-up, with its requirement, in place of leaving it out.
    """
    rights: dict[tuple[str, Requirement | None], set[Right]] = {}
    actions: dict[str, Action] = {}
    for action, right, decision in _verdicts(resource, view):
        if isinstance(decision, Allow) or include_protected:
            requirement = None if isinstance(decision, Allow) else decision.requirement
            rights.setdefault((action.key, requirement), set()).add(right)
            actions[action.key] = action
    shown = [
        ShownPermission(actions[key], Right.ALLOW in has, Right.GRANT in has, Right.DELEGATE in has, requirement)
        for (key, requirement), has in rights.items()
    ]
    return tuple(sorted(shown, key=lambda each: (each.action.key, each.step_up is not None)))  # stable for the rest


def anything_on(resource: Resource, view: Viewpoint) -> Decision:
    """Whether any action at all is open on *resource*; else what the cheapest step-up for one would be."""
    return _best(decision for _, _, decision in _verdicts(resource, view))


def roles_on(resource: Resource, view: Viewpoint, *, include_protected: bool = False) -> tuple[ShownRole, ...]:
    """
    The roles that statements give the user on exactly *resource*, directly or through a group, ascending.

    A role is open where some permission of it is, through these statements alone. One that does not exist, or has no
    permission, gives nothing and is not shown.

    Args:
        resource: Where; with *children*, the statements that stand on `x/*` itself.
        view: To whom.
        include_protected: Carry roles of which nothing is open, with the cheapest requirement.
    """
    pattern = ResourcePattern(resource.segments, resource.children)
    shown = []
    for role, givens in sorted(_explicit(pattern, view.facts).items()):
        table = GrantTable((pattern, _only(role, given)) for given in givens)
        alone = replace(view.facts, tables=(table,), resources=view.facts.resources.without_public())
        match anything_on(resource, replace(view, facts=alone)):
            case Allow():
                shown.append(ShownRole(role))
            case StepUpRequired() as refusal if include_protected:
                shown.append(ShownRole(role, refusal.requirement))
    return tuple(shown)


def _verdicts(resource: Resource, view: Viewpoint) -> Iterator[_Verdict]:
    """Each held action and right with its decision, then those of the known actions below what is not open."""
    held = actions_on(view.question(resource, ANY_ACTION), view.facts)
    guarded: list[_Guarded] = []
    opened: list[tuple[Action, Right]] = []
    for each in held:
        for right in _rights(each):
            decision = view.decision(resource, each.action, right)
            if isinstance(decision, Allow):
                opened.append((each.action, right))
            else:
                guarded.append((each.action, right, decision))
            if not isinstance(decision, Deny):
                yield each.action, right, decision
    guarded += [(action, right, Deny()) for action in conditional_on(resource, view.facts) for right in Right]
    if guarded:
        known = {**_known(resource, view.facts), **{each.action.key: each.action for each in held}}
        below = [action for _, action in sorted(known.items())]  # each before those that it covers
        yield from _narrower(resource, view, below, opened, guarded)


def _narrower(
    resource: Resource,
    view: Viewpoint,
    known: Iterable[Action],
    opened: list[tuple[Action, Right]],
    guarded: list[_Guarded],
) -> Iterator[_Verdict]:
    """What is said of *known* actions that a *guarded* one covers, where it is more than broader ones say already."""
    for action in known:
        for right in Right:
            over = [broader for broad, its, broader in guarded if its is right and broad.covers(action)]
            if not over or any(its is right and broad.covers(action) for broad, its in opened):
                continue
            decision = view.decision(resource, action, right)
            if isinstance(decision, Allow):
                opened.append((action, right))
                yield action, right, decision
            elif isinstance(decision, StepUpRequired) and all(
                isinstance(broader, Deny) or broader.requirement != decision.requirement for broader in over
            ):
                guarded.append((action, right, decision))
                yield action, right, decision


def _known(resource: Resource, facts: Facts) -> dict[str, Action]:
    """The actions that a role or a mark on *resource* names, by their keys."""
    marked = {mark.action.key: mark.action for mark in facts.resources.marks_on(Asked(resource, ANY_ACTION))}
    return {**marked, **facts.roles.actions}


def _rights(held: HeldAction) -> list[Right]:
    has = {Right.ALLOW: held.allow, Right.GRANT: held.grant, Right.DELEGATE: held.delegate}
    return [right for right, given in has.items() if given]


def _best(decisions: Iterable[Allow | StepUpRequired]) -> Decision:
    """The first that allows; else the cheapest refusal; of none, `Deny`."""
    refusals = []
    for decision in decisions:
        if isinstance(decision, Allow):
            return decision
        refusals.append(decision)
    return min(refusals, key=lambda each: cost(each.requirement, each.area)) if refusals else Deny()


def _explicit(pattern: ResourcePattern, facts: Facts) -> dict[RoleId, list[Given]]:
    found: dict[RoleId, list[Given]] = {}
    for table in facts.tables:
        things = table.get(text_of(pattern), ())
        for given in things if isinstance(things, tuple) else (things,):
            if given.below is pattern.below:
                for role in given.roles:
                    found.setdefault(role, []).append(given)
    return found


def _only(role: RoleId, given: Given) -> Given:
    alone = copy(given)
    alone.roles = (role,)
    return alone
