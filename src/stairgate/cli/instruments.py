"""What the service tells its operator: numbers for Prometheus, and a log line for all but plain checks."""

from __future__ import annotations

import structlog

from stairgate.host.logs import log, log_request
from stairgate.host.metrics import CONTENT_TYPE, Metrics
from stairgate.model.errors import UnavailableError

CHECK = "/v1/users/{userId}/resources/{resourceUri}/permissions/{permission}"
_SERVER_ERROR = 500


class OperatorInstruments:
    """
    Fulfils `api.instruments.Instruments`.

    Checks are counted and timed; a line for each would cost more than the check (semantics §12: they are no part of the
    record). Everything else, and a check that failed, gets its line.
    """

    def __init__(self) -> None:
        self._metrics = Metrics()
        self._log: structlog.stdlib.BoundLogger = log("stairgate.http")

    def served(
        self, *, method: str, route: str, status: int, seconds: float, request_id: str, outcome: str | None
    ) -> None:
        """Count a check, log anything else."""
        if route == CHECK:
            self._metrics.decided(outcome or "error", seconds)
            if status < _SERVER_ERROR:
                return
        log_request(self._log, method=method, route=route, status=status, seconds=seconds, request_id=request_id)

    def failed(self, *, route: str, request_id: str, error: BaseException) -> None:
        """Log what happened, under the id that the caller was given."""
        if isinstance(error, UnavailableError):
            self._metrics.store_failed()
            self._log.warning("unavailable", route=route, request_id=request_id, problem=error.title)
            return
        self._log.error("failed", route=route, request_id=request_id, exc_info=error)

    def metrics(self) -> tuple[bytes, str]:
        """Everything, in Prometheus's text form."""
        return self._metrics.text(), CONTENT_TYPE
