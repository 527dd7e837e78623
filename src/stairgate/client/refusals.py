"""Error answers as exceptions: the one place where a status and an `errorCode` become a class."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final

from stairgate.client.codec import from_wire
from stairgate.client.errors import (
    ChangedMeanwhileError,
    ConflictError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    PreconditionRequiredError,
    RefusedError,
    ServerError,
    StairgateError,
    StepUpAuthorizationRequired,
    TooLargeError,
    TooManyError,
    UnauthenticatedError,
    UnexpectedAnswerError,
    WrongAnswerError,
)
from stairgate.client.exchange import Reply, document_in, unexpected
from stairgate.client.requirement import Requirement

STEP_UP: Final = "StepUpAuthorizationRequired"
_KNOWN: Final = {"title", "errorCode", "errorId"}
_FAMILIES: Final[dict[int, type[RefusedError]]] = {
    400: InvalidInputError,
    401: UnauthenticatedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    412: ChangedMeanwhileError,
    413: TooLargeError,
    428: PreconditionRequiredError,
    422: WrongAnswerError,
    429: TooManyError,
}
_ERRORS = range(400, 600)


def refusal(reply: Reply) -> StairgateError:
    """The exception for *reply*, which is not what the operation hoped for."""
    if reply.status not in _ERRORS:
        return unexpected(reply, "a redirect is not followed" if 300 <= reply.status < 400 else "not this status")  # noqa: PLR2004
    family = ServerError if reply.status >= 500 else _FAMILIES.get(reply.status, RefusedError)  # noqa: PLR2004
    try:
        body = document_in(reply)
    except UnexpectedAnswerError as error:
        # A gateway in front answers 5xx in its own words: the service is away, and that is what counts.
        if family is not ServerError:
            return error
        return ServerError(f"the service failed ({reply.status})", status=reply.status)
    code = body.get("errorCode")
    if not isinstance(code, str):
        return unexpected(reply, "it has no `errorCode`")
    if reply.status == 403 and code == STEP_UP:  # noqa: PLR2004  # semantics §6
        return step_up_required(reply, body)
    details = {name: value for name, value in body.items() if name not in _KNOWN}
    if "retry-after" in reply.headers and reply.headers["retry-after"].isdecimal():
        details["retryAfter"] = int(reply.headers["retry-after"])
    return _class_for(family, code)(
        _text(body, "title") or code,
        status=reply.status,
        error_code=code,
        error_id=_text(body, "errorId"),
        details=details,
    )


def step_up_required(reply: Reply, body: dict[str, Any]) -> StepUpAuthorizationRequired:
    """The exception for a refusal that a step-up opens. Raises `UnexpectedAnswerError` where it cannot be read."""
    expires_at = body.get("expiresAt")
    try:
        return StepUpAuthorizationRequired(
            _text(body, "title") or STEP_UP,
            step_up_challenge_token=_text(body, "stepUpChallengeToken"),
            requirement=from_wire(Requirement, body.get("requirement")),
            reason=_text(body, "reason") or "elevation_required",
            expires_at=datetime.fromisoformat(expires_at) if isinstance(expires_at, str) else None,
            status=reply.status,
            error_code=STEP_UP,
            error_id=_text(body, "errorId"),
        )
    except ValueError:
        raise unexpected(reply, "`expiresAt` is no date") from None


def _class_for(family: type[RefusedError], code: str) -> type[RefusedError]:
    """The class below *family* for *code*; the family itself where this SDK does not know the code."""
    for kind in family.__subclasses__():
        found = _class_for(kind, code)
        if found.code == code:
            return found
    return family


def _text(body: dict[str, Any], name: str) -> str | None:
    value = body.get(name)
    return value if isinstance(value, str) else None
