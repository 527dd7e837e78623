"""Try whether something would be allowed, and leave nothing behind: no use taken, no entry written."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

from stairgate.ports.store import WriteTransaction
from stairgate.service.context import Services


class _AllowedSoFarError(Exception):
    """It would be allowed; nothing of the question stays."""


async def rehearse(services: Services, attempt: Callable[[WriteTransaction], object]) -> None:
    """Run *attempt*, which raises what refuses it, and take back whatever it did."""

    def run(transaction: WriteTransaction) -> None:
        attempt(transaction)
        raise _AllowedSoFarError

    with suppress(_AllowedSoFarError):
        await services.store.write(run)
