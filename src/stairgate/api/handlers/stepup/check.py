"""The check over HTTP (semantics §6): the hot path, so what can be prepared is."""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from dataclasses import replace
from functools import lru_cache
from typing import assert_never

from stairgate.api.answers import JSON_TYPE, NO_STORE, Answer, HeaderList, json_answer
from stairgate.api.call import MAX_IDEMPOTENCY_KEY, Call, whole_number
from stairgate.api.once import IDEMPOTENCY_KEY
from stairgate.api.refusal import refusal_answer
from stairgate.api.wire.stepup import ExplainCheck
from stairgate.model.actions import Action, parse_action
from stairgate.model.canonical import MAX_INTEGER, JsonValue, base64url, read_json
from stairgate.model.decisions import Allow, Deny, StepUpRequired
from stairgate.model.errors import InvalidInputError, UnavailableError
from stairgate.model.ids import UserId, user_id
from stairgate.model.resources import Resource, parse_resource
from stairgate.service.check import CheckCall, Checked
from stairgate.service.check import check as decide
from stairgate.service.explain import explain

USER_TOKEN = "Stairgate-User-Token"  # noqa: S105  # a header's name
CONTEXT = "Stairgate-Context"
AT_LEAST = "Stairgate-At-Least"
_FIELDS = frozenset(name.lower().encode() for name in (USER_TOKEN, CONTEXT, AT_LEAST, IDEMPOTENCY_KEY))
MAX_USER_TOKEN = 16 * 1024
MAX_CONTEXT = 4 * 1024  # bytes of JSON (semantics §6)

_DENIED = b'{"title":"the user does not have this permission","errorCode":"NotFound","errorId":"%b"}'
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+={0,2}")


async def check(call: Call) -> Answer:
    """Answer `GET /v1/users/{userId}/resources/{resourceUri}/permissions/{permission}`."""
    user, resource, action = _question(
        call.parameters["userId"], call.parameters["resourceUri"], call.parameters["permission"]
    )
    question = CheckCall(user, resource, action)
    if not _FIELDS.isdisjoint(call.headers):
        question = _with_headers(call, question)
    try:
        checked = await decide(call.services, call.caller, question)
    except UnavailableError:
        await _require_reachable(call, question.at_least)
        raise
    match checked.decision:
        case Allow():
            return Answer(200, b"", _headers(checked), outcome="allow")
        case Deny():
            body = _DENIED % call.request_id.encode()
            return Answer(404, body, (JSON_TYPE, *_headers(checked)), outcome="deny")
        case StepUpRequired() as refusal:
            answer = refusal_answer(
                refusal,
                call.request_id,
                *_headers(checked)[1:],  # without `no-store`, which every JSON answer has
                challenge_token=checked.challenge_token,
                expires_at=checked.expires_at,
            )
            return replace(answer, outcome="step_up_required")
        case _:
            assert_never(checked.decision)


def _with_headers(call: Call, question: CheckCall) -> CheckCall:
    return replace(
        question,
        user_token=call.header(USER_TOKEN, maximum=MAX_USER_TOKEN),
        context=context_of(call),
        idempotency_key=call.header(IDEMPOTENCY_KEY, maximum=MAX_IDEMPOTENCY_KEY),
        at_least=whole_number(call.header(AT_LEAST), field=AT_LEAST, low=0, high=MAX_INTEGER),
    )


async def explanation(call: Call) -> Answer:
    """Answer `POST /v1/explanations`."""
    body = call.body(ExplainCheck)
    user, resource, action = _question(body.user_id, body.resource_uri, body.permission)
    question = CheckCall(
        user=user,
        resource=resource,
        action=action,
        user_token=call.header(USER_TOKEN, maximum=MAX_USER_TOKEN),
        context=body.context,
        idempotency_key=None,
        at_least=None,
    )
    explained = await explain(call.services, call.caller, question)
    return json_answer(200, explained.document())


@lru_cache(maxsize=16_384)
def _question(user: str, resource: str, action: str) -> tuple[UserId, Resource, Action]:
    return user_id(user), parse_resource(resource), parse_action(action)


def context_of(call: Call) -> Mapping[str, JsonValue] | None:
    """
    The details that the request carries in `Stairgate-Context`, None if it has none.

    Raises:
        InvalidInputError: They are not base64url of a JSON object of at most 4 KiB.
    """
    text = call.header(CONTEXT, maximum=MAX_CONTEXT * 4 // 3 + 4)
    if text is None:
        return None
    unpadded = text.rstrip("=")
    if _BASE64URL.fullmatch(text) is None or len(unpadded) % 4 == 1:
        raise InvalidInputError(CONTEXT, "must be base64url")
    data = urlsafe_b64decode(unpadded + "=" * (-len(unpadded) % 4))
    if base64url(data) != unpadded:
        raise InvalidInputError(CONTEXT, "must be base64url in its one canonical form")
    if len(data) > MAX_CONTEXT:
        raise InvalidInputError(CONTEXT, f"must have at most {MAX_CONTEXT} bytes of JSON")
    value = read_json(data, field=CONTEXT)
    if not isinstance(value, Mapping):
        raise InvalidInputError(CONTEXT, "must be a JSON object")
    return value


async def _require_reachable(call: Call, at_least: int | None) -> None:
    """
    Tell a revision that no node has from one that this node has not seen yet: the first is the caller's mistake.

    Raises:
        InvalidInputError: There is no such revision.
    """
    if at_least is None:
        return
    newest = await call.services.store.read(lambda transaction: transaction.revision())
    if newest < at_least:
        raise InvalidInputError(AT_LEAST, "is a revision that does not exist")


@lru_cache(maxsize=64)
def _revision_headers(revision: int) -> HeaderList:
    return (NO_STORE, (b"stairgate-revision", b"%d" % revision))


def _headers(checked: Checked) -> HeaderList:
    if checked.stale is None:
        return _revision_headers(checked.revision)
    return (*_revision_headers(checked.revision), (b"stairgate-stale", b"%d" % checked.stale))
