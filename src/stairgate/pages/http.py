"""A request of a browser, read within bounds, and the answers to it with the header fields that every page has."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, MutableMapping
from dataclasses import dataclass, field, replace
from typing import Any
from urllib.parse import parse_qsl

from stairgate.model.errors import InvalidInputError, TooLargeError

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]

MAX_FORM = 16 * 1024  # bytes; a passkey's answer has about 2 KiB
MAX_FIELDS = 20
MAX_HEAD = 32 * 1024
FORM_TYPE = b"application/x-www-form-urlencoded"

_PLAIN = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"no-referrer"),
    (b"cross-origin-opener-policy", b"same-origin"),
    (b"cross-origin-resource-policy", b"same-origin"),
    (b"x-frame-options", b"DENY"),
    (b"permissions-policy", b"publickey-credentials-get=(self), camera=(), geolocation=(), microphone=()"),
)
NO_STORE = (b"cache-control", b"no-store")


@dataclass(frozen=True, slots=True)
class Request:
    """What a browser asks. *form* is what it sent, each name once; *secure*: pages are reached by https."""

    method: str
    path: tuple[str, ...]
    query: Mapping[str, str]
    headers: Mapping[bytes, bytes] = field(repr=False)
    form: Mapping[str, str] = field(repr=False)

    def header(self, name: bytes) -> str:
        """The header field *name*, empty if it is not sent."""
        return self.headers.get(name, b"").decode("latin-1")

    def cookie(self, name: str) -> str | None:
        """The cookie *name*; None where there is none, or more than one, which would leave it to chance."""
        found = [
            value
            for part in self.header(b"cookie").split(";")
            for key, _, value in [part.strip().partition("=")]
            if key == name
        ]
        return found[0] if len(found) == 1 else None


@dataclass(frozen=True, slots=True)
class Page:
    """
    One answer.

    *elsewhere* is an origin, or a scheme, that a form of this page may lead on to. *kept*: a cache may keep it, because
    it is the same for everybody. *policy* stands in place of the usual one.
    """

    status: int
    body: bytes = b""
    media_type: bytes = b"text/html; charset=utf-8"
    headers: tuple[tuple[bytes, bytes], ...] = ()
    elsewhere: str = ""
    stream: AsyncGenerator[bytes, None] | None = None
    kept: bool = False
    policy: str = ""

    def fields(self, *, secure: bool) -> list[tuple[bytes, bytes]]:
        """Its header fields."""
        policy = self.policy or (
            "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
            f"form-action 'self'{' ' if self.elsewhere else ''}{self.elsewhere}; base-uri 'none'; "
            "frame-ancestors 'none'; require-trusted-types-for 'script'"
        )
        fields = [(b"content-type", self.media_type), (b"content-security-policy", policy.encode()), *_PLAIN]
        if secure:
            fields.append((b"strict-transport-security", b"max-age=31536000"))
        if not self.kept:
            fields += [NO_STORE, (b"vary", b"cookie, accept-language")]
        return [*fields, *self.headers]

    def with_headers(self, *headers: tuple[bytes, bytes]) -> Page:
        """The same page with further header fields."""
        return replace(self, headers=(*self.headers, *headers))


def see_other(address: str, *headers: tuple[bytes, bytes]) -> Page:
    """Send the browser to *address* by GET: a reload repeats nothing."""
    return Page(303, b"", b"text/plain", ((b"location", address.encode()), *headers))


async def read_request(scope: Scope, receive: Receive) -> Request:
    """
    The request of *scope*.

    Raises:
        InvalidInputError: It is no form, or says something twice.
        TooLargeError: The form, or the head, is larger than any of ours.
    """
    headers: dict[bytes, bytes] = {}
    size = 0
    for name, value in scope["headers"]:
        size += len(name) + len(value)
        # Browsers may send several `cookie` fields (RFC 6265bis §5.8.3); of all others the last counts.
        headers[name] = headers[name] + b"; " + value if name == b"cookie" and name in headers else value
    if size > MAX_HEAD:
        raise TooLargeError
    form: Mapping[str, str] = {}
    if scope["method"] == "POST":
        if headers.get(b"content-type", b"").partition(b";")[0].strip().lower() != FORM_TYPE:
            raise InvalidInputError("body", "must be a form")
        form = _fields(await _body(receive))
    return Request(
        method=scope["method"],
        path=tuple(scope["raw_path"].decode("latin-1").strip("/").split("/")),
        query=_fields(scope["query_string"]),
        headers=headers,
        form=form,
    )


def _fields(raw: bytes) -> Mapping[str, str]:
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=MAX_FIELDS, errors="strict")
    except ValueError:
        raise InvalidInputError("form", "is malformed") from None
    fields = dict(pairs)
    if len(fields) != len(pairs):
        raise InvalidInputError("form", "says something twice")
    return fields


async def _body(receive: Receive) -> bytes:
    body = b""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise InvalidInputError("body", "is not whole")
        part: bytes = message.get("body", b"")
        body += part
        if len(body) > MAX_FORM:
            raise TooLargeError
        if not message.get("more_body", False):
            return body
