"""
Issuers' keys are fetched with care (attack 23), over real HTTP.

The server is real and speaks over a socket pair, so nothing here reaches for a network; whom the client tried to reach
is recorded before a byte is sent.
"""

import asyncio
import json
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from typing import Any

import httpcore2
import httpx2
import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from stairgate.host.issuer_keys import (
    FRESH_SECONDS,
    MAX_BYTES,
    RETRY_SECONDS,
    USABLE_SECONDS,
    HttpIssuerKeys,
)
from stairgate.model.clients import Issuer
from stairgate.model.errors import UnavailableError
from stairgate.model.jwk import ed25519_jwk
from stairgate.ports.keys import IssuerKeys

IDP = Issuer("https://idp.example", "aud")
JWKS = "/.well-known/openid-configuration/jwks"
DISCOVERY = "/.well-known/openid-configuration"

Answer = Callable[[asyncio.StreamWriter], Awaitable[None]]


def jwk(kid: str | None = "k1", **more: Any) -> dict[str, Any]:
    key: dict[str, Any] = {**ed25519_jwk(Ed25519PrivateKey.generate().public_key()), "kid": kid, **more}
    if kid is None:
        del key["kid"]
    return key


def reply(body: object, status: str = "200 OK", headers: Iterable[str] = ()) -> Answer:
    async def answer(writer: asyncio.StreamWriter) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        head = [f"HTTP/1.1 {status}", f"Content-Length: {len(data)}", "Connection: close", *headers]
        writer.write("\r\n".join([*head, "", ""]).encode() + data)
        await writer.drain()

    return answer


def keys(*members: object) -> Answer:
    return reply({"keys": list(members)})


NOT_FOUND = reply({}, "404 Not Found")


class Stream(httpcore2.AsyncNetworkStream):
    """The client's end. What is said through it would go through TLS for https."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    async def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ASYNC109  # theirs
        try:
            return await self.reader.read(max_bytes)
        except ConnectionError as error:
            raise httpcore2.ReadError from error

    async def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ASYNC109  # theirs
        self.writer.write(buffer)

    async def aclose(self) -> None:
        self.writer.close()

    async def start_tls(self, *_: object, **__: object) -> "Stream":
        return self


class World(httpcore2.AsyncNetworkBackend):
    """Every host there is. An address without an answer is one that nobody may reach."""

    def __init__(self, answers: dict[str, Answer]) -> None:
        self.answers = answers
        self.reached: list[tuple[str, int]] = []
        self.asked: list[str] = []
        self.requests: list[str] = []
        self.time = 0.0
        self._serving: list[asyncio.Task[None]] = []

    async def connect_tcp(self, host: str, port: int, *_: object, **__: object) -> httpcore2.AsyncNetworkStream:
        self.reached.append((host, port))
        ours, theirs = socket.socketpair()
        self._serving.append(asyncio.create_task(self._serve(theirs)))
        return Stream(*await asyncio.open_connection(sock=ours))

    async def _serve(self, end: socket.socket) -> None:
        reader, writer = await asyncio.open_connection(sock=end)
        try:
            request = (await reader.readuntil(b"\r\n\r\n")).decode()
            path = request.split()[1]
            self.asked.append(path)
            self.requests.append(request)
            await self.answers.get(path, NOT_FOUND)(writer)
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client went away, as some of these tests want
        finally:
            writer.close()

    async def gone(self) -> None:
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


@asynccontextmanager
async def client_of(world: World, *, total_seconds: float = 5.0) -> AsyncIterator[IssuerKeys]:
    transport = httpx2.AsyncHTTPTransport()
    transport._pool = httpcore2.AsyncConnectionPool(network_backend=world)
    async with HttpIssuerKeys(
        transport=transport, monotonic=lambda: world.time, total_seconds=total_seconds
    ) as issuer_keys:
        yield issuer_keys
    await world.gone()


@pytest.mark.anyio
async def test_keys_are_found_under_the_issuer_and_kept() -> None:
    key = jwk()
    world = World({JWKS: keys(key)})
    async with client_of(world) as client:
        for _ in range(3):
            assert await client.find(IDP, "k1") == key
        assert await client.find(IDP, None) == key
    assert world.reached == [("idp.example", 443)]
    assert world.asked == [JWKS]
    assert "authorization" not in world.requests[0].lower()
    assert "accept-encoding: identity" in world.requests[0].lower()


@pytest.mark.anyio
async def test_a_named_address_is_the_only_one_that_is_asked() -> None:
    key = jwk()
    world = World({"/certs?x=1": keys(key)})
    issuer = Issuer("https://idp.example", "aud", keys_uri="https://keys.example:8443/certs?x=1")
    async with client_of(world) as client:
        assert await client.find(issuer, "k1") == key
    assert world.reached == [("keys.example", 8443)]


@pytest.mark.anyio
@pytest.mark.parametrize("first", [NOT_FOUND, reply(b"<html>")], ids=["404", "html"])
async def test_discovery_is_the_second_way(first: Answer) -> None:
    key = jwk()
    document = {"issuer": "https://idp.example/realm", "jwks_uri": "https://idp.example/realm/certs"}
    world = World({"/realm" + JWKS: first, "/realm" + DISCOVERY: reply(document), "/realm/certs": keys(key)})
    async with client_of(world) as client:
        assert await client.find(Issuer("https://idp.example/realm", "aud"), "k1") == key
    assert world.asked == ["/realm" + JWKS, "/realm" + DISCOVERY, "/realm/certs"]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "document",
    [
        {"issuer": "https://idp.example", "jwks_uri": uri}
        for uri in (
            "https://evil.example/certs",
            "http://idp.example/certs",
            "https://idp.example:444/certs",
            "https://idp.example@evil.example/certs",
            "https://user@idp.example/certs",
            "https://idp.example.evil.example/certs",
            "http://169.254.169.254/latest",
            "http://localhost/certs",
            "file:///etc/passwd",
            "https://idp.example:x/certs",
            "//evil.example/certs",
            "https://[::1/certs",
            "",
            None,
            ["https://idp.example/certs"],
        )
    ]
    + [{"issuer": "https://other.example", "jwks_uri": "https://idp.example/certs"}, {}, []],
    ids=str,
)
async def test_discovery_leads_nowhere_else(document: object) -> None:
    """Attack 23: the metadata names an address of the attacker's, or of ours."""
    world = World({DISCOVERY: reply(document), "/certs": keys(jwk()), "/latest": keys(jwk())})
    async with client_of(world) as client:
        with pytest.raises(UnavailableError):
            await client.find(IDP, "k1")
    assert set(world.reached) == {("idp.example", 443)}
    assert world.asked == [JWKS, DISCOVERY]


