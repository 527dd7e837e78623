"""
Conditions: the CEL expressions of `when`, and what they say of one question (semantics §3, §4; ADR 0006).

The evaluator is a library of its own, and may be missing. It is looked for when the first condition is met, so that
who has none neither needs nor loads it. It knows no clock, no file and no network; time comes in with the context.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from functools import lru_cache
from types import ModuleType
from typing import TYPE_CHECKING, cast

from stairgate.engine.condition_language import ConditionSyntaxError, normal_form
from stairgate.model.canonical import JsonValue
from stairgate.model.decisions import Question

if TYPE_CHECKING:
    from cel import Context, Program

__all__ = [
    "Condition",
    "ConditionSyntaxError",
    "Conditions",
    "JudgedLater",
    "Verdict",
    "available",
    "is_constant",
    "require_condition",
]

MOST_PROGRAMS = 4096
# How much one variable may hold. A comparison walks through it, and a macro may compare for each of its items.
MOST_VALUES = 128
MOST_TEXT = 8192  # characters, of names and texts together

_SYNTAX_ERROR = re.compile(r"ERROR: <input>:(?P<line>[0-9]+):(?P<column>[0-9]+): (?P<message>[^\n]*)")
_COMMAND_LINE = "cel.cli"
_PANIC = "pyo3_runtime"  # the module of the exception that a panic of the library's Rust becomes
_NO_REASON = "it cannot be evaluated"
_Variables = Mapping[str, Callable[[Question], JsonValue]]


class Verdict(Enum):
    """What a condition says of a question. An error is neither: it never widens (semantics §5, Laws)."""

    TRUE = "true"
    FALSE = "false"
    ERROR = "error"


@dataclass(frozen=True, slots=True)
class Condition:
    """A condition and its verdict. *error*: why there is no other, in words that hold nothing of the question."""

    expression: str
    verdict: Verdict
    error: str | None = None


def available() -> bool:
    """Whether conditions can be evaluated here."""
    return _evaluator() is not None


@lru_cache(maxsize=1)
def _evaluator() -> ModuleType | None:
    # The package loads a command line of its own, which nothing here calls: a second and 27 MB of memory.
    stands_in = sys.modules.setdefault(_COMMAND_LINE, ModuleType(_COMMAND_LINE))
    try:
        import cel  # noqa: PLC0415  # only who has conditions pays for it
    except ImportError:
        return None
    finally:
        if sys.modules.get(_COMMAND_LINE) is stands_in and stands_in.__spec__ is None:
            del sys.modules[_COMMAND_LINE]
    return cel


def require_condition(expression: str) -> None:
    """
    Refuse what is no condition.

    Raises:
        ConditionSyntaxError: It says where, and why.
        LookupError: Conditions cannot be evaluated here.
    """
    evaluator = _evaluator()
    if evaluator is None:
        raise LookupError
    _compiled(evaluator, expression)


def _compiled(evaluator: ModuleType, expression: str) -> Program:
    normal = normal_form(expression)
    try:
        evaluator.compile(normal)  # so that an error is where it was written
        # What is no bool is an error of the evaluator, then: else it would be handed over as a value, however large.
        return cast("Program", evaluator.compile(f"({normal}\n) ? true : false"))
    except ValueError as error:
        found = _SYNTAX_ERROR.search(str(error))
        if found is None:
            raise ConditionSyntaxError(1, 1, "is no CEL expression") from None
        line, column = max(1, int(found["line"])), max(1, int(found["column"]))
        raise ConditionSyntaxError(line, column, found["message"]) from None


@lru_cache(maxsize=MOST_PROGRAMS)
def _program(expression: str) -> tuple[Program, tuple[str, ...]] | None:
    """The program of *expression* and the variables that it names; None where it cannot be evaluated."""
    evaluator = _evaluator()
    if evaluator is None:
        return None
    try:
        program = _compiled(evaluator, expression)
    except ConditionSyntaxError:
        return None
    named = program.variables()
    return program, tuple(name for name in _VARIABLES if name in named)


def is_constant(expression: str) -> bool:
    """Whether *expression* says the same of every question. One that cannot be evaluated here says nothing."""
    compiled = _program(expression)
    return compiled is not None and not compiled[1]


def false_where_nothing_is_said(expression: str) -> bool:
    """Whether *expression* is false of an empty context, whatever else is asked: then it is dodged by silence."""
    compiled, evaluator = _program(expression), _evaluator()
    if compiled is None or evaluator is None or "context" not in compiled[1]:
        return False
    verdict, _ = _evaluated(compiled[0], evaluator.Context(variables={"context": {}}))
    return verdict is Verdict.FALSE


def _evaluated(program: Program, context: Context | None) -> tuple[Verdict, str | None]:
    """The verdict of *program*; for an error, why."""
    try:
        value = program.execute(context)
    except Exception as error:  # noqa: BLE001  # whatever it is, it must not widen
        return Verdict.ERROR, _in_words(error)
    except BaseException as panic:
        if type(panic).__module__ != _PANIC:
            raise
        return Verdict.ERROR, _NO_REASON
    if value is not True and value is not False:
        return Verdict.ERROR, _NO_REASON
    return (Verdict.TRUE if value else Verdict.FALSE), None


class Conditions:
    """What conditions say of one question. Each is evaluated once, whatever the number of grants that carry it."""

    __slots__ = ("_context", "_known", "_question", "_too_large")

    def __init__(self, question: Question) -> None:
        self._question = question
        self._known: dict[str, Condition] = {}
        self._context: Context | None = None
        self._too_large: dict[str, bool] = {}  # the variables that were looked at

    def of(self, expression: str) -> Condition:
        """What *expression* says."""
        known = self._known.get(expression)
        if known is None:
            known = self._known[expression] = self._judged(expression)
        return known

    def count(self, expression: str | None) -> bool:
        """Whether a grant that carries *expression* counts: where it is true, and nowhere else."""
        return expression is None or self.of(expression).verdict is Verdict.TRUE

    def apply(self, expression: str | None) -> bool:
        """Whether a mark that carries *expression* applies: unless it is false."""
        return expression is None or self.of(expression).verdict is not Verdict.FALSE

    def _judged(self, expression: str) -> Condition:
        compiled = _program(expression)
        if compiled is None:
            why = "it is no condition that this version takes" if available() else "CEL is not installed"
            return Condition(expression, Verdict.ERROR, why)
        program, names = compiled
        if any(self._prepared(name) for name in names):
            return Condition(expression, Verdict.ERROR, "what it looks at is too large")
        return Condition(expression, *_evaluated(program, self._context))

    def _prepared(self, name: str) -> bool:
        """Hand the variable *name* to the evaluator, once; returns whether it is too large."""
        known = self._too_large.get(name)
        if known is None:
            value = _VARIABLES[name](self._question)
            known = self._too_large[name] = not _is_small(value)
            evaluator = _evaluator()
            if not known and evaluator is not None:
                if self._context is None:
                    self._context = evaluator.Context()
                self._context.add_variable(name, value)
        return known


class JudgedLater:
    """For whoever does not know the context: the check judges the conditions (semantics §7)."""

    __slots__ = ()

    def count(self, _: str | None) -> bool:
        """Every grant counts."""
        return True

    def apply(self, expression: str | None) -> bool:
        """Only marks without a condition apply."""
        return expression is None


def _subject(question: Question) -> JsonValue:
    wording = question.wording
    if wording is None:
        return {"type": "user", "id": question.user, "properties": {}}
    return {"type": wording.subject.type, "id": wording.subject.id, "properties": wording.subject.properties}


def _resource(question: Question) -> JsonValue:
    wording = question.wording
    if wording is None:
        return {"type": "uri", "id": str(question.resource), "properties": {}}
    return {"type": wording.resource.type, "id": wording.resource.id, "properties": wording.resource.properties}


def _action(question: Question) -> JsonValue:
    # The key, not as it is written: one action has one name, so that no mark forgets a spelling.
    wording = question.wording
    return {"name": question.action.key, "properties": {} if wording is None else wording.action}


def _context(question: Question) -> JsonValue:
    return question.context or {}


_VARIABLES: _Variables = {"subject": _subject, "resource": _resource, "action": _action, "context": _context}


def _is_small(value: JsonValue) -> bool:
    values = text = 0
    left = [value]
    while left:
        each = left.pop()
        values += 1
        if isinstance(each, str):
            text += len(each)
        elif isinstance(each, Mapping):
            text += sum(map(len, each))
            left += each.values()
        elif isinstance(each, list | tuple):
            left += each
        if values + len(left) > MOST_VALUES or text > MOST_TEXT:
            return False
    return True


def _in_words(error: Exception) -> str:
    """Why an evaluation failed. SECURITY: the library's own words hold values of the context."""
    for kind, words in _WORDS:
        if isinstance(error, kind):
            return words
    return _NO_REASON


_WORDS = (
    (KeyError, "a member that it names is not there"),
    (IndexError, "an index is outside of its list"),
    (ZeroDivisionError, "it divides by zero"),
    (OverflowError, "a number is out of range"),
    (TypeError, "a value is of another type than is taken, or it is neither true nor false itself"),
    (RuntimeError, "a function cannot take what it is given"),
)
