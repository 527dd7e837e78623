"""
Conditions with their meaning beside them: an evaluator of a small part of CEL, of which nothing is the product's.

A condition is built from parts, each a text and a function of the question. It says True, False or, where it is an
error, None; `&&` and `||` take an error for undecided, as CEL does.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from random import Random

from stairgate.model.decisions import Question

Says = Callable[[Question], bool | None]
_ABSENT = object()


@dataclass(frozen=True)
class Part:
    text: str
    says: Says


def _member(question: Question, name: str) -> object:
    return (question.context or {}).get(name, _ABSENT)


def _less(question: Question) -> bool | None:
    amount = _member(question, "amount")
    return amount < 2 if isinstance(amount, int | float) and not isinstance(amount, bool) else None


def _equal(question: Question) -> bool | None:
    amount = _member(question, "amount")
    return None if amount is _ABSENT else amount == 1


def _listed(question: Question) -> bool | None:
    to = _member(question, "to")
    return None if to is _ABSENT else to in ["x", "y"]


ATOMS = [
    Part("true", lambda _: True),
    Part("false", lambda _: False),
    Part("context.amount < 2", _less),
    Part("context.amount == 1", _equal),
    Part("has(context.amount)", lambda question: _member(question, "amount") is not _ABSENT),
    Part("context.to in ['x', 'y']", _listed),
    Part("context.nobody.has.this == 1", lambda _: None),
    Part("subject.id == 'ann'", lambda question: question.user == "ann"),
    Part("resource.id == 'a/b'", lambda question: str(question.resource) == "a/b"),
    Part("resource.id.startsWith('a/')", lambda question: str(question.resource).startswith("a/")),
    Part("action.name in ['R', 'W']", lambda question: question.action.key in {"r", "w"}),
]


def _not(part: Part) -> Part:
    def says(question: Question) -> bool | None:
        said = part.says(question)
        return None if said is None else not said

    return Part(f"!({part.text})", says)


def _joined(sign: str, deciding: bool, left: Part, right: Part) -> Part:  # which value decides alone
    def says(question: Question) -> bool | None:
        said = {left.says(question), right.says(question)}
        if deciding in said:
            return deciding
        return None if None in said else not deciding

    return Part(f"({left.text}) {sign} ({right.text})", says)


def _chosen(test: Part, then: Part, other: Part) -> Part:
    def says(question: Question) -> bool | None:
        said = test.says(question)
        return None if said is None else (then if said else other).says(question)

    return Part(f"({test.text}) ? ({then.text}) : ({other.text})", says)


def _part(random: Random, depth: int) -> Part:
    kind = random.choice(["atom", "atom", "not", "and", "or", "choice"]) if depth else "atom"
    if kind == "atom":
        return random.choice(ATOMS)
    parts = [_part(random, depth - 1) for _ in range(3)]
    if kind == "not":
        return _not(parts[0])
    if kind == "choice":
        return _chosen(*parts)
    return _joined("&&", False, *parts[:2]) if kind == "and" else _joined("||", True, *parts[:2])


_RANDOM = Random(2030)
CONDITIONS = {part.text: part for part in [*ATOMS, *(_part(_RANDOM, 3) for _ in range(150))]}
TEXTS = list(CONDITIONS)


def says(condition: str, question: Question) -> bool | None:
    """What *condition* says, one of `TEXTS` or of the plain forms of named cases; None: it is an error."""
    if condition in CONDITIONS:
        return CONDITIONS[condition].says(question)
    if condition == "resource.id.startsWith('homes/' + subject.id)":
        return str(question.resource).startswith(f"homes/{question.user}")
    if named := re.fullmatch(r"action\.name == '([A-Za-z]+)'", condition):
        return question.action.key == named[1].lower()  # §2.4: compared in lower case
    if named := re.fullmatch(r"resource\.id == '([a-z/*]+)'", condition):
        return str(question.resource) == named[1]
    if compared := re.fullmatch(r"context\.(\w+) (<|>=) ([0-9]+)", condition):
        value = _member(question, compared[1])
        if isinstance(value, bool) or not isinstance(value, int | float):
            return None
        return (value < int(compared[3])) == (compared[2] == "<")
    member = re.fullmatch(r"context\.(\w+)", condition)
    assert member is not None, f"the reference cannot read `{condition}`"
    value = _member(question, member[1])
    return value if isinstance(value, bool) else None
