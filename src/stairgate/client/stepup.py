"""Challenges and elevations: open, answer, follow, end; and the report of a step-up."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from stairgate.client.codec import from_wire
from stairgate.client.errors import ArgumentError, UnexpectedAnswerError
from stairgate.client.exchange import (
    Conversation,
    Found,
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
from stairgate.client.shapes import Challenge, DeliveredCode, Elevation

LONGEST_WAIT: Final = 30.0  # seconds that one request waits; half of what the service takes, to outlive most proxies
# A service that answers at once where nothing changed would be asked without a pause.
SHORTEST_ROUND: Final = 1.0


def step_up_authorization(
    conversation: Conversation, challenge_token: str, *, user_token: str | None, code: str | None
) -> Operation[Elevation]:
    """Report that the challenge was met, and return the elevation. Repeatable: the answer is the same."""
    body: dict[str, Any] = {"stepUpChallengeToken": challenge_token}
    if code is not None:
        body["code"] = code
    request = Request("POST", "/v1/step-up", conversation.on_behalf_of(user_token), encoded(body))
    return from_wire(Elevation, (yield from _call(request, {200})))


def open_challenge(
    conversation: Conversation, challenge_token: str, *, user_token: str | None, opening: Mapping[str, str | int | None]
) -> Operation[Challenge]:
    """Open the challenge that the token stands for, and say what is known; a repeat gives the same one."""
    body: dict[str, Any] = {"stepUpChallengeToken": challenge_token}
    body.update({name: value for name, value in opening.items() if value is not None})
    request = Request("POST", "/v1/challenges", conversation.on_behalf_of(user_token), encoded(body))
    return from_wire(Challenge, (yield from _call(request, {200, 201})))


def get_challenge(
    conversation: Conversation, challenge_id: str, *, user_token: str | None, wait: int | None = None
) -> Operation[Challenge]:
    """Read the challenge; with *wait*, once it has changed or so many seconds are over."""
    request = Request(
        "GET",
        path("v1", "challenges", challenge_id, query={"wait": wait}),
        conversation.on_behalf_of(user_token),
        repeatable=True,
        patience=float(wait or 0),
    )
    return from_wire(Challenge, (yield from _call(request, {200})))


def watch_challenge(conversation: Conversation, challenge_id: str, *, user_token: str | None) -> Stream[Challenge]:
    """Every state of the challenge from now on, until it has ended."""
    last: Challenge | None = None
    wait = 0
    while True:
        asked_at = conversation.elapsed()
        challenge = yield from get_challenge(conversation, challenge_id, user_token=user_token, wait=wait or None)
        if last is None or challenge.state != last.state:
            yield Found(challenge)
        elif conversation.elapsed() - asked_at < SHORTEST_ROUND:
            yield Sleep(SHORTEST_ROUND)
        if not challenge.live:
            return
        last, wait = challenge, int(LONGEST_WAIT)


def wait_for_challenge(
    conversation: Conversation,
    challenge_id: str,
    *,
    user_token: str | None,
    timeout: float,
    until_approved: bool = False,
) -> Operation[Challenge]:
    """
    Wait until the challenge has ended, at most *timeout* seconds, and return it as it then is.

    With *until_approved* only while other people have yet to agree.
    """
    deadline = conversation.elapsed() + timeout
    challenge = yield from get_challenge(conversation, challenge_id, user_token=user_token)
    while (
        challenge.live
        and not (until_approved and challenge.approved is not False)
        and (left := deadline - conversation.elapsed()) > 0
    ):
        asked_at = conversation.elapsed()
        wait = max(1, int(min(left, LONGEST_WAIT)))
        challenge = yield from get_challenge(conversation, challenge_id, user_token=user_token, wait=wait)
        if challenge.live and conversation.elapsed() - asked_at < SHORTEST_ROUND:
            yield Sleep(SHORTEST_ROUND)
    return challenge


def request_code(
    conversation: Conversation, challenge_id: str, method: str, *, factor_id: str | None, user_token: str | None
) -> Operation[DeliveredCode | None]:
    """Have a code sent; with `external`, return it for the application to deliver."""
    body = {"method": method} if factor_id is None else {"method": method, "factorId": factor_id}
    request = Request(
        "POST",
        path("v1", "challenges", challenge_id, "code"),
        conversation.on_behalf_of(user_token),
        encoded(body),
    )
    document = yield from _call(request, {200, 201, 202, 204})
    return from_wire(DeliveredCode, document) if document and "code" in document else None


def passkey_options(
    conversation: Conversation, challenge_id: str, *, once: bool, user_token: str | None
) -> Operation[dict[str, Any]]:
    """Begin a passkey's ceremony; what comes back goes to the browser."""
    request = Request(
        "POST",
        path("v1", "challenges", challenge_id, "options"),
        conversation.on_behalf_of(user_token),
        encoded({"once": once}),
    )
    options = (yield from _call(request, {200})).get("publicKey")
    if not isinstance(options, dict):
        raise UnexpectedAnswerError("unexpected answer: no `publicKey`")
    return options


