"""The one writer of a process: a thread that puts what waits into one commit (group commit)."""

from __future__ import annotations

import asyncio
import sqlite3
import threading
from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Any, TypeVar

from stairgate.model.errors import UnavailableError
from stairgate.ports.store import WriteTransaction
from stairgate.storage.sql.session import SqliteSession
from stairgate.storage.sql.transactions import SqlWriteTransaction

T = TypeVar("T")

MOST_AT_ONCE = 256  # so that the first of a crowd does not wait for all of it
PATIENCE = 5.0  # seconds to wait for another process that writes


@dataclass(frozen=True, slots=True)
class _Outcome:
    """What came of a function: its value, or what it raised."""

    value: Any = None
    error: BaseException | None = None


@dataclass(frozen=True, slots=True)
class _Job:
    """A function that waits, and whom to tell."""

    function: Callable[[WriteTransaction], Any]
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[_Outcome]


class _BrokenError(Exception):
    """A function met a failure of the database, so that nothing of the transaction may stay."""

    def __init__(self, failure: UnavailableError) -> None:
        super().__init__()
        self.failure = failure


class Writer:
    """
    Runs functions in transactions on its own thread and connection.

    All that waits goes into one `BEGIN IMMEDIATE` … `COMMIT`, each function in a savepoint of its own: one that raises
    takes back its own part only. Callers hear of it after the commit, so what is acknowledged is durable.
    """

    def __init__(self, connection: sqlite3.Connection, *, patience: float = PATIENCE) -> None:
        self._connection = connection
        self._patience = patience
        self._session = SqliteSession(connection)
        self._transaction = SqlWriteTransaction(self._session)
        self._jobs: SimpleQueue[_Job | None] = SimpleQueue()
        self._lock = threading.Lock()
        self._closed = False
        self._thread = threading.Thread(target=self._run, name="stairgate-writer", daemon=True)
        self._thread.start()

    async def write(self, function: Callable[[WriteTransaction], T]) -> T:
        """Run *function* with whatever else waits, and return once it is durable."""
        loop = asyncio.get_running_loop()
        job = _Job(function, loop, loop.create_future())
        with self._lock:
            if self._closed:
                raise UnavailableError("the store is closed")
            self._jobs.put(job)
        outcome = await job.future
        if outcome.error is not None:
            raise outcome.error
        value: T = outcome.value
        return value

    def close(self) -> None:
        """Finish what waits and close the connection. Blocks until then."""
        with self._lock:
            if not self._closed:
                self._closed = True
                self._jobs.put(None)
        self._thread.join()

    # On the thread

    def _run(self) -> None:
        try:
            going = True
            while going:
                jobs, going = self._waiting()
                wanted = [job for job in jobs if not job.future.cancelled()]
                if wanted:
                    self._settle(wanted, self._outcomes(wanted))
        finally:
            self._connection.close()
            self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        """Leave nobody waiting for a thread that has ended; by a flaw only is there anybody."""
        with self._lock:
            self._closed = True
            while not self._jobs.empty():
                job = self._jobs.get()
                if job is not None:
                    self._settle([job], [_failed(UnavailableError())])

    def _waiting(self) -> tuple[list[_Job], bool]:
        """What waits, once anything does, and whether more may come."""
        jobs: list[_Job] = []
        job = self._jobs.get()
        while job is not None:
            jobs.append(job)
            if len(jobs) == MOST_AT_ONCE:
                return jobs, True
            try:
                job = self._jobs.get_nowait()
            except Empty:
                return jobs, True
        return jobs, False

    def _outcomes(self, jobs: Sequence[_Job]) -> list[_Outcome]:
        try:
            return self._together(jobs)
        except _BrokenError as broken:
            self._session.abandon()
            if len(jobs) > 1:  # the others shall not suffer for the one that broke it
                return [outcome for job in jobs for outcome in self._outcomes([job])]
            return [_failed(broken.failure)]
        except UnavailableError as failure:
            self._session.abandon()
            return [_failed(failure) for _ in jobs]
        except BaseException as flaw:  # noqa: BLE001  # a flaw of ours: callers must hear, and the thread must live on
            self._session.abandon()
            return [_Outcome(error=flaw) for _ in jobs]

    def _together(self, jobs: Sequence[_Job]) -> list[_Outcome]:
        self._session.begin_writing(patience=self._patience)
        outcomes = [self._one(job) for job in jobs]
        self._session.command("COMMIT")
        return outcomes

    def _one(self, job: _Job) -> _Outcome:
        session = self._session
        session.command("SAVEPOINT job")
        try:
            outcome = _Outcome(job.function(self._transaction))
        except BaseException as error:  # noqa: BLE001  # whatever a function raises is its caller's
            outcome = _Outcome(error=error)
        if not session.intact:
            raise _BrokenError(session.failure or UnavailableError()) from outcome.error
        if outcome.error is not None:
            session.command("ROLLBACK TO job")
        session.command("RELEASE job")
        return outcome

    def _settle(self, jobs: Sequence[_Job], outcomes: Sequence[_Outcome]) -> None:
        by_loop: dict[asyncio.AbstractEventLoop, list[tuple[asyncio.Future[_Outcome], _Outcome]]] = defaultdict(list)
        for job, outcome in zip(jobs, outcomes, strict=True):
            by_loop[job.loop].append((job.future, outcome))
        for loop, settled in by_loop.items():
            try:
                loop.call_soon_threadsafe(_tell, settled)
            except RuntimeError:  # the loop is closed: nobody is left to tell
                continue


def _tell(settled: Sequence[tuple[asyncio.Future[_Outcome], _Outcome]]) -> None:
    for future, outcome in settled:
        if not future.done():
            future.set_result(outcome)


def _failed(failure: UnavailableError) -> _Outcome:
    """An error for one caller: raised by many, one object would collect the tracebacks of all."""
    error = UnavailableError(failure.title)
    error.__cause__ = failure.__cause__
    return _Outcome(error=error)
