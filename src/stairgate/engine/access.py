"""What a user's grants give on a resource, marks aside (semantics §3): the raw matter of listings."""

from __future__ import annotations

from dataclasses import dataclass, replace

from stairgate.engine.conditions import Conditions
from stairgate.engine.facts import Facts
from stairgate.engine.lookup import Asked
from stairgate.model.actions import ANY_ACTION, READ, Action
from stairgate.model.decisions import Question
from stairgate.model.resources import Resource


@dataclass(frozen=True, slots=True)
class HeldAction:
    """An action that the user holds on a resource, as its grants spell it, with the union of rights."""

    action: Action
    allow: bool
    grant: bool
    delegate: bool


def actions_on(question: Question, facts: Facts) -> tuple[HeldAction, ...]:
    """
    The actions that the user's grants give on the resource of *question*, sorted by key. Its own action plays no part.

    A grant with a condition counts for those of its actions for which the condition is true.

    SECURITY: this says nothing about marks. A listing asks `assess` about each action before it shows it as open
    (semantics §11).
    """
    held: dict[str, HeldAction] = {}
    judges: dict[str, Conditions] = {}
    asked = Asked(question.resource, ANY_ACTION)  # only its resource is looked at: `hits` knows no actions
    for table in facts.tables:
        for _, given in table.hits(asked):
            for role in given.roles:
                for each in facts.roles.permissions(role):
                    if given.when is None or _judge(judges, question, each.action).count(given.when):
                        _add(held, HeldAction(each.action, each.allow, each.grant or each.delegate, each.delegate))
    if facts.resources.public.hits(asked):
        _add(held, HeldAction(READ, allow=True, grant=False, delegate=False))
    return tuple(
        each for _, each in sorted(held.items()) if each.allow or each.grant
    )  # a permission without any right gives nothing


def conditional_on(resource: Resource, facts: Facts) -> tuple[Action, ...]:
    """The actions that grants with a condition give on *resource*, should it be true: for a part of them it may be."""
    return tuple(
        each.action
        for table in facts.tables
        for _, given in table.hits(Asked(resource, ANY_ACTION))
        if given.when is not None
        for role in given.roles
        for each in facts.roles.permissions(role)
    )


def _judge(judges: dict[str, Conditions], question: Question, action: Action) -> Conditions:
    """What conditions say of *question*, were it about *action*."""
    judge = judges.get(action.key)
    if judge is None:
        judge = judges[action.key] = Conditions(replace(question, action=action))
    return judge


def _add(held: dict[str, HeldAction], more: HeldAction) -> None:
    known = held.get(more.action.key)
    if known is not None:
        written = min(known.action, more.action, key=lambda action: action.written)
        more = HeldAction(
            written, known.allow or more.allow, known.grant or more.grant, known.delegate or more.delegate
        )
    held[more.action.key] = more
