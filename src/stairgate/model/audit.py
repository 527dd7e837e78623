"""Records of what happened: entries chained by hash, verifiable offline (semantics §12)."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from stairgate.model.canonical import JsonValue, base64url, canonical_json

FIRST_LINK = "0" * 43  # the predecessor of the first entry


class Event(StrEnum):
    """What an entry records."""

    CHALLENGE_OPENED = "challenge.opened"
    CHALLENGE_CODE = "challenge.code"
    CHALLENGE_PROVEN = "challenge.proven"
    CHALLENGE_WRONG_ANSWER = "challenge.wrong_answer"
    CHALLENGE_ENDED = "challenge.ended"
    ELEVATION_ISSUED = "elevation.issued"
    ELEVATION_USED = "elevation.used"
    ELEVATION_ENDED = "elevation.ended"
    REQUEST_OPENED = "request.opened"
    REQUEST_CHANGED = "request.changed"
    REQUEST_VOTE = "request.vote"
    REQUEST_APPROVED = "request.approved"
    REQUEST_ENDED = "request.ended"
    OBSERVED = "mark.observed"
    TOKEN_BARRED = "token.barred"  # noqa: S105  # an event's name
    FACTOR_ADDED = "factor.added"
    FACTOR_REMOVED = "factor.removed"
    FACTOR_CHANGED = "factor.changed"
    FACTOR_DISABLED = "factor.disabled"
    FACTOR_SUSPECT = "factor.suspect"  # a passkey's sign counter did not go up: it may have been cloned
    CAUTION_CHANGED = "user.caution_changed"  # "ask me every time"
    LINK_CREATED = "account_link.created"
    LINK_ENTERED = "account_link.entered"
    LINK_LEFT = "account_link.left"
    NOTICE_FAILED = "notice.failed"  # the user could not be told of a change of their factors
    PROMPTS_STOPPED = "prompts.stopped"  # the user was asked too often without an answer
    RECORD_CHANGED = "record.changed"
    ROLE_CHANGED = "role.changed"
    GROUP_CHANGED = "group.changed"
    RESOURCE_CHANGED = "resource.changed"
    CLIENT_CHANGED = "client.changed"
    KEY_CHANGED = "key.changed"
    ISSUER_CHANGED = "issuer.changed"
    INVITE_CHANGED = "invite.changed"
    USER_DELETED = "user.deleted"
    ACCOUNT_CREATED = "account.created"


@dataclass(frozen=True, slots=True)
class AuditDraft:
    """
    What is to be recorded, before the store gives it its place in the chain.

    SECURITY: never a token, code, secret or challenge token: *facts* holds ids, digests and small words only.
    """

    event: Event
    at: datetime
    actor: str  # a user or client id, or `system`
    facts: Mapping[str, JsonValue] = field(default_factory=lambda: MappingProxyType({}))


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """One link of the chain. *number* starts at 1 and has no gaps."""

    number: int
    event: str
    at: str  # RFC 3339, UTC, microseconds: the text that was hashed
    actor: str
    facts: str  # JCS of the facts: the text that was hashed
    previous: str
    digest: str


def link(number: int, draft: AuditDraft, previous: str) -> AuditEntry:
    """The entry for *draft* at place *number* after the entry whose digest is *previous*."""
    at = draft.at.isoformat(timespec="microseconds")
    facts = canonical_json(dict(draft.facts))
    digest = _digest(number, draft.event.value, at, draft.actor, facts, previous)
    return AuditEntry(number, draft.event.value, at, draft.actor, facts, previous, digest)


def _digest(number: int, event: str, at: str, actor: str, facts: str, previous: str) -> str:
    text = canonical_json(
        {"actor": actor, "at": at, "event": event, "facts": facts, "number": number, "previous": previous}
    )
    return base64url(hashlib.sha256(text.encode()).digest())


@dataclass(frozen=True, slots=True)
class ChainHead:
    """How long the chain is and its last digest; kept apart from the entries, so that a cut-off end is found."""

    number: int
    digest: str


NO_ENTRIES = ChainHead(0, FIRST_LINK)


@dataclass(frozen=True, slots=True)
class ChainFault:
    """The first place where the chain does not hold, and why."""

    number: int
    problem: str


def chain_faults(entries: Iterable[AuditEntry], head: ChainHead) -> Iterator[ChainFault]:
    """
    Walk *entries* in order and yield every fault: a change, a gap, an end that is cut off.

    Args:
        entries: All entries, ascending by number.
        head: The head that the store keeps.
    """
    number, previous = 0, FIRST_LINK
    for entry in entries:
        if entry.number != number + 1:
            yield ChainFault(number + 1, f"entry {number + 1} is missing: {entry.number} follows")
        if entry.previous != previous:
            yield ChainFault(entry.number, f"entry {entry.number} does not follow the entry before it")
        expected = _digest(entry.number, entry.event, entry.at, entry.actor, entry.facts, entry.previous)
        if entry.digest != expected:
            yield ChainFault(entry.number, f"entry {entry.number} was changed")
        number, previous = entry.number, entry.digest
    if (number, previous) != (head.number, head.digest):
        yield ChainFault(number, f"the chain ends at {number}, its head says {head.number}")
