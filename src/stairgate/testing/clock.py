"""A clock that moves by hand."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

START = datetime(2026, 1, 1, 12, 0, tzinfo=UTC)


class FakeClock:
    """`ports.clock.Clock` that stands still until it is told to move."""

    def __init__(self, start: datetime = START) -> None:
        if start.tzinfo is None:
            message = "a clock needs an aware time"
            raise ValueError(message)
        self._now = start.astimezone(UTC)

    def now(self) -> datetime:
        """The time that the clock was last moved to."""
        return self._now

    def advance(self, seconds: float = 0, *, minutes: float = 0, hours: float = 0, days: float = 0) -> datetime:
        """Move the clock, backwards where negative, and return the time that it shows then."""
        self._now += timedelta(seconds=seconds, minutes=minutes, hours=hours, days=days)
        return self._now

    def set(self, now: datetime) -> None:
        """Move the clock to *now*."""
        if now.tzinfo is None:
            message = "a clock needs an aware time"
            raise ValueError(message)
        self._now = now.astimezone(UTC)
