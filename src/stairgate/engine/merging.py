"""What several marks ask together: one requirement, one area, and how dear it is (semantics §5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

from stairgate.engine.lookup import covers
from stairgate.model.actions import ANY, Action
from stairgate.model.approvals import MAX_QUORUMS, Quorums, merged_quorums
from stairgate.model.canonical import canonical_json
from stairgate.model.decisions import Question
from stairgate.model.documents import area_document, requirement_document
from stairgate.model.elevations import Area
from stairgate.model.protection import MAX_BOUND_NAMES, Device, Level, Mark, Method, Requirement, Scope
from stairgate.model.resources import Resource, ResourcePattern

Cost = tuple[bool, int, float, int, int, str, str]


def merge(marks: Sequence[Mark]) -> Requirement:
    """
    What an elevation must be to meet all *marks*, of which there is at least one (semantics §5, Merging).

    Its `maxAge` and `scope` are always written out: a null `maxAge` was replaced by its mark's own lifetime.
    """
    asked = [mark.requirement for mark in marks]
    return _requirement(
        level=max((each.level for each in asked if each.level is not None), default=None),
        methods=_common(each.methods for each in asked),
        lifetime=min(each.lifetime for each in asked),
        max_age=min(each.proof_age for each in asked),
        uses=min((each.uses for each in asked if each.uses is not None), default=None),
        scope=Scope.EXACT if any(each.exact for each in asked) else Scope.AREA,
        bind=frozenset[str]().union(*(each.bind for each in asked)),
        device=Device.SAME if any(each.device is Device.SAME for each in asked) else None,
        approvals=merged_quorums(each.approvals for each in asked),
    )


def _common(choices: Iterable[frozenset[Method] | None]) -> frozenset[Method] | None:
    named = [methods for methods in choices if methods is not None]
    return frozenset.intersection(*named) if named else None


def _requirement(
    *,
    level: Level | None,
    methods: frozenset[Method] | None,
    lifetime: int,
    max_age: int,
    uses: int | None,
    scope: Scope,
    bind: frozenset[str],
    device: Device | None,
    approvals: Quorums,
) -> Requirement:
    if (methods is None or methods) and len(bind) <= MAX_BOUND_NAMES and len(approvals) <= MAX_QUORUMS:
        return Requirement(level, methods, lifetime, max_age, uses, scope, bind, device=device, approvals=approvals)
    usual = Requirement(lifetime=lifetime, max_age=max_age, uses=uses, device=device)
    # Marks that contradict each other ask for what nobody may write: no method in common, too many names or quorums.
    # It is still to be told what they ask, so the checks of a written requirement are passed by; `satisfiable` refuses
    # it.
    impossible = object.__new__(Requirement)
    for each in fields(Requirement):
        object.__setattr__(impossible, each.name, getattr(usual, each.name))
    object.__setattr__(impossible, "level", level)
    object.__setattr__(impossible, "methods", methods)
    object.__setattr__(impossible, "scope", scope)
    object.__setattr__(impossible, "bind", bind)
    object.__setattr__(impossible, "approvals", approvals)
    return impossible


def satisfiable(requirement: Requirement, best_levels: Mapping[Method, Level]) -> bool:
    """
    Whether a method could meet *requirement*, whatever factors the user has (semantics §5, *can be met*).

    *best_levels* has the methods that the running service offers. More bound names or quorums than one requirement may
    have fit into no challenge, so that no elevation can have them. Who is in a group is not asked.
    """
    if len(requirement.bind) > MAX_BOUND_NAMES or len(requirement.approvals) > MAX_QUORUMS:
        return False
    if requirement.level is None:
        return True
    return any(
        best >= requirement.level and (requirement.methods is None or method in requirement.methods)
        for method, best in best_levels.items()
    )


def shared_area(marks: Sequence[Mark], question: Question) -> Area:
    """
    What all *marks*, which apply to *question*, share: all that an elevation for it opens (semantics §5).

    Every node covers the checked resource and every action the checked action, so that each of them lies on one line
    and the deepest is what they share.
    """
    resource, action = question.resource, question.action
    exact = any(mark.requirement.exact for mark in marks)
    if exact or not all(covers(mark.resource, resource) and mark.action.covers(action) for mark in marks):
        return Area(resource, action, exact)
    node = max((_filled(mark.resource, resource) for mark in marks), key=_depth)
    return Area(node, min((mark.action for mark in marks), key=_breadth))


def _breadth(action: Action) -> tuple[int, str]:
    """An order of actions that all cover the same one, narrowest first; of two spellings always the same."""
    return (0 if action.key == ANY else -len(action.key)), action.written


def _filled(pattern: ResourcePattern, resource: Resource) -> Resource:
    """
    The node of *pattern*, its wildcards filled in from *resource*, a final `/*` with one segment.

    Where *resource* is itself all children of that node, it has no such segment: then its `/*` stays.
    """
    size = len(pattern.segments)
    if not pattern.below:
        return Resource(resource.segments[:size])
    if size < len(resource.segments):
        return Resource(resource.segments[: size + 1])
    return Resource(resource.segments, children=True)


def _depth(node: Resource) -> tuple[int, bool]:
    return len(node.segments), node.children


def cost(requirement: Requirement, area: Area) -> Cost:
    """How dear a step-up is: of several the smallest is asked for (semantics §5, *Cheapest*)."""
    return (
        bool(requirement.approvals),
        requirement.level or 0,
        float("-inf") if requirement.uses is None else -requirement.uses,
        len(requirement.bind),
        -requirement.lifetime,
        canonical_json(requirement_document(requirement)),
        canonical_json(area_document(area)),
    )
