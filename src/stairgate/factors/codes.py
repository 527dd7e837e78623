"""Codes as people type them."""

from __future__ import annotations

import re

from stairgate.model.errors import ProofRefusedError

MAX_TYPED = 32  # characters: blanks between digits are welcome, a book is not
_DIGITS = re.compile(r"[0-9]+")  # ASCII only: `str.isdigit` takes other scripts' digits, too


def typed_digits(code: str, count: int) -> str:
    """
    The *count* digits of *code*, without the blanks that people type between them.

    Raises:
        ProofRefusedError: It has another character, or another number of digits.
    """
    digits = code.replace(" ", "") if len(code) <= MAX_TYPED else ""
    if len(digits) != count or _DIGITS.fullmatch(digits) is None:
        raise ProofRefusedError
    return digits
