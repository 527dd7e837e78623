"""Everything that the store in memory keeps."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from typing import TypeVar

from stairgate.model.access import AccessRecord, Group, Principal, RecordStatus, ResourceConfiguration, Role
from stairgate.model.audit import AuditEntry
from stairgate.model.challenges import Challenge, TokenStanding
from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.elevations import Elevation
from stairgate.model.enrolment import AccountLink, Enrolment
from stairgate.model.evidence import AttemptCount, Factor
from stairgate.model.ids import (
    ChallengeId,
    ClientId,
    ElevationId,
    EnrolmentId,
    FactorId,
    GroupId,
    LinkId,
    RecordId,
    RequestId,
    RoleId,
    UserId,
)
from stairgate.model.invites import Invite
from stairgate.model.protection import Requirement
from stairgate.model.requests import Request
from stairgate.model.resources import ResourcePattern, place_of
from stairgate.model.tokens import TokenKey
from stairgate.ports.store import Change, ChangeKind, Page, SigningKey, TakenUse
from stairgate.ports.trust import RememberedAnswer
from stairgate.storage.expansion import grants_in, is_literal, known_in, standing_in, users_in
from stairgate.storage.memory.tables import Journal, Log, Table

V = TypeVar("V")


class Data:
    """The tables, with the journal of the transaction under way."""

    def __init__(self) -> None:
        journal: Journal = []
        self.journal = journal
        self.facts: Table[str, str] = Table(journal)
        self.changes: Log[Change] = Log(journal)
        self.records: Table[RecordId, AccessRecord] = Table(
            journal,
            ascending=("known", "standing", "id", "admin"),
            principal=_principals,
            mark=_marks,
            names=users_in,
            known=known_in,
            standing=_standing,
            id=lambda record: (record.id,),
            admin=lambda record: {(admin, record.id) for admin in record.admins},
        )
        self.roles: Table[RoleId, Role] = Table(journal, ascending=("id",), id=lambda role: (role.id,))
        self.groups: Table[GroupId, Group] = Table(
            journal,
            ascending=("id", "admin"),
            user=lambda group: group.users,
            names=users_in,
            id=lambda group: (group.id,),
            admin=lambda group: {(admin, group.id) for admin in group.admins},
        )
        self.resources: Table[ResourcePattern, ResourceConfiguration] = Table(
            journal,
            ascending=("known", "text"),
            known=_known,
            text=lambda configuration: (str(configuration.resource),),
        )
        self.clients: Table[ClientId, ServiceClient] = Table(journal, ascending=("id",), id=lambda client: (client.id,))
        self.issuers: Table[str, Issuer] = Table(journal)
        self.signing_keys: Table[str, SigningKey] = Table(journal, use=lambda key: (key.use,))
        self.invites: Table[str, Invite] = Table(
            journal, user=lambda invite: {invite.inviter, invite.linked_user or invite.inviter}
        )
        self.answers: Table[tuple[UserId, str], RememberedAnswer] = Table(journal)
        self.factors: Table[FactorId, Factor] = Table(journal, user=lambda factor: (factor.user,))
        self.enrolments: Table[EnrolmentId, Enrolment] = Table(journal, user=lambda enrolment: (enrolment.user,))
        self.account_links: Table[LinkId, AccountLink] = Table(journal, user=lambda link: (link.user,))
        self.attempts: Table[tuple[UserId, str], AttemptCount] = Table(journal)
        self.standings: Table[TokenKey, TokenStanding] = Table(journal)
        self.challenges: Table[ChallengeId, Challenge] = Table(
            journal,
            token=lambda challenge: (challenge.ticket.token,),
            user=lambda challenge: (challenge.ticket.user,),
        )
        self.tickets: Table[str, ChallengeId] = Table(journal)
        self.elevations: Table[ElevationId, Elevation] = Table(
            journal,
            token=lambda elevation: ((elevation.user, elevation.token),),
            user=lambda elevation: (elevation.user,),
            challenge=lambda elevation: (elevation.challenge,),
        )
        self.taken_uses: Table[tuple[ClientId, str], TakenUse] = Table(journal)
        self.requests: Table[RequestId, Request] = Table(
            journal,
            requester=lambda request: (request.requester,),
            live=lambda request: (request.requester,) if request.end is None else (),
            awaited=lambda request: request.awaited,
        )
        self.audit: Log[AuditEntry] = Log(journal)

    def change(self, kind: ChangeKind, key: str) -> None:
        """Append to the change feed."""
        self.changes.append(Change(len(self.changes) + 1, kind, key))

    def undo(self) -> None:
        """Take back everything since the journal was last empty."""
        while self.journal:
            self.journal.pop()()


def _principals(record: AccessRecord) -> Iterable[Principal]:
    return {principal for principal, _ in grants_in(record)}


def _marks(record: AccessRecord) -> Iterable[Requirement]:
    if record.status is not RecordStatus.ACTIVE:
        return ()
    return {statement.step_up for statement in record.statements if statement.step_up is not None}


def _standing(record: AccessRecord) -> Iterable[tuple[str, str, str]]:
    return {(resource, principal.kind.value, principal.id) for resource, principal, _ in standing_in(record)}


def _known(configuration: ResourceConfiguration) -> Iterable[str]:
    pattern = configuration.resource
    return (place_of(pattern.segments),) if is_literal(pattern) else ()


def page_of(rows: Iterable[V], page: Page, id_of: Callable[[V], str]) -> list[V]:
    """The part of *rows* that *page* names, ascending by id."""
    wanted = [row for row in rows if page.after is None or id_of(row) > page.after]
    return sorted(wanted, key=id_of)[: max(page.limit, 0)]


def oldest_first(rows: Iterable[V], when: Callable[[V], tuple[datetime, str]]) -> list[V]:
    """*rows* by time, those of one time by id."""
    return sorted(rows, key=when)
