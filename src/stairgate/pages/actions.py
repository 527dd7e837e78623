"""
Actions in the operator's words: `actions.toml` in the folder of templates (semantics §7.3; attack 16).

```toml
version = "2026-11"            # is shown with the full details

[actions."accounts:payout"]    # the action, and everything below it that has no entry of its own
title.en = "Pay out {amount} to {to}"
title.de = "{amount} an {to} auszahlen"
consequence.en = "This cannot be undone."
labels.amount.en = "Amount"
```

Values come from the challenge alone: what is between braces is a bound detail, `{resource}` or `{action}`.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stairgate.model.actions import Action, parse_action
from stairgate.model.errors import InvalidInputError
from stairgate.pages.languages import SOURCE, Language

FILE = "actions.toml"
_FIELD = re.compile(r"\{([A-Za-z0-9_.-]{1,128})\}")
_ENTRY = {"title", "consequence", "labels"}


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a title: words of the operator, or the name of a value that belongs there."""

    words: str = ""
    value: str = ""


@dataclass(frozen=True, slots=True)
class Wording:
    """How one action is told. Each text is by language; English is always there."""

    title: Mapping[str, str]
    consequence: Mapping[str, str]
    labels: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, slots=True)
class Actions:
    """Every wording, by its action."""

    version: str = ""
    wordings: Mapping[str, Wording] = field(default_factory=dict)

    def of(self, action: Action) -> Wording | None:
        """The wording of *action*, or of the nearest above it."""
        key = action.key
        while key:
            if key in self.wordings:
                return self.wordings[key]
            key = key.rpartition(":")[0]
        return None


def in_language(texts: Mapping[str, str], language: Language) -> str:
    """*texts* in *language*; what is not translated is English, never a key."""
    return texts.get(language.tag) or texts.get(language.locale.language) or texts.get(SOURCE, "")


def parts_of(title: str) -> Iterator[Part]:
    """*title*, cut at its braces."""
    for place, text in enumerate(_FIELD.split(title)):
        if text:
            yield Part(value=text) if place % 2 else Part(words=text)


def read_actions(folder: Path | None) -> Actions:
    """
    What `actions.toml` in *folder* says; nothing where there is none.

    Raises:
        InvalidInputError: It cannot be read, or says what no wording has; names the entry.
    """
    path = None if folder is None else folder / FILE
    if path is None or not path.exists():
        return Actions()
    try:
        document = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise InvalidInputError(FILE, f"cannot be read: {error}") from error
    if document.keys() - {"version", "actions"}:
        raise InvalidInputError(FILE, "must have `version` and `actions` and nothing else")
    wordings = {
        parse_action(name, field=f"{FILE}: {name}").key: _wording(name, entry)
        for name, entry in _table(FILE, document.get("actions", {})).items()
    }
    return Actions(str(document.get("version", "")), wordings)


def _wording(name: str, value: object) -> Wording:
    where = f"{FILE}: {name}"
    entry = _table(where, value)
    if entry.keys() - _ENTRY:
        raise InvalidInputError(where, f"must have {', '.join(sorted(_ENTRY))} and nothing else")
    labels = {
        label: _texts(f"{where}.labels.{label}", texts)
        for label, texts in _table(where, entry.get("labels", {})).items()
    }
    title = _texts(f"{where}.title", entry.get("title"))
    consequence = entry.get("consequence")
    return Wording(title, {} if consequence is None else _texts(f"{where}.consequence", consequence), labels)


def _texts(where: str, value: object) -> Mapping[str, str]:
    texts = _table(where, value)
    if SOURCE not in texts or not all(isinstance(text, str) and text for text in texts.values()):
        raise InvalidInputError(where, f"must be texts by language, `{SOURCE}` among them")
    return texts


def _table(where: str, value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise InvalidInputError(where, "must be a table")
    return value
