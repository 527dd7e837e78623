"""Resource configurations, compiled: the marks that guard every grant, and what is PUBLIC (semantics §3, §4)."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator
from copy import copy

from stairgate.engine.grants import Given, GrantTable
from stairgate.engine.lookup import Asked, PatternIndex, text_of, touches
from stairgate.model.access import ResourceAbility, ResourceConfiguration, ResourceMark
from stairgate.model.actions import READ, Action
from stairgate.model.protection import Mark
from stairgate.model.resources import Resource, ResourcePattern

USER_PERMISSIONS = "Authress:UserPermissions"
_STEP_UP_ACTIONS = "stepup:"


def exempt(resource: Resource, action: Action) -> bool:
    """
    Whether no resource mark guards this question, because marks are met through it (semantics §4).

    Only what the text names and what lies below it: `READ`, and actions that begin `StepUp:`. A question that asks for
    more, such as `*` or all of `StepUp`, is guarded.
    """
    if action.key.startswith(_STEP_UP_ACTIONS):
        return True
    return READ.covers(action) and resource.segments[:1] == (USER_PERMISSIONS,)


class _Guarded:
    """The marks of one resource configuration."""

    __slots__ = ("below", "marks", "pattern")

    def __init__(self, pattern: ResourcePattern, marks: tuple[ResourceMark, ...]) -> None:
        self.pattern = pattern
        self.below = pattern.below
        self.marks = marks

    def applying(self, asked: Action) -> Iterator[Mark]:
        """
        Its marks, once for each of their actions that covers *asked* or lies below it.

        Each action counts as a mark of its own, so that one below the checked action keeps the area to the question
        even where another action of the same mark covers it: the text is silent, and this opens less.
        """
        for mark in self.marks:
            for action in mark.actions:
                if action.covers(asked) or asked.covers(action):
                    yield Mark(mark.requirement, self.pattern, action, f"resource {self.pattern}")


class ResourceTable:
    """All resource configurations that mark or open something. Immutable; replaced by revision."""

    __slots__ = ("_literal", "_literal_texts", "_marked", "_wild", "public")

    def __init__(self, configurations: Iterable[ResourceConfiguration]) -> None:
        known = sorted(configurations, key=lambda each: str(each.resource))
        guarded = [_Guarded(each.resource, each.marks) for each in known if each.marks]
        self._marked = PatternIndex((each.pattern, each) for each in guarded)
        self._wild = tuple(each for each in guarded if each.pattern.wild)
        literal = sorted(
            ((text_of(each.pattern), each) for each in guarded if not each.pattern.wild), key=lambda pair: pair[0]
        )
        self._literal = tuple(each for _, each in literal)
        self._literal_texts = tuple(text for text, _ in literal)
        self.public = GrantTable(
            (each.resource, Given(None, 0, (), None, below=each.resource.below))
            for each in known
            if ResourceAbility.PUBLIC in each.abilities
        )

    def without_public(self) -> ResourceTable:
        """The same marks, with nothing open to everybody."""
        guards = copy(self)
        guards.public = GrantTable(())
        return guards

    def marks_on(self, asked: Asked) -> tuple[Mark, ...]:
        """Every mark, `on` or `observe`, that guards what is asked or a part of it, whoever asks (semantics §5)."""
        nodes: Iterable[_Guarded]
        if asked.resource.children:
            nodes = self._nodes_for_all_children(asked)
        else:
            hits = self._marked.hits(asked)
            if not hits:
                return ()
            nodes = [node for _, node in hits]
        if exempt(asked.resource, asked.action):
            return ()
        return tuple(mark for node in nodes for mark in node.applying(asked.action))

    def _nodes_for_all_children(self, asked: Asked) -> Iterator[_Guarded]:
        """The marked nodes that cover something below the node of a checked `x/*`."""
        for _, node in self._marked.hits(asked):
            if not node.pattern.wild:
                yield node
        text = asked.prefixes[len(asked.resource.segments)]
        yield from self._literal[self._first_below(text) : self._end_below(text)]
        for node in self._wild:  # the few with wildcards: here any of them may reach below
            if touches(node.pattern, asked.resource):
                yield node

    def _first_below(self, text: str) -> int:
        return bisect_left(self._literal_texts, f"{text}/" if text else "\x00")  # "\x00": all but the bare `*`

    def _end_below(self, text: str) -> int:
        # "0" is the character after "/": all that begins with `text/` lies between.
        return bisect_left(self._literal_texts, f"{text}0") if text else len(self._literal_texts)


def compile_resources(configurations: Iterable[ResourceConfiguration]) -> ResourceTable:
    """The table of *configurations*. One that neither marks nor opens anything leaves no trace in it."""
    return ResourceTable(configurations)
