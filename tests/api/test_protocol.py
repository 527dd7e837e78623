"""What only a real socket shows: bounds of the head, malformed HTTP, trailers, pieces and lengths of bodies."""

from __future__ import annotations

import json

import pytest
from tests.api.live import Live

HOST = b"Host: localhost\r\n"
LIVE = b"GET /health/live HTTP/1.1\r\n" + HOST


def problem_in(answer: bytes) -> tuple[int, str]:
    head, _, body = answer.partition(b"\r\n\r\n")
    document = json.loads(body)
    assert set(document) >= {"title", "errorCode", "errorId"}
    assert b"content-type: application/json" in head
    return int(head[:3]), document["errorCode"]


def test_a_plain_request_is_answered(live: Live) -> None:
    answer = live.exchange(LIVE + b"\r\n")
    assert answer.startswith(b"200 ")
    assert answer.endswith(b'{"status":"ok"}')
    assert b"server:" not in answer


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS spoken to a plain port
        b"GET\r\n\r\n",
        b"GET /health/live HTTP/9.9\r\n\r\n",
        LIVE + b"bad header\r\n\r\n",
        LIVE + b"x-a : 1\r\n\r\n",
        LIVE + b"x-a: 1\x00\r\n\r\n",
        LIVE + b"x-a: 1\r\n folded\r\n\r\n",
        LIVE + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\n",
        LIVE + b"Content-Length: -1\r\n\r\n",
        LIVE + b"Content-Length: 1x\r\n\r\n",
        LIVE + b"Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",  # request smuggling
        LIVE + b"Transfer-Encoding: chunked, identity\r\n\r\n0\r\n\r\n",
        LIVE + b"Transfer-Encoding: xchunked\r\n\r\n",
        b"GET /health/live\xff HTTP/1.1\r\n" + HOST + b"\r\n",
        b"GET http:// HTTP/1.1\r\n" + HOST + b"\r\n",
        b"get /health/live HTTP/1.1\r\n" + HOST + b"\r\n",
    ],
)
def test_what_is_no_http_is_400_in_the_one_shape(live: Live, request_bytes: bytes) -> None:
    assert problem_in(live.exchange(request_bytes)) == (400, "InvalidInputRequest")


@pytest.mark.parametrize(
    "parts",
    [
        (b"GET /", b"a" * 20_000, b" HTTP/1.1\r\n\r\n"),
        (b"GET /?", *[b"a" * 1_000] * 40),
        (LIVE, b"x-a: ", *[b"a" * 10_000] * 20),  # a field that never ends
        (LIVE, b"x-a: " + b"a" * 60_000 + b"\r\n\r\n"),
        (LIVE, b"".join(b"x-%d: 1\r\n" % number for number in range(200)), b"\r\n"),
        (LIVE, b"a" * 100_000 + b": 1\r\n\r\n"),
    ],
)
def test_a_head_without_end_is_431_in_the_one_shape(live: Live, parts: tuple[bytes, ...]) -> None:
    """Attack 21, huge tokens: nothing is kept in memory beyond the bound."""
    answer = live.exchange(*parts)
    assert problem_in(answer) == (431, "HeadersTooLarge")
    assert b'"errorId":"unread"' in answer  # refused before there was a request


def test_a_token_of_the_largest_size_that_is_read_gets_its_answer(live: Live) -> None:
    answer = live.exchange(
        b"GET /v1/challenges/x HTTP/1.1\r\n" + HOST + b"Authorization: Bearer " + b"a" * 30_000 + b"\r\n\r\n"
    )
    assert problem_in(answer) == (401, "Unauthorized")


def chunked(*parts: bytes, trailers: bytes = b"") -> bytes:
    body = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts)
    return body + b"0\r\n" + trailers + b"\r\n"


def post(target: bytes, live: Live, *fields: bytes) -> bytes:
    bearer = b"Authorization: Bearer " + live.owner.encode() + b"\r\n"
    lines = b"".join(field + b"\r\n" for field in (b"Content-Type: application/json", *fields))
    return b"POST " + target + b" HTTP/1.1\r\n" + HOST + bearer + lines + b"\r\n"


