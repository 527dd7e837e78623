"""
The store: one port, in two halves, for memory and SQL alike.

A use case hands the store one function. `read` runs it against one snapshot; `write` runs it in one transaction, alone
among writers, and returns once what it did is durable. The functions are synchronous, do no I/O of their own and may be
run again after a conflict inside the store, so they take what they need as values and return values.

A `write` function that raises leaves nothing behind. Every change of access appends to `changes` in the same
transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol, TypeVar

from stairgate.model.access import (
    AccessRecord,
    Grant,
    Group,
    Principal,
    RecordStatus,
    ResourceConfiguration,
    Role,
)
from stairgate.model.audit import AuditDraft, AuditEntry, ChainHead
from stairgate.model.challenges import Challenge, TokenStanding
from stairgate.model.clients import Issuer, ServiceClient
from stairgate.model.elevations import Elevation, EndReason
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
from stairgate.model.protection import Requirement
from stairgate.model.requests import Request, RequestStatus
from stairgate.model.resources import ResourcePattern
from stairgate.model.tokens import TokenKey
from stairgate.ports.listing import ListingReads
from stairgate.ports.trust import TrustReads, TrustWrites

T = TypeVar("T")


class ChangeKind(StrEnum):
    """What kind of fact changed; with its key, what a node must forget."""

    USER_GRANTS = "user_grants"  # key: user id
    GROUP_GRANTS = "group_grants"  # key: group id
    MEMBERSHIP = "membership"  # key: user id whose groups changed
    ROLE = "role"  # key: role id
    RESOURCE = "resource"  # key: the pattern
    CLIENT = "client"  # key: client id
    ISSUER = "issuer"  # key: the issuer


@dataclass(frozen=True, slots=True)
class Change:
    """One row of the change feed."""

    revision: int
    kind: ChangeKind
    key: str


@dataclass(frozen=True, slots=True)
class Page:
    """Which part of a list: at most *limit* items whose id comes after *after*, up to and with *until* (ids ascend)."""

    limit: int
    after: str | None = None
    until: str | None = None


@dataclass(frozen=True, slots=True)
class TakenUse:
    """An Allow that took a use under an Idempotency-Key (semantics §8): what it was for, and from which elevation."""

    client: ClientId
    key: str
    fingerprint: str  # digest of user, token key, resource, action and context
    elevation: ElevationId
    taken_at: datetime


@dataclass(frozen=True, slots=True)
class SigningKey:
    """A private key of this account, sealed by the key ring. *use* tells challenge keys from the test issuer's."""

    id: str
    use: str
    sealed: bytes
    created_at: datetime
    retired: bool = False