@pytest.mark.anyio
@pytest.mark.parametrize("status", ["301 Moved", "302 Found", "303 See Other", "307 Temporary", "308 Permanent"])
@pytest.mark.parametrize("to", ["https://evil.example/x", "https://idp.example/x", "http://127.0.0.1/x"])
async def test_no_redirect_is_followed(status: str, to: str) -> None:
    """Attack 23."""
    away = reply({}, status, [f"Location: {to}"])
    world = World({JWKS: away, DISCOVERY: away, "/x": keys(jwk())})
    async with client_of(world) as client:
        with pytest.raises(UnavailableError):
            await client.find(IDP, "k1")
    assert set(world.reached) == {("idp.example", 443)}
    assert world.asked == [JWKS, DISCOVERY]


@pytest.mark.anyio
@pytest.mark.parametrize(
    "address",
    [
        "http://idp.example",
        "http://127.0.0.1.evil.example",
        "http://10.0.0.1",
        "ftp://idp.example",
        "https://a:b@idp.example",
        "https://",
        "idp.example",
        "",
    ],
)
async def test_only_https_is_spoken_but_to_this_machine(address: str) -> None:
    world = World({JWKS: keys(jwk())})
    async with client_of(world) as client:
        with pytest.raises(UnavailableError):
            await client.find(Issuer(address, "aud"), "k1")
    assert world.reached == []


@pytest.mark.anyio
@pytest.mark.parametrize("host", ["localhost", "127.0.0.1", "[::1]"])
async def test_plain_http_is_spoken_to_this_machine(host: str) -> None:
    key = jwk()
    world = World({JWKS: keys(key)})
    async with client_of(world) as client:
        assert await client.find(Issuer(f"http://{host}:9000", "aud"), "k1") == key


