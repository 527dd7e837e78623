"""Requests to other people over HTTP (semantics §9; authress-contract §1.3)."""

from __future__ import annotations

import re
from urllib.parse import quote

import msgspec

from stairgate.api.answers import Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.authress import listing
from stairgate.api.handlers.authress.drafting import access_request_draft
from stairgate.api.handlers.authress.making import made
from stairgate.api.handlers.authress.showing import access_view, collection_links, itself, pagination
from stairgate.api.views import area_view
from stairgate.api.wire import authress as authress_wire
from stairgate.api.wire import requests as wire
from stairgate.model.approvals import quorums_document
from stairgate.model.canonical import JsonValue, read_json
from stairgate.model.challenges import Ticket
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import RequestId, request_id
from stairgate.model.protection import level_name
from stairgate.model.requests import Request, RequestStatus, comment_of
from stairgate.service import requests
from stairgate.service.management import Written
from stairgate.service.views import in_words
from stairgate.service.vote import VoteCall, vote

IF_MATCH = "If-Match"
MAX_TAG = 24
_TAG = re.compile(r'"([1-9][0-9]{0,14})"')
_STEP_UP_ROLE = "Authress:StepUp"  # no role: what official clients are shown where a role would be


async def create(call: Call) -> Answer:
    """Answer `POST /v1/requests`."""
    draft = access_request_draft(call.body(wire.AccessRequest))
    return await made(
        call,
        lambda services: requests.open_access_request(services, call.caller, draft),
        lambda request: request_view(call, request),
        dated=lambda request: request.last_updated,
        tagged=_etag,
    )


async def list_(call: Call) -> Answer:
    """Answer `GET /v1/requests`."""
    status = call.query.get("status")
    if status is not None and status not in {each.value for each in RequestStatus}:
        raise InvalidInputError("status", "must be `OPEN`, `APPROVED`, `DENIED` or `DELETED`")
    scope: JsonValue = ["requests", status]
    limit, after = listing.limit_of(call), listing.after(call, scope)
    found = await requests.list_requests(
        call.services, call.caller, limit=limit, after=after, status=None if status is None else RequestStatus(status)
    )
    cursor = listing.cursor(call, scope, found.after)
    views = [request_view(call, request) for request in found.items]
    return json_answer(200, wire.AccessRequestCollection(views, pagination(cursor), collection_links(call, cursor)))


async def read(call: Call) -> Answer:
    """Answer `GET /v1/requests/{requestId}`."""
    request = await requests.read_request(call.services, call.caller, _key(call))
    return json_answer(200, request_view(call, request), _etag(request), *listing.last_modified(request.last_updated))


async def replace(call: Call) -> Answer:
    """Answer `PUT /v1/requests/{requestId}`."""
    draft = access_request_draft(call.body(wire.AccessRequest))
    written = await requests.change_access_request(call.services, call.caller, _key(call), draft, seen=_seen(call))
    return _changed(call, written)


async def delete(call: Call) -> Answer:
    """Answer `DELETE /v1/requests/{requestId}`."""
    written = await requests.withdraw_request(call.services, call.caller, _key(call))
    return empty_answer(204, listing.revision(written.revision))


async def respond(call: Call) -> Answer:
    """Answer `PATCH /v1/requests/{requestId}`, the vote as Authress calls it."""
    body = call.body(wire.AccessRequestResponse)
    said = VoteCall(body.status == "APPROVED", comment_of(body.comment), _seen(call), plain=True)
    return _changed(call, await vote(call.services, call.caller, _key(call), said))


async def give_vote(call: Call) -> Answer:
    """Answer `POST /v1/requests/{requestId}/votes`."""
    body = call.body(wire.GiveVote)
    said = VoteCall(body.vote == "approve", comment_of(body.comment), _seen(call))
    return _changed(call, await vote(call.services, call.caller, _key(call), said))


def _changed(call: Call, written: Written[Request]) -> Answer:
    request = written.value
    fields = (_etag(request), *listing.last_modified(request.last_updated), listing.revision(written.revision))
    return json_answer(200, request_view(call, request), *fields)


def _key(call: Call) -> RequestId:
    return request_id(call.parameters["requestId"])


def _seen(call: Call) -> int | None:
    """
    Which version the caller saw (RFC 9110 §13.1.1). `*` names none, so it is refused, as is a list.

    Raises:
        InvalidInputError: It is no entity tag of a request.
    """
    text = call.header(IF_MATCH, maximum=MAX_TAG)
    if text is None:
        return None
    tag = _TAG.fullmatch(text)
    if tag is None:
        raise InvalidInputError(IF_MATCH, 'must be the `ETag` of the request that you saw, such as `"1"`')
    return int(tag[1])


def _etag(request: Request) -> listing.HeaderField:
    return (b"etag", f'"{request.version}"'.encode())


def request_view(call: Call, request: Request) -> wire.AccessRequest:
    """*request* as everybody who may see it sees it."""
    ticket = request.ticket
    return wire.AccessRequest(
        access=_ticket_access(request.asked) if isinstance(request.asked, Ticket) else access_view(request.asked),
        request_id=request.id,
        last_updated=request.last_updated,
        status=request.status.value,
        links=itself(call, f"/v1/requests/{quote(request.id, safe='')}"),
        tags=dict(request.tags),
        kind="access" if ticket is None else "step_up",
        requester_id=request.requester,
        opener_id=request.opener,
        version=request.version,
        opened_at=request.opened_at,
        expires_at=request.expires_at,
        approvals=_quorums(request),
        votes=[
            wire.Vote(each.approver, "approve" if each.approve else "decline", each.at, each.comment)
            for each in request.votes
        ],
        ended=None if request.end is None else request.end.value,
        ended_at=request.ended_at,
        record_id=request.record,
        step_up=None if ticket is None else _step_up(ticket),
    )


def _quorums(request: Request) -> list[wire.Quorum]:
    documents = quorums_document(request.quorums) or []
    return [msgspec.convert(document, wire.Quorum) for document in documents]


def _ticket_access(ticket: Ticket) -> wire.AccessTemplate:
    statement = authress_wire.Statement([_STEP_UP_ROLE], [authress_wire.Resource(str(ticket.resource))])
    return wire.AccessTemplate([authress_wire.User(ticket.user)], [statement])


def _step_up(ticket: Ticket) -> wire.StepUpAsked:
    return wire.StepUpAsked(
        resource_uri=str(ticket.resource),
        action=str(ticket.action),
        area=area_view(ticket.area),
        level=level_name(ticket.requirement.level),
        lifetime=ticket.requirement.lifetime,
        uses=ticket.requirement.uses,
        details={name: read_json(value) for name, value in ticket.details.items()},
        asked=in_words(ticket),
    )