def test_a_body_in_pieces_is_read(live: Live) -> None:
    head = post(b"/v1/challenges", live, b"Transfer-Encoding: chunked")
    answer = live.exchange(head + chunked(b'{"stepUpChal', b'lengeToken":"x"}'))
    assert problem_in(answer) == (400, "InvalidChallengeToken")


@pytest.mark.parametrize("size", [262_145, 10**17])
def test_a_body_that_says_it_is_too_large_is_413_before_it_comes(live: Live, size: int) -> None:
    head = post(b"/v1/challenges", live, b"Content-Length: %d" % size)
    answer = live.exchange(head)
    assert problem_in(answer) == (413, "TooLarge")
    assert b"\r\nconnection: close\r\n" in answer


def test_a_body_without_end_is_413(live: Live) -> None:
    head = post(b"/v1/challenges", live, b"Transfer-Encoding: chunked")
    answer = live.exchange(head, *[b"10000\r\n" + b" " * 65_536 + b"\r\n"] * 6)
    assert problem_in(answer) == (413, "TooLarge")


@pytest.mark.parametrize(
    "trailer", [b"Stairgate-Page-Secret: x\r\n", b"Authorization: Bearer x\r\n", b"X-Request-ID: smuggled\r\n"]
)
def test_a_trailer_is_no_header(live: Live, trailer: bytes) -> None:
    """What comes after the body was looked at by no proxy in front."""
    head = post(b"/v1/challenges", live, b"Transfer-Encoding: chunked")
    answer = live.exchange(head + chunked(b'{"stepUpChallengeToken":"x"}', trailers=trailer))
    assert problem_in(answer) == (400, "InvalidChallengeToken")
    assert b"smuggled" not in answer


def test_two_of_a_header_on_the_wire_are_refused(live: Live) -> None:
    answer = live.exchange(LIVE + b"Stairgate-Context: e30\r\nstairgate-context: e30\r\n\r\n")
    assert problem_in(answer) == (400, "InvalidInputRequest")


@pytest.mark.parametrize(
    ("target", "status"),
    [
        (b"/v1/users/sc_owner/resources/a%2Fb/permissions/read", 200),
        (b"/v1/users/sc_owner/resources/a/b/permissions/read", 404),
        (b"/v1/users/sc_owner/resources/a%252Fb/permissions/read", 400),
        (b"/v1/users/sc_owner/resources/../permissions/read", 400),
        (b"/v1/users/sc_owner/resources/a%2F%2E%2E%2Fb/permissions/read", 400),
        (b"/v1/users/x/../sc_owner/resources/a/permissions/read", 404),
        (b"//v1/users/sc_owner/resources/a/permissions/read", 404),
        (b"http://other.example/v1/users/sc_owner/resources/a%2Fb/permissions/read", 200),
        (b"/v1/users/sc_owner/resources/a%2Fb/permissions/read#fragment", 200),
    ],
)
def test_the_raw_path_arrives_as_it_was_sent(live: Live, target: bytes, status: int) -> None:
    """Attack 12: the server in front of the application normalises nothing."""
    bearer = b"Authorization: Bearer " + live.owner.encode() + b"\r\n"
    answer = live.exchange(b"GET " + target + b" HTTP/1.1\r\n" + HOST + bearer + b"\r\n")
    assert int(answer[:3]) == status, answer


def test_a_head_answer_has_no_body_and_says_what_is_allowed(live: Live) -> None:
    answer = live.exchange(b"HEAD /health/live HTTP/1.1\r\n" + HOST + b"Connection: close\r\n\r\n")
    assert answer.startswith(b"405 ")
    assert b"allow: GET" in answer


def test_a_client_that_leaves_in_the_middle_of_its_body_breaks_nothing(live: Live) -> None:
    head = post(b"/v1/challenges", live, b"Content-Length: 100")
    assert live.exchange(head + b'{"step', half_close=True) == b""
    assert live.exchange(LIVE + b"\r\n").startswith(b"200 ")
    assert not live.instruments.failures
