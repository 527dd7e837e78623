"""The refusal that asks for a step-up (semantics §6): the same for a check and for a guarded call of this API."""

from __future__ import annotations

from datetime import datetime

from stairgate.api.answers import Answer, json_answer
from stairgate.api.views import requirement_view
from stairgate.api.wire.problem import StepUpAuthorizationRequired
from stairgate.model.decisions import Reason, StepUpRequired
from stairgate.model.protection import Level

CODE = "StepUpAuthorizationRequired"
_TITLES = {
    Reason.ELEVATION_REQUIRED: "this access needs a step-up first",
    Reason.ELEVATION_EXPIRED: "the step-up for this access is over: it needs another",
    Reason.DETAILS_CHANGED: "the step-up for this access was for other details: it needs another",
    Reason.DETAILS_REQUIRED: "this access needs details in its context before a step-up can be asked for",
    Reason.TOKEN_REQUIRED: "this access needs the user's own token beside the question",
    Reason.REQUIREMENT_UNSATISFIABLE: "this access needs a step-up that no proof can meet",
}


def refusal_answer(
    refusal: StepUpRequired,
    request_id: str,
    *headers: tuple[bytes, bytes],
    challenge_token: str | None,
    expires_at: datetime | None,
) -> Answer:
    """The 403 for *refusal*: never `Retry-After`, and a challenge token only where one was minted."""
    title = _TITLES[refusal.reason]
    body = StepUpAuthorizationRequired(
        title=title,
        error_code=CODE,
        error_id=request_id,
        requirement=requirement_view(refusal.requirement),
        reason=refusal.reason.value,
    )
    if challenge_token is not None and expires_at is not None:
        body.step_up_challenge_token = challenge_token
        body.expires_at = expires_at
    challenge = authentication_challenge(title, refusal.requirement.level, refusal.requirement.proof_age)
    return json_answer(403, body, (b"www-authenticate", challenge), *headers)


def authentication_challenge(description: str, level: Level | None, max_age: int) -> bytes:
    """
    The header of RFC 9470 §3. Any one of `acr_values` will do, the least demanding first; no level, no `acr_values`.

    Written only to callers whose own token was verified (OA-2): no handler runs for others.
    """
    values = "" if level is None else " ".join(stronger.acr for stronger in Level if stronger >= level)
    wanted = f"acr_values={quoted(values)}, " if values else ""
    return (
        f'Bearer error="insufficient_user_authentication", error_description={quoted(description)}, '
        f'{wanted}max_age="{max_age}"'
    ).encode("ascii")


def quoted(text: str) -> str:
    """*text* as a quoted-string (RFC 9110 §5.6.4): quotes and backslashes escaped, nothing but visible ASCII (OA-1)."""
    plain = "".join(character if " " <= character <= "~" else "?" for character in text)
    return '"' + plain.replace("\\", "\\\\").replace('"', '\\"') + '"'
