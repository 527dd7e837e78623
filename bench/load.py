"""
The load generator, on a core of its own: Debian's wrk, or a small one in Python where wrk is not installed.

Both send prepared requests, byte for byte, over several kept connections, and take each in turn. Only 127.0.0.1, and
only for the time that is given.
"""

from __future__ import annotations

import asyncio
import os
import re
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.servers import cores

CONNECTIONS = 16
_UNITS = {"us": 1e-6, "ms": 1e-3, "s": 1.0, "m": 60.0}

# A script rather than a URL, because the requests differ. Long brackets keep them as they are.
_SCRIPT = """
local requests = dofile("{requests}")
local place, last = 0, #requests
request = function()
  place = place + 1
  if place > last then place = 1 end
  return requests[place]
end
"""


@dataclass(frozen=True)
class Load:
    """What a run came to. *latency* in seconds by percentile."""

    requests: int
    seconds: float
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        return self.requests / self.seconds


def get(path: str, port: int, *headers: tuple[str, str]) -> bytes:
    """One GET as it goes over the wire."""
    fields = "".join(f"{name}: {value}\r\n" for name, value in headers)
    return f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\n{fields}\r\n".encode()


def generator() -> str:
    return "wrk" if shutil.which("wrk") else "python"


def run(port: int, requests: Sequence[bytes], seconds: float, folder: Path) -> Load:
    """Send *requests* in turn, again and again, for *seconds*."""
    if generator() == "wrk":
        return _run_wrk(port, requests, seconds, folder)
    return _run_python(port, requests, seconds)


def statuses(port: int, requests: Sequence[bytes]) -> Counter[int]:
    """Send each request once and count the answers: warms the server up, and shows what is measured."""
    return asyncio.run(_once(port, requests))


def _run_wrk(port: int, requests: Sequence[bytes], seconds: float, folder: Path) -> Load:
    prepared, script = folder / "requests.lua", folder / "wrk.lua"
    texts = (request.decode().replace("\r\n", "\\r\\n") for request in requests)
    prepared.write_text("return {\n" + ",\n".join(f'"{text}"' for text in texts) + "\n}\n", encoding="ascii")
    script.write_text(_SCRIPT.format(requests=prepared), encoding="ascii")
    done = subprocess.run(
        [
            *("taskset", "-c", str(cores()[1])),
            *("wrk", "--threads", "1", "--connections", str(CONNECTIONS), "--latency"),
            *("--duration", f"{max(1, round(seconds))}s", "--script", str(script), f"http://127.0.0.1:{port}/"),
        ],
        capture_output=True,
        text=True,
        check=True,
        timeout=seconds + 60,
    )
    return _read_wrk(done.stdout)


def _read_wrk(text: str) -> Load:
    """The figures in wrk's report."""
    total = re.search(r"(\d+) requests in ([\d.]+)(us|ms|s|m)\b", text)
    spread = dict(re.findall(r"^\s+(50|99)%\s+([\d.]+(?:us|ms|s|m))", text, re.MULTILINE))
    if total is None or len(spread) != 2 or "Socket errors" in text:
        raise SystemExit(f"wrk reports something unexpected:\n{text}")
    return Load(int(total[1]), float(total[2]) * _UNITS[total[3]], _time(spread["50"]), _time(spread["99"]))


def _time(text: str) -> float:
    match = re.fullmatch(r"([\d.]+)(us|ms|s|m)", text)
    assert match is not None
    return float(match[1]) * _UNITS[match[2]]


class _Connection(asyncio.Protocol):
    """One kept connection: the next request leaves when the answer to the one before is whole."""

    def __init__(self, load: _PythonLoad) -> None:
        self.load = load
        self.buffer = b""
        self.sent_at = 0.0
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport
        self.send()

    def send(self) -> None:
        assert self.transport is not None
        request = self.load.next_request()
        if request is None:
            self.transport.close()
            return
        self.sent_at = time.perf_counter()
        self.transport.write(request)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        head, separator, rest = self.buffer.partition(b"\r\n\r\n")
        if not separator:
            return
        length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
        if len(rest) < (int(length[1]) if length else 0):
            return
        self.buffer = b""
        self.load.answered(int(head[9:12]), time.perf_counter() - self.sent_at)
        self.send()

    def connection_lost(self, exc: Exception | None) -> None:
        self.load.left(exc)


class _PythonLoad:
    def __init__(self, requests: Sequence[bytes], *, once: bool, until: float) -> None:
        self.requests, self.once, self.until = requests, once, until
        self.place = self.open = 0
        self.latencies: list[float] = []
        self.statuses: Counter[int] = Counter()
        self.done = asyncio.Event()
        self.error: Exception | None = None

    def next_request(self) -> bytes | None:
        over = self.place >= len(self.requests) if self.once else time.perf_counter() >= self.until
        if over:
            return None
        self.place += 1
        return self.requests[(self.place - 1) % len(self.requests)]

    def answered(self, status: int, latency: float) -> None:
        self.statuses[status] += 1
        self.latencies.append(latency)

    def left(self, error: Exception | None) -> None:
        self.error = self.error or error
        self.open -= 1
        if self.open == 0:
            self.done.set()


async def _drive(port: int, load: _PythonLoad) -> None:
    loop = asyncio.get_running_loop()
    load.open = CONNECTIONS
    for _ in range(CONNECTIONS):
        await loop.create_connection(lambda: _Connection(load), "127.0.0.1", port)
    await load.done.wait()
    if load.error is not None:
        raise SystemExit(f"a connection broke: {load.error}")


async def _once(port: int, requests: Sequence[bytes]) -> Counter[int]:
    load = _PythonLoad(requests, once=True, until=0)
    await _drive(port, load)
    return load.statuses


def _run_python(port: int, requests: Sequence[bytes], seconds: float) -> Load:
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {cores()[1]})
    try:
        began = time.perf_counter()
        load = _PythonLoad(requests, once=False, until=began + seconds)
        asyncio.run(_drive(port, load))
        took = time.perf_counter() - began
    finally:
        os.sched_setaffinity(0, before)
    latencies = sorted(load.latencies)
    if not latencies:
        sys.exit("nothing was answered")
    return Load(len(latencies), took, latencies[len(latencies) // 2], latencies[len(latencies) * 99 // 100])
