"""Attack 22 of the threat model: JSON that two parsers read differently."""

from __future__ import annotations

import itertools
import json
import socket

import pytest
from tests.acceptance.bank import Customer, check_path, context_header, customer
from tests.acceptance.support import Server, part

# Each stands as the value of a member of a context, as written; `deep` and `lone` are JSON by its grammar.
AMBIGUOUS: dict[str, bytes] = {
    "a repeated member": b'{"amount":1,"amount":2}',
    "a repeated member, escaped": b'{"amount":1,"\\u0061mount":2}',
    "a repeated member below": b'{"a":{"b":1,"b":1}}',
    "an integer beyond 2^53": b'{"amount":9007199254740992}',
    "a negative one": b'{"amount":-9007199254740992}',
    "a hundred digits": b'{"amount":' + b"9" * 100 + b"}",
    "5000 digits": b'{"amount":' + b"9" * 5000 + b"}",
    "16 digits with a point": b'{"amount":0.1234567890123456}',
    "a number beyond a double": b'{"amount":1e400}',
    "NaN": b'{"amount":NaN}',
    "Infinity": b'{"amount":Infinity}',
    "minus Infinity": b'{"amount":-Infinity}',
    "a leading zero": b'{"amount":01}',
    "a plus": b'{"amount":+1}',
    "hexadecimal": b'{"amount":0x1}',
    "nothing before the point": b'{"amount":.5}',
    "nothing after the point": b'{"amount":1.}',
    "nested 33 deep": b'{"a":' + b"[" * 33 + b"]" * 33 + b"}",
    "nested 3000 deep": b'{"a":' + b"[" * 1500 + b"]" * 1500 + b"}",
    "a lone surrogate": b'{"a":"\\ud800"}',
    "a lone low surrogate as a name": b'{"\\udc00":1}',
    "an overlong form": b'{"a":"\xc0\xaf"}',
    "Latin-1": b'{"a":"\xe9"}',
    "an encoded surrogate": b'{"a":"\xed\xa0\x80"}',
    "a byte order mark": b'\xef\xbb\xbf{"a":1}',
    "UTF-16": '{"a":1}'.encode("utf-16"),
    "a comment": b'{"a":1/*,"b":2*/}',
    "a line comment": b'{"a":1}//',
    "a trailing comma": b'{"a":1,}',
    "single quotes": b"{'a':1}",
    "a bare name": b"{a:1}",
    "a raw line end in a text": b'{"a":"\n"}',
    "a zero byte": b'{"a":1}\x00',
    "two documents": b'{"a":1}{"a":2}',
    "a list": b'[{"a":1}]',
    "a text": b'"a"',
    "null": b"null",
    "nothing": b"",
    "not closed": b'{"a":1',
    "an unknown escape": b'{"a":"\\x41"}',
}
CASES = [pytest.param(text, id=name) for name, text in AMBIGUOUS.items()]


@pytest.fixture(scope="module")
def payer(server: Server) -> Customer:
    return customer(server, mark={"level": "basic", "bind": ["amount"]})


@pytest.mark.parametrize("text", CASES)
def test_attack_22_an_ambiguous_context_is_refused(payer: Customer, text: bytes) -> None:
    """
    Attack: the details of a payment are written so that the bank reads one amount and Stairgate another.

    Defence: I-JSON read strictly (RFC 7493): whatever parsers read differently is 400, for a free access, too.
    """
    for action in ("payments:create", "documents:read"):
        headers = {"Stairgate-Context": context_header(text)}
        path = check_path(payer.user, payer.account, action)
        refused = payer.server.call("GET", path, bearer=payer.token, headers=headers)
        assert refused.status in {400, 431}, f"{action}: {refused}"


@pytest.mark.parametrize("text", CASES)
@pytest.mark.parametrize("path", ["/v1/challenges", "/v1/records"])
def test_attack_22_an_ambiguous_body_is_refused(server: Server, path: str, text: bytes) -> None:
    """
    Attack: a body whose repeated or odd members say one thing to a gateway and another to Stairgate.

    Defence: 400 in the one error shape, and nothing happens.
    """
    refused = server.call("POST", path, raw=text, bearer=server.owner_bearer).expect(400)
    assert set(refused.json) >= {"title", "errorCode", "errorId"}


def test_attack_22_a_repeated_mark_does_not_vanish(server: Server) -> None:
    """
    Attack: `stepUp` stands twice in a statement, the second time null; or in another case, or misspelled.

    Defence: repeated members and members that nobody knows are 400: a typo must not weaken anything (semantics §4).
    """
    head = '{"name":"n","users":[{"userId":"u"}],"statements":[{"roles":["r"],"resources":[{"resourceUri":"a"}],'
    for mark in (
        '"stepUp":{"level":"strong"},"stepUp":null',
        '"stepUp":{"level":"strong","level":"basic"}',
        '"stepUp":{"level":"strong","Level":"basic"}',
        '"stepup":{"level":"strong"}',
        '"StepUp":{"level":"strong"}',
        '"stepUp":{"levl":"strong"}',
        '"stepUp":{"level":"Strong"}',
        '"stepUp":{"uses":1.5}',
        '"stepUp":{"uses":"1"}',
        '"stepUp":{"uses":true}',
        '"stepUp":{"lifetime":1e9}',
        '"stepUp":"strong"',
        '"stepUp":[{"level":"strong"}]',
    ):
        body = f"{head}{mark}}}]}}".encode()
        server.call("POST", "/v1/records", raw=body, bearer=server.owner_bearer).expect(400)


