"""Actions: `:`-scoped, kept as written, compared in lower case (semantics §2.4; Authress calls them permissions)."""

from __future__ import annotations

import re
from dataclasses import dataclass

from stairgate.model.errors import InvalidInputError

MAX_LENGTH = 64
ANY = "*"

_PART = re.compile(r"[a-zA-Z0-9_-]+")


@dataclass(frozen=True, slots=True)
class Action:
    """
    One action, or all below it.

    *key* is what is compared: lower case, without a final `:*`; the action of everything is `*`. Two actions that
    differ only in spelling are not equal as values; compare keys.
    """

    written: str
    key: str

    def __str__(self) -> str:
        return self.written

    def covers(self, other: Action) -> bool:
        """Whether who holds this action holds *other* (semantics §2.4)."""
        return self.key in {ANY, other.key} or other.key.startswith(self.key + ":")


def parse_action(text: str, *, field: str = "permission") -> Action:
    """
    The action *text*, held or checked: `a` and `a:*` are the same.

    Raises:
        InvalidInputError: It is not an action, or has a `*` that is not its whole last part.
    """
    if not 1 <= len(text) <= MAX_LENGTH:
        raise InvalidInputError(field, f"must have 1 to {MAX_LENGTH} characters")
    parts = text.split(":")
    for position, part in enumerate(parts):
        if part == ANY and position == len(parts) - 1:
            continue
        if ANY in part:
            raise InvalidInputError(field, "`*` must be the whole last part")
        if _PART.fullmatch(part) is None:
            raise InvalidInputError(field, "must be letters, digits, _ and -, joined by `:`")
    if parts[-1] == ANY and len(parts) > 1:
        parts.pop()
    return Action(text, ":".join(parts).lower())


ANY_ACTION = Action(ANY, ANY)
READ = Action("READ", "read")
