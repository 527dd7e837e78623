"""What a condition may be written in, and where it says that something is amiss (semantics §3, ADR 0006)."""

import pytest

from stairgate.engine.condition_language import ConditionSyntaxError, normal_form
from stairgate.engine.conditions import require_condition

TAKEN = [
    "true",
    "context.amount <= 1000 && context.currency in ['EUR', 'USD']",
    "subject.properties.country == resource.properties.country",
    "has(context.device) && context.device.managed",
    "context.items.all(item, item.price + item.fee < 100)",
    "context['items'][0].lines.exists(line, line.amount > 5 || line.to in context.known)",
    "size(context.note) < 200 && context.note.startsWith('x') ? context.a : !context.b",
    "timestamp(context.at).getFullYear() >= 2026 && duration(context.lasts) < duration('1h')",
    'context.name == "O\'Neil" // a comment',
    "true // a comment ends\twith \r its line, (and map(x, y) in it is none\n || false // \r\n",
    "action.name in ['PAY', 'pay:out'] || action.properties.amount < 5",
    "-context.a * 2 / 3 % 4 - 1 != 0x10",
]

REFUSED = [
    ("", 1, 1, "must not be empty"),
    ("  \n", 1, 1, "must not be empty"),
    ("context.a ==", 1, 13, "mismatched input"),
    ("context.a\n  == 'é' 1", 2, 10, "extraneous input"),
    ("amount < 5", 1, 1, "`amount` is not known"),
    ("context.a < 5 &&\n contxt.b", 2, 2, "`contxt` is not known"),
    ("now() > context.at", 1, 1, "pass the time in the context"),
    ("context.a.matches('(a+)+$')", 1, 11, "use `startsWith`"),
    ("context.l.map(x, x)", 1, 11, "use `exists` or `all`"),
    ("context.l.filter(x, x > 1).size() > 1", 1, 11, "use `exists` or `all`"),
    ("context.l.all(x, x.all(y, y))", 1, 20, "within another macro"),
    ("[1, 2].all(x, x > 1)", 1, 8, "must follow a member"),
    ("(context.l + context.l).all(x, x > 1)", 1, 25, "must follow a member"),
    ("[context.l + context.l][0].all(x, x > 1)", 1, 28, "must follow a member"),
    ("[[context.l][0]][0].all(x, true)", 1, 21, "must follow a member"),
    ("context.l.all(context, true)", 1, 15, "cannot name an item"),
    ("context.l.all(x)", 1, 15, "begins with a name"),
    ("context.l.all(x, x in context.l && x in context.l && x in context.l)", 1, 59, "at most 2 times"),
    ("context.l.all(x, x + x + x + x)", 1, 28, "at most 2 of them"),
    ("{'a': 1}.a == 1", 1, 1, "maps and messages"),
    ("r'a' == 'a'", 1, 2, "without a prefix"),
    ("'''a''' == 'a'", 1, 3, "without a prefix"),
    ("'a", 1, 1, "does not end"),
    ("'a\x00'", 1, 1, "control character"),
    ("context.a == 1 # x", 1, 16, "a character that no condition has"),
    ("(context.a", 1, 1, "is not closed"),
    ("context.a)", 1, 10, "closes nothing"),
    ("(context.a]", 1, 11, "closes nothing"),
    ("has(context) && true", 1, 1, "`has` takes a member"),
    ("has(has(context.a))", 1, 1, "`has` takes a member"),
    ("size() > 1", 1, 1, "takes 1 argument here"),
    ("context.l.size(1) > 1", 1, 11, "takes 0 arguments here"),
    ("context.a.foo()", 1, 11, "`foo` cannot be called here"),
    ("action == context.a", 1, 1, "`action.name` compared with a text"),
    ("action.name == context.a", 1, 1, "`action.name` compared with a text"),
    ("[action][0].name == 'a'", 1, 2, "`action.name` compared with a text"),
    ("context.a + action.name == 'PAY'", 1, 13, "`action.name` compared with a text"),
    ("action.name == 'P' + 'AY'", 1, 1, "`action.name` compared with a text"),
    (r"action.name == '\x50AY'", 1, 16, "without"),
    ("(" * 13 + "true" + ")" * 13, 1, 13, "nest deeper"),
    ("true" + " && true" * 200, 1, 1025, "1024 characters"),
    ("1" + "+1" * 9 + "==1", 1, 18, "at most 8 additions"),
    ("true" + "||true" * 130, 1, 769, "words and signs"),
]


@pytest.mark.parametrize("expression", TAKEN)
def test_what_conditions_are_for_is_taken(expression: str) -> None:
    require_condition(expression)


@pytest.mark.parametrize(("expression", "line", "column", "message"), REFUSED, ids=[each[0][:40] for each in REFUSED])
def test_what_is_refused_says_where_and_why(expression: str, line: int, column: int, message: str) -> None:
    with pytest.raises(ConditionSyntaxError, match=r".") as refused:
        require_condition(expression)
    assert (refused.value.line, refused.value.column) == (line, column), refused.value
    assert message in str(refused.value)


def test_an_action_has_one_spelling_whatever_the_condition_and_the_caller_write() -> None:
    written = "'PAY' == action.name || action.name in ['PAY', 'Refund'] && action.name.startsWith('Pay:')"
    lowered = "'pay' == action.name || action.name in ['pay', 'refund'] && action.name.startsWith('pay:')"
    assert normal_form(f"{written} && context.a == 'PAY'") == f"{lowered} && context.a == 'PAY'"