CONTEXTS = [{"amount": 1}, {"amount": 2}]


@pytest.mark.parametrize("order", list(itertools.permutations((0, 1))), ids=["first", "second"])
def test_attack_22_a_header_that_stands_twice_is_refused(
    server: Server, payer: Customer, order: tuple[int, int]
) -> None:
    """
    Attack: two contexts, two bearers, two user tokens: a gateway judges one, Stairgate the other.

    Defence: each of these may be sent once: 400.
    """
    path = check_path(payer.user, payer.account, "documents:read")
    bearers = [("Authorization", f"Bearer {payer.token}"), ("Authorization", f"Bearer {server.owner_bearer}")]
    contexts = [("Stairgate-Context", context_header(CONTEXTS[place])) for place in order]
    tokens = [("Stairgate-User-Token", payer.token), ("stairgate-user-token", payer.token)]
    keys = [("Idempotency-Key", "a"), ("Idempotency-Key", "b")]
    server.call("GET", path, headers=[bearers[place] for place in order]).expect(400)
    server.call("GET", path, bearer=payer.token, headers=contexts).expect(400)
    server.call("GET", path, bearer=server.owner_bearer, headers=tokens).expect(400)
    server.call("GET", path, bearer=server.owner_bearer, headers=keys).expect(400)


@pytest.mark.parametrize("spelling", ["standard alphabet", "line ends", "spare bits", "not base64", "too large"])
def test_attack_22_a_context_has_one_spelling(payer: Customer, spelling: str) -> None:
    """
    Attack: base64url that decoders forgive differently.

    Defence: its own alphabet, no spare bits, at most 4 KiB.
    """
    good = part({"amount": 1, "text": "~~~???"})
    assert "-" in good or "_" in good
    odd = part({"amount": 12})
    spelled = {
        "standard alphabet": good.replace("-", "+").replace("_", "/"),
        "line ends": f"{good[:8]} {good[8:]}",
        "spare bits": f"{odd[:-1]}{chr(ord(odd[-1]) + 1)}",
        "not base64": "%7B%7D",
        "too large": part({"amount": 1, "filler": "x" * 5000}),
    }[spelling]
    path = check_path(payer.user, payer.account, "documents:read")
    headers = {"Stairgate-Context": spelled}
    refused = payer.server.call("GET", path, bearer=payer.token, headers=headers)
    assert refused.status in {400, 431}, refused


@pytest.mark.parametrize(
    "smuggled",
    [
        pytest.param(b"Content-Length: 4\r\nContent-Length: 5\r\n", id="two lengths"),
        pytest.param(b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n", id="length and chunks"),
        pytest.param(b"Transfer-Encoding: chunked, identity\r\n", id="an odd coding"),
        pytest.param(b"Content-Length: +4\r\n", id="a signed length"),
        pytest.param(b"Content-Length : 4\r\n", id="a blank before the colon"),
        pytest.param(b"Content-Length: 4\r\nContent-Encoding: gzip\r\n", id="a coding nobody decodes"),
    ],
)
def test_attack_22_a_request_has_one_end(server: Server, smuggled: bytes) -> None:
    """
    Attack: a request whose end two programs see in different places (request smuggling).

    Defence: llhttp reads strictly; such a request is a 4xx, and nothing after it is served on that connection as if
    nothing had been.
    """
    head = (
        b"POST /v1/challenges HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
        b"Authorization: Bearer " + server.owner_bearer.encode() + b"\r\n" + smuggled + b"\r\n"
    )
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as connection:
        connection.sendall(head + b"0\r\n\r\n" + b"GET /v1/records HTTP/1.1\r\nHost: x\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        received = b""
        while chunk := connection.recv(65536):
            received += chunk
    status = int(received.split(b" ", 2)[1]) if received.startswith(b"HTTP/1.1 ") else 400
    assert 400 <= status < 500, received
    assert b'"records"' not in received


def test_attack_22_what_is_unambiguous_is_read(payer: Customer) -> None:
    """Else the corpus above would be refused for nothing."""
    for text in (b'{"amount":9007199254740991}', b' {"amount" : 0.1}\n', b'{"a":"\\ud83d\\ude00"}', '{"é":1}'.encode()):
        headers = {"Stairgate-Context": context_header(text)}
        path = check_path(payer.user, payer.account, "documents:read")
        assert payer.server.call("GET", path, bearer=payer.token, headers=headers).status == 200, text
    assert json.loads(b'{"a":1,"a":2}') == {"a": 2}  # what a forgiving parser makes of it
