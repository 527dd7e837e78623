"""One table, one shape: whatever goes wrong, wherever, a caller sees `{title, errorCode, errorId}` and safe details."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from tests.api.door import Answered, Door, Instruments

from stairgate.api.answers import Answer, empty_answer
from stairgate.api.app import Application
from stairgate.api.call import Call, Route
from stairgate.api.problems import STATUS_OF, problem_of, status_of
from stairgate.model import errors
from stairgate.model.actions import READ
from stairgate.model.decisions import Reason, Source, StepUpRequired
from stairgate.model.elevations import Area
from stairgate.model.errors import DomainError
from stairgate.model.protection import DEFAULT_REQUIREMENT
from stairgate.model.resources import Resource, ResourcePattern
from stairgate.testing.faults import FailingStore

pytestmark = pytest.mark.anyio

NOW = datetime(2030, 1, 31, 12, tzinfo=UTC)
REFUSAL = StepUpRequired(
    Reason.ELEVATION_REQUIRED,
    DEFAULT_REQUIREMENT,
    Area(Resource(("a",)), READ),
    Source(None, 0, None, ResourcePattern(("a",))),
    (),
)
ARGUMENTS: dict[str, tuple[Any, ...]] = {
    "InvalidInputError": ("name", "is required"),
    "NotYetSupportedError": ("device", "is not supported"),
    "MethodNotAllowedError": (("GET",),),
    "ChallengeEndedError": ("expired",),
    "PreconditionFailedError": (NOW,),
    "RequestEndedError": ("APPROVED",),
    "WrongAnswerError": (3,),
    "TooManyError": (7,),
    "TooManyChallengesError": (7,),
    "TooManyPromptsError": (7,),
    "TooManyAttemptsError": (7,),
    "StepUpRefusedError": (REFUSAL, "token", NOW),
}


def descendants(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in kind.__subclasses__():
        yield child
        yield from descendants(child)


EVERY_ERROR = sorted(set(descendants(DomainError)), key=lambda kind: kind.__name__)


def shaped(answered: Answered) -> None:
    """The one shape: asserted of every error in these tests."""
    document = answered.json
    assert {"title", "errorCode", "errorId"} <= set(document)
    assert all(isinstance(document[name], str) and document[name] for name in ("title", "errorCode", "errorId"))
    assert "\n" not in document["title"]
    assert answered.header("content-type") == "application/json"
    assert answered.header("cache-control") == "no-store"
    assert answered.header("x-content-type-options") == "nosniff"
    assert answered.header("x-request-id") == document["errorId"]
    assert (answered.header("retry-after") is not None) == (answered.status == 429)


@pytest.mark.parametrize("kind", EVERY_ERROR, ids=lambda kind: kind.__name__)
def test_every_error_of_the_tree_has_a_status_and_the_one_shape(kind: type[DomainError]) -> None:
    error = kind(*ARGUMENTS.get(kind.__name__, ()))
    answer = problem_of(error, "id-1", presented=True)
    assert answer.status == status_of(error) != 500
    shaped(Answered(answer.status, [*answer.headers, (b"x-request-id", b"id-1"), NOSNIFF], answer.body))


NOSNIFF = (b"x-content-type-options", b"nosniff")


def test_every_error_has_a_code_of_its_own_unless_it_shares_a_meaning() -> None:
    codes: dict[str, list[str]] = {}
    for kind in EVERY_ERROR:
        codes.setdefault(kind.code, []).append(kind.__name__)
    shared = {code: names for code, names in codes.items() if len(names) > 1}
    assert shared == {"WrongAnswer": ["ProofRefusedError", "SignCounterError", "WrongAnswerError"]}


def test_statuses_of_the_tree_are_those_that_its_drawing_says() -> None:
    drawn = {name: int(status) for name, status in re.findall(r"── (\w+) +(\d{3})", errors.__doc__ or "")}
    assert {kind.__name__: status for kind, status in STATUS_OF.items()}.items() <= drawn.items()


def test_details_cannot_take_the_place_of_the_shape() -> None:
    error = DomainError("title", errorCode="Other", errorId="other", field="x")
    error.__class__ = errors.ConflictError
    document = Answered(409, [], problem_of(error, "id-1").body).json
    assert document == {"title": "title", "errorCode": "Conflict", "errorId": "id-1", "field": "x"}


@pytest.mark.parametrize(("seconds", "told"), [(0, b"1"), (-5, b"1"), (7, b"7")])
def test_retry_after_is_never_now(seconds: int, told: bytes) -> None:
    assert (b"retry-after", told) in problem_of(errors.TooManyError(seconds), "id-1").headers


def test_an_error_without_a_row_in_the_table_says_nothing() -> None:
    answer = problem_of(DomainError("an inner secret"), "id-1")
    assert answer.status == 500
    assert b"secret" not in answer.body


# --- every origin


async def fails(_call: Call) -> Answer:
    message = "password=hunter2"
    raise RuntimeError(message)


async def nothing(_call: Call) -> Answer:
    return empty_answer(204)


async def test_an_unknown_exception_is_a_500_without_details_and_is_logged_under_its_id(door: Door) -> None:
    instruments = Instruments()
    route = Route("GET", "/fails", fails, "fails", "x", {204: None}, public=True)
    application = Application(door.world.services, instruments=instruments, routes=[route])
    answered = await replace(door, application=application).call("GET", "/fails")
    shaped(answered)
    assert (answered.status, answered.code) == (500, "UnexpectedError")
    assert b"hunter2" not in answered.body
    ((pattern, request_id, error),) = instruments.failures
    assert (pattern, request_id) == ("/fails", answered.json["errorId"])
    assert isinstance(error, RuntimeError)


ORIGINS: dict[str, tuple[str, str, dict[str, Any], int, str | None]] = {
    "no route": ("GET", "/nothing", {}, 404, "NotFound"),
    "no login at the root": ("GET", "/", {}, 501, "NotImplemented"),
    "wrong method": ("PATCH", "/v1/challenges", {}, 405, "MethodNotAllowed"),
    "options": ("OPTIONS", "/v1/challenges", {}, 405, "MethodNotAllowed"),
    "trace": ("TRACE", "/v1/challenges", {}, 405, "MethodNotAllowed"),
    "head": ("HEAD", "/v1/challenges/x", {}, 405, "MethodNotAllowed"),
    "broken escape": ("GET", "/v1/challenges/%zz", {}, 400, "InvalidInputRequest"),
    "no token": ("GET", "/v1/challenges/x", {"anonymous": True}, 401, "Unauthorized"),
    "unknown query": ("GET", "/v1/challenges/x?wat=1", {}, 400, "InvalidInputRequest"),
    "query twice": ("GET", "/v1/challenges/x?wait=0&wait=0", {}, 400, "InvalidInputRequest"),
    "query out of bounds": ("GET", "/v1/challenges/x?wait=61", {}, 400, "InvalidInputRequest"),
    "query not a number": ("GET", "/v1/challenges/x?wait=%D9%A1", {}, 400, "InvalidInputRequest"),
    "no body": ("POST", "/v1/challenges", {}, 400, "InvalidInputRequest"),
    "a body where none belongs": ("GET", "/v1/challenges/x", {"raw": b"{}"}, 400, "InvalidInputRequest"),
    "no JSON": ("POST", "/v1/challenges", {"raw": b"<xml/>"}, 400, "InvalidInputRequest"),
    "no object": ("POST", "/v1/challenges", {"raw": b"[]"}, 400, "InvalidInputRequest"),
    "other media type": (
        "POST",
        "/v1/challenges",
        {"raw": b"{}", "headers": [(b"content-type", b"text/plain")]},
        415,
        "UnsupportedMediaType",
    ),
    "compressed": (
        "POST",
        "/v1/challenges",
        {"raw": b"{}", "headers": [(b"content-encoding", b"gzip")]},
        415,
        "UnsupportedMediaType",
    ),
    "too large": ("POST", "/v1/challenges", {"raw": b" " * 262_145}, 413, "TooLarge"),
    "too large in pieces": ("POST", "/v1/challenges", {"chunks": [b" " * 100_000] * 3}, 413, "TooLarge"),
    "large headers": ("GET", "/v1/challenges/x", {"headers": [(b"x-a", b"a" * 33_000)]}, 431, "HeadersTooLarge"),
    "many headers": ("GET", "/v1/challenges/x", {"headers": [(b"x-%d" % n, b"") for n in range(101)]}, 431, None),
    "long query": ("GET", "/v1/challenges/x?wait=" + "1" * 9000, {}, 431, "HeadersTooLarge"),
    "page secret": (
        "GET",
        "/v1/challenges/x",
        {"headers": [(b"stairgate-page-secret", b"x")]},
        400,
        "InvalidInputRequest",
    ),
    "unknown challenge": ("GET", "/v1/challenges/x", {}, 404, "NotFound"),
    "forged challenge token": (
        "POST",
        "/v1/challenges",
        {"body": {"stepUpChallengeToken": "a.b.c"}},
        400,
        "InvalidChallengeToken",
    ),
}


@pytest.mark.parametrize("origin", ORIGINS)
async def test_every_origin_answers_in_the_one_shape(door: Door, origin: str) -> None:
    method, target, more, status, code = ORIGINS[origin]
    more = dict(more)
    bearer = None if more.pop("anonymous", False) else await door.service()
    answered = await door.call(method, target, more.pop("body", None), bearer=bearer, **more)
    shaped(answered)
    assert answered.status == status
    assert code is None or answered.code == code
    assert not door.instruments.failures


async def test_405_says_what_is_allowed(door: Door) -> None:
    answered = await door.call("PUT", "/v1/users/ann/elevations")
    assert answered.header("allow") == "DELETE, GET"


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "stepUpChallengeToken"),
        ({"stepUpChallengeToken": 1}, "stepUpChallengeToken"),
        ({"stepUpChallengeToken": "x", "stepUpchallengeToken": "y"}, "stepUpchallengeToken"),
        ({"stepUpChallengeToken": "x", "locale": "no_language"}, "locale"),
        ([], "body"),
    ],
)
async def test_what_is_wrong_with_a_body_is_named(door: Door, body: object, field: str) -> None:
    answered = await door.call("POST", "/v1/challenges", bearer=await door.service(), body=body)
    if body == []:
        answered = await door.call("POST", "/v1/challenges", bearer=await door.service("two"), raw=b"[]")
    shaped(answered)
    assert (answered.status, answered.json["field"]) == (400, field)
    assert answered.json["title"].startswith(f"{field}: ")


async def test_while_the_store_is_away_it_is_503_without_retry_after_and_the_cause_is_logged(door: Door) -> None:
    bearer = await door.service()
    away = replace(door.world.services, store=FailingStore(door.world.services.store, every=1))
    door.application = Application(away, instruments=door.instruments)
    answered = await door.call("GET", "/health/ready")
    shaped(answered)
    assert (answered.status, answered.code) == (503, "Unavailable")
    answered = await door.call("GET", "/v1/users/ann/elevations", bearer=bearer)
    shaped(answered)
    assert answered.status == 503
    assert [route for route, _, _ in door.instruments.failures] == ["/health/ready", "/v1/users/{userId}/elevations"]
    assert (await door.call("GET", "/health/live")).status == 200


async def test_a_401_tells_a_missing_token_from_a_bad_one_as_rfc_6750_asks(door: Door) -> None:
    missing = await door.call("GET", "/v1/challenges/x")
    assert missing.header("www-authenticate") == 'Bearer realm="stairgate"'
    for value in (b"Bearer nonsense", b"Basic YTpi", b"Bearer", b"Bearer  ", b"Bearer a b", b"bearer \xe9", b""):
        bad = await door.call("GET", "/v1/challenges/x", headers=[(b"authorization", value)])
        shaped(bad)
        assert bad.status == 401
        assert bad.header("www-authenticate") == 'Bearer realm="stairgate", error="invalid_token"'


@pytest.mark.parametrize(
    "name",
    [
        b"authorization",
        b"stairgate-user-token",
        b"stairgate-context",
        b"stairgate-at-least",
        b"idempotency-key",
        b"content-type",
        b"content-length",
        b"host",
        b"x-request-id",
        b"if-unmodified-since",
        b"stairgate-anything",
    ],
)
async def test_two_of_a_security_relevant_header_are_refused(door: Door, name: bytes) -> None:
    answered = await door.call("GET", "/health/live", headers=[(name, b"1"), (name, b"1")])
    shaped(answered)
    assert (answered.status, answered.json["field"]) == (400, name.decode())


async def test_a_sane_request_id_is_echoed_and_any_other_replaced(door: Door) -> None:
    echoed = await door.call("GET", "/health/live", headers=[(b"x-request-id", b"abc-1.2:3_4")])
    assert echoed.header("x-request-id") == "abc-1.2:3_4"
    own = set()
    for value in (b"", b"a" * 65, b"a b", b"a\r\nset-cookie: x", b"\xe9", b'a"'):
        answered = await door.call("GET", "/health/live", headers=[(b"x-request-id", value)])
        own.add(answered.header("x-request-id"))
    assert len(own) == 6
    assert all(text and text.isascii() and len(text) < 64 for text in own)


async def test_what_is_told_to_the_operator_is_the_pattern_of_a_route_never_a_path(door: Door) -> None:
    await door.call("GET", "/v1/users/someone/elevations")
    await door.call("GET", "/v1/wherever/someone")
    assert door.instruments.requests == [("GET", "/v1/users/{userId}/elevations", 401), ("GET", "-", 404)]


async def test_a_stranger_learns_nothing_of_a_body_or_query_before_the_401(door: Door) -> None:
    answered = await door.call("POST", "/v1/challenges?wat=1", raw=b"not json")
    assert answered.status == 401
