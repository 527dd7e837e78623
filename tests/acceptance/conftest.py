"""One real server a test process, an identity provider that it trusts, and its log beside each failure."""

from __future__ import annotations

from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.acceptance.issuer import Issuer
from tests.acceptance.support import Server


@contextmanager
def trusting(folder: Path, *, workers: int = 1) -> Iterator[tuple[Server, Issuer]]:
    with Server(folder, workers=workers) as server, Issuer(server) as issuer:
        server.log_in = issuer.log_in
        yield server, issuer


@pytest.fixture(scope="session")
def server_and_issuer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Server, Issuer]]:
    with trusting(tmp_path_factory.mktemp("server")) as running:
        yield running


@pytest.fixture(scope="session")
def server(server_and_issuer: tuple[Server, Issuer]) -> Server:
    """`stairgate serve --dev`, one worker, SQLite."""
    return server_and_issuer[0]


@pytest.fixture(scope="session")
def issuer(server_and_issuer: tuple[Server, Issuer]) -> Issuer:
    """An identity provider that *server* trusts."""
    return server_and_issuer[1]


@pytest.fixture(scope="module")
def two_workers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """`stairgate serve --dev --workers 2`: two processes on one SQLite file and one port."""
    with trusting(tmp_path_factory.mktemp("two-workers"), workers=2) as (server, _):
        yield server


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if report.failed:
        for name, value in getattr(item, "funcargs", {}).items():
            if isinstance(value, Server):
                report.sections.append((f"log of {name}", value.shown_log()))
    return report