class ReadTransaction(TrustReads, ListingReads, Protocol):
    """One snapshot."""

    def revision(self) -> int:
        """Must return the revision of the newest change in this snapshot, 0 for none."""
        ...

    def changes_after(self, revision: int, *, limit: int = 1000) -> Sequence[Change]:
        """Must return the changes with a greater revision, ascending."""
        ...

    def fact(self, name: str) -> str | None:
        """Must return the text kept under *name* (`account`, `public_url`, …), None if there is none."""
        ...

    # Access

    def grants_of(self, principal: Principal) -> Sequence[Grant]:
        """Must return every grant of ACTIVE records that names *principal*, by an indexed query."""
        ...

    def statement_marks(self) -> Sequence[Requirement]:
        """Must return each requirement that statements of ACTIVE records ask, once, without reading every record."""
        ...

    def statement_conditions(self) -> Sequence[str]:
        """
        Must return each `when` of statements of ACTIVE records, once; not those within their marks.

        It may look at every statement: it is asked where conditions cannot be evaluated, and then once, at the start.
        """
        ...

    def groups_of(self, user: UserId) -> Sequence[GroupId]:
        """Must return the groups that *user* is in, by an indexed query."""
        ...

    def record(self, record: RecordId) -> AccessRecord | None:
        """Must return the record, DELETED ones included."""
        ...

    def records(
        self, page: Page, *, status: RecordStatus | None = None, filter_text: str | None = None
    ) -> Sequence[AccessRecord]:
        """Must return a page of records, ascending by id; *filter_text* is a part of the id or name, case ignored."""
        ...

    def role(self, role: RoleId) -> Role | None:
        """Must return the role; the built-in ones are not in the store."""
        ...

    def roles(self) -> Sequence[Role]:
        """Must return every stored role, ascending by id."""
        ...

    def group(self, group: GroupId) -> Group | None:
        """Must return the group."""
        ...

    def groups(self, page: Page, *, filter_text: str | None = None) -> Sequence[Group]:
        """Must return a page of groups, ascending by id."""
        ...

    def resource(self, resource: ResourcePattern) -> ResourceConfiguration | None:
        """Must return the configuration that stands at exactly this pattern."""
        ...

    def resources(self) -> Sequence[ResourceConfiguration]:
        """Must return every resource configuration, ascending by pattern text."""
        ...

    # Trust

    def client(self, client: ClientId) -> ServiceClient | None:
        """Must return the service client with its live keys."""
        ...

    def clients(self, page: Page) -> Sequence[ServiceClient]:
        """Must return a page of service clients, ascending by id."""
        ...

    def issuers(self) -> Sequence[Issuer]:
        """Must return every trusted issuer, ascending by issuer."""
        ...

    def signing_keys(self, use: str) -> Sequence[SigningKey]:
        """Must return the keys for *use*, newest first."""
        ...

    # Step-up

    def factors_of(self, user: UserId) -> Sequence[Factor]:
        """Must return the user's factors, oldest first."""
        ...

    def enrolments_of(self, user: UserId) -> Sequence[Enrolment]:
        """Must return what was begun and not confirmed, expired or not, oldest first."""
        ...

    def account_link(self, link: LinkId) -> AccountLink | None:
        """Must return the link, expired or not."""
        ...

    def account_links_of(self, user: UserId) -> Sequence[AccountLink]:
        """Must return the user's links, expired or not, oldest first."""
        ...

    def attempts(self, user: UserId, factor: str) -> AttemptCount:
        """Must return the wrong answers of *user* for *factor* (a factor's id, or a method's name)."""
        ...

    def standing(self, token: TokenKey) -> TokenStanding:
        """Must return what is held against *token*; a clean one where nothing is."""
        ...

    def challenge(self, challenge: ChallengeId) -> Challenge | None:
        """Must return the challenge."""
        ...

    def challenge_of_ticket(self, ticket: str) -> Challenge | None:
        """Must return the challenge that the challenge token with this `jti` opened or joined."""
        ...

    def challenges_of_token(self, token: TokenKey) -> Sequence[Challenge]:
        """Must return the challenges of *token* in state open or proven, expired or not, oldest first."""
        ...

    def challenges_of_user(self, user: UserId, *, since: datetime) -> Sequence[Challenge]:
        """Must return the user's challenges opened at or after *since*, oldest first, by an indexed query."""
        ...

    def newest_challenges_of(self, user: UserId, *, most: int) -> Sequence[Challenge]:
        """
        Must return the *most* challenges of *user* that were opened last, newest first.

        Must find them by index, however many there are.
        """
        ...

    def elevation(self, elevation: ElevationId) -> Elevation | None:
        """Must return the elevation."""
        ...

    def elevations_of_token(self, user: UserId, token: TokenKey, *, since: datetime) -> Sequence[Elevation]:
        """Must return the token's elevations that expire after *since*, ended and used up ones too, oldest first."""
        ...

    def elevations_of_user(self, user: UserId, *, now: datetime) -> Sequence[Elevation]:
        """Must return the user's elevations that are live at *now*, oldest first."""
        ...

    def taken_use(self, client: ClientId, key: str) -> TakenUse | None:
        """Must return what this Idempotency-Key was used for."""
        ...

    # Requests to other people

    def request(self, request: RequestId) -> Request | None:
        """Must return the request."""
        ...

    def requests(self, page: Page, *, status: RequestStatus | None = None) -> Sequence[Request]:
        """Must return a page of requests, ascending by id."""
        ...

    def requests_of(self, user: UserId, page: Page, *, status: RequestStatus | None = None) -> Sequence[Request]:
        """
        Must return a page of the requests that *user* made or that await a group of *user*, ascending by id.

        Must find them by index, however many others there are.
        """
        ...

    def live_requests_of(self, requester: UserId) -> Sequence[Request]:
        """Must return the requests of *requester* without an end, expired or not, oldest first, by an indexed query."""
        ...

    # Audit

    def audit_head(self) -> ChainHead:
        """Must return the head of the chain."""
        ...

    def audit_entries(self, *, after: int = 0, limit: int = 1000) -> Sequence[AuditEntry]:
        """Must return the entries with a greater number, ascending."""
        ...


