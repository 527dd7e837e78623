"""How messages leave: by email, and by whatever the operator's webhook reaches."""

from __future__ import annotations

from typing import Protocol

from stairgate.model.messages import Message


class Sender(Protocol):
    """Sends the messages of one channel."""

    async def send(self, message: Message) -> None:
        """
        Must hand *message* over to whoever delivers it, within seconds, and return once they have taken it.

        Must raise `DeliveryFailedError` otherwise, and say there whether it may have gone out all the same. Must log
        neither text nor recipient.
        """
        ...
