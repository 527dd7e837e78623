"""Challenges: one attempt to meet one requirement, for one user, one token, one access (semantics §7)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum

from stairgate.model.actions import Action
from stairgate.model.approvals import NO_QUORUMS, Quorums, cover
from stairgate.model.elevations import NO_DETAILS, Area
from stairgate.model.evidence import Evidence
from stairgate.model.ids import AccountId, ChallengeId, ClientId, ElevationId, FactorId, RequestId, UserId
from stairgate.model.passkeys import SignedConsent
from stairgate.model.protection import Method, Requirement
from stairgate.model.resources import Resource
from stairgate.model.tokens import TokenKey

CODE_SECONDS = 600  # how long a delivered code lives (semantics §7.4, NIST-1)
RETURN_SECONDS = 60  # how long a return code lives (semantics §7.2)


@dataclass(frozen=True, slots=True)
class Ticket:
    """
    What a challenge token says (semantics §6). Minting one writes nothing.

    *client* is the service client that asked, None where the user's own token did. *details* are the bound values
    (name -> JCS). *expires_at* limits opening only.
    """

    id: str  # jti
    account: AccountId
    user: UserId
    token: TokenKey
    client: ClientId | None
    resource: Resource
    action: Action
    area: Area
    requirement: Requirement
    revision: int
    issued_at: datetime
    expires_at: datetime
    details: Mapping[str, str] = field(default_factory=lambda: NO_DETAILS)
    token_expires_at: datetime | None = None


class ChallengeState(StrEnum):
    """`open` → (`proven` →) one of the rest; each challenge ends exactly once."""

    OPEN = "open"
    PROVEN = "proven"
    SATISFIED = "satisfied"
    DECLINED = "declined"
    EXPIRED = "expired"
    CANCELLED = "cancelled"
    SUPERSEDED = "superseded"
    LOCKED = "locked"

    @property
    def live(self) -> bool:
        """Whether it can still be answered or redeemed."""
        return self in {ChallengeState.OPEN, ChallengeState.PROVEN}


@dataclass(frozen=True, slots=True)
class IssuedCode:
    """
    The one live code of a challenge: its keyed hash, never the code. A new one replaces it (semantics §7.4).

    It is good for the *method* that it was sent by alone, and for the *factor* that it was sent to.
    """

    digest: str
    expires_at: datetime
    method: Method = Method.EXTERNAL
    factor: FactorId | None = None

    def __repr__(self) -> str:
        return f"IssuedCode(expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True)
class Ceremony:
    """A passkey's ceremony under way: one nonce per attempt, spent by any answer. *once* entered what it signs."""

    nonce: bytes
    once: bool
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class IssuedReturn:
    """
    The return code of a proven challenge: its keyed hash, never the code (semantics §7.2).

    *once*: "only this once" was chosen with the proof; *amr*: how it was proven (RFC 8176).
    """

    digest: str
    expires_at: datetime
    once: bool
    amr: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return f"IssuedReturn(expires_at={self.expires_at!r})"


@dataclass(frozen=True, slots=True)
class Opening:
    """
    What the opener said. *device* is what it reports of the asking device, believed by nobody; *locale* is a wish.

    *return_uri* is a registered one; *state* goes back with it as it came.
    """

    device: str | None = None
    locale: str | None = None
    return_uri: str | None = None
    state: str | None = None


NOTHING_SAID = Opening()


@dataclass(frozen=True, slots=True)
class Challenge:
    """
    One attempt. *opener* is the service client that opened it, None where the named user token did.

    *version* grows with every change: the store refuses a write that was made from an older one.
    """

    id: ChallengeId
    ticket: Ticket
    opener: ClientId | None
    opened_at: datetime
    expires_at: datetime
    state: ChallengeState = ChallengeState.OPEN
    wrong_answers: int = 0
    code: IssuedCode | None = None
    prompts: int = 0  # messages sent or codes handed out
    ceremony: Ceremony | None = None
    evidence: Evidence | None = None
    signed: SignedConsent | None = None  # what a passkey signed, where one answered
    elevation: ElevationId | None = None
    ended_at: datetime | None = None
    not_me: bool = False
    version: int = 1
    approvals: Quorums = NO_QUORUMS  # what other people have agreed to
    request: RequestId | None = None  # where other people are asked
    opening: Opening = NOTHING_SAID
    match: str | None = None  # the keyed hash of the match code; None: no answer counts by one
    returning: IssuedReturn | None = None

    @property
    def waiting(self) -> bool:
        """Whether other people have yet to agree, so that nothing proves it (semantics §9)."""
        return not cover(self.approvals, self.ticket.requirement.approvals)

    @property
    def has_page(self) -> bool:
        """Whether an answer on a page could count at all (semantics §7.2)."""
        return self.match is not None or self.opening.return_uri is not None


@dataclass(frozen=True, slots=True)
class TokenStanding:
    """What is held against one token: wrong answers since its last success, and whether it is barred (§7.4, §7.7)."""

    wrong_answers: int = 0
    barred_until: datetime | None = None
    not_me: bool = False  # barred until the token ends

    def barred(self, now: datetime) -> bool:
        """Whether this token may open or redeem nothing at *now*."""
        return self.not_me or (self.barred_until is not None and now < self.barred_until)
