"""
The one table from errors to statuses, and the one JSON shape: `{title, errorCode, errorId}` and safe details.

An error that is not in the tree of `model/errors.py` becomes a 500 that says nothing but its id.
"""

from __future__ import annotations

from collections.abc import Mapping
from email.utils import format_datetime
from types import MappingProxyType

from stairgate.api.answers import Answer, json_answer
from stairgate.api.refusal import refusal_answer
from stairgate.model.errors import (
    ConflictError,
    DomainError,
    ForbiddenError,
    HeadersTooLargeError,
    InvalidInputError,
    MethodNotAllowedError,
    NotFoundError,
    OutOfScopeError,
    PreconditionFailedError,
    PreconditionRequiredError,
    ProofRefusedError,
    StepUpRefusedError,
    TooLargeError,
    TooManyError,
    UnauthenticatedError,
    UnavailableError,
    UnsupportedMediaTypeError,
    WrongAnswerError,
)

# The nearest class in an error's line of descent decides.
STATUS_OF: Mapping[type[DomainError], int] = MappingProxyType(
    {
        InvalidInputError: 400,
        UnauthenticatedError: 401,
        ForbiddenError: 403,
        NotFoundError: 404,
        MethodNotAllowedError: 405,
        ConflictError: 409,
        PreconditionFailedError: 412,
        TooLargeError: 413,
        UnsupportedMediaTypeError: 415,
        ProofRefusedError: 422,
        WrongAnswerError: 422,
        PreconditionRequiredError: 428,
        TooManyError: 429,
        HeadersTooLargeError: 431,
        OutOfScopeError: 501,
        UnavailableError: 503,
    }
)

_SHAPE = ("title", "errorCode", "errorId")
_UNEXPECTED = "something went wrong in the service: quote the errorId to its operator"
_REALM = 'Bearer realm="stairgate"'


def status_of(error: DomainError) -> int:
    """The status of *error*; 500 for one that no row of the table covers."""
    for ancestor in type(error).__mro__:
        if ancestor in STATUS_OF:
            return STATUS_OF[ancestor]
    return 500


def problem_of(error: DomainError, request_id: str, *, presented: bool = False) -> Answer:
    """
    The answer that tells *error*.

    Args:
        error: What was raised.
        request_id: Its `errorId`.
        presented: Whether the caller sent a bearer token, which RFC 6750 §3.1 has a 401 distinguish.
    """
    if isinstance(error, StepUpRefusedError):
        return refusal_answer(
            error.decision, request_id, challenge_token=error.challenge_token, expires_at=error.expires_at
        )
    status = status_of(error)
    if status == 500:  # noqa: PLR2004  # a class that the table forgot says no more than an unknown exception
        return unexpected(request_id)
    document: dict[str, object] = {"title": error.title, "errorCode": error.code, "errorId": request_id}
    document.update((name, value) for name, value in error.details.items() if name not in _SHAPE)
    return json_answer(status, document, *_headers_of(error, presented=presented))


def unexpected(request_id: str) -> Answer:
    """The answer to what was not foreseen. SECURITY: never a detail; the log has them under the same id."""
    return json_answer(500, {"title": _UNEXPECTED, "errorCode": DomainError.code, "errorId": request_id})


def _headers_of(error: DomainError, *, presented: bool) -> tuple[tuple[bytes, bytes], ...]:
    # `Retry-After` stands on 429 alone: official clients retry whatever carries it on their own, a 503 among them.
    match error:
        case UnauthenticatedError():
            challenge = f'{_REALM}, error="invalid_token"' if presented else _REALM
            return ((b"www-authenticate", challenge.encode()),)
        case MethodNotAllowedError():
            return ((b"allow", ", ".join(error.allowed).encode()),)
        case TooManyError():
            return ((b"retry-after", str(max(1, error.retry_after)).encode()),)
        case PreconditionFailedError():
            return ((b"last-modified", format_datetime(error.last_modified, usegmt=True).encode()),)
        case _:
            return ()
