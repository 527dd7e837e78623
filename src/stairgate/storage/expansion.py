"""What a written record, group or text means to every store: who holds which grant, and who must be told."""

from __future__ import annotations

from collections.abc import Iterator

from stairgate.model.access import AccessRecord, Grant, Group, Principal, PrincipalKind, RecordStatus
from stairgate.ports.store import ChangeKind

_KINDS = {PrincipalKind.USER: ChangeKind.USER_GRANTS, PrincipalKind.GROUP: ChangeKind.GROUP_GRANTS}


def grants_in(record: AccessRecord) -> Iterator[tuple[Principal, Grant]]:
    """Every grant that *record* gives, with whom it names, once each; a record that is not ACTIVE gives none."""
    if record.status is not RecordStatus.ACTIVE:
        return
    for position, statement in enumerate(record.statements):
        grant = Grant(record.id, position, statement.resources, statement.roles, statement.step_up)
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
