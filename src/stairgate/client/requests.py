"""Requests to other people: ask for access, see what waits, vote, withdraw, wait."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Final

from stairgate.client.administration import making, paged
from stairgate.client.codec import from_wire, listed, read_only, to_wire
from stairgate.client.errors import ArgumentError
from stairgate.client.exchange import (
    Conversation,
    Operation,
    Request,
    Sleep,
    Stream,
    document_in,
    encoded,
    exchange,
    path,
)
from stairgate.client.refusals import refusal
from stairgate.client.requirement import NO_EXTRA
from stairgate.client.shapes import Area, Statement

PAUSE: Final = 2.0  # seconds between two looks at a request
_DONE = frozenset({200, 201, 202, 204})

# ruff: noqa: RUF009  # `read_only()` and `listed()` stand where `dataclasses.field()` stands


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessTemplate:
    """The access that a request asks for: what the statements give, for all of *users*."""

    users: Sequence[str] = listed("userId")
    statements: Sequence[Statement] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Quorum:
    """So many different people of these groups."""

    count: int
    groups: Sequence[str]
    self_approval: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Vote:
    """What one person said: `approve` or `decline`."""

    user_id: str
    vote: str
    time: datetime | None = None
    comment: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class RequestedStepUp:
    """The step-up that is asked for; *asked* says it in words, *details* are the bound values."""

    resource_uri: str
    action: str
    area: Area | None = None
    level: str | None = None
    lifetime: int | None = None
    uses: int | None = None
    details: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)
    asked: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class AccessRequest:
    """
    Something that other people are asked to agree to: access or, where *step_up* says which, a step-up.

    Args:
        access: What is asked for.
        tags: Anything of the caller's.
        expiry: Seconds that others have to agree, with a new request; None: a week.
        version: Of what is asked: a vote is on the version that was seen.
        ended: Why it can lead nowhere any more; None while it can.
        extra: Members that this SDK does not know.
    """

    access: AccessTemplate
    tags: Mapping[str, str] | None = None
    expiry: int | None = None
    request_id: str = read_only("")
    status: str | None = read_only()
    kind: str | None = read_only()
    version: int | None = read_only()
    requester_id: str | None = read_only()
    opener_id: str | None = read_only()
    approvals: Sequence[Quorum] = read_only(())
    votes: Sequence[Vote] = read_only(())
    opened_at: datetime | None = read_only()
    expires_at: datetime | None = read_only()
    ended: str | None = read_only()
    ended_at: datetime | None = read_only()
    record_id: str | None = read_only()
    step_up: RequestedStepUp | None = read_only()
    last_updated: datetime | None = read_only()
    links: Mapping[str, object] | None = read_only()
    extra: Mapping[str, object] = field(default_factory=lambda: NO_EXTRA)

    @property
    def waiting(self) -> bool:
        """Whether it is still to be decided. A status that this SDK does not know is no agreement, and no waiting."""
        return self.status == "OPEN"

    @property
    def approved(self) -> bool:
        """Whether the people have agreed."""
        return self.status == "APPROVED"


def create_request(request: AccessRequest, *, key: str | None) -> Operation[AccessRequest]:
    """Ask for access; under an idempotency *key* once, however often it is sent."""
    return (yield from _call(making(path("v1", "requests"), encoded(to_wire(request)), key)))


def get_request(request_id: str) -> Operation[AccessRequest]:
    """Read one request."""
    return (yield from _call(Request("GET", path("v1", "requests", request_id), repeatable=True)))


def change_request(seen: AccessRequest, access: AccessTemplate) -> Operation[AccessRequest]:
    """Ask for something else in place of what *seen* asks; what was said of it is void."""
    body = encoded(to_wire(AccessRequest(access=access, tags=seen.tags)))
    return (yield from _call(Request("PUT", path("v1", "requests", seen.request_id), _if_match(seen), body)))


def vote(seen: AccessRequest, *, approve: bool, comment: str | None) -> Operation[AccessRequest]:
    """Agree to *seen*, as it was seen, or decline it. Doing it twice does no more than doing it once."""
    body: dict[str, Any] = {"vote": "approve" if approve else "decline"}
    if comment is not None:
        body["comment"] = comment
    target = path("v1", "requests", seen.request_id, "votes")
    return (yield from _call(Request("POST", target, _if_match(seen), encoded(body))))


def withdraw_request(request_id: str) -> Operation[None]:
    """Take the request back."""
    reply = yield from exchange(Request("DELETE", path("v1", "requests", request_id)))
    if reply.status not in _DONE:
        raise refusal(reply)


def each_request(status: str | None) -> Stream[AccessRequest]:
    """One's own requests and those that wait for one, page by page."""
    yield from paged(AccessRequest, "records", ("v1", "requests"), {"status": status})


def wait_for_request(conversation: Conversation, request_id: str, *, timeout: float) -> Operation[AccessRequest]:
    """Wait until the request is decided, at most *timeout* seconds, and return it as it then is."""
    deadline = conversation.elapsed() + timeout
    request = yield from get_request(request_id)
    while request.waiting and (left := deadline - conversation.elapsed()) > 0:
        yield Sleep(min(PAUSE, left))
        request = yield from get_request(request_id)
    return request


def _if_match(seen: AccessRequest) -> dict[str, str]:
    if seen.version is None or not seen.request_id:
        raise ArgumentError("give the request as it was read: a vote is on the version that was seen")
    return {"if-match": f'"{seen.version}"'}


def _call(request: Request) -> Operation[AccessRequest]:
    reply = yield from exchange(request)
    if reply.status not in _DONE:
        raise refusal(reply)
    return from_wire(AccessRequest, document_in(reply))
