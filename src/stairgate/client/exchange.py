"""
How every operation speaks, without speaking: generators that yield requests and are sent replies.

An operation is written once and driven twice, by `Stairgate` and by `AsyncStairgate`, so that both do the same. It
yields `Request` (and is sent the `Reply`, or has `UnreachableError` thrown in), `Sleep`, or, where it finds several
things, `Found`; it returns its result.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, Generic, Protocol, TypeVar
from urllib.parse import quote

from stairgate.client.errors import ArgumentError, StairgateError, UnexpectedAnswerError, UnreachableError

T = TypeVar("T")

USER_TOKEN: Final = "stairgate-user-token"  # noqa: S105  # the name of a header
# Pauses before the repeats of a request that may be repeated; as many repeats as pauses. Their sum stays far below the
# default timeout, because someone waits for the answer.
PAUSES: Final = (0.1, 0.4)
# The longest answer that is read: a page of records is about 2 MB.
MOST_BYTES: Final = 8 * 1024 * 1024

NO_HEADERS: Mapping[str, str] = MappingProxyType({})


@dataclass(frozen=True, slots=True)
class Request:
    """
    One HTTP request to the service. *target* is the path from the service's URL on, escaped, with its query.

    Args:
        method: The HTTP method.
        target: The path, escaped, with its query.
        headers: Header names in lower case, without `authorization`.
        body: The JSON body, encoded.
        repeatable: Whether doing it twice does no more than doing it once.
        patience: Seconds that the service may take longer than usual.
    """

    method: str
    target: str
    headers: Mapping[str, str] = field(default_factory=lambda: NO_HEADERS, repr=False)  # SECURITY: holds tokens
    body: bytes | None = field(default=None, repr=False)
    repeatable: bool = False
    patience: float = 0.0


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer. *headers* have names in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Sleep:
    """Wait so many seconds."""

    seconds: float


@dataclass(frozen=True, slots=True)
class Found(Generic[T]):
    """One of several results."""

    item: T


# What an operation may be sent: a Reply after a Request, None after anything else.
Operation = Generator["Request | Sleep", "Reply | None", T]
Stream = Generator["Request | Sleep | Found[T]", "Reply | None", None]


class Credentials(Protocol):
    """Who calls."""

    @property
    def is_user(self) -> bool:
        """Whether the caller is a user with their own token, so that no other user token can be passed."""
        ...

    def bearer(self, now: float) -> str:
        """The bearer token at *now* (seconds since 1970)."""
        ...


@dataclass(frozen=True, slots=True)
class UserCredentials:
    """A user, who calls with their own access token."""

    token: str = field(repr=False)

    @property
    def is_user(self) -> bool:
        """Always: the bearer token is the user's."""
        return True

    def bearer(self, now: float) -> str:
        """The token itself."""
        return self.token


@dataclass(frozen=True, slots=True)
class Conversation:
    """What operations need of a client: who calls, and a clock that only goes forward."""

    credentials: Credentials
    elapsed: Callable[[], float]

    def on_behalf_of(self, user_token: str | None) -> dict[str, str]:
        """
        The header that passes the user's token on.

        Raises:
            ArgumentError: The caller is a user, or what was given cannot be a token.
        """
        if user_token is None:
            return {}
        if self.credentials.is_user:
            raise ArgumentError("user_token is for service clients: this client already calls with a user's own token")
        return {USER_TOKEN: checked_token(user_token, "user_token")}


def checked_token(token: str, name: str) -> str:
    """*token* without a `Bearer ` prefix. Raises `ArgumentError` where it could not stand in a header."""
    token = token.removeprefix("Bearer ").strip()
    if not token or not token.isascii() or any(mark.isspace() or not mark.isprintable() for mark in token):
        raise ArgumentError(f"{name} is no token: it must be one run of visible ASCII characters")
    return token


def path(*segments: str, query: Mapping[str, str | int | None] | None = None) -> str:
    """
    The path of *segments*, each escaped so that it stays one, with *query*'s members that are not None.

    SECURITY: `.` and `..` are refused here, because something on the way may resolve them after escaping, and the
    question would be another one.
    """
    for segment in segments:
        if segment in {"", ".", ".."}:
            raise ArgumentError(f"`{segment}` cannot be an id or a resource")
    target = "/" + "/".join(quote(segment, safe="") for segment in segments)
    members = [f"{name}={quote(str(value), safe='')}" for name, value in (query or {}).items() if value is not None]
    return target + ("?" + "&".join(members) if members else "")


def encoded(document: object) -> bytes:
    """*document* as JSON. Raises `ArgumentError` where JSON cannot hold it."""
    try:
        return json.dumps(document, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise ArgumentError(f"this cannot be written as JSON: {error}") from None


def exchange(request: Request) -> Operation[Reply]:
    """Send *request*; where it may be repeated, do so after a failure to connect or a 5xx, at most twice."""
    for pause in (*PAUSES, None):
        last = pause is None or not request.repeatable
        try:
            reply = yield request
        except UnreachableError:
            if last:
                raise
        else:
            if reply is None:
                raise UnexpectedAnswerError("the driver sent no reply")
            if last or reply.status < 500:  # noqa: PLR2004  # the class of server errors
                return reply
        if pause is not None:
            yield Sleep(pause)
    raise UnexpectedAnswerError("unreachable: the last attempt returns or raises")


def document_in(reply: Reply) -> dict[str, Any]:
    """
    The JSON object that *reply* carries.

    Raises:
        UnexpectedAnswerError: It carries something else.
    """
    if "json" not in reply.headers.get("content-type", ""):
        raise unexpected(reply, "it is not JSON")
    try:
        document = json.loads(reply.body)
    except (ValueError, RecursionError):
        raise unexpected(reply, "its JSON is broken") from None
    if not isinstance(document, dict):
        raise unexpected(reply, "it is no JSON object")
    return document


def unexpected(reply: Reply, why: str) -> StairgateError:
    """The error for an answer that no Stairgate gives."""
    return UnexpectedAnswerError(
        f"unexpected answer ({reply.status}): {why}; is this the address of a Stairgate?", status=reply.status
    )
