"""The operating system's randomness."""

from __future__ import annotations

import secrets

LEAST_BITS = 128  # ASVS 11.5.1


class SystemEntropy:
    """Fulfils `ports.entropy.Entropy`."""

    def token(self, *, bits: int = 160) -> str:
        """At least *bits*, and never fewer than 128, random bits as letters, digits, `-` and `_`."""
        return secrets.token_urlsafe((max(bits, LEAST_BITS) + 7) // 8)

    def digits(self, count: int) -> str:
        """*count* random decimal digits, each number as likely as any other."""
        return f"{secrets.randbelow(10**count):0{count}d}"

    def bytes(self, count: int) -> bytes:
        """*count* random bytes."""
        return secrets.token_bytes(count)
