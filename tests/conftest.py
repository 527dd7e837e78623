"""What holds for every test: the lanes, no network where none belongs, one event loop, Hypothesis's profiles.

A lane is a group of tests that needs more than Python, such as a JavaScript runtime. Its tests carry
`@pytest.mark.lane("name")`; where the lane cannot run they are skipped with the reason, and the last line of
`make test` says so. That line is made here, from what really ran.
"""

import os
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import hypothesis
import pytest

ROOT = Path(__file__).resolve().parent.parent
UNAVAILABLE = ROOT / ".cache" / "lanes-unavailable"  # written by scripts/lanes: one "name reason" a line
REPORT = ROOT / ".cache" / "lanes-report"  # read by scripts/test: its last line
OFFLINE = tuple(ROOT / "tests" / folder for folder in ("unit", "laws", "reference"))

hypothesis.settings.register_profile("default", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, print_blob=True)
hypothesis.settings.register_profile("long", deadline=None, print_blob=True, max_examples=2_000)
hypothesis.settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "ci" if os.environ.get("CI") else "default"))


# --- lanes ----------------------------------------------------------------------------------------


def javascript_lacks() -> str | None:
    """Why the official JavaScript SDK cannot be run here, if it cannot."""
    if shutil.which("node") is None:
        return "node not found"
    if not (ROOT / "tests/acceptance/javascript/node_modules/@authress/sdk").is_dir():
        return "the SDK is not installed; `make test` or `scripts/lanes` does it"
    return None


def pages_lack() -> str | None:
    """Why the pages cannot be looked at in a browser here, if they cannot."""
    if not Path("/usr/bin/chromium").exists():
        return "chromium not found"
    if not (ROOT / "tests/acceptance/javascript/node_modules/axe-core").is_dir():
        return "axe-core is not installed; `make test` or `scripts/lanes` does it"
    return None


LANES = {"javascript": javascript_lacks, "pages": pages_lack}


def why_not(lane: str) -> str | None:
    """Why the lane cannot run here: what its preparation noted, or else what a look shows; None if it can."""
    if UNAVAILABLE.exists():
        for line in UNAVAILABLE.read_text(encoding="utf-8").splitlines():
            name, _, reason = line.partition(" ")
            if name == lane:
                return reason
    return LANES[lane]()


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", f"lane(name): needs more than Python; one of: {', '.join(LANES)}")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    reasons: dict[str, str | None] = {}
    for item in items:
        for mark in item.iter_markers("lane"):
            (lane,) = mark.args
            if lane not in LANES:
                msg = f"{item.nodeid}: unknown lane `{lane}`; tests/conftest.py lists them"
                raise pytest.UsageError(msg)
            item.user_properties.append(("lane", lane))
            reason = reasons.setdefault(lane, why_not(lane))
            if reason is not None:
                item.add_marker(pytest.mark.skip(reason=f"lane {lane}: {reason}"))


class LaneReport:
    """Follows the test reports (under xdist: where they are gathered) and writes the closing line."""

    def __init__(self) -> None:
        self.ran: set[str] = set()
        self.skipped: dict[str, set[str]] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, lane in report.user_properties:
            if name != "lane":
                continue
            if report.skipped and isinstance(report.longrepr, tuple):
                reason = report.longrepr[2].removeprefix("Skipped: ").removeprefix(f"lane {lane}: ")
                self.skipped.setdefault(str(lane), set()).add(reason)
            elif report.when == "call":
                self.ran.add(str(lane))

    def line(self) -> str:
        gaps = []
        for lane in LANES:
            reasons = sorted(self.skipped.get(lane, ()))
            if lane not in self.ran and not reasons:
                reasons = [why_not(lane) or "none of its tests was run"]
            elif lane in self.ran and reasons:
                reasons = ["in part: " + "; ".join(reasons)]
            if reasons:
                gaps.append(f"{lane} ({'; '.join(reasons)})")
        return f"lanes skipped: {', '.join(gaps)}" if gaps else "lanes: all run"

    def pytest_sessionfinish(self) -> None:
        REPORT.parent.mkdir(exist_ok=True)
        REPORT.write_text(self.line() + "\n", encoding="utf-8")


def pytest_sessionstart(session: pytest.Session) -> None:
    if not hasattr(session.config, "workerinput"):
        session.config.pluginmanager.register(LaneReport(), "stairgate-lanes")


# --- fixtures -------------------------------------------------------------------------------------


@pytest.fixture(scope="session")
def anyio_backend() -> str:
    """Run async tests on asyncio, the loop that the server runs on."""
    return "asyncio"


def refuse(self: socket.socket, *_: object) -> NoReturn:
    self.close()  # or a second complaint, about the socket, would hide this one
    msg = "this test reached for the network; tests under unit, laws and reference have none"
    raise AssertionError(msg)


@pytest.fixture(autouse=True)
def _no_network(request: pytest.FixtureRequest) -> Iterator[None]:
    if not any(request.path.is_relative_to(folder) for folder in OFFLINE):
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(socket.socket, "connect", refuse)
        patch.setattr(socket.socket, "connect_ex", refuse)
        yield
