"""What is wrong with a policy though every part of it is valid: marks that guard nothing, names of nothing (§4)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from stairgate.engine.conditions import false_where_nothing_is_said, is_constant
from stairgate.engine.findings import Finding, Policy, Severity, role_place, statement_place
from stairgate.engine.merging import satisfiable
from stairgate.engine.void_marks import void_marks
from stairgate.model.access import BUILT_IN_ROLES, AccessRecord, RecordStatus
from stairgate.model.ids import UserId
from stairgate.model.protection import Enforcement, Method, Requirement

__all__ = ["Finding", "Policy", "Severity", "lint"]


def lint(policy: Policy) -> list[Finding]:
    """Everything that is wrong with *policy*, errors first."""
    active = [record for record in policy.records if record.status is RecordStatus.ACTIVE]
    found = [*void_marks(policy, active), *_marks(policy, active), *_unknown_names(policy, active)]
    found += _conditions(policy, active)
    return sorted(found, key=lambda finding: (finding.severity, finding.place, finding.code, finding.message))


def _requirements(policy: Policy, records: Sequence[AccessRecord]) -> Iterator[tuple[str, Requirement]]:
    for record in records:
        for position, statement in enumerate(record.statements):
            if statement.step_up is not None:
                yield statement_place(record, position), statement.step_up
    for role in policy.roles:
        for permission in role.permissions:
            if permission.step_up is not None:
                yield f"{role_place(role)}, `{permission.action}`", permission.step_up
    for configuration in policy.resources:
        for position, mark in enumerate(configuration.marks):
            yield f"resource `{configuration.resource}` mark {position}", mark.requirement


def _marks(policy: Policy, records: Sequence[AccessRecord]) -> Iterator[Finding]:
    members = {group.id: frozenset(group.users) for group in policy.groups}
    for place, asked in _requirements(policy, records):
        if asked.enforce is Enforcement.OBSERVE:
            yield Finding(Severity.WARNING, "observes-only", place, "it only observes: it refuses nothing")
        if not satisfiable(asked, policy.best_levels):
            yield Finding(Severity.ERROR, "out-of-reach", place, "no method that this service offers can meet it")
        elif asked.methods is not None and Method.PASSKEY not in asked.methods:
            yield Finding(
                Severity.WARNING,
                "codes-only",
                place,
                "only a code can meet it, and codes can be phished: add `passkey`",
            )
        for quorum in sorted(asked.approvals, key=lambda each: sorted(each.groups)):
            people = frozenset[UserId]().union(*(members.get(group, frozenset()) for group in quorum.groups))
            if len(people) < quorum.count:
                names = ", ".join(f"`{group}`" for group in sorted(quorum.groups))
                yield Finding(
                    Severity.ERROR,
                    "no-quorum",
                    place,
                    f"{quorum.count} must agree, and only {len(people)} can: members of {names}",
                )


def _unknown_names(policy: Policy, records: Sequence[AccessRecord]) -> Iterator[Finding]:
    roles = {*(role.id for role in policy.roles), *BUILT_IN_ROLES}
    groups = {group.id for group in policy.groups}
    for record in records:
        for group in dict.fromkeys(record.groups):
            if group not in groups:
                yield _unknown("group", group, f"record `{record.id}`")
        for position, statement in enumerate(record.statements):
            place = statement_place(record, position)
            for role in dict.fromkeys(statement.roles):
                if role not in roles:
                    yield _unknown("role", role, place)
            for group in dict.fromkeys(statement.groups):
                if group not in groups:
                    yield _unknown("group", group, place)


def _unknown(kind: str, name: str, place: str) -> Finding:
    message = f"there is no {kind} `{name}`: it gives nothing now, and whatever it will once somebody makes it"
    return Finding(Severity.WARNING, f"unknown-{kind}", place, message)


def _conditions(policy: Policy, records: Sequence[AccessRecord]) -> Iterator[Finding]:
    conditions = [(place, asked.when) for place, asked in _requirements(policy, records)]
    for place, expression in conditions:
        if expression is not None and false_where_nothing_is_said(expression):
            message = "its condition is false where the request has no context: whoever leaves that out is not asked"
            yield Finding(Severity.WARNING, "dodged-by-silence", place, message)
    conditions += [
        (statement_place(record, position), statement.when)
        for record in records
        for position, statement in enumerate(record.statements)
    ]
    for place, expression in conditions:
        if expression is not None and is_constant(expression):
            yield Finding(
                Severity.WARNING, "constant-condition", place, "its condition looks at nothing: it is always the same"
            )
