"""Chance that repeats itself. SECURITY: for tests alone; everything that it returns can be predicted."""

from __future__ import annotations

import hashlib
from base64 import urlsafe_b64encode


class PredictableEntropyForTesting:
    """
    `ports.entropy.Entropy` whose values follow from *seed* alone: the same seed, the same values in the same order.

    DANGER: ids, codes and keys made from it are known to anyone who reads this file. Never build a service with it that
    anybody but a test can reach.
    """

    def __init__(self, seed: str = "stairgate") -> None:
        self._seed = seed
        self._drawn = 0

    def token(self, *, bits: int = 160) -> str:
        """At least *bits* predictable bits as letters, digits, `-` and `_`."""
        return urlsafe_b64encode(self.bytes(-(-bits // 8))).rstrip(b"=").decode()

    def digits(self, count: int) -> str:
        """*count* predictable decimal digits."""
        number = int.from_bytes(self.bytes(count + 8))
        return f"{number % 10**count:0{count}d}"

    def bytes(self, count: int) -> bytes:
        """*count* predictable bytes."""
        self._drawn += 1
        return hashlib.shake_256(f"{self._seed} {self._drawn}".encode()).digest(count)
