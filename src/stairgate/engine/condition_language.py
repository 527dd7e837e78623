"""
The part of CEL that a condition may be written in, so that none can take long (ADR 0006).

The library that evaluates CEL bounds neither time nor memory. So an expression is read here first, token by token, and
refused where it is long or deep, names what no condition has, or uses what can grow: `map` and `filter`, macros within
macros or over anything but a member, `matches`, literals of maps and messages.

`action.name` is special: `PAY` and `pay` are one action (semantics §2.4). What it is compared with is turned to lower
case, as it is itself, and it stands nowhere else: else a caller could choose the spelling that a mark forgot.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import NamedTuple

MAX_LENGTH = 1024  # characters
MAX_TOKENS = 256
MAX_DEPTH = 12  # brackets within brackets
MAX_ADDITIONS = 8  # each `+` can copy both of its sides
MAX_INNER_ADDITIONS = 2  # within macros, where it does so once an item
MAX_LOOKS = 2  # at variables from within macros: each may walk through all of one, once an item

VARIABLES = ("subject", "resource", "action", "context")
_MACROS = frozenset({"all", "exists", "exists_one"})
# How many arguments each takes: as a function, and as a method.
_FUNCTIONS: Mapping[str, int] = MappingProxyType(
    {"has": 1, "size": 1, "string": 1, "int": 1, "uint": 1, "double": 1, "timestamp": 1, "duration": 1}
)
_METHODS: Mapping[str, int] = MappingProxyType(
    {
        "size": 0,
        "contains": 1,
        "startsWith": 1,
        "endsWith": 1,
        **dict.fromkeys(_MACROS, 2),
        **dict.fromkeys(
            ("getFullYear", "getMonth", "getDate", "getDayOfMonth", "getDayOfWeek", "getDayOfYear"),
            0,
        ),
        **dict.fromkeys(("getHours", "getMinutes", "getSeconds", "getMilliseconds"), 0),
    }
)
_TEXT_METHODS = frozenset({"contains", "startsWith", "endsWith"})
_INSTEAD: Mapping[str, str] = MappingProxyType(
    {
        "map": "use `exists` or `all`",
        "filter": "use `exists` or `all`",
        "matches": "use `startsWith`, `endsWith` or `contains`",
        "now": "pass the time in the context",
    }
)
_CONSTANTS = frozenset({"true", "false", "null"})
_RESERVED = frozenset(
    {
        *("as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package"),
        *("namespace", "return", "var", "void", "while"),
    }
)

_TOKEN = re.compile(
    r"""
    (?P<blank>[ \t\r\n\f]+|//[^\n\x00-\x08\x0b\x0e-\x1f\x7f\ud800-\udfff]*)
  | (?P<text>'(?:[^'\\\x00-\x1f\x7f\ud800-\udfff]|\\[ -~])*'|"(?:[^"\\\x00-\x1f\x7f\ud800-\udfff]|\\[ -~])*")
  | (?P<number>0[xX][0-9a-fA-F]+[uU]?|(?:[0-9]+\.[0-9]+|[0-9]+)(?:[eE][+-]?[0-9]+)?[uU]?)
  | (?P<name>[A-Za-z_][A-Za-z0-9_]*)
  | (?P<sign>&&|\|\||==|!=|<=|>=|[-<>+*/%!?:.,()\[\]])
    """,
    re.VERBOSE,
)
_CLOSING = {"(": ")", "[": "]"}


class ConditionSyntaxError(Exception):
    """An expression that is no condition. *line* and *column* count from 1."""

    def __init__(self, line: int, column: int, message: str) -> None:
        super().__init__(line, column, message)
        self.line = line
        self.column = column
        self.message = message

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}: {self.message}"


class Token(NamedTuple):
    """One word of an expression. *kind* is `text`, `number`, `name`, `sign` or, after the last, `end`."""

    kind: str
    written: str
    at: int


def normal_form(expression: str) -> str:
    """
    *expression* as it is handed to the library: as long, with what is compared with `action.name` in lower case.

    Raises:
        ConditionSyntaxError: It is outside of what a condition may be written in.
    """
    return _Reading(expression, tuple(_tokens(expression))).checked()


def position(expression: str, at: int) -> tuple[int, int]:
    """The line and column of the character *at*."""
    before = expression[:at]
    return before.count("\n") + 1, at - (before.rfind("\n") + 1) + 1


def _tokens(expression: str) -> list[Token]:
    if len(expression) > MAX_LENGTH:
        raise ConditionSyntaxError(*position(expression, MAX_LENGTH), f"must have at most {MAX_LENGTH} characters")
    tokens: list[Token] = []
    at = 0
    while at < len(expression):
        found = _TOKEN.match(expression, at)
        if found is None:
            raise ConditionSyntaxError(*position(expression, at), _no_token(expression[at]))
        kind = found.lastgroup or ""
        if kind != "blank":
            _require_apart(expression, tokens, kind, at)
            tokens.append(Token(kind, found[0], at))
        at = found.end()
    if not tokens:
        raise ConditionSyntaxError(1, 1, "must not be empty: leave it out, or write null")
    if len(tokens) > MAX_TOKENS:
        where = position(expression, tokens[MAX_TOKENS].at)
        raise ConditionSyntaxError(*where, f"must have at most {MAX_TOKENS} words and signs")
    return [*tokens, Token("end", "", len(expression))]


def _no_token(character: str) -> str:
    if character in "{}":
        return "maps and messages cannot be written in a condition"
    if character in "'\"":
        return "a text that does not end, or has a line break or another control character"
    return "a character that no condition has"


def _require_apart(expression: str, tokens: Sequence[Token], kind: str, at: int) -> None:
    """A text right after a name or another text would be a raw, byte or triple-quoted one: read differently."""
    if not tokens or kind == "sign":
        return
    before = tokens[-1]
    if before.kind != "sign" and before.at + len(before.written) == at:
        message = "needs a blank before it"
        if kind == "text":
            message = "texts are written in single or double quotes, without a prefix"
        raise ConditionSyntaxError(*position(expression, at), message)


@dataclass(slots=True)
class _Open:
    """A bracket that is open: what is called with it, the commas so far, and the name that a macro binds."""

    sign: str
    at: int
    called: Token | None = None
    method: bool = False
    commas: int = 0
    binds: str | None = None


@dataclass(slots=True)
class _Reading:
    """One walk over the tokens of an expression."""

    expression: str
    tokens: tuple[Token, ...]
    brackets: list[_Open] = field(default_factory=list)
    additions: int = 0
    inner_additions: int = 0
    looks: int = 0
    lowered: list[Token] = field(default_factory=list)

    def checked(self) -> str:
        for place, token in enumerate(self.tokens):
            if token.kind == "name":
                self._name(place)
            elif token.kind == "sign":
                self._sign(place)
        if self.brackets:
            raise self._error(self.brackets[-1].at, f"`{self.brackets[-1].sign}` is not closed")
        text = self.expression
        for token in self.lowered:
            text = text[: token.at] + token.written.lower() + text[token.at + len(token.written) :]
        return text

    def _error(self, at: int, message: str) -> ConditionSyntaxError:
        return ConditionSyntaxError(*position(self.expression, at), message)

    def _written(self, place: int) -> str:
        """The sign or name at *place*; nothing where there is none, or a text."""
        if not 0 <= place < len(self.tokens) or self.tokens[place].kind == "text":
            return ""
        return self.tokens[place].written

    def _kind(self, place: int) -> str:
        return self.tokens[place].kind if 0 <= place < len(self.tokens) else ""

    # --- brackets

    def _sign(self, place: int) -> None:
        token = self.tokens[place]
        if token.written in _CLOSING:
            self._opened(place)
        elif token.written in _CLOSING.values():
            self._closed(place)
        elif token.written == "," and self.brackets:
            self.brackets[-1].commas += 1
        elif token.written == "+":
            self._added(token)

    def _added(self, token: Token) -> None:
        self.additions += 1
        if any(bracket.binds is not None for bracket in self.brackets):
            self.inner_additions += 1
        if self.additions > MAX_ADDITIONS or self.inner_additions > MAX_INNER_ADDITIONS:
            within = f"at most {MAX_INNER_ADDITIONS} of them within {', '.join(sorted(_MACROS))}"
            raise self._error(token.at, f"must have at most {MAX_ADDITIONS} additions, {within}")

    def _opened(self, place: int) -> None:
        token = self.tokens[place]
        opened = _Open(token.written, token.at)
        if token.written == "(" and self._kind(place - 1) == "name" and self._written(place - 1) != "in":
            opened.called = self.tokens[place - 1]
            opened.method = self._written(place - 2) == "."
            if opened.method and opened.called.written in _MACROS:
                opened.binds = self._bound(place)
        self.brackets.append(opened)
        if len(self.brackets) > MAX_DEPTH:
            raise self._error(token.at, f"brackets must not nest deeper than {MAX_DEPTH}")

    def _closed(self, place: int) -> None:
        token = self.tokens[place]
        if not self.brackets or _CLOSING[self.brackets[-1].sign] != token.written:
            raise self._error(token.at, f"`{token.written}` closes nothing")
        closed = self.brackets.pop()
        if closed.called is None:
            return
        name = closed.called.written
        wanted = (_METHODS if closed.method else _FUNCTIONS)[name]
        given = 0 if self._written(place - 1) == "(" and self.tokens[place - 1].at == closed.at else closed.commas + 1
        if given != wanted:
            raise self._error(closed.called.at, f"`{name}` takes {wanted} argument{'' if wanted == 1 else 's'} here")
        if name == "has" and (self._kind(place - 1) != "name" or self._written(place - 2) != "."):
            raise self._error(closed.called.at, "`has` takes a member, such as `context.amount`")

    def _bound(self, place: int) -> str:
        """The name that the macro at *place* binds, once the macro may stand there."""
        macro = self.tokens[place - 1]
        if any(bracket.binds is not None for bracket in self.brackets):
            raise self._error(macro.at, f"`{macro.written}` must not stand within another macro")
        if not self._is_member(place - 3):
            raise self._error(macro.at, f"`{macro.written}` must follow a member, such as `context.items`")
        name = self.tokens[place + 1]
        if name.kind != "name" or self._written(place + 2) != ",":
            raise self._error(name.at, f"`{macro.written}` begins with a name for each item, and a comma")
        if name.written in {*VARIABLES, *_CONSTANTS, *_RESERVED, "in"} or name.written.startswith("__"):
            raise self._error(name.at, f"`{name.written}` cannot name an item")
        return name.written

    def _is_member(self, place: int) -> bool:
        """Whether what ends at *place* is a path of members from a variable: what the caller gave, and no more."""
        while True:
            if self._written(place) == "]":
                if self._kind(place - 1) not in {"text", "number"} or self._written(place - 2) != "[":
                    return False
                place -= 3
            elif self._kind(place) == "name":
                if self._written(place - 1) != ".":
                    return self._written(place) in VARIABLES
                place -= 2
            else:
                return False

    # --- names

    def _name(self, place: int) -> None:
        token = self.tokens[place]
        name = token.written
        if self._written(place + 1) == "(" and name != "in":
            self._called(place)
        elif self._written(place - 1) == ".":
            if self._written(place - 2) == "" and self._kind(place - 2) != "text":
                raise self._error(token.at, f"`.{name}` needs something before it")
        elif name not in _CONSTANTS and name != "in":
            self._variable(place)

    def _called(self, place: int) -> None:
        token = self.tokens[place]
        method = self._written(place - 1) == "."
        if token.written not in (_METHODS if method else _FUNCTIONS):
            instead = _INSTEAD.get(token.written)
            known = ", ".join(sorted(_METHODS if method else _FUNCTIONS))
            what = instead or f"{'methods' if method else 'functions'} are {known}"
            raise self._error(token.at, f"`{token.written}` cannot be called here: {what}")

    def _variable(self, place: int) -> None:
        token = self.tokens[place]
        bound = {each.binds for each in self.brackets} - {None}
        if token.written in VARIABLES and bound:
            self.looks += 1
            if self.looks > MAX_LOOKS:
                looks = f"at most {MAX_LOOKS} times may {', '.join(sorted(_MACROS))} look at {', '.join(VARIABLES)}"
                raise self._error(token.at, looks)
        if token.written == "action":
            self._action(place)
        elif token.written not in VARIABLES and token.written not in bound:
            known = ", ".join(VARIABLES)
            raise self._error(token.at, f"`{token.written}` is not known: a condition has {known}")

    def _action(self, place: int) -> None:
        member = self._written(place + 2) if self._written(place + 1) == "." else ""
        if member == "properties":
            return
        texts = self._compared(place) if member == "name" else ()
        if not texts:
            raise self._error(
                self.tokens[place].at,
                "of the action there are `action.properties`, and `action.name` compared with a text: by ==, !=, "
                "`in` and a list of texts, startsWith, endsWith or contains",
            )
        for text in texts:
            if "\\" in text.written or not text.written.isascii():
                raise self._error(text.at, "what `action.name` is compared with is written in letters, without `\\`")
        self.lowered += texts

    def _compared(self, place: int) -> tuple[Token, ...]:
        """The texts that the `action.name` at *place* is compared with; none where it is not just that."""
        tokens = self.tokens
        before, after = self._written(place - 1), self._written(place + 3)
        if before in {"==", "!="} and self._kind(place - 2) == "text":
            return (tokens[place - 2],) if self._begins(place - 3) and self._ends(place + 3) else ()
        if not self._begins(place - 1):
            return ()
        if after in {"==", "!="} and self._kind(place + 4) == "text":
            return (tokens[place + 4],) if self._ends(place + 5) else ()
        if after == "." and self._written(place + 4) in _TEXT_METHODS and self._written(place + 5) == "(":
            alone = self._kind(place + 6) == "text" and self._written(place + 7) == ")"
            return (tokens[place + 6],) if alone else ()
        if after == "in" and self._written(place + 4) == "[":
            return self._listed(place + 5)
        return ()

    def _listed(self, place: int) -> tuple[Token, ...]:
        texts = []
        while self._kind(place) == "text":
            texts.append(self.tokens[place])
            if self._written(place + 1) == "]":
                return tuple(texts) if self._ends(place + 2) else ()
            if self._written(place + 1) != ",":
                return ()
            place += 2
        return ()

    def _ends(self, place: int) -> bool:
        """Whether a comparison ends before *place*, so that its last text stands alone."""
        return self._kind(place) == "end" or self._written(place) in {"&&", "||", "?", ":", ")", "]", ","}

    def _begins(self, place: int) -> bool:
        """Whether a comparison begins after *place*."""
        return place < 0 or self._written(place) in {"&&", "||", "?", ":", "(", "[", ",", "!"}
