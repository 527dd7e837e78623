"""The processes that are measured: started on one core, read from /proc, ended by their id."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from string import Template

PROGRAM = str(Path(sys.executable).with_name("stairgate"))
TICKS = os.sysconf("SC_CLK_TCK")
PATIENCE = 60.0  # seconds until a server must answer


def cores() -> tuple[int, int]:
    """The core of the servers and that of the load generator; the same one where there is only one."""
    available = sorted(os.sched_getaffinity(0))
    return available[0], available[-1]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port: int = free.getsockname()[1]
        return port


@dataclass(frozen=True)
class Running:
    """A server that answers; *pid* is the process that does the work."""

    port: int
    pid: int

    def cpu_seconds(self) -> float:
        """User and system time of the process so far."""
        fields = Path(f"/proc/{self.pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / TICKS

    def resident_bytes(self) -> int:
        status = Path(f"/proc/{self.pid}/status").read_text(encoding="ascii")
        return int(status.partition("VmRSS:")[2].split()[0]) * 1024


@contextmanager
def nginx(folder: Path) -> Iterator[Running | None]:
    """Debian's nginx with one worker; None where it is not installed."""
    program = shutil.which("nginx", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if program is None:
        yield None
        return
    port = free_port()
    text = Template(Path(__file__).with_name("nginx.conf").read_text(encoding="utf-8"))
    configuration = folder / "nginx.conf"
    configuration.write_text(text.substitute(port=port, folder=folder), encoding="utf-8")
    command = [program, "-p", str(folder), "-e", str(folder / "nginx.log"), "-c", str(configuration)]
    with _process(command, port, folder / "nginx.out", dict(os.environ)) as pid:
        yield Running(port, _only_child(pid))


@contextmanager
def stairgate(folder: Path, port: int, environment: dict[str, str]) -> Iterator[Running]:
    """`stairgate serve` with one worker, on the database that the environment names."""
    command = [PROGRAM, "serve", "--dev", "--port", str(port)]
    with _process(command, port, folder / "stairgate.log", environment) as pid:
        yield Running(port, pid)


@contextmanager
def _process(command: Sequence[str], port: int, log: Path, environment: dict[str, str]) -> Iterator[int]:
    """A process pinned to the servers' core, from its first answer on."""
    with log.open("wb") as output:
        process = subprocess.Popen(
            ["taskset", "-c", str(cores()[0]), *command],
            stdout=output,
            stderr=output,
            env=environment,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + PATIENCE
        while not _listens(port):
            if process.poll() is not None or time.monotonic() > deadline:
                shown = log.read_text(encoding="utf-8", errors="replace")[-2000:]
                raise SystemExit(f"{command[0]} does not answer on port {port}:\n{shown}")
            time.sleep(0.05)
        yield process.pid
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


def _listens(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
    except OSError:
        return False
    return True


def _only_child(pid: int) -> int:
    children = Path(f"/proc/{pid}/task/{pid}/children")
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        if found := children.read_text(encoding="ascii").split():
            return int(found[0])
        time.sleep(0.05)
    raise SystemExit("nginx has no worker")
