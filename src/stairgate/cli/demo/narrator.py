"""Prints each request of the demo and its answer, and takes note of whether a step went as it should."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

import httpx2
from rich.console import Console
from rich.markup import escape
from rich.text import Text

_LONG = 28  # characters: what is longer in a token is cut
_TOKEN = re.compile(r"\b(?:eyJ[\w.-]{20,}|sc_[\w-]+\.key_[\w.+/=-]+)")
# What a reader wants to see of a body; the rest is in the documentation.
_INTERESTING = (
    "errorCode",
    "reason",
    "stepUpChallengeToken",
    "requirement",
    "challengeId",
    "state",
    "asked",
    "methods",
    "method",
    "code",
    "attemptsLeft",
    "elevationId",
    "area",
    "level",
    "expiresAt",
    "usesLeft",
    "roleId",
    "recordId",
    "statements",
)
_INNER = ("level", "lifetime", "uses", "bind", "resourceUri", "action", "exact", "roles", "resources", "stepUp")
_GOOD, _ASKED = range(200, 300), 403


class Narrator:
    """Prints the story, and counts the steps that did not go as they should."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._step = 0
        self.failures: list[str] = []

    def step(self, title: str) -> None:
        """Begin the next step of the story."""
        self._step += 1
        self._console.print(f"\n[bold]{self._step}. {escape(title)}[/bold]", soft_wrap=True)

    def note(self, text: str) -> None:
        """Say something beside the requests."""
        self._console.print(f"   {escape(shortened(text))}", style="dim", soft_wrap=True)

    def expect(self, what: str, *, holds: bool) -> None:
        """Take note of whether *what* the step was to show was shown."""
        mark, style = ("✓", "green") if holds else ("✗", "bold red")
        self._console.print(Text(f"   {mark} {what}", style=style))
        if not holds:
            self.failures.append(f"step {self._step}: {what}")

    def asked(self, request: httpx2.Request) -> None:
        """Print a request."""
        target = escape(request.url.raw_path.decode())
        self._console.print(f"   [cyan]→ {request.method} {target}[/cyan]", soft_wrap=True)
        token = request.headers.get("stairgate-user-token")
        if token is not None:
            self._console.print(f"       Stairgate-User-Token: {escape(shortened(token))}", style="dim")
        self._body(request.content, _INTERESTING)

    def answered(self, response: httpx2.Response, body: bytes) -> None:
        """Print an answer."""
        style = "green" if response.status_code in _GOOD else "yellow" if response.status_code == _ASKED else "red"
        self._console.print(f"   [{style}]← {response.status_code}[/{style}]")
        # A challenge is looked at again and again: then its state is the news.
        again = response.request.method == "GET" and response.request.url.path.startswith("/v1/challenges/")
        self._body(body, ("state",) if again else _INTERESTING)

    def _body(self, body: bytes, names: tuple[str, ...]) -> None:
        try:
            document = json.loads(body) if body else None
        except ValueError:
            return
        if isinstance(document, dict):
            for name in names:
                if document.get(name) is not None:
                    text = escape(shortened(_told(document[name])))
                    self._console.print(f"       {name}: {text}", style="dim", soft_wrap=True)


class NarratedTransport(httpx2.AsyncBaseTransport):
    """The usual transport of the SDK, each exchange printed."""

    def __init__(self, narrator: Narrator) -> None:
        self._narrator = narrator
        self._inner = httpx2.AsyncHTTPTransport(trust_env=False)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        """Send *request* and print it with its answer, together: others may be under way."""
        response = await self._inner.handle_async_request(request)
        response.request = request
        body = await response.aread()
        self._narrator.asked(request)
        self._narrator.answered(response, body)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        await self._inner.aclose()


def shortened(text: str) -> str:
    """*text* with its tokens cut: enough to tell two apart, useless to whoever reads over a shoulder."""
    return _TOKEN.sub(lambda found: f"{found[0][: _LONG // 2]}…{found[0][-8:]}", text)


def _told(value: Any) -> str:  # noqa: ANN401  # any JSON value
    if isinstance(value, Mapping):
        members = {name: value[name] for name in _INNER if value.get(name) is not None}
        return "{" + ", ".join(f"{name}: {_told(item)}" for name, item in members.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(_told(item) for item in value) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value)
