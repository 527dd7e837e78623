"""What a user wishes for all of their step-ups, as the store keeps it."""

from __future__ import annotations

from stairgate.model.ids import UserId
from stairgate.ports.store import ReadTransaction, WriteTransaction

_YES, _NO = "yes", "no"


def asks_every_time(transaction: ReadTransaction, user: UserId) -> bool:
    """Whether each elevation of *user* gets one use, of exactly what was asked (semantics §8)."""
    return transaction.fact(_name(user)) == _YES


def keep_wish(transaction: WriteTransaction, user: UserId, *, always: bool) -> None:
    """Store whether *user* wants to be asked every time."""
    transaction.put_fact(_name(user), _YES if always else _NO)


def _name(user: UserId) -> str:
    return f"ask every time {user}"
