"""Challenges over HTTP (semantics §7)."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator

import msgspec

from stairgate.api.answers import NO_STORE, Answer, empty_answer, json_answer
from stairgate.api.call import Call
from stairgate.api.handlers.stepup.check import MAX_USER_TOKEN, USER_TOKEN
from stairgate.api.views import challenge_view, elevation_view
from stairgate.api.wire.stepup import (
    AnswerChallenge,
    BeginPasskey,
    DeclineChallenge,
    IssueCode,
    IssuedCode,
    OpenChallenge,
    PasskeyOptions,
    ReportStepUp,
)
from stairgate.model.challenges import Opening
from stairgate.model.errors import DomainError, InvalidInputError, NotFoundError
from stairgate.model.ids import ChallengeId, FactorId
from stairgate.model.protection import method_of
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.cancel_challenge import cancel_challenge
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.issue_code import issue_code
from stairgate.service.open_challenge import OpenCall, open_challenge
from stairgate.service.passkey_options import passkey_options
from stairgate.service.read_challenge import read_challenge, wait_for_challenge
from stairgate.service.report_step_up import report_step_up
from stairgate.service.send_code import SENT, send_code
from stairgate.service.views import ChallengeView

LONGEST_WAIT = 60  # seconds
HEARTBEAT = 15  # seconds after which a silent stream says that it is alive, so that nothing in between cuts it
_MAX_ID = 128


async def open_(call: Call) -> Answer:
    """Answer `POST /v1/challenges`."""
    body = call.body(OpenChallenge)
    opening = Opening(device=body.device, locale=body.locale, return_uri=body.return_uri, state=body.state)
    asked = OpenCall(body.step_up_challenge_token, opening, body.expiry)
    view = await open_challenge(call.services, call.caller, asked)
    location = f"/v1/challenges/{view.challenge.id}".encode()
    return json_answer(201, challenge_view(view), (b"location", location))


async def read(call: Call) -> Answer:
    """Answer `GET /v1/challenges/{challengeId}`, at once or after a change."""
    seconds = call.integer("wait", low=0, high=LONGEST_WAIT) or 0
    challenge = _challenge_id(call)
    if seconds == 0:
        view = await read_challenge(call.services, call.participant, challenge)
    else:
        view = await wait_for_challenge(call.services, call.participant, challenge, seconds)
    return json_answer(200, challenge_view(view))


async def events(call: Call) -> Answer:
    """Answer `GET /v1/challenges/{challengeId}/events`: one event a state, until the challenge ends."""
    challenge = _challenge_id(call)
    # Read before the stream begins, so that a foreign id is a plain 404.
    view = await read_challenge(call.services, call.participant, challenge)
    headers = ((b"content-type", b"text/event-stream"), NO_STORE, (b"x-accel-buffering", b"no"))
    return Answer(200, b"", headers, _states(call, view))


async def _states(call: Call, view: ChallengeView) -> AsyncGenerator[bytes, None]:
    participant = call.participant
    yield _event(view)
    while view.challenge.state.live:  # it also ends with the token that it names
        began = call.services.clock.now()
        try:
            following = await wait_for_challenge(call.services, participant, view.challenge.id, HEARTBEAT)
        except DomainError:
            return  # the client opens a new stream, and is told there
        if following.challenge.version != view.challenge.version:
            yield _event(following)
        else:
            yield b": still waiting\n\n"
            if call.services.clock.now() == began:
                await asyncio.sleep(1)  # a wait that was none must not become a loop
        view = following


def _event(view: ChallengeView) -> bytes:
    data = msgspec.json.encode(challenge_view(view))
    return b"id: %d\nevent: %b\ndata: %b\n\n" % (view.challenge.version, view.challenge.state.value.encode(), data)


async def code(call: Call) -> Answer:
    """Answer `POST /v1/challenges/{challengeId}/code`."""
    body = call.body(IssueCode)
    method, challenge = method_of(body.method), _challenge_id(call)
    if method in SENT:
        factor = None if body.factor_id is None else FactorId(body.factor_id)
        sent = await send_code(call.services, call.participant, challenge, method, factor=factor)
        return json_answer(200, IssuedCode(sent_to=sent.sent_to, expires_at=sent.expires_at))
    if body.factor_id is not None:
        raise InvalidInputError("factorId", "is for a method that sends to an address of the user")
    issued = await issue_code(call.services, call.participant, challenge, method)
    return json_answer(200, IssuedCode(code=issued.code, expires_at=issued.expires_at))


async def options(call: Call) -> Answer:
    """Answer `POST /v1/challenges/{challengeId}/options`."""
    body = call.body(BeginPasskey)
    made = await passkey_options(call.services, call.participant, _challenge_id(call), once=body.once)
    return json_answer(200, PasskeyOptions(public_key=dict(made)))


async def answer(call: Call) -> Answer:
    """Answer `POST /v1/challenges/{challengeId}/answer`."""
    body = call.body(AnswerChallenge)
    given = AnswerCall(
        method=method_of(body.method),
        code=body.code,
        once=body.once,
        credential=body.credential,
        match_code=body.match_code,
    )
    view = await answer_challenge(call.services, call.participant, _challenge_id(call), given)
    return json_answer(200, challenge_view(view))


async def decline(call: Call) -> Answer:
    """Answer `POST /v1/challenges/{challengeId}/decline`."""
    body = call.body(DeclineChallenge)
    view = await decline_challenge(call.services, call.participant, _challenge_id(call), not_me=body.not_me)
    return json_answer(200, challenge_view(view))


async def cancel(call: Call) -> Answer:
    """Answer `DELETE /v1/challenges/{challengeId}`."""
    await cancel_challenge(call.services, call.caller, _challenge_id(call))
    return empty_answer(204)


async def report(call: Call) -> Answer:
    """Answer `POST /v1/step-up`: the article's `stepUpAuthorization`."""
    body = call.body(ReportStepUp)
    elevation = await report_step_up(
        call.services,
        call.caller,
        body.step_up_challenge_token,
        user_token=call.header(USER_TOKEN, maximum=MAX_USER_TOKEN),
        code=body.code,
    )
    return json_answer(200, elevation_view(elevation))


def _challenge_id(call: Call) -> ChallengeId:
    # An id of a wrong form is one that does not exist: unknown and foreign ids answer alike.
    text = call.parameters["challengeId"]
    if len(text) > _MAX_ID or not text.isascii():
        raise NotFoundError
    return ChallengeId(text)
