"""Writing the data in memory."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from types import MappingProxyType

from stairgate.model.access import AccessRecord, Group, ResourceConfiguration, Role
from stairgate.model.audit import AuditDraft, AuditEntry, link
from stairgate.model.challenges import Challenge, TokenStanding
from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.elevations import Elevation, EndReason
from stairgate.model.enrolment import AccountLink, Enrolment
from stairgate.model.errors import ConflictError
from stairgate.model.evidence import AttemptCount, Factor
from stairgate.model.ids import (
    ChallengeId,
    ClientId,
    ElevationId,
    EnrolmentId,
    FactorId,
    GroupId,
    LinkId,
    RoleId,
    UserId,
)
from stairgate.model.invites import Invite
from stairgate.model.requests import Request
from stairgate.model.resources import ResourcePattern
from stairgate.model.tokens import TokenKey
from stairgate.ports.store import ChangeKind, SigningKey, TakenUse
from stairgate.ports.trust import RememberedAnswer
from stairgate.storage.expansion import group_changes, record_changes
from stairgate.storage.memory.reads import MemoryReads


class MemoryWrites(MemoryReads):
    """`ports.store.WriteTransaction` over data in memory; the journal remembers how to undo it."""

    def put_fact(self, name: str, value: str) -> None:
        self._data.facts.put(name, value)

    # Access

    def put_record(self, record: AccessRecord) -> None:
        changes = record_changes(self._data.records.get(record.id), record)
        self._data.records.put(record.id, replace(record, tags=_own(record.tags)))
        for kind, key in changes:
            self._data.change(kind, key)

    def put_role(self, role: Role) -> None:
        self._data.roles.put(role.id, role)
        self._data.change(ChangeKind.ROLE, role.id)

    def delete_role(self, role: RoleId) -> None:
        if self._data.roles.remove(role):
            self._data.change(ChangeKind.ROLE, role)

    def put_group(self, group: Group) -> None:
        changes = group_changes(self._data.groups.get(group.id), group)
        self._data.groups.put(group.id, replace(group, tags=_own(group.tags)))
        for kind, key in changes:
            self._data.change(kind, key)

    def delete_group(self, group: GroupId) -> None:
        changes = group_changes(self._data.groups.get(group), None)
        self._data.groups.remove(group)
        for kind, key in changes:
            self._data.change(kind, key)

    def put_resource(self, configuration: ResourceConfiguration) -> None:
        self._data.resources.put(configuration.resource, configuration)
        self._data.change(ChangeKind.RESOURCE, str(configuration.resource))

    def delete_resource(self, resource: ResourcePattern) -> None:
        if self._data.resources.remove(resource):
            self._data.change(ChangeKind.RESOURCE, str(resource))

    # Trust

    def put_client(self, client: ServiceClient) -> None:
        self._data.clients.put(client.id, replace(client, tags=_own(client.tags)))
        self._data.change(ChangeKind.CLIENT, client.id)

    def delete_client(self, client: ClientId) -> None:
        if self._data.clients.remove(client):
            self._data.change(ChangeKind.CLIENT, client)

    def put_issuer(self, issuer: Issuer) -> None:
        self._data.issuers.put(issuer.issuer, issuer)
        self._data.change(ChangeKind.ISSUER, issuer.issuer)

    def put_signing_key(self, key: SigningKey) -> None:
        self._data.signing_keys.put(key.id, key)

    def put_invite(self, invite: Invite) -> None:
        self._data.invites.put(invite.digest, invite)

    def remove_invite(self, digest: str) -> None:
        self._data.invites.remove(digest)

    def forget_invites(self, *, before: datetime, most: int) -> int:
        expired = sorted(
            (invite for invite in self._data.invites.values() if invite.expires_at <= before),
            key=lambda invite: invite.expires_at,
        )[: max(most, 0)]
        for invite in expired:
            self._data.invites.remove(invite.digest)
        return len(expired)

    def put_remembered_answer(self, answer: RememberedAnswer) -> None:
        self._data.answers.put((answer.caller, answer.key), answer)

    def forget_answers(self, *, before: datetime, most: int) -> int:
        expired = sorted(
            (answer for answer in self._data.answers.values() if answer.expires_at <= before),
            key=lambda answer: answer.expires_at,
        )[: max(most, 0)]
        for answer in expired:
            self._data.answers.remove((answer.caller, answer.key))
        return len(expired)

    # Step-up

    def put_factor(self, factor: Factor) -> None:
        if self._data.factors.get(factor.id) is not None:
            raise ConflictError("the factor's id is taken")
        self._data.factors.put(factor.id, factor)

    def replace_factor(self, factor: Factor) -> None:
        stored = self._data.factors.get(factor.id)
        if (
            stored is None
            or (stored.user, stored.method) != (factor.user, factor.method)
            or stored.counter > factor.counter
        ):
            raise ConflictError("the factor has changed meanwhile")
        self._data.factors.put(factor.id, replace(factor, created_at=stored.created_at))

    def remove_factor(self, factor: FactorId) -> None:
        self._data.factors.remove(factor)

    def set_factor_disabled(self, factor: FactorId, *, disabled: bool) -> None:
        stored = self._data.factors.get(factor)
        if stored is not None:
            self._data.factors.put(factor, replace(stored, disabled=disabled))

    def advance_factor(self, factor: FactorId, *, counter: int, at: datetime) -> None:
        stored = self._data.factors.get(factor)
        if stored is None or stored.counter >= counter:
            raise ConflictError("this code, or a later one, was used already")
        self._data.factors.put(factor, replace(stored, counter=counter, last_used_at=at))

    def put_enrolment(self, enrolment: Enrolment) -> None:
        self._data.enrolments.put(enrolment.id, enrolment)

    def remove_enrolment(self, enrolment: EnrolmentId) -> None:
        self._data.enrolments.remove(enrolment)

    def put_account_link(self, link: AccountLink) -> None:
        self._data.account_links.put(link.id, link)

    def remove_account_link(self, link: LinkId) -> None:
        self._data.account_links.remove(link)

    def set_attempts(self, user: UserId, factor: str, count: AttemptCount) -> None:
        self._data.attempts.put((user, factor), count)

    def set_standing(self, token: TokenKey, standing: TokenStanding) -> None:
        self._data.standings.put(token, standing)

    def add_challenge(self, challenge: Challenge) -> None:
        if self._data.challenges.get(challenge.id) is not None:
            raise ConflictError("the challenge's id is taken")
        if self._data.tickets.get(challenge.ticket.id) is not None:
            raise ConflictError("this challenge token has opened a challenge already")
        self._data.challenges.put(challenge.id, _detached(challenge))
        self._data.tickets.put(challenge.ticket.id, challenge.id)

    def join_challenge(self, ticket: str, challenge: ChallengeId) -> None:
        stands_for = self._data.tickets.get(ticket)
        if self._data.challenges.get(challenge) is None or stands_for not in {None, challenge}:
            raise ConflictError("this challenge token stands for another challenge")
        self._data.tickets.put(ticket, challenge)

    def replace_challenge(self, challenge: Challenge) -> None:
        stored = self._data.challenges.get(challenge.id)
        if stored is None or stored.version != challenge.version - 1:
            raise ConflictError("the challenge has changed meanwhile")
        self._data.challenges.put(challenge.id, _detached(challenge))

    def add_elevation(self, elevation: Elevation) -> None:
        taken = self._data.elevations.find("challenge", elevation.challenge)
        if taken or self._data.elevations.get(elevation.id) is not None:
            raise ConflictError("the challenge has its elevation already")
        self._data.elevations.put(elevation.id, replace(elevation, details=_own(elevation.details)))

    def take_use(self, elevation: ElevationId, *, now: datetime) -> Elevation:
        stored = self._data.elevations.get(elevation)
        if stored is None or stored.uses_left is None or not stored.live(now):
            raise ConflictError("the elevation has no use left")
        used = replace(stored, uses_left=stored.uses_left - 1)
        self._data.elevations.put(elevation, used)
        return used

    def end_elevation(self, elevation: ElevationId, *, at: datetime, reason: EndReason) -> bool:
        stored = self._data.elevations.get(elevation)
        if stored is None or stored.ended_at is not None:
            return False
        self._data.elevations.put(elevation, replace(stored, ended_at=at, end_reason=reason))
        return True

    def put_taken_use(self, use: TakenUse) -> None:
        self._data.taken_uses.put((use.client, use.key), use)

    # Audit

    def put_request(self, request: Request) -> None:
        self._data.requests.put(request.id, replace(request, tags=_own(request.tags)))

    def append_audit(self, draft: AuditDraft) -> AuditEntry:
        head = self.audit_head()
        entry = link(head.number + 1, draft, head.digest)
        self._data.audit.append(entry)
        return entry


def _own(members: Mapping[str, str]) -> Mapping[str, str]:
    """A copy that no caller can change."""
    return MappingProxyType(dict(members))


def _detached(challenge: Challenge) -> Challenge:
    return replace(challenge, ticket=replace(challenge.ticket, details=_own(challenge.ticket.details)))
