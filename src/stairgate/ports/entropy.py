"""Randomness."""

from __future__ import annotations

from typing import Protocol


class Entropy(Protocol):
    """Unpredictable values; every id that is a capability comes from here (ASVS 11.5.1: 128 bits or more)."""

    def token(self, *, bits: int = 160) -> str:
        """Must return at least *bits* random bits as letters, digits, `-` and `_`."""
        ...

    def digits(self, count: int) -> str:
        """Must return *count* random decimal digits, leading zeros included."""
        ...

    def bytes(self, count: int) -> bytes:
        """Must return *count* random bytes."""
        ...
