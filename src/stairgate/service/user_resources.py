"""
Where a user may do something: the known resources that are open to them, page by page (semantics §11).

Known is what a statement or a resource configuration names without a wildcard. The walk goes from one place that a
grant reaches to the next, so a page costs what it shows, wherever it begins and however much else is known.
"""

from __future__ import annotations

from dataclasses import dataclass

from stairgate.engine.listing import ShownResource, Viewpoint, anything_on
from stairgate.engine.reach import Reach
from stairgate.model.actions import Action
from stairgate.model.decisions import Allow, Decision, StepUpRequired
from stairgate.model.resources import Resource, below_place, node_at, past_place, place_of
from stairgate.model.tokens import Caller
from stairgate.ports.store import ReadTransaction
from stairgate.service.context import Services
from stairgate.service.management import Listed
from stairgate.service.viewing import ViewCall, viewing

MOST_LOOKED = 500  # places that a page looks at, at most; then it is given as it is, and the next one goes on
PATTERNS_A_LOOK = 100  # patterns with wildcards that cost as much as a place


@dataclass(frozen=True, slots=True)
class ResourceSearch:
    """
    Which resources are wanted.

    Args:
        collection: Only what lies below it; None: everywhere.
        nested: At any depth. Else of a collection only what lies one level below it; and everywhere only the topmost,
            nothing below another resource that is shown.
        action: Where this is open; None: where anything is.
    """

    collection: Resource | None = None
    nested: bool = False
    action: Action | None = None


async def resources_of(
    services: Services, caller: Caller, call: ViewCall, search: ResourceSearch, *, limit: int, after: str | None
) -> Listed[ShownResource]:
    """
    A page of the resources that are open to the user, in the order of the tree. It may have fewer than *limit*.

    Raises:
        InvalidInputError, ForbiddenError, UserTokenRefusedError, UnavailableError: As for `viewing`.
    """
    return await viewing(
        services,
        caller,
        call,
        lambda transaction, view: _Walk(transaction, view, search, include_protected=call.include_protected).page(
            limit, after
        ),
    )


class _Walk:
    """One walk through what is known, in one snapshot."""

    def __init__(
        self, transaction: ReadTransaction, view: Viewpoint, search: ResourceSearch, *, include_protected: bool
    ) -> None:
        self._transaction = transaction
        self._view = view
        self._search = search
        self._include_protected = include_protected
        self._reach = Reach(view.facts, search.action)
        collection = search.collection
        self._level = None if collection is None or search.nested else len(collection.segments) + 1
        base = None if collection is None else place_of(collection.segments)
        self._first = "" if base is None else below_place(base)
        self._end = None if base is None else past_place(base)

    def page(self, limit: int, after: str | None) -> Listed[ShownResource]:
        """At most *limit* items from the place *after* on."""
        shown: list[ShownResource] = []
        place = after or self._first
        for _ in range(0, MOST_LOOKED, 1 + self._reach.effort // PATTERNS_A_LOOK):
            known = self._known_from(place)
            if known is None:
                return Listed(tuple(shown), None)
            node = node_at(known)
            found = self._shown(node, known)
            if found is not None:
                if len(shown) == limit:
                    return Listed(tuple(shown), known)
                shown.append(found)
            place = self._following(node, known, is_shown=found is not None)
        return Listed(tuple(shown), place)

    def _known_from(self, place: str) -> str | None:
        """The first known place at or after *place*, unless it or all that is reached lies past the collection."""
        reached = self._reach.first_from(place)
        if reached is None or self._is_past(reached):
            return None
        known = self._transaction.known_place(reached)
        return None if known is None or self._is_past(known) else known

    def _is_past(self, place: str) -> bool:
        return self._end is not None and place >= self._end

    def _shown(self, node: Resource, place: str) -> ShownResource | None:
        if self._level is not None and len(node.segments) > self._level:
            return None
        if self._reach.first_from(place) != place:
            return None
        match self._decision(node):
            case Allow():
                return ShownResource(node)
            case StepUpRequired() as refusal if self._include_protected:
                return ShownResource(node, refusal.requirement)
            case _:
                return None

    def _decision(self, node: Resource) -> Decision:
        if self._search.action is None:
            return anything_on(node, self._view)
        return self._view.decision(node, self._search.action)

    def _following(self, node: Resource, place: str, *, is_shown: bool) -> str:
        """Where the walk goes on: below *node*, or past all that is below it."""
        if self._level is not None:
            return past_place(place_of(node.segments[: self._level]))
        if is_shown and not self._search.nested:
            return past_place(place)
        return below_place(place)
