"""A real server process, the command line beside it, and plain HTTP to it: what the acceptance tests are written in."""

from __future__ import annotations

import base64
import hashlib
import hmac
import http.client
import json
import os
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import count
from pathlib import Path
from typing import Any, Self, TypeVar
from urllib.parse import quote

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_der_private_key

T = TypeVar("T")
PROGRAM = str(Path(sys.executable).with_name("stairgate"))
PATIENCE = 30.0  # seconds that anything may take before a test fails
STEP = 30  # seconds of a totp
SHOWN = 6_000  # characters of the server's log beside a failure
_numbers = count(1)


def unique(prefix: str) -> str:
    """A name that no other test uses."""
    return f"{prefix}{os.getpid()}x{next(_numbers)}"


def eventually(what: str, probe: Callable[[], T | None]) -> T:
    """What *probe* gives once it gives something; a failed test after half a minute."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if (found := probe()) is not None:
            return found
        time.sleep(0.02)
    raise AssertionError(f"{what}: nothing came within {PATIENCE:.0f} s")


def base64url(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def part(document: object) -> str:
    return base64url(json.dumps(document, separators=(",", ":")).encode())


def compact(header: object, claims: object, sign: Callable[[bytes], bytes]) -> str:
    """A JWT of exactly these, whatever they say."""
    unsigned = f"{part(header)}.{part(claims)}"
    return f"{unsigned}.{base64url(sign(unsigned.encode()))}"


def totp_at(secret: str, moment: float) -> str:
    """RFC 6238 as written there, so that the server's own is not asked to judge itself."""
    key = base64.b32decode(secret + "=" * (-len(secret) % 8))
    digest = hmac.new(key, struct.pack(">Q", int(moment) // STEP), hashlib.sha1).digest()
    offset = digest[-1] & 15
    return f"{(int.from_bytes(digest[offset : offset + 4]) & 0x7FFFFFFF) % 1_000_000:06d}"


@dataclass(frozen=True)
class Answer:
    """What came back."""

    status: int
    headers: Mapping[str, str]  # by lower-case names
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def code(self) -> str | None:
        """The `errorCode`, where there is one."""
        document = json.loads(self.body) if self.body.startswith(b"{") else {}
        return document.get("errorCode")

    def refusal(self) -> str:
        """The challenge token of a refusal, which this must be."""
        assert (self.status, self.code) == (403, "StepUpAuthorizationRequired"), self
        return str(self.json["stepUpChallengeToken"])

    def expect(self, *statuses: int) -> Self:
        assert self.status in statuses, f"expected {statuses}, got {self}"
        return self


@dataclass(frozen=True)
class Key:
    """A service client's access key (authress-contract §5.2)."""

    text: str = field(repr=False)

    @property
    def client(self) -> str:
        return self.text.split(".")[0]

    @property
    def id(self) -> str:
        return self.text.split(".")[1]

    @property
    def account(self) -> str:
        return self.text.split(".")[2]

    @property
    def private(self) -> Ed25519PrivateKey:
        loaded = load_der_private_key(base64.b64decode(self.text.split(".", 3)[3]), None)
        assert isinstance(loaded, Ed25519PrivateKey)
        return loaded

    def claims(self, url: str) -> dict[str, Any]:
        now = int(time.time())
        return {
            "iss": f"{url}/v1/clients/{self.client}",
            "sub": self.client,
            "client_id": self.client,
            "aud": f"{self.account}.accounts.authress.io",
            "iat": now,
            "exp": now + 3600,
            "scope": "openid",
        }

    def bearer(self, url: str) -> str:
        return compact({"alg": "EdDSA", "kid": self.id, "typ": "at+jwt"}, self.claims(url), self.private.sign)


class Server:
    """
    `stairgate serve --dev` on a free loopback port, with its own SQLite file in *folder*.

    A context manager: at its end the process, and only that, is gone.
    """

    def __init__(self, folder: Path, *, workers: int = 1) -> None:
        self.folder = folder
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port: int = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = folder / "server.log"
        self.database = f"sqlite:///{folder / 'stairgate.db'}"
        self._workers = workers
        self._process: subprocess.Popen[bytes] | None = None
        self._bearers: dict[str, str] = {}
        # Another login of a user. The fixtures have an identity provider of their own, which needs no process each.
        self.log_in: Callable[[str], str] = self.token
        self._environment = {name: value for name, value in os.environ.items() if not name.startswith("STAIRGATE_")}
        self._environment |= {
            "STAIRGATE_DATABASE_URL": self.database,
            "STAIRGATE_URL": self.url,
            "STAIRGATE_PUBLIC_URL": self.url,
            "STAIRGATE_DEV": "true",
            "NO_COLOR": "1",
        }

    def __enter__(self) -> Self:
        self.owner = Key(self.command("init")["accessKey"])
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Serve, and wait until it answers."""
        options = ["--workers", str(self._workers)] if self._workers > 1 else []
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [PROGRAM, "serve", "--dev", "--port", str(self.port), *options],
                cwd=self.folder,
                env=self._environment,
                stdout=log,
                stderr=log,
                start_new_session=True,  # so that its workers can be ended with it
            )
        eventually("the server's first answer", self._ready)

    def _ready(self) -> bool | None:
        assert self._process is not None
        if self._process.poll() is not None:
            raise AssertionError(f"the server ended with {self._process.returncode}:\n{self.shown_log()}")
        try:
            self.call("GET", "/.well-known/openid-configuration/jwks").expect(200)
        except OSError:
            return None
        return True

    def stop(self, number: signal.Signals = signal.SIGTERM) -> None:
        """End the process and its workers."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            os.killpg(process.pid, number)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()

    def shown_log(self) -> str:
        """The end of what the server wrote."""
        return self.log.read_text("utf-8", "replace")[-SHOWN:] if self.log.exists() else ""

    # The command line

    def command(self, *arguments: str) -> Any:
        """What `stairgate … --json` says."""
        done = subprocess.run(
            [PROGRAM, *arguments, "--json"],
            cwd=self.folder,
            env=self._environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, f"stairgate {' '.join(arguments)}: {done.returncode}\n{done.stdout}{done.stderr}"
        return json.loads(done.stdout)

    def token(self, user: str, *, ttl: int = 3600) -> str:
        """A fresh access token of *user* by the test identity provider: another login each time."""
        return str(self.command("dev", "token", user, "--ttl", str(ttl))["token"])

    def totp(self, user: str) -> Totp:
        """A new authenticator of *user*."""
        return Totp(str(self.command("dev", "totp", user)["secret"]))

    # HTTP

    @property
    def owner_bearer(self) -> str:
        """An assertion of the owner's access key."""
        return self.bearer_of(self.owner)

    def bearer_of(self, key: Key) -> str:
        """An assertion of *key*, signed once."""
        if key.text not in self._bearers:
            self._bearers[key.text] = key.bearer(self.url)
        return self._bearers[key.text]

    def call(
        self,
        method: str,
        target: str,
        body: object = None,
        *,
        bearer: str | None = None,
        headers: Mapping[str, str] | Iterable[tuple[str, str]] = (),
        raw: bytes | None = None,
    ) -> Answer:
        """One request with exactly this *target*: nothing is normalised on the way. *raw* is a body as it is."""
        fields = list(headers.items() if isinstance(headers, Mapping) else headers)
        if bearer is not None:
            fields.append(("Authorization", f"Bearer {bearer}"))
        data = raw if raw is not None else None if body is None else json.dumps(body).encode()
        if data is not None:
            fields += [("Content-Type", "application/json"), ("Content-Length", str(len(data)))]
        # A connection each: they spread over the workers, and none can be ending just now.
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            return _exchange(connection, method, target, fields, data)
        finally:
            connection.close()


def _exchange(
    connection: http.client.HTTPConnection,
    method: str,
    target: str,
    fields: Iterable[tuple[str, str]],
    data: bytes | None,
) -> Answer:
    connection.putrequest(method, target, skip_accept_encoding=True)
    for name, value in fields:
        connection.putheader(name, value)
    connection.endheaders(data)
    response = connection.getresponse()
    return Answer(response.status, {name.lower(): value for name, value in response.getheaders()}, response.read())


class Totp:
    """An authenticator in a test's hand. It gives each code once, as RFC 6238 verifiers ask, and never a stale one."""

    def __init__(self, secret: str) -> None:
        self.secret = secret
        self._used = -1

    def code(self) -> str:
        """A code that is right now, and that no call before gave: this step's, or the one before it."""

        def fresh() -> str | None:
            now = time.time()
            current = int(now) // STEP
            for step in (current - 1, current):
                # The last seconds of an old step's acceptance are not used: the request has to arrive in time.
                if step > self._used and (step == current or now % STEP < STEP - 5):
                    self._used = step
                    return totp_at(self.secret, step * STEP)
            return None

        deadline = time.monotonic() + 2 * STEP
        while (code := fresh()) is None:
            assert time.monotonic() < deadline
            time.sleep(0.1)
        return code

    def wrong(self) -> str:
        """A code that is right neither now nor in the steps around."""
        now = time.time()
        right = {totp_at(self.secret, now + STEP * offset) for offset in range(-3, 4)}
        return next(code for code in (f"{number:06d}" for number in range(100)) if code not in right)


def together(jobs: Iterable[Callable[[], T]]) -> list[T]:
    """The results of *jobs*, each in a thread of its own, released at once."""
    waiting = list(jobs)
    barrier = threading.Barrier(len(waiting))
    results: list[T | BaseException | None] = [None] * len(waiting)

    def run(place: int, job: Callable[[], T]) -> None:
        try:
            barrier.wait(PATIENCE)
            results[place] = job()
        except BaseException as error:  # noqa: BLE001  # told in the test's own thread, below
            results[place] = error

    threads = [threading.Thread(target=run, args=item) for item in enumerate(waiting)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for result in results:
        if isinstance(result, BaseException):
            raise result
    return results  # type: ignore[return-value]  # errors were raised, and every place was filled


def segment(text: str) -> str:
    """*text* as one path segment."""
    return quote(text, safe="")
