"""The calls for requests to other people."""

from __future__ import annotations

from stairgate.api.call import Parameter, Route
from stairgate.api.handlers.authress import requests
from stairgate.api.handlers.authress.listing import CURSOR, LIMIT
from stairgate.api.wire import requests as wire

_STATUS = Parameter("status", "Only those of this status.", choices=("OPEN", "APPROVED", "DENIED", "DELETED"))
_SEEN = Parameter(
    requests.IF_MATCH,
    'The `ETag` of the request that you saw, such as `"1"`: 412 if it asks for something else by now.',
    minimum=1,
    maximum=requests.MAX_TAG,
)

ROUTES: tuple[Route, ...] = (
    Route(
        "GET",
        "/v1/requests",
        requests.list_,
        "See requests: one's own, those that wait for one, and for admins all",
        "requests",
        {200: wire.AccessRequestCollection},
        query=(LIMIT, CURSOR, _STATUS),
        errors=(403, 503),
    ),
    Route(
        "POST",
        "/v1/requests",
        requests.create,
        "Ask for access",
        "requests",
        {201: wire.AccessRequest},
        description=(
            "Where marks that guard the access ask for approvals, their quorums must agree, and one of those who agree "
            "must be able to hand out all of it; else one such person decides."
        ),
        request=wire.AccessRequest,
        errors=(403, 409, 503),
        idempotent=True,
    ),
    Route(
        "GET",
        "/v1/requests/{requestId}",
        requests.read,
        "See a request",
        "requests",
        {200: wire.AccessRequest},
        errors=(403, 404, 503),
    ),
    Route(
        "PUT",
        "/v1/requests/{requestId}",
        requests.replace,
        "Ask for something else instead",
        "requests",
        {200: wire.AccessRequest},
        description="For its requester. What was said of it before is void; `If-Match` is required.",
        request=wire.AccessRequest,
        headers=(_SEEN,),
        errors=(403, 404, 409, 412, 428, 503),
    ),
    Route(
        "PATCH",
        "/v1/requests/{requestId}",
        requests.respond,
        "Approve or deny a request",
        "requests",
        {200: wire.AccessRequest},
        description="A vote, as Authress calls it. `If-Match` may be left out for an access request.",
        request=wire.AccessRequestResponse,
        headers=(_SEEN,),
        errors=(403, 404, 409, 412, 428, 503),
    ),
    Route(
        "DELETE",
        "/v1/requests/{requestId}",
        requests.delete,
        "Withdraw a request",
        "requests",
        {204: None},
        description="For its requester, or with `DELETE` on `Authress:AccessRequests/{requestId}`.",
        errors=(403, 404, 503),
    ),
    Route(
        "POST",
        "/v1/requests/{requestId}/votes",
        requests.give_vote,
        "Vote on a request",
        "requests",
        {200: wire.AccessRequest},
        description=(
            "Only users vote, with a token of their own, and nobody on what they asked for. `If-Match` is required. "
            "A mark on `Authress:AccessRequests` for the action `Approve` has approvers step up first."
        ),
        request=wire.GiveVote,
        headers=(_SEEN,),
        errors=(403, 404, 409, 412, 428, 503),
    ),
)
