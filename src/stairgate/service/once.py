"""
Requests that may be repeated: what was done under an Idempotency-Key is done once (authress-contract §4.3).

What a verb does and what it was answered with are kept in one transaction. So there is no moment at which the thing is
made and its answer is lost, however the process ends: a repeat finds both or neither.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TypeVar

from stairgate.model.errors import AlreadyDoneError, IdempotencyKeyReusedError, UnavailableError
from stairgate.model.tokens import Caller
from stairgate.ports.store import ReadTransaction, Store, WriteTransaction
from stairgate.ports.trust import RememberedAnswer
from stairgate.service.context import Services

T = TypeVar("T")

ANSWERS_KEPT = timedelta(hours=24)
SECRETS_KEPT = timedelta(minutes=10)  # for as long as a client may be trying; then what was shown once stays so
_FORGOTTEN_AT_ONCE = 20  # more than are remembered at once, so that old answers never pile up
_PURPOSE = "answer"


@dataclass(frozen=True, slots=True)
class Repeatable:
    """
    A request that may come again.

    Args:
        caller: Who sends it.
        key: Its Idempotency-Key.
        content: A digest of the route and of all that was sent: another request under the same key is refused.
        secret: Whether the answer holds something that is shown once.
    """

    caller: Caller
    key: str
    content: str
    secret: bool = False

    @property
    def fingerprint(self) -> str:
        """
        What a repeat must have in common with it.

        The token is part of it: what one session was shown is not shown to another one of the same user.
        """
        return f"{self.content} {self.caller.token.key}"


async def once(
    services: Services,
    request: Repeatable,
    verb: Callable[[Services], Awaitable[T]],
    render: Callable[[T], bytes],
) -> bytes:
    """
    Do *verb*, unless *request* did it before.

    Args:
        services: The application's.
        request: What may come again.
        verb: One use case, run with the services that it is given. It must write in one transaction, and return what
            that transaction returned.
        render: The answer to it. It runs inside the transaction.

    Returns:
        The answer: the same one for a repeat.

    Raises:
        IdempotencyKeyReusedError: Something else was sent under the key, or by another token of the caller.
        AlreadyDoneError: It was done, and its answer is not shown any more.
        Exception: Whatever *verb* raises; then nothing is remembered.
    """
    remembering = _RememberingStore(services, request, render)
    try:
        await verb(replace(services, store=remembering))
    except _AnsweredBeforeError as before:
        return before.answer
    return remembering.answer


class _AnsweredBeforeError(Exception):
    def __init__(self, answer: bytes) -> None:
        self.answer = answer
        super().__init__()


class _RememberingStore:
    """`ports.store.Store` for one request: its write happens once, and leaves the answer beside what it did."""

    def __init__(self, services: Services, request: Repeatable, render: Callable[[T], bytes]) -> None:
        self._services = services
        self._store: Store = services.store
        self._request = request
        self._render: Callable[..., bytes] = render
        self._answer: bytes | None = None

    @property
    def answer(self) -> bytes:
        """What the verb was answered with."""
        if self._answer is None:
            message = "the verb wrote nothing, so its answer was not remembered"
            raise RuntimeError(message)
        return self._answer

    async def read(self, function: Callable[[ReadTransaction], T]) -> T:
        """As the store does."""
        return await self._store.read(function)

    async def write(self, function: Callable[[WriteTransaction], T]) -> T:
        """As the store does, if it was not done before."""
        if self._answer is not None:
            message = "the verb wrote twice, so that a half of it could be repeated"
            raise RuntimeError(message)

        def run(transaction: WriteTransaction) -> tuple[T, bytes]:
            self._require_new(transaction)
            value = function(transaction)
            answer = self._render(value)
            self._remember(transaction, answer)
            return value, answer

        value, self._answer = await self._store.write(run)
        return value

    async def close(self) -> None:
        """Closing is left to the application."""

    def _require_new(self, transaction: ReadTransaction) -> None:
        request = self._request
        known = transaction.remembered_answer(request.caller.principal, request.key)
        now = self._services.clock.now()
        if known is None or now >= known.expires_at:
            return
        if known.fingerprint != request.fingerprint:
            raise IdempotencyKeyReusedError
        if now >= known.shown_until:
            raise AlreadyDoneError
        try:
            answer = self._services.keys.unseal(known.answer, purpose=_PURPOSE)
        except UnavailableError:  # its key has left the ring; that it was done stays true
            raise AlreadyDoneError from None
        raise _AnsweredBeforeError(answer)

    def _remember(self, transaction: WriteTransaction, answer: bytes) -> None:
        request, now = self._request, self._services.clock.now()
        transaction.forget_answers(before=now, most=_FORGOTTEN_AT_ONCE)
        transaction.put_remembered_answer(
            RememberedAnswer(
                request.caller.principal,
                request.key,
                request.fingerprint,
                self._services.keys.seal(answer, purpose=_PURPOSE),
                shown_until=now + (SECRETS_KEPT if request.secret else ANSWERS_KEPT),
                expires_at=now + ANSWERS_KEPT,
            )
        )
