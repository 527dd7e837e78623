"""Requests to other people in SQL."""

# ruff: noqa: D102  # what each method must do is said once, at the port

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any

from sqlalchemy import delete, select, union

from stairgate.model.approvals import quorums_document, quorums_of
from stairgate.model.challenges import Ticket
from stairgate.model.ids import ChallengeId, GroupId, RequestId, UserId
from stairgate.model.requests import AccessTemplate, Request, RequestEnd, RequestStatus, Vote
from stairgate.ports.store import Page
from stairgate.storage.sql import tables as t
from stairgate.storage.sql.dialects import MOST, add, number, put, text
from stairgate.storage.sql.documents import (
    maybe_micros,
    maybe_time_of,
    members,
    micros,
    read,
    reader,
    statements_document,
    statements_in,
    text_of,
    time_of,
    token_of,
    token_text,
)
from stairgate.storage.sql.journal import JournalReads, JournalWrites
from stairgate.storage.sql.stepup_documents import ticket_document, ticket_of

_ID = text("row_id")
_USER = text("of_user")
_AFTER = text("after")
_LIMIT = number("limit")
_STATUS = text("of_status")

_rows = t.requests.c
_COLUMNS = (_rows.id, _rows.requester, _rows.status, _rows.opened_at, _rows.document)
_REQUEST = select(*_COLUMNS).where(_rows.id == _ID)
_PAGE = select(*_COLUMNS).where(_rows.id > _AFTER).order_by(_rows.id).limit(_LIMIT)
_PAGE_IN = _PAGE.where(_rows.status == _STATUS)
# Each half by an index that is in the order of the page.
_MADE = select(*_COLUMNS).where(_rows.requester == _USER, _rows.id > _AFTER)
_AWAITED = (
    select(*_COLUMNS)
    .join_from(t.memberships, t.request_groups, t.memberships.c.group_id == t.request_groups.c.group_id)
    .join(t.requests, t.request_groups.c.request_id == _rows.id)
    .where(t.memberships.c.user_id == _USER, t.request_groups.c.request_id > _AFTER)
)
_OF_USER = union(_MADE, _AWAITED).order_by("id").limit(_LIMIT)
_OF_USER_IN = (
    union(_MADE.where(_rows.status == _STATUS), _AWAITED.where(_rows.status == _STATUS)).order_by("id").limit(_LIMIT)
)
_LIVE_OF = (
    select(*_COLUMNS).where(_rows.requester == _USER, _rows.live == number("now_live")).order_by("opened_at", "id")
)
_PUT = put(t.requests)
_CLEAR_GROUPS = delete(t.request_groups).where(t.request_groups.c.request_id == _ID)
_ADD_GROUP = add(t.request_groups)


class RequestReads(JournalReads):
    """The reading half."""

    def request(self, request: RequestId) -> Request | None:
        row = self._session.first(_REQUEST, row_id=request)
        return None if row is None else _request_of(*row)

    def requests(self, page: Page, *, status: RequestStatus | None = None) -> Sequence[Request]:
        if status is None:
            rows = self._session.all(_PAGE, **_paging(page))
        else:
            rows = self._session.all(_PAGE_IN, of_status=status.value, **_paging(page))
        return [_request_of(*row) for row in rows]

    def requests_of(self, user: UserId, page: Page, *, status: RequestStatus | None = None) -> Sequence[Request]:
        if status is None:
            rows = self._session.all(_OF_USER, of_user=user, **_paging(page))
        else:
            rows = self._session.all(_OF_USER_IN, of_user=user, of_status=status.value, **_paging(page))
        return [_request_of(*row) for row in rows]

    def live_requests_of(self, requester: UserId) -> Sequence[Request]:
        return [_request_of(*row) for row in self._session.all(_LIVE_OF, of_user=requester, now_live=1)]


class RequestWrites(RequestReads, JournalWrites):
    """The writing half."""

    def put_request(self, request: Request) -> None:
        self._session.run(
            _PUT,
            id=request.id,
            requester=request.requester,
            status=request.status.value,
            live=int(request.end is None),
            opened_at=micros(request.opened_at),
            document=_request_text(request),
        )
        self._session.run(_CLEAR_GROUPS, row_id=request.id)
        self._session.run_each(
            _ADD_GROUP, [{"group_id": group, "request_id": request.id} for group in sorted(request.awaited)]
        )


def _paging(page: Page) -> dict[str, object]:
    return {"after": page.after or "", "limit": min(max(page.limit, 0), MOST)}


def _request_text(request: Request) -> str:
    return text_of(
        {
            "access": _access(request.asked),
            "stepUp": _step_up(request.asked),
            "quorums": quorums_document(request.quorums),
            "expiresAt": micros(request.expires_at),
            "lastUpdated": micros(request.last_updated),
            "end": None if request.end is None else request.end.value,
            "endedAt": maybe_micros(request.ended_at),
            "votes": [_vote(vote) for vote in request.votes],
            "version": request.version,
            "opener": request.opener,
            "challenges": request.challenges,
            "record": request.record,
            "tags": dict(request.tags),
            "members": {group: sorted(users) for group, users in request.members.items()},
            "token": None if request.token is None else token_text(request.token),
        }
    )


@reader
def _request_of(request: str, requester: str, status: str, opened_at: int, document: str) -> Request:
    value = read(document)
    end = value["end"]
    return Request(
        id=RequestId(request),
        requester=UserId(requester),
        asked=_asked_of(value),
        quorums=quorums_of(value["quorums"]),
        opened_at=time_of(opened_at),
        expires_at=time_of(value["expiresAt"]),
        last_updated=time_of(value["lastUpdated"]),
        status=RequestStatus(status),
        end=None if end is None else RequestEnd(end),
        ended_at=maybe_time_of(value["endedAt"]),
        votes=tuple(_vote_of(vote) for vote in value["votes"]),
        version=value["version"],
        opener=value["opener"],
        challenges=tuple(ChallengeId(challenge) for challenge in value["challenges"]),
        record=value["record"],
        tags=members(value["tags"]),
        members=MappingProxyType(
            {GroupId(group): frozenset(map(UserId, users)) for group, users in value["members"].items()}
        ),
        token=None if value["token"] is None else token_of(value["token"]),
    )


def _access(asked: AccessTemplate | Ticket) -> dict[str, Any] | None:
    if isinstance(asked, Ticket):
        return None
    return {"users": asked.users, "statements": statements_document(asked.statements)}


def _step_up(asked: AccessTemplate | Ticket) -> dict[str, Any] | None:
    if isinstance(asked, AccessTemplate):
        return None
    return {"user": asked.user, "token": token_text(asked.token), **ticket_document(asked)}


def _asked_of(value: Mapping[str, Any]) -> AccessTemplate | Ticket:
    access, step_up = value["access"], value["stepUp"]
    if step_up is not None:
        return ticket_of(step_up, UserId(step_up["user"]), token_of(step_up["token"]))
    return AccessTemplate(tuple(access["users"]), statements_in(access["statements"]))


def _vote(vote: Vote) -> dict[str, Any]:
    return {
        "approver": vote.approver,
        "approve": vote.approve,
        "at": micros(vote.at),
        "comment": vote.comment,
        "handsOut": vote.hands_out,
    }


def _vote_of(value: Mapping[str, Any]) -> Vote:
    return Vote(
        approver=UserId(value["approver"]),
        approve=value["approve"],
        at=time_of(value["at"]),
        comment=value["comment"],
        hands_out=value["handsOut"],
    )
