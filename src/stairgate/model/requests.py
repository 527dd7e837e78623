"""Requests to other people: what is asked of whom, and their votes (semantics §9; authress-contract §2.6)."""

from __future__ import annotations

import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from stairgate.model.access import NO_TAGS, Statement
from stairgate.model.approvals import NO_QUORUMS, Quorums
from stairgate.model.challenges import Ticket
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import ChallengeId, ClientId, GroupId, RecordId, RequestId, UserId
from stairgate.model.tokens import TokenKey

EXPIRY_SECONDS = (60, 30 * 86_400)
DEFAULT_EXPIRY = 7 * 86_400  # seconds
MAX_COMMENT = 1_000  # characters
MAX_VOTES = 200  # of one request; groups have at most 100 people
MAX_LIVE_REQUESTS = 100  # of one requester

# What could reorder, hide or break what others read (attack 16). Joiners belong to scripts and emoji.
_HIDING = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}
_HARMLESS = {"\n", "\u200c", "\u200d"}


class RequestStatus(StrEnum):
    """As Authress names them. What nobody decided, as it expired or was withdrawn, is DELETED."""

    OPEN = "OPEN"
    APPROVED = "APPROVED"
    DENIED = "DENIED"
    DELETED = "DELETED"


class RequestEnd(StrEnum):
    """Why a request can lead nowhere any more. An approved one ends when it is used: once."""

    USED = "used"  # the access record was written, or the elevation issued
    DECLINED = "declined"
    EXPIRED = "expired"
    WITHDRAWN = "withdrawn"
    SUPERSEDED = "superseded"  # marks have changed, or the requester asked for something else instead
    NOT_ME = "not_me"


@dataclass(frozen=True, slots=True)
class Vote:
    """
    What one person said of one version of a request.

    *hands_out*: of an access request, that the approver might hand out all of it when they voted.
    """

    approver: UserId
    approve: bool
    at: datetime
    comment: str = ""
    hands_out: bool = False


Members = Mapping[GroupId, frozenset[UserId]]
NOBODY: Members = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class AccessTemplate:
    """The access that a request asks for: what the statements give, for all of *users*."""

    users: tuple[UserId, ...]
    statements: tuple[Statement, ...]


@dataclass(frozen=True, slots=True)
class Request:
    """
    Something that other people are asked to agree to: access (an Authress access request), or a step-up.

    *version* counts what was asked: a change makes a new one, and what was said of an older one is void. *opener* is
    the service client that opened it, if one did. *challenges* wait for it.

    INVARIANT: *end* is None exactly while it can still lead to something.
    """

    id: RequestId
    requester: UserId
    asked: AccessTemplate | Ticket
    quorums: Quorums
    opened_at: datetime
    expires_at: datetime
    last_updated: datetime
    status: RequestStatus = RequestStatus.OPEN
    end: RequestEnd | None = None
    ended_at: datetime | None = None
    votes: tuple[Vote, ...] = ()
    version: int = 1
    opener: ClientId | None = None
    challenges: tuple[ChallengeId, ...] = ()
    record: RecordId | None = None
    tags: Mapping[str, str] = field(default_factory=lambda: NO_TAGS)
    token: TokenKey | None = None  # what it was made with; None: not known
    members: Members = field(default_factory=lambda: NOBODY)  # of the groups that it names, when it was opened

    @property
    def ticket(self) -> Ticket | None:
        """The step-up that it asks for, None where it asks for access."""
        return self.asked if isinstance(self.asked, Ticket) else None

    @property
    def interested(self) -> frozenset[UserId]:
        """Who never approves it, unless a quorum lets them: the requester, and whoever would get the access."""
        if isinstance(self.asked, AccessTemplate):
            return frozenset({self.requester, *self.asked.users})
        return frozenset({self.requester})

    @property
    def awaited(self) -> frozenset[GroupId]:
        """The groups whose members it waits for; none once it is decided."""
        if self.status is not RequestStatus.OPEN:
            return frozenset()
        return frozenset(group for quorum in self.quorums or NO_QUORUMS for group in quorum.groups)


def comment_of(text: str | None, *, field: str = "comment") -> str:
    """
    *text* as the comment of a vote.

    Raises:
        InvalidInputError: It is too long, or has a character that could reorder or hide what others read.
    """
    if text is None:
        return ""
    if len(text) > MAX_COMMENT:
        raise InvalidInputError(field, f"must have at most {MAX_COMMENT} characters")
    if any(unicodedata.category(each) in _HIDING and each not in _HARMLESS for each in text):
        raise InvalidInputError(field, "must not have control characters or such as change the direction of text")
    return text
