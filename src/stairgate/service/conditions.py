"""Conditions as callers write them, and whether a database that holds some can be served (semantics §3)."""

from __future__ import annotations

from stairgate.engine.conditions import ConditionSyntaxError, available, require_condition
from stairgate.model.errors import InvalidInputError, UnavailableError
from stairgate.ports.store import ReadTransaction

INSTALL = "install `stairgate[cel]`"


def condition_of(expression: str | None, *, field: str) -> str | None:
    """
    *expression*, once it is a condition that can be evaluated here; None stays None.

    Raises:
        InvalidInputError: It is not: the message says where in it, or what to install.
    """
    if expression is not None:
        try:
            require_condition(expression)
        except ConditionSyntaxError as error:
            raise InvalidInputError(field, str(error)) from None
        except LookupError:
            raise InvalidInputError(field, f"cannot be evaluated, because CEL is not installed: {INSTALL}") from None
    return expression


def require_evaluable(transaction: ReadTransaction) -> None:
    """
    Refuse to serve a database that holds conditions where they cannot be evaluated.

    One that is written later, by another node, makes no grant count and every mark apply on this one.

    Raises:
        UnavailableError: It does. It says what to install.
    """
    if not available() and _holds_conditions(transaction):
        message = f"the database holds conditions (`when`), and CEL, which evaluates them, is not installed: {INSTALL}"
        raise UnavailableError(message)


def _holds_conditions(transaction: ReadTransaction) -> bool:
    if transaction.statement_conditions():
        return True
    marks = [
        *transaction.statement_marks(),
        *(permission.step_up for role in transaction.roles() for permission in role.permissions),
        *(mark.requirement for configuration in transaction.resources() for mark in configuration.marks),
    ]
    return any(mark is not None and mark.when is not None for mark in marks)