async def huge(writer: asyncio.StreamWriter) -> None:
    writer.write(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n")
    while True:
        writer.write(b"10000\r\n" + b" " * 65_536 + b"\r\n")
        await writer.drain()


async def silent(writer: asyncio.StreamWriter) -> None:
    await asyncio.Event().wait()


async def dripping(writer: asyncio.StreamWriter) -> None:
    """A byte now and then, so that no single read ever times out."""
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n")
    while True:
        writer.write(b" ")
        await writer.drain()
        await asyncio.sleep(0.01)


async def hanging_up(writer: asyncio.StreamWriter) -> None:
    writer.write(b'HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n{"keys"')


async def gibberish(writer: asyncio.StreamWriter) -> None:
    writer.write(b"\x00\x01\x02 not http\r\n\r\n")


BAD: dict[str, Answer] = {
    "huge": huge,
    "silent": silent,
    "dripping": dripping,
    "hanging up": hanging_up,
    "gibberish": gibberish,
    "too long by a byte": reply(b" " * (MAX_BYTES - 11) + b'{"keys": []}'),
    "compressed": reply(b"\x1f\x8b\x08", headers=["Content-Encoding: gzip"]),
    "500": reply({"keys": []}, "500 Oops"),
    "204": reply(b"", "204 No Content"),
    "not json": reply(b"<html></html>"),
    "not utf-8": reply(b'{"keys": [\xff]}'),
    "deep": reply(b"[" * 100_000),
    "repeated members": reply(b'{"keys": [], "keys": []}'),
    "a list": reply([]),
    "no keys": reply({}),
    "keys of another kind": reply({"keys": {"k1": {}}}),
    "a key of another kind": reply({"keys": ["x"]}),
    "too many": reply({"keys": [{}] * 101}),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", BAD)
async def test_an_answer_that_is_no_key_set_is_unavailable_in_bounded_time_and_memory(name: str) -> None:
    """Attack 23: slow, endless, broken and misleading answers."""
    world = World({JWKS: BAD[name]})
    async with client_of(world, total_seconds=0.2) as client, asyncio.timeout(5):
        with pytest.raises(UnavailableError):
            await client.find(IDP, "k1")


@pytest.mark.anyio
async def test_keys_that_cannot_verify_are_left_out() -> None:
    good = jwk("good")
    bad = [
        {"kty": "oct", "k": "AAAA", "kid": "hmac"},
        jwk("private", d="AAAA"),
        jwk("encrypts", use="enc"),
        {"kty": "new", "kid": "unknown"},
    ]
    world = World({JWKS: keys(*bad, good)})
    async with client_of(world) as client:
        assert await client.find(IDP, "good") == good
        assert await client.find(IDP, None) == good
        for key in bad:
            assert await client.find(IDP, str(key["kid"])) is None


@pytest.mark.anyio
async def test_an_ambiguous_name_finds_nothing() -> None:
    world = World({JWKS: keys(jwk("twin"), jwk("twin"), jwk(None))})
    async with client_of(world) as client:
        assert await client.find(IDP, "twin") is None
        assert await client.find(IDP, None) is None


@pytest.mark.anyio
async def test_a_new_key_is_found_and_unknown_names_cause_no_flood() -> None:
    world = World({JWKS: keys(jwk("old"))})
    async with client_of(world) as client:
        assert await client.find(IDP, "old") is not None
        for number in range(50):
            assert await client.find(IDP, f"made-up-{number}") is None
        assert len(world.asked) == 1
        rotated = jwk("new")
        world.answers[JWKS] = keys(rotated)
        world.time += RETRY_SECONDS
        assert await client.find(IDP, "new") == rotated
        assert await client.find(IDP, "old") is None, "a key that the issuer took back is forgotten"
        assert len(world.asked) == 2


@pytest.mark.anyio
async def test_many_callers_share_one_fetch() -> None:
    key = jwk()
    world = World({JWKS: keys(key)})
    async with client_of(world) as client:
        found = await asyncio.gather(*(client.find(IDP, "k1") for _ in range(50)))
    assert found == [key] * 50
    assert len(world.asked) == 1


@pytest.mark.anyio
async def test_a_caller_who_goes_away_does_not_end_the_fetch_for_the_others() -> None:
    key, begun, go_on = jwk(), asyncio.Event(), asyncio.Event()

    async def held(writer: asyncio.StreamWriter) -> None:
        begun.set()
        await go_on.wait()
        await keys(key)(writer)

    world = World({JWKS: held})
    async with client_of(world) as client:
        first = asyncio.create_task(client.find(IDP, "k1"))
        await begun.wait()
        second = asyncio.create_task(client.find(IDP, "k1"))
        first.cancel()
        await asyncio.gather(first, return_exceptions=True)
        go_on.set()
        assert await second == key
    assert first.cancelled()
    assert len(world.asked) == 1


@pytest.mark.anyio
async def test_an_issuer_that_is_away_is_asked_seldom_and_its_keys_are_used_for_an_hour() -> None:
    key = jwk()
    world = World({JWKS: keys(key)})
    async with client_of(world) as client:
        assert await client.find(IDP, "k1") == key
        world.answers.clear()
        world.time = FRESH_SECONDS
        assert await client.find(IDP, "k1") == key
        tried = len(world.asked)
        assert await client.find(IDP, "k1") == key
        assert len(world.asked) == tried
        world.time = USABLE_SECONDS
        with pytest.raises(UnavailableError):
            await client.find(IDP, "k1")
        world.answers[JWKS] = keys(key)
        with pytest.raises(UnavailableError):
            await client.find(IDP, "k1")
        world.time += RETRY_SECONDS
        assert await client.find(IDP, "k1") == key


@pytest.mark.anyio
async def test_issuers_do_not_share_keys_and_a_changed_one_is_asked_anew() -> None:
    key, moved = jwk(), jwk()
    world = World({JWKS: keys(key), "/moved": keys(moved), "/other" + JWKS: keys()})
    async with client_of(world) as client:
        assert await client.find(IDP, "k1") == key
        assert await client.find(Issuer("https://idp.example/other", "aud"), "k1") is None
        changed = Issuer("https://idp.example", "aud", keys_uri="https://idp.example/moved")
        assert await client.find(changed, "k1") == moved
