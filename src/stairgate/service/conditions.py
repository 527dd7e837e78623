"""Conditions as callers write them, and whether a database that holds some can be served (semantics §3)."""

from __future__ import annotations

from stairgate.engine.conditions import ConditionSyntaxError, require_condition
from stairgate.model.errors import InvalidInputError

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
