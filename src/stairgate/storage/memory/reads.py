"""Reading the data in memory."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from heapq import nlargest

from stairgate.model.access import (
    AccessRecord,
    Grant,
    Group,
    Principal,
    RecordStatus,
    ResourceConfiguration,
    Role,
)
from stairgate.model.audit import NO_ENTRIES, AuditEntry, ChainHead
from stairgate.model.challenges import Challenge, TokenStanding
from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.elevations import Elevation
from stairgate.model.enrolment import AccountLink, Enrolment
from stairgate.model.evidence import AttemptCount, Factor
from stairgate.model.ids import (
    CLIENT_PREFIX,
    ChallengeId,
    ClientId,
    ElevationId,
    GroupId,
    LinkId,
    RecordId,
    RequestId,
    RoleId,
    UserId,
)
from stairgate.model.invites import Invite
from stairgate.model.protection import Requirement
from stairgate.model.requests import Request, RequestStatus
from stairgate.model.resources import Resource, ResourcePattern
from stairgate.model.tokens import TokenKey
from stairgate.ports.store import Change, Page, SigningKey, TakenUse
from stairgate.ports.trust import RememberedAnswer
from stairgate.storage.expansion import fold, grants_in
from stairgate.storage.memory.data import oldest_first, page_of
from stairgate.storage.memory.listing import MemoryListing, first_of, walk


class MemoryReads(MemoryListing):
    """`ports.store.ReadTransaction` over data in memory."""

    def revision(self) -> int:
        return len(self._data.changes)

    def changes_after(self, revision: int, *, limit: int = 1000) -> Sequence[Change]:
        return self._data.changes.after(revision, limit)

    def fact(self, name: str) -> str | None:
        return self._data.facts.get(name)

    # Access

    def grants_of(self, principal: Principal) -> Sequence[Grant]:
        records = sorted(self._data.records.find("principal", principal), key=lambda record: record.id)
        return [grant for record in records for named, grant in grants_in(record) if named == principal]

    def statement_marks(self) -> Sequence[Requirement]:
        return [mark for mark in self._data.records.found_under("mark") if isinstance(mark, Requirement)]

    def statement_conditions(self) -> Sequence[str]:
        active = (record for record in self._data.records.values() if record.status is RecordStatus.ACTIVE)
        conditions = (statement.when for record in active for statement in record.statements)
        return list(dict.fromkeys(when for when in conditions if when is not None))

    def groups_of(self, user: UserId) -> Sequence[GroupId]:
        return sorted(group.id for group in self._data.groups.find("user", user))

    def record(self, record: RecordId) -> AccessRecord | None:
        return self._data.records.get(record)

    def records(
        self, page: Page, *, status: RecordStatus | None = None, filter_text: str | None = None
    ) -> Sequence[AccessRecord]:
        wanted = (
            record
            for record in walk(self._data.records, "id", page.after, page.until)
            if status in {None, record.status} and _has(filter_text, record.id, record.name)
        )
        return first_of(wanted, page.limit)

    def role(self, role: RoleId) -> Role | None:
        return self._data.roles.get(role)

    def roles(self) -> Sequence[Role]:
        return sorted(self._data.roles.values(), key=lambda role: role.id)

    def group(self, group: GroupId) -> Group | None:
        return self._data.groups.get(group)

    def groups(self, page: Page, *, filter_text: str | None = None) -> Sequence[Group]:
        wanted = (
            group
            for group in walk(self._data.groups, "id", page.after, page.until)
            if _has(filter_text, group.id, group.name)
        )
        return first_of(wanted, page.limit)

    def resource(self, resource: ResourcePattern) -> ResourceConfiguration | None:
        return self._data.resources.get(resource)

    def resources(self) -> Sequence[ResourceConfiguration]:
        return sorted(self._data.resources.values(), key=lambda configuration: str(configuration.resource))

    def records_on(self, resource: Resource, *, most: int) -> Sequence[AccessRecord]:
        depth = len(resource.segments)
        found = [
            record
            for record in self._data.records.values()
            if record.status is RecordStatus.ACTIVE
            and any(
                pattern.segments[:depth] == resource.segments
                for statement in record.statements
                for pattern in statement.resources
            )
        ]
        return page_of(found, Page(most), lambda record: record.id)

    def users(self, *, after: str | None, most: int) -> Sequence[UserId]:
        data = self._data
        indexes = (
            data.records.found_under("names"),
            data.groups.found_under("names"),
            data.factors.found_under("user"),
        )
        named = {str(user) for found in indexes for user in found}
        known = [UserId(user) for user in named if user > (after or "") and not user.startswith(CLIENT_PREFIX)]
        return sorted(known)[: max(most, 0)]

    def knows_user(self, user: UserId) -> bool:
        data = self._data
        return bool(data.records.find("names", user) or data.groups.find("names", user) or self.factors_of(user))

    def records_naming(self, user: UserId) -> Sequence[AccessRecord]:
        return sorted(self._data.records.find("names", user), key=lambda record: record.id)

    def groups_naming(self, user: UserId) -> Sequence[Group]:
        return sorted(self._data.groups.find("names", user), key=lambda group: group.id)

    # Trust

    def client(self, client: ClientId) -> ServiceClient | None:
        return self._data.clients.get(client)

    def clients(self, page: Page) -> Sequence[ServiceClient]:
        return first_of(walk(self._data.clients, "id", page.after, page.until), page.limit)

    def issuers(self) -> Sequence[Issuer]:
        return sorted(self._data.issuers.values(), key=lambda issuer: issuer.issuer)

    def signing_keys(self, use: str) -> Sequence[SigningKey]:
        return oldest_first(self._data.signing_keys.find("use", use), lambda key: (key.created_at, key.id))[::-1]

    def invite(self, digest: str) -> Invite | None:
        return self._data.invites.get(digest)

    def invites_of(self, user: UserId) -> Sequence[Invite]:
        return sorted(self._data.invites.find("user", user), key=lambda invite: invite.digest)

    def remembered_answer(self, caller: UserId, key: str) -> RememberedAnswer | None:
        return self._data.answers.get((caller, key))

    # Step-up

    def factors_of(self, user: UserId) -> Sequence[Factor]:
        return oldest_first(self._data.factors.find("user", user), lambda factor: (factor.created_at, factor.id))

    def enrolments_of(self, user: UserId) -> Sequence[Enrolment]:
        return oldest_first(self._data.enrolments.find("user", user), lambda each: (each.created_at, each.id))

    def account_link(self, link: LinkId) -> AccountLink | None:
        return self._data.account_links.get(link)

    def account_links_of(self, user: UserId) -> Sequence[AccountLink]:
        return oldest_first(self._data.account_links.find("user", user), lambda each: (each.created_at, each.id))

    def attempts(self, user: UserId, factor: str) -> AttemptCount:
        return self._data.attempts.get((user, factor)) or AttemptCount()

    def standing(self, token: TokenKey) -> TokenStanding:
        return self._data.standings.get(token) or TokenStanding()

    def challenge(self, challenge: ChallengeId) -> Challenge | None:
        return self._data.challenges.get(challenge)

    def challenge_of_ticket(self, ticket: str) -> Challenge | None:
        challenge = self._data.tickets.get(ticket)
        return None if challenge is None else self._data.challenges.get(challenge)

    def challenges_of_token(self, token: TokenKey) -> Sequence[Challenge]:
        live = [challenge for challenge in self._data.challenges.find("token", token) if challenge.state.live]
        return oldest_first(live, _opened)

    def challenges_of_user(self, user: UserId, *, since: datetime) -> Sequence[Challenge]:
        recent = [challenge for challenge in self._data.challenges.find("user", user) if challenge.opened_at >= since]
        return oldest_first(recent, _opened)

    def newest_challenges_of(self, user: UserId, *, most: int) -> Sequence[Challenge]:
        return nlargest(most, self._data.challenges.find("user", user), key=_opened)

    def elevation(self, elevation: ElevationId) -> Elevation | None:
        return self._data.elevations.get(elevation)

    def elevations_of_token(self, user: UserId, token: TokenKey, *, since: datetime) -> Sequence[Elevation]:
        found = self._data.elevations.find("token", (user, token))
        return oldest_first((elevation for elevation in found if elevation.expires_at > since), _issued)

    def elevations_of_user(self, user: UserId, *, now: datetime) -> Sequence[Elevation]:
        found = self._data.elevations.find("user", user)
        return oldest_first((elevation for elevation in found if elevation.live(now)), _issued)

    def taken_use(self, client: ClientId, key: str) -> TakenUse | None:
        return self._data.taken_uses.get((client, key))

    # Requests to other people

    def request(self, request: RequestId) -> Request | None:
        return self._data.requests.get(request)

    def requests(self, page: Page, *, status: RequestStatus | None = None) -> Sequence[Request]:
        return _page_of_requests(self._data.requests.values(), page, status)

    def requests_of(self, user: UserId, page: Page, *, status: RequestStatus | None = None) -> Sequence[Request]:
        found = {request.id: request for request in self._data.requests.find("requester", user)}
        for group in self.groups_of(user):
            found.update((request.id, request) for request in self._data.requests.find("awaited", group))
        return _page_of_requests(found.values(), page, status)

    def live_requests_of(self, requester: UserId) -> Sequence[Request]:
        live = self._data.requests.find("live", requester)
        return oldest_first(live, lambda request: (request.opened_at, request.id))

    # Audit

    def audit_head(self) -> ChainHead:
        newest = self._data.audit.after(len(self._data.audit) - 1, 1)
        return ChainHead(newest[0].number, newest[0].digest) if newest else NO_ENTRIES

    def audit_entries(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        return self._data.audit.after(after, limit)


def _has(filter_text: str | None, *texts: str) -> bool:
    return filter_text is None or any(fold(filter_text) in fold(text) for text in texts)


def _opened(challenge: Challenge) -> tuple[datetime, str]:
    return challenge.opened_at, challenge.id


def _issued(elevation: Elevation) -> tuple[datetime, str]:
    return elevation.issued_at, elevation.id


def _page_of_requests(rows: Iterable[Request], page: Page, status: RequestStatus | None) -> list[Request]:
    wanted = (request for request in rows if status is None or request.status is status)
    return page_of(wanted, page, lambda request: request.id)
