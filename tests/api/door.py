"""The door of the API without a network: one ASGI call with exactly these bytes, and its answer."""

from __future__ import annotations

import json
from base64 import urlsafe_b64encode
from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.unit.service_stepup.world import World, new_world

from stairgate.api.app import Application
from stairgate.model.ids import ClientId

Fields = Iterable[tuple[bytes, bytes]]


def base64url(value: object) -> bytes:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return urlsafe_b64encode(data).rstrip(b"=")


@dataclass(frozen=True)
class Answered:
    status: int
    headers: list[tuple[bytes, bytes]]
    body: bytes

    def header(self, name: str) -> str | None:
        found = [value.decode() for key, value in self.headers if key == name.encode()]
        assert len(found) <= 1, f"{name} stands {len(found)} times"
        return found[0] if found else None

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str:
        return str(self.json["errorCode"])


class Instruments:
    """Keeps what it is told."""

    def __init__(self) -> None:
        self.requests: list[tuple[str, str, int]] = []
        self.failures: list[tuple[str, str, BaseException]] = []

    def served(
        self, *, method: str, route: str, status: int, seconds: float, request_id: str, outcome: str | None
    ) -> None:
        self.requests.append((method, route, status))

    def failed(self, *, route: str, request_id: str, error: BaseException) -> None:
        self.failures.append((route, request_id, error))

    def metrics(self) -> tuple[bytes, str]:
        return b"# numbers\n", "text/plain; version=0.0.4; charset=utf-8"


@dataclass
class Door:
    world: World
    application: Application
    instruments: Instruments = field(default_factory=Instruments)

    async def call(
        self,
        method: str,
        target: str | bytes,
        body: object = None,
        *,
        bearer: str | None = None,
        headers: Fields = (),
        raw: bytes | None = None,
        chunks: Iterable[bytes] | None = None,
    ) -> Answered:
        """One request. *raw* is a body as it is, *chunks* one that comes in pieces without a length."""
        fields = list(headers)
        if bearer is not None:
            fields.append((b"authorization", b"Bearer " + bearer.encode()))
        data = raw if raw is not None else b"" if body is None else json.dumps(body).encode()
        parts = [data] if chunks is None else list(chunks)
        if chunks is not None:
            fields.append((b"transfer-encoding", b"chunked"))
        elif data:
            fields.append((b"content-length", str(len(data)).encode()))
        if (data or chunks) and not any(name == b"content-type" for name, _ in fields):
            fields.append((b"content-type", b"application/json"))
        sent: list[dict[str, Any]] = []

        async def send(message: Any) -> None:
            sent.append(message)

        async def receive() -> dict[str, Any]:
            part = parts.pop(0)
            return {"type": "http.request", "body": part, "more_body": bool(parts)}

        await self.application(scope_of(method, target, fields), receive, send)
        assert sent[0]["type"] == "http.response.start"
        content = b"".join(message["body"] for message in sent[1:])
        return Answered(sent[0]["status"], list(sent[0]["headers"]), content)

    # --- who calls

    async def service(self, name: str = "shop", *rights: tuple[str, str]) -> str:
        """The assertion of a service client that may ask about any user."""
        await self.world.client(name, *rights)
        return self.world.assertion(ClientId(f"sc_{name}"))

    async def check(
        self, bearer: str, user: str, action: str, resource: str, *, headers: Fields = (), token: str | None = None
    ) -> Answered:
        fields = list(headers)
        if token is not None:
            fields.append((b"stairgate-user-token", token.encode()))
        target = f"/v1/users/{encoded(user)}/resources/{encoded(resource)}/permissions/{encoded(action)}"
        return await self.call("GET", target, bearer=bearer, headers=fields)

    async def challenge_token(self, bearer: str, user: str, action: str, resource: str, **more: Any) -> str:
        refused = await self.check(bearer, user, action, resource, **more)
        assert (refused.status, refused.code) == (403, "StepUpAuthorizationRequired"), refused
        return str(refused.json["stepUpChallengeToken"])

    async def opened(self, bearer: str, user: str, action: str, resource: str, **more: Any) -> dict[str, Any]:
        """A challenge, opened by who was refused."""
        token = await self.challenge_token(bearer, user, action, resource, **more)
        answered = await self.call("POST", "/v1/challenges", {"stepUpChallengeToken": token}, bearer=bearer)
        assert answered.status == 201, answered
        return {**answered.json, "token": token}


def encoded(text: str) -> str:
    """*text* as one path segment."""
    plain = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._~"
    return "".join(c if c in plain else "".join(f"%{byte:02X}" for byte in c.encode()) for c in text)


def scope_of(method: str, target: str | bytes, fields: Fields) -> dict[str, Any]:
    """The scope that uvicorn makes for *target*."""
    raw = target.encode() if isinstance(target, str) else target
    path, _, query = raw.partition(b"?")
    return {
        "type": "http",
        "asgi": {"version": "3.0", "spec_version": "2.3"},
        "http_version": "1.1",
        "method": method,
        "scheme": "http",
        "path": path.decode("latin-1"),
        "raw_path": path,
        "query_string": query,
        "root_path": "",
        "headers": [(name.lower(), value) for name, value in fields],
        "client": ("127.0.0.1", 1),
        "server": ("127.0.0.1", 8080),
    }


async def open_door(store: str, folder: Path) -> AsyncIterator[Door]:
    async with new_world(store, folder) as world:
        instruments = Instruments()
        yield Door(world, Application(world.services, instruments=instruments), instruments)
