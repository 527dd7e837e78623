"""The customer's authenticator app, which in the demo is the terminal."""

from __future__ import annotations

import asyncio

import pyotp

from stairgate.cli.demo.narrator import Narrator
from stairgate.host.clock import SystemClock

STEP = 30  # seconds that a totp code belongs to
MARGIN = 5  # seconds before a step's end at which its code is not used any more: the answer has to arrive in time


class Authenticator:
    """
    Gives each code once, as it must be used.

    Args:
        secret: The factor's seed, in base32.
        narrator: Who is told of a wait.
    """

    def __init__(self, secret: str, narrator: Narrator) -> None:
        self._totp = pyotp.TOTP(secret)
        self._narrator = narrator
        self._used = -1

    async def code(self) -> str:
        """A code that is good now and was not given before; the service takes the current step and the one before."""
        while True:
            now = _now()
            step = int(now) // STEP
            for candidate in (step - 1, step):
                if candidate > self._used and (candidate == step or now % STEP < STEP - MARGIN):
                    self._used = candidate
                    return self._totp.at(candidate * STEP)
            await self._next(now)

    async def code_for_a_person(self) -> str:
        """The same, but the newest: whoever types it needs the time."""
        while (step := int(now := _now()) // STEP) <= self._used:
            await self._next(now)
        self._used = step
        return self._totp.at(step * STEP)

    async def _next(self, now: float) -> None:
        left = STEP - now % STEP
        self._narrator.note(f"(the authenticator shows its next code in {left:.0f} s)")
        await asyncio.sleep(left)


def _now() -> float:
    return SystemClock().now().timestamp()
