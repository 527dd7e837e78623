"""The clock."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol


class Clock(Protocol):
    """Time, from the server and nowhere else (attack 28)."""

    def now(self) -> datetime:
        """Must return the time as an aware UTC datetime."""
        ...