def answer_challenge(
    conversation: Conversation,
    challenge_id: str,
    *,
    method: str,
    code: str | None,
    credential: Mapping[str, object] | None,
    once: bool,
    user_token: str | None,
) -> Operation[Challenge]:
    """Answer with a code or a passkey. A wrong one raises `WrongAnswerError`."""
    if (code is None) == (credential is None):
        raise ArgumentError("an answer has a code, or for a passkey a credential")
    body: dict[str, Any] = {"method": method}
    body.update({"code": code} if credential is None else {"credential": credential})
    if once:
        body["once"] = True
    request = Request(
        "POST", path("v1", "challenges", challenge_id, "answer"), conversation.on_behalf_of(user_token), encoded(body)
    )
    return from_wire(Challenge, (yield from _call(request, {200})))


def decline_challenge(
    conversation: Conversation, challenge_id: str, *, not_me: bool, user_token: str | None
) -> Operation[Challenge]:
    """End the challenge; with *not_me*, bar the token, too."""
    request = Request(
        "POST",
        path("v1", "challenges", challenge_id, "decline"),
        conversation.on_behalf_of(user_token),
        encoded({"notMe": not_me}),
    )
    return from_wire(Challenge, (yield from _call(request, {200})))


def cancel_challenge(conversation: Conversation, challenge_id: str, *, user_token: str | None) -> Operation[None]:
    """Take the challenge back."""
    request = Request("DELETE", path("v1", "challenges", challenge_id), conversation.on_behalf_of(user_token))
    yield from _call(request, {200, 202, 204})


def list_elevations(conversation: Conversation, user_id: str) -> Operation[list[Elevation]]:
    """The user's live elevations, oldest first."""
    del conversation
    document = yield from _call(Request("GET", path("v1", "users", user_id, "elevations"), repeatable=True), {200})
    items = document.get("elevations")
    if not isinstance(items, list):
        raise UnexpectedAnswerError("unexpected answer: no list of `elevations`")
    return [from_wire(Elevation, item) for item in items]


def end_elevation(conversation: Conversation, user_id: str, elevation_id: str) -> Operation[None]:
    """End one elevation. Once this returns, no check is allowed by it."""
    del conversation
    yield from _call(Request("DELETE", path("v1", "users", user_id, "elevations", elevation_id)), {200, 202, 204})


def end_elevations(
    conversation: Conversation, user_id: str, *, user_token: str | None, everything: bool | None
) -> Operation[None]:
    """End those of one token, or of every token."""
    query = None if everything is None else {"all": "true" if everything else "false"}
    target = path("v1", "users", user_id, "elevations", query=query)
    yield from _call(Request("DELETE", target, conversation.on_behalf_of(user_token)), {200, 202, 204})


def _call(request: Request, expected: set[int]) -> Operation[dict[str, Any]]:
    reply = yield from exchange(request)
    if reply.status not in expected:
        raise refusal(reply)
    return document_in(reply) if reply.body else {}
