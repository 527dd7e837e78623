"""One route, and one call of it: what handlers are given, read strictly."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal, TypeVar

import msgspec

from stairgate.api.answers import Answer
from stairgate.api.headers import Headers
from stairgate.model.canonical import read_json
from stairgate.model.errors import InvalidInputError, UnauthenticatedError
from stairgate.model.tokens import Caller, PageHolder, Participant
from stairgate.service.context import Services

if TYPE_CHECKING:
    from stairgate.api.instruments import Instruments
    from stairgate.api.routing import RouteTable

StructT = TypeVar("StructT", bound=msgspec.Struct)
Handler = Callable[["Call"], Awaitable[Answer]]

MAX_BODY = 256 * 1024
MAX_IDEMPOTENCY_KEY = 255
MAX_TEXT = 4096  # a query parameter or one of our header fields, before its own bounds are looked at
_INTEGER = re.compile(r"[0-9]{1,15}")


@dataclass(frozen=True, slots=True)
class Parameter:
    """
    A query parameter or header field of a route, as the document describes it.

    *minimum* and *maximum* bound an integer, and the length of a string.
    """

    name: str
    description: str
    kind: Literal["string", "integer", "boolean"] = "string"
    choices: tuple[str, ...] = ()
    minimum: int | None = None
    maximum: int | None = None


@dataclass(frozen=True, slots=True)
class Route:
    """
    One line of the surface. *path* has its parameters in braces, one whole segment each.

    Args:
        responses: The statuses that mean success (and refusals with a shape of their own), each with the Struct of its
            body, None for none.
        request: The Struct of the body; without one a body is refused.
        optional_body: No body means `{}`.
        errors: Statuses in the one error shape, beyond those that any call can have.
        public: Needs no credential.
        by_page: Whoever holds the page of the challenge may call it, too, by its secret in place of a token.
        idempotent: Sent again under its `Idempotency-Key` it does nothing new and is answered the same. Its handler
            answers by `api.once`.
        shown_once: The answer holds a secret, so that a repeat is shown it for 10 minutes only.
        raw: Query and body are not read: the handler looks at `Call.raw` itself, or takes whatever comes.
        form: The body may be a form, too; for a `raw` route.
        remembered: While the store is away, a caller is known from memory; for the check alone (semantics §10).
        media_type: Of the answer, where it is not JSON.
    """

    method: Literal["GET", "POST", "PUT", "PATCH", "DELETE"]
    path: str
    handler: Handler
    summary: str
    tag: str
    responses: Mapping[int, type | None]
    description: str = ""
    request: type[msgspec.Struct] | None = None
    optional_body: bool = False
    query: tuple[Parameter, ...] = ()
    headers: tuple[Parameter, ...] = ()
    errors: tuple[int, ...] = ()
    public: bool = False
    by_page: bool = False
    idempotent: bool = False
    shown_once: bool = False
    raw: bool = False
    form: bool = False
    remembered: bool = False
    media_type: str = "application/json"


@dataclass(slots=True)
class Call:
    """
    One call. Everything that a handler reads comes from here, checked; what is wrong raises, naming the field.

    Members:
        parameters: Of the path, each decoded once.
        query: Each at most once, none that the route does not have.
        raw: The bytes of the body, on a route that says `raw`.
        document: The JSON value of the body, {} where it may be left out and was.
    """

    services: Services
    route: Route
    request_id: str
    parameters: Mapping[str, str]
    headers: Headers
    query: Mapping[str, str]
    instruments: Instruments
    table: RouteTable
    document: object = None
    raw: bytes = field(default=b"", repr=False)
    identity: Participant | None = field(default=None, repr=False)

    @property
    def caller(self) -> Caller:
        """Who calls. Raises `UnauthenticatedError` on a public route."""
        if self.identity is None or isinstance(self.identity, PageHolder):
            raise UnauthenticatedError
        return self.identity

    @property
    def participant(self) -> Participant:
        """Who calls, on a route that takes the secret of a page, too."""
        if self.identity is None:
            raise UnauthenticatedError
        return self.identity

    def body(self, shape: type[StructT]) -> StructT:
        """
        The body as *shape*.

        Raises:
            InvalidInputError: It is not of that shape; names the member.
        """
        try:
            return msgspec.convert(self.document, shape, strict=True)
        except msgspec.ValidationError as error:
            raise invalid_member(str(error)) from None

    def header(self, name: str, *, maximum: int = MAX_TEXT) -> str | None:
        """
        The header field *name* as visible ASCII, None if it is not sent.

        Raises:
            InvalidInputError: It is empty, longer than *maximum*, or has other characters.
        """
        value = self.headers.get(name.lower().encode())
        if value is None:
            return None
        text = value.decode("latin-1").strip(" \t")
        if not 1 <= len(text) <= maximum or not (text.isascii() and text.isprintable()):
            raise InvalidInputError(name, f"must have 1 to {maximum} visible ASCII characters")
        return text

    def integer(self, name: str, *, low: int, high: int) -> int | None:
        """
        The query parameter *name* as a whole number, None if it is not sent.

        Raises:
            InvalidInputError: It is none from *low* to *high*.
        """
        return whole_number(self.query.get(name), field=name, low=low, high=high)

    def boolean(self, name: str) -> bool | None:
        """
        The query parameter *name* as a truth value, None if it is not sent.

        Raises:
            InvalidInputError: It is neither `true` nor `false`.
        """
        value = self.query.get(name)
        if value is None:
            return None
        if value not in {"true", "false"}:
            raise InvalidInputError(name, "must be `true` or `false`")
        return value == "true"


def whole_number(text: str | None, *, field: str, low: int, high: int) -> int | None:
    """
    *text* as a whole number from *low* to *high*, None for None.

    Raises:
        InvalidInputError: It is not one.
    """
    if text is None:
        return None
    if _INTEGER.fullmatch(text) is None or not low <= int(text) <= high:
        raise InvalidInputError(field, f"must be a whole number from {low} to {high}")
    return int(text)


def read_document(body: bytes, *, optional: bool) -> object:
    """
    The JSON value of *body*.

    Raises:
        InvalidInputError: It is empty and not *optional*, or not the strict JSON of `model.canonical.read_json`.
    """
    if not body:
        if optional:
            return {}
        raise InvalidInputError("body", "is required: send a JSON object")
    return read_json(body)


_AT = re.compile(r"^(?P<problem>.*?)(?: - at `(?P<place>[^`]*)`)?$", re.DOTALL)
_MISSING = re.compile(r"Object missing required field `([^`]*)`")
_UNKNOWN = re.compile(r"Object contains unknown field `(.*)`", re.DOTALL)
_TYPES = {
    "str": "a string",
    "int": "a whole number",
    "float": "a number",
    "bool": "true or false",
    "object": "an object",
    "array": "a list",
    "null": "null",
    "datetime": "a time such as 2030-01-31T12:00:00Z",
}


def invalid_member(message: str) -> InvalidInputError:
    """What msgspec says in *message*, as an error that names the member: `statements[0].roles`."""
    match = _AT.match(message)
    problem, place = (match["problem"], match["place"]) if match is not None else (message, None)
    where = (place or "$").removeprefix("$").removeprefix(".")
    for pattern, words in ((_MISSING, "is required"), (_UNKNOWN, "is not a member here")):
        named = pattern.fullmatch(problem)
        if named is not None:
            name = named[1][:64]
            return InvalidInputError(f"{where}.{name}" if where else name, words)
    return InvalidInputError(where or "body", _in_plain_words(problem))


def _in_plain_words(problem: str) -> str:
    expected = re.fullmatch(r"Expected `([^`]*)`, got `([^`]*)`", problem)
    if expected is not None:
        wanted = " or ".join(_TYPES.get(name.strip(), name.strip()) for name in expected[1].split("|"))
        return f"must be {wanted}"
    return problem[:1].lower() + problem[1:].replace("`", "")
