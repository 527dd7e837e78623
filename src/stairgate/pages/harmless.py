"""
Text that others wrote, made fit to be shown (attack 16).

Escaping is the template's. Here: what is invisible, or changes the order of what is read, becomes visible; what is long
is cut in the middle, but an amount never; a word that mixes look-alike scripts is told.
"""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

MOST_SHOWN = 80  # characters
MOST_MARKS = 3  # combining marks on one letter; more paint over the neighbours
_AMOUNT = re.compile(r"[^\W\d_]{0,3}[\s$€£¥]*[-+−]?[\d.,'’  ]*\d[\s$€£¥]*[^\W\d_]{0,3}")
_ALIKE = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")


@dataclass(frozen=True, slots=True)
class Shown:
    """A text as it may be shown. *cut*: the middle is missing. *scripts*: those that one word of it mixes."""

    text: str
    cut: bool = False
    scripts: tuple[str, ...] = ()


def visible(text: str) -> str:
    """*text* with every invisible or reordering character, and every heap of accents, written out."""
    out: list[str] = []
    marks = 0
    for character in text:
        marks = marks + 1 if unicodedata.combining(character) else 0
        # `isprintable` is false of control, format, surrogate, private and unassigned characters and odd blanks.
        plain = character.isprintable() and marks <= MOST_MARKS
        out.append(character if plain else f"\\u{ord(character):04x}")
    return "".join(out)


def shown(text: str, *, whole: bool = False) -> Shown:
    """*text*, made harmless; cut in the middle unless *whole* or an amount."""
    plain = visible(text)
    scripts = mixed_scripts(plain)
    if whole or len(plain) <= MOST_SHOWN or _AMOUNT.fullmatch(plain) is not None:
        return Shown(plain, scripts=scripts)
    half = (MOST_SHOWN - 1) // 2
    return Shown(f"{plain[:half]}…{plain[-half:]}", cut=True, scripts=scripts)


def mixed_scripts(text: str) -> tuple[str, ...]:
    """The scripts of the first word that has letters of more than one that look alike; none where no word does."""
    for word in re.split(r"[\W\d_]+", text):
        names = {unicodedata.name(letter, "").partition(" ")[0] for letter in word}
        found = tuple(name.capitalize() for name in _ALIKE if name in names)
        if len(found) > 1:
            return found
    return ()
