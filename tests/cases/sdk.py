"""The SDK's door: both clients, against a real server in a thread of its own whose clock is moved by hand."""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import inspect
import socket
import ssl
import threading
from collections.abc import AsyncIterator, Collection, Coroutine, Iterator, Sequence
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, TypeVar

import uvicorn
from tests.cases.doors import Entry, Shown, Shows, Told
from tests.cases.reading import ASKER, Check, Document, End, Listing, StepUp, Token, Vote
from tests.cases.served import UseCaseDoor, area_in
from tests.unit.service_stepup.world import World, new_world

from stairgate import AsyncStairgate, Stairgate
from stairgate.api.app import Application
from stairgate.api.protocol import server_config
from stairgate.client.codec import wire_name
from stairgate.client.decisions import Allowed, Denied
from stairgate.client.decisions import StepUp as Refused
from stairgate.client.errors import ArgumentError, ChallengeEndedError, InvalidInputError, StairgateError
from stairgate.client.requirement import Requirement
from stairgate.model.ids import ClientId
from stairgate.testing.clock import FakeClock

T = TypeVar("T")
PATIENCE = 30.0
TLS = ssl.create_default_context()  # made once: it takes longer than a case


class Server:
    """One server for all cases; behind it an account for each, in memory."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._socket.getsockname()[1]}"
        self._application: Application | None = None
        self._loop = asyncio.new_event_loop()
        self._server = uvicorn.Server(server_config(self._answer, timeout_graceful_shutdown=1))
        self._thread = threading.Thread(target=self._run, name="cases")

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._server.should_exit = True
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        self._socket.close()

    def do(self, work: Coroutine[Any, Any, T]) -> T:
        """Run *work* where the account lives."""
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    @contextlib.contextmanager
    def world(self) -> Iterator[World]:
        """An account of its own, which answers until the block ends. It begins at the real time, by which SDKs sign."""
        stack = AsyncExitStack()
        clock = FakeClock(datetime.now(UTC).replace(microsecond=0))
        world = self.do(stack.enter_async_context(new_world("memory", self._folder, clock=clock, origin=self.url)))
        self._application = Application(world.services)
        try:
            yield world
        finally:
            self._application = None
            self.do(stack.aclose())

    async def _answer(self, scope: Any, receive: Any, send: Any) -> None:
        assert self._application is not None
        await self._application(scope, receive, send)

    def _run(self) -> None:
        asyncio.set_event_loop(self._loop)
        self._loop.run_until_complete(self._server.serve(sockets=[self._socket]))
        self._loop.close()


async def done(value: Any) -> Any:
    """What a client's method gives, awaited where it is the async one's."""
    return await value if inspect.isawaitable(value) else value


def written(requirement: Requirement) -> Document:
    """*requirement* as the wire writes it, every member."""
    said = dataclasses.asdict(requirement)
    return {wire_name(name): list(each) if isinstance(each, tuple) else each for name, each in said.items()}


class SdkDoor(UseCaseDoor):
    """The SDK's clients. Facts are written, and entries read, beside it."""

    shows = Shows.CHAIN

    def __init__(self, world: World, server: Server, kind: type[Stairgate | AsyncStairgate]) -> None:
        super().__init__(world)
        self.server = server
        self.kind = kind
        self.clients: dict[str, Any] = {}

    async def declare(self, tokens: Sequence[Token], clients: Document, enrolled: Collection[str]) -> None:
        self.server.do(super().declare(tokens, clients, enrolled))

    async def put(self, document: Document) -> None:
        self.server.do(super().put(document))

    async def delete(self, named: Document) -> None:
        self.server.do(super().delete(named))

    async def written(self) -> Sequence[Entry]:
        return self.server.do(super().written())

    async def close(self) -> None:
        for client in self.clients.values():
            await done(client.close())

    def sdk(self, by: str | Token) -> Any:
        """The client of who asks."""
        name = by.name if isinstance(by, Token) else by
        if name not in self.clients:
            key, text = (
                (None, self.texts[name]) if isinstance(by, Token) else (self.world.access_keys[ClientId(by)], None)
            )
            self.clients[name] = self.kind(self.server.url, access_key=key, user_token=text, tls=TLS)
        return self.clients[name]

    async def ask(self, asked: Check, token: str | None) -> tuple[Told, str | None]:
        try:
            decision = await done(
                self.sdk(asked.by).authorize(
                    asked.user,
                    asked.resource,
                    asked.action,
                    user_token=token,
                    context=asked.context,
                    idempotency_key=asked.key,
                )
            )
        except ArgumentError:  # the SDK refuses to send what no server would take
            return Told("error", error=InvalidInputError.code, status=400), None
        except StairgateError as error:
            return Told("error", error=error.error_code, status=error.status), None
        match decision:
            case Allowed():
                return Told("allow"), None
            case Denied():
                return Told("deny"), None
            case Refused():
                requirement = written(decision.requirement)
                token = decision.step_up_challenge_token
                told = Told("step_up", decision.reason, requirement, area_in(token), challengeable=token is not None)
                return told, token
        raise AssertionError(decision)

    async def list(self, asked: Listing) -> Sequence[Shown]:
        listed = self.sdk(ASKER).access.resources(
            asked.user,
            permission=asked.action,
            nested=True,
            user_token=None if asked.token is None else self.texts[asked.token.name],
            context=asked.context,
            include_protected=asked.protected,
            page_size=2,
        )
        found = [each async for each in listed] if isinstance(listed, AsyncIterator) else list(listed)
        return [
            Shown(each.resource_uri, each.step_up is not None, written(each.step_up) if each.step_up else None)
            for each in found
        ]

    async def open(self, by: str | Token, challenge_token: str) -> tuple[str, str | None]:
        try:
            challenge = await done(self.sdk(by).challenges.open(challenge_token))
        except StairgateError as error:
            return str(error.error_code), None
        return challenge.state, challenge.challenge_id

    async def answer(self, step: StepUp, asked: Check, challenge: str) -> str:
        challenges = self.sdk(self._opener(step, asked)).challenges
        try:
            if step.method == "totp":
                code = self.world.code(asked.user)
            else:
                await self.advance(30)
                code = (await done(challenges.request_code(challenge, step.method))).code
            answered = await done(challenges.answer(challenge, method=step.method, code=code, once=step.once))
        except ChallengeEndedError as error:
            return str(error.details["state"])
        except StairgateError as error:
            return str(error.error_code)
        return str(answered.state)

    async def vote(self, step: Vote) -> str:
        # The SDK has no votes: they are given beside it.
        return self.server.do(super().vote(step))

    async def ended(self, step: End, by: str | Token) -> None:
        assert isinstance(by, Token)
        if step.not_me:
            assert step.token is not None
            _, challenge = self.challenges[step.token]
            await done(self.sdk(by).challenges.decline(challenge, not_me=True))
            return
        everything = True if step.user is not None else None
        await done(self.sdk(by).elevations.end_all(by.user, every_token=everything))
