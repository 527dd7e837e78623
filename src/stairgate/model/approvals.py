"""Quorums: which other people must agree, and how many (semantics §4 `approvals`, §9)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from stairgate.model.canonical import JsonValue, canonical_json
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import GroupId, group_id

MAX_COUNT = 10  # people of one quorum
MAX_GROUPS = 10  # groups of one quorum
MAX_QUORUMS = 10  # of one requirement, and of what several marks ask together
_MEMBERS = {"count", "groups", "selfApproval"}


@dataclass(frozen=True, slots=True)
class Quorum:
    """
    *count* different people, each a member of at least one of *groups*.

    Several quorums are joined by *and*, and nobody counts for two of them. *self_approval*: the requester may be one
    of the people.

    Raises:
        InvalidInputError: A value is out of its bounds.
    """

    count: int
    groups: frozenset[GroupId]
    self_approval: bool = False

    def __post_init__(self) -> None:
        count: object = self.count  # it may come straight from JSON
        if isinstance(count, bool) or not isinstance(count, int) or not 1 <= count <= MAX_COUNT:
            raise InvalidInputError("count", f"must be a whole number from 1 to {MAX_COUNT}")
        if not 1 <= len(self.groups) <= MAX_GROUPS:
            raise InvalidInputError("groups", f"must name 1 to {MAX_GROUPS} groups")

    def includes(self, other: Quorum) -> bool:
        """Whether who met this quorum has met *other*, too: the same groups, as many, no laxer about the requester."""
        return (
            self.groups == other.groups
            and self.count >= other.count
            and (other.self_approval or not self.self_approval)
        )


Quorums = frozenset[Quorum]
NO_QUORUMS: Quorums = frozenset()


def cover(given: Quorums, asked: Quorums) -> bool:
    """
    Whether *given* approvals cover those that a mark *asked* for (semantics §5): a given one includes each of them.

    The quorums of one mark name different groups, so no given one is counted for two.
    """
    return all(any(one.includes(each) for one in given) for each in asked)


def merged_quorums(several: Iterable[Quorums]) -> Quorums:
    """
    All approvals of *several* marks (semantics §5, Merging); of those of the same groups the strictest in each member.

    So two marks that ask the same people ask them once.
    """
    strictest: dict[frozenset[GroupId], Quorum] = {}
    for quorum in (each for quorums in several for each in quorums):
        known = strictest.get(quorum.groups, quorum)
        strictest[quorum.groups] = Quorum(
            max(known.count, quorum.count), quorum.groups, known.self_approval and quorum.self_approval
        )
    return frozenset(strictest.values())


def quorums_document(quorums: Quorums) -> list[JsonValue] | None:
    """*quorums* on the wire: always a list, in one order; None where nobody must agree."""
    if not quorums:
        return None
    written: list[JsonValue] = [
        {"count": each.count, "groups": sorted(each.groups), "selfApproval": each.self_approval} for each in quorums
    ]
    return sorted(written, key=canonical_json)


def quorums_of(value: object, *, field: str = "approvals") -> Quorums:
    """
    The quorums that the JSON *value* writes: null, one, or a list of them.

    Raises:
        InvalidInputError: It is nothing of these, has an unknown member, a value out of bounds, or two quorums of the
            same groups: one count says it better.
    """
    if value is None:
        return NO_QUORUMS
    if isinstance(value, Mapping):
        return frozenset({_quorum(value, field)})
    if not isinstance(value, list | tuple) or not 1 <= len(value) <= MAX_QUORUMS:
        raise InvalidInputError(field, f"must be an object, a list of 1 to {MAX_QUORUMS} objects, or null for nobody")
    quorums = [_quorum(each, f"{field}[{place}]") for place, each in enumerate(value)]
    if len({quorum.groups for quorum in quorums}) != len(quorums):
        raise InvalidInputError(field, "names the same groups twice: write one quorum with the count that is meant")
    return frozenset(quorums)


def _quorum(value: object, field: str) -> Quorum:
    if not isinstance(value, Mapping):
        raise InvalidInputError(field, "must be an object with `count` and `groups`")
    for name in value:
        if name not in _MEMBERS:
            raise InvalidInputError(f"{field}.{name}", "is not a member of an approval")
    groups, self_approval = value.get("groups"), value.get("selfApproval", False)
    if not isinstance(groups, list | tuple) or not all(isinstance(group, str) for group in groups):
        raise InvalidInputError(f"{field}.groups", "must be a list of group ids")
    if not isinstance(self_approval, bool):
        raise InvalidInputError(f"{field}.selfApproval", "must be true or false")
    named = [group_id(group, field=f"{field}.groups[{place}]") for place, group in enumerate(groups[: MAX_GROUPS + 1])]
    try:
        return Quorum(value.get("count"), frozenset(named), self_approval)  # type: ignore[arg-type]  # checked there
    except InvalidInputError as error:
        raise error.within(field) from None