class WriteTransaction(ReadTransaction, TrustWrites, Protocol):
    """One transaction that sees its own writes and, among writers, stands alone."""

    def put_fact(self, name: str, value: str) -> None:
        """Must keep *value* under *name*, in place of what was there."""
        ...

    def put_record(self, record: AccessRecord) -> None:
        """Must store the record in place of one with its id, with the changes for everyone it names or named."""
        ...

    def put_role(self, role: Role) -> None:
        """Must store the role in place of one with its id."""
        ...

    def delete_role(self, role: RoleId) -> None:
        """Must remove the role; records keep naming it."""
        ...

    def put_group(self, group: Group) -> None:
        """Must store the group in place of one with its id, with the changes for everyone who was or is in it."""
        ...

    def delete_group(self, group: GroupId) -> None:
        """Must remove the group; records keep naming it."""
        ...

    def put_resource(self, configuration: ResourceConfiguration) -> None:
        """Must store the configuration in place of the one at its pattern."""
        ...

    def delete_resource(self, resource: ResourcePattern) -> None:
        """Must remove the configuration at this pattern."""
        ...

    def put_client(self, client: ServiceClient) -> None:
        """Must store the client and its keys in place of one with its id."""
        ...

    def delete_client(self, client: ClientId) -> None:
        """Must remove the client and its keys."""
        ...

    def put_issuer(self, issuer: Issuer) -> None:
        """Must store the issuer in place of one with its name."""
        ...

    def put_signing_key(self, key: SigningKey) -> None:
        """Must store the key in place of one with its id."""
        ...

    def put_factor(self, factor: Factor) -> None:
        """Must store a new factor. Must raise `ConflictError` where its id is taken."""
        ...

    def replace_factor(self, factor: Factor) -> None:
        """
        Must store *factor* in place of the one with its id; when it was made stays.

        Must raise `ConflictError` where there is none, it is another user's or method's, or its counter is greater:
        replay protection goes forwards only (attack 4).
        """
        ...

    def remove_factor(self, factor: FactorId) -> None:
        """Must remove the factor."""
        ...

    def set_factor_disabled(self, factor: FactorId, *, disabled: bool) -> None:
        """Must set whether the factor can be used."""
        ...

    def advance_factor(self, factor: FactorId, *, counter: int, at: datetime) -> None:
        """
        Must set the factor's counter to *counter* and its last use to *at*, if the stored counter is smaller.

        Must raise `ConflictError` otherwise: of two answers with one code, one wins (attack 4, TOTP-2).
        """
        ...

    def put_enrolment(self, enrolment: Enrolment) -> None:
        """Must store the enrolment in place of one with its id."""
        ...

    def remove_enrolment(self, enrolment: EnrolmentId) -> None:
        """Must remove the enrolment."""
        ...

    def put_account_link(self, link: AccountLink) -> None:
        """Must store the link in place of one with its id."""
        ...

    def remove_account_link(self, link: LinkId) -> None:
        """Must remove the link."""
        ...

    def set_attempts(self, user: UserId, factor: str, count: AttemptCount) -> None:
        """Must store the wrong answers of *user* for *factor*."""
        ...

    def set_standing(self, token: TokenKey, standing: TokenStanding) -> None:
        """Must store what is held against *token*."""
        ...

    def add_challenge(self, challenge: Challenge) -> None:
        """Must store a new challenge. Must raise `ConflictError` where its id or its ticket is taken."""
        ...

    def join_challenge(self, ticket: str, challenge: ChallengeId) -> None:
        """
        Must make the challenge token with this `jti` stand for *challenge*, too.

        Must raise `ConflictError` where it stands for another one, or there is no such challenge.
        """
        ...

    def replace_challenge(self, challenge: Challenge) -> None:
        """
        Must store *challenge* in place of the one with its id, if that one's version is smaller by exactly one.

        Must raise `ConflictError` otherwise.
        """
        ...

    def add_elevation(self, elevation: Elevation) -> None:
        """Must store a new elevation. Must raise `ConflictError` where its id or its challenge's is taken."""
        ...

    def take_use(self, elevation: ElevationId, *, now: datetime) -> Elevation:
        """
        Must take one use of a counted elevation that is live at *now* and return it as it is then.

        Must raise `ConflictError` where it is unknown, uncounted, not live or has no use left: check and consume are
        one (attack 6).
        """
        ...

    def end_elevation(self, elevation: ElevationId, *, at: datetime, reason: EndReason) -> bool:
        """Must end the elevation if it has not ended; returns whether it did."""
        ...

    def put_taken_use(self, use: TakenUse) -> None:
        """Must remember a use that was taken under an Idempotency-Key, in place of one with its client and key."""
        ...

    def put_request(self, request: Request) -> None:
        """Must store the request in place of one with its id."""
        ...

    def append_audit(self, draft: AuditDraft) -> AuditEntry:
        """Must append to the chain, in this transaction."""
        ...


class Store(Protocol):
    """Where everything is kept."""

    async def read(self, function: Callable[[ReadTransaction], T]) -> T:
        """
        Must run *function* against one snapshot that holds everything acknowledged before.

        Must raise `UnavailableError` where the store is away; whatever *function* raises passes through.
        """
        ...

    async def write(self, function: Callable[[WriteTransaction], T]) -> T:
        """
        Must run *function* in one transaction, alone among writers, and return once it is durable.

        Must raise `UnavailableError` where the store is away, having done nothing; whatever *function* raises passes
        through, and nothing it did stays. A cancelled caller may find it done or not done, never half.
        """
        ...

    async def close(self) -> None:
        """Must finish what is under way and let go of everything."""
        ...


class ChangeFeed(Protocol):
    """Tells that something may have changed, from this process or another."""

    def poll(self) -> bool:
        """
        Must say, in microseconds, whether anything may have been written since the last call, by any process.

        Must raise `UnavailableError` where the store is away.
        """
        ...
