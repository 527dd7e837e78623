"""Who waits for a challenge to change, so that nobody asks the store in a loop."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from stairgate.model.ids import ChallengeId


class Notices:
    """Wakes those in this process who wait for a challenge; other processes' changes are found by a slow poll."""

    def __init__(self) -> None:
        self._waiting: dict[ChallengeId, set[asyncio.Event]] = {}

    @contextmanager
    def listening(self, challenge: ChallengeId) -> Iterator[asyncio.Event]:
        """An event that is set at each change of *challenge* from now on; whoever was woken clears it."""
        event = asyncio.Event()
        self._waiting.setdefault(challenge, set()).add(event)
        try:
            yield event
        finally:
            events = self._waiting[challenge]
            events.discard(event)
            if not events:
                del self._waiting[challenge]

    def tell(self, challenges: Iterable[ChallengeId]) -> None:
        """Wake whoever waits for any of *challenges*, which have changed."""
        for challenge in challenges:
            for event in self._waiting.get(challenge, ()):
                event.set()
