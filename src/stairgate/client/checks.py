"""The check: may this user, with this token, do this to that?"""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any, Final

from stairgate.client.decisions import Allowed, Decision, Denied, StepUp
from stairgate.client.errors import ArgumentError, NotFoundError, StepUpAuthorizationRequired, Unauthorized
from stairgate.client.exchange import Conversation, Operation, Request, document_in, exchange, path, unexpected
from stairgate.client.exchange import encoded as json_bytes
from stairgate.client.refusals import refusal

MOST_CONTEXT: Final = 4096  # bytes of the context's JSON (semantics §6)
_MOST_KEY = 255


def authorize(
    conversation: Conversation,
    user_id: str,
    resource_uri: str,
    permission: str,
    *,
    user_token: str | None,
    context: Mapping[str, object] | None,
    idempotency_key: str | None,
    at_least: int | None,
) -> Operation[Decision]:
    """Ask, and return the decision. SECURITY: 200 with an empty body, and nothing else, is an allow."""
    request = Request(
        "GET",
        check_path(user_id, resource_uri, permission),
        check_headers(conversation, user_token, context, idempotency_key, at_least),
        # A check may take a use: repeating it could take a second one, unless the service knows the key (semantics §8).
        # It ignores a user's.
        repeatable=idempotency_key is not None and not conversation.credentials.is_user,
    )
    reply = yield from exchange(request)
    if reply.status == 200:  # noqa: PLR2004
        if reply.body:
            raise unexpected(reply, "an allow has no body")
        stale = reply.headers.get("stairgate-stale", "")
        return Allowed(int(stale) if stale.isdecimal() else None)
    error = refusal(reply)
    match error:
        case NotFoundError():
            return Denied(error.title, error.error_id)
        case StepUpAuthorizationRequired():
            return StepUp(
                error.title,
                error.step_up_challenge_token,
                error.requirement,
                error.reason,
                error.expires_at,
                error.error_id,
            )
        case _:
            raise error


def require(decision: Decision, user_id: str, resource_uri: str, permission: str) -> None:
    """
    Return if *decision* allows.

    Raises:
        Unauthorized: It denies.
        StepUpAuthorizationRequired: It wants a step-up.
    """
    match decision:
        case Allowed():
            return
        case StepUp():
            raise StepUpAuthorizationRequired(
                decision.title,
                step_up_challenge_token=decision.step_up_challenge_token,
                requirement=decision.requirement,
                reason=decision.reason,
                expires_at=decision.expires_at,
                status=403,
                error_code="StepUpAuthorizationRequired",
                error_id=decision.error_id,
            )
        case Denied():
            raise Unauthorized(
                f"`{user_id}` may not `{permission}` on `{resource_uri}`",
                status=404,
                error_code="NotFound",
                error_id=decision.error_id,
            )


def explain(
    conversation: Conversation,
    user_id: str,
    resource_uri: str,
    permission: str,
    *,
    user_token: str | None,
    context: Mapping[str, object] | None,
) -> Operation[dict[str, Any]]:
    """Ask why; takes no use."""
    body: dict[str, Any] = {"userId": user_id, "resourceUri": resource_uri, "permission": permission}
    if context is not None:
        body["context"] = dict(context)
    headers = conversation.on_behalf_of(user_token)
    reply = yield from exchange(Request("POST", "/v1/explanations", headers, json_bytes(body)))
    if reply.status != 200:  # noqa: PLR2004
        raise refusal(reply)
    return document_in(reply)


def check_path(user_id: str, resource_uri: str, permission: str) -> str:
    """The path of the check, each part one segment."""
    return path("v1", "users", user_id, "resources", resource_uri, "permissions", permission)


def check_headers(
    conversation: Conversation,
    user_token: str | None,
    context: Mapping[str, object] | None,
    idempotency_key: str | None,
    at_least: int | None,
) -> dict[str, str]:
    """The headers that belong to a check."""
    headers = conversation.on_behalf_of(user_token)
    if context is not None:
        document = json_bytes(context)
        if len(document) > MOST_CONTEXT:
            raise ArgumentError(f"the context has {len(document)} bytes as JSON: at most {MOST_CONTEXT} can be sent")
        headers["stairgate-context"] = base64.urlsafe_b64encode(document).rstrip(b"=").decode()
    if idempotency_key is not None:
        if not 1 <= len(idempotency_key) <= _MOST_KEY or not (
            idempotency_key.isascii() and idempotency_key.isprintable()
        ):
            raise ArgumentError(f"an idempotency key has 1 to {_MOST_KEY} visible ASCII characters")
        headers["idempotency-key"] = idempotency_key
    if at_least is not None:
        headers["stairgate-at-least"] = str(at_least)
    return headers
