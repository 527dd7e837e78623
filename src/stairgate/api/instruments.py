"""What the API tells those who operate it. It knows no logger and no metrics library: the composition root does."""

from __future__ import annotations

from typing import Protocol


class Instruments(Protocol):
    """Receives what was served. Route patterns only: no path, token, id or body ever comes here."""

    def served(
        self, *, method: str, route: str, status: int, seconds: float, request_id: str, outcome: str | None
    ) -> None:
        """Must take note of an answered request, and of what a check decided; must not raise."""
        ...

    def failed(self, *, route: str, request_id: str, error: BaseException) -> None:
        """Must log what was not foreseen, under the id that the caller was given; must not raise."""
        ...

    def metrics(self) -> tuple[bytes, str]:
        """Must return the metrics page and its media type."""
        ...


class NoInstruments:
    """Takes note of nothing."""

    def served(
        self, *, method: str, route: str, status: int, seconds: float, request_id: str, outcome: str | None
    ) -> None:
        """Do nothing."""

    def failed(self, *, route: str, request_id: str, error: BaseException) -> None:
        """Do nothing."""

    def metrics(self) -> tuple[bytes, str]:
        """No metrics."""
        return b"", "text/plain; version=0.0.4; charset=utf-8"
