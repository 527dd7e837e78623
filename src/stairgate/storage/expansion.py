"""What a written record, group or text means to every store: who holds which grant, and who must be told."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from heapq import heapify, heappop, heapreplace

from stairgate.model.access import AccessRecord, Grant, Group, Principal, PrincipalKind, RecordStatus
from stairgate.model.ids import UserId
from stairgate.model.resources import ResourcePattern, place_of
from stairgate.ports.store import ChangeKind

_KINDS = {PrincipalKind.USER: ChangeKind.USER_GRANTS, PrincipalKind.GROUP: ChangeKind.GROUP_GRANTS}


def grants_in(record: AccessRecord) -> Iterator[tuple[Principal, Grant]]:
    """Every grant that *record* gives, with whom it names, once each; a record that is not ACTIVE gives none."""
    if record.status is not RecordStatus.ACTIVE:
        return
    for position, statement in enumerate(record.statements):
        grant = Grant(record.id, position, statement.resources, statement.roles, statement.step_up, statement.when)
        named = [Principal(PrincipalKind.USER, user) for user in (*record.users, *statement.users)]
        named += [Principal(PrincipalKind.GROUP, group) for group in (*record.groups, *statement.groups)]
        for principal in dict.fromkeys(named):
            yield principal, grant


def principals_in(record: AccessRecord) -> set[Principal]:
    """Everyone whom *record* names, whatever its status."""
    users = {*record.users, *(user for statement in record.statements for user in statement.users)}
    groups = {*record.groups, *(group for statement in record.statements for group in statement.groups)}
    return {Principal(PrincipalKind.USER, user) for user in users} | {
        Principal(PrincipalKind.GROUP, group) for group in groups
    }


def standing_in(record: AccessRecord) -> Iterator[tuple[str, Principal, int]]:
    """On which resources *record* gives whom something, by which of its statements; one not ACTIVE gives nothing."""
    for principal, grant in grants_in(record):
        for resource in dict.fromkeys(grant.resources):
            yield str(resource), principal, grant.statement


def known_in(record: AccessRecord | None) -> set[str]:
    """The places of the resources that statements of *record* name without a wildcard, if it is ACTIVE."""
    if record is None or record.status is not RecordStatus.ACTIVE:
        return set()
    return {
        place_of(pattern.segments)
        for statement in record.statements
        for pattern in statement.resources
        if is_literal(pattern)
    }


def is_literal(pattern: ResourcePattern) -> bool:
    """Whether *pattern* names one resource: it has no wildcard."""
    return not pattern.below and not pattern.wild


def merged(streams: Sequence[Callable[[str], str | None]], after: str, limit: int) -> Iterator[tuple[str, list[int]]]:
    """
    At most *limit* texts of several ascending *streams*, each once, with the numbers of the streams that have it.

    A stream is a function to the first of its texts after a given one.
    """
    heads = [(first, number) for number, stream in enumerate(streams) if (first := stream(after)) is not None]
    heapify(heads)
    for _ in range(max(limit, 0)):
        if not heads:
            return
        text, numbers = heads[0][0], []
        while heads and heads[0][0] == text:
            number = heads[0][1]
            numbers.append(number)
            following = streams[number](text)
            if following is None:
                heappop(heads)
            else:
                heapreplace(heads, (following, number))
        yield text, numbers


def users_in(thing: AccessRecord | Group) -> list[UserId]:
    """Every user whom *thing* names, admins too, whatever its status, once each."""
    named = [*thing.users, *thing.admins]
    if isinstance(thing, AccessRecord):
        named += [user for statement in thing.statements for user in statement.users]
    return list(dict.fromkeys(named))


def record_changes(before: AccessRecord | None, after: AccessRecord) -> list[tuple[ChangeKind, str]]:
    """The changes for everyone whom the record names or named, in a fixed order."""
    named = principals_in(after) | (principals_in(before) if before is not None else set())
    return sorted((_KINDS[principal.kind], principal.id) for principal in named)


def group_changes(before: Group | None, after: Group | None) -> list[tuple[ChangeKind, str]]:
    """The changes for everyone who was or is in the group, in a fixed order."""
    users = {user for group in (before, after) if group is not None for user in group.users}
    return [(ChangeKind.MEMBERSHIP, user) for user in sorted(users)]


def fold(text: str) -> str:
    """*text* as searches compare it: case ignored, in all alphabets."""
    return text.casefold()
