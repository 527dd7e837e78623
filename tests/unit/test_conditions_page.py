"""What docs/howto/conditions.md shows is accepted as it stands, and says what the page says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from tests.unit.engine.building import ask, decided, facts, grant, guard, role

from stairgate.engine.conditions import require_condition
from stairgate.model.documents import requirement_of

PAGE = Path(__file__).parents[2] / "docs" / "howto" / "conditions.md"
_TEXT = PAGE.read_text(encoding="utf-8")
BLOCKS = re.findall(r"```(\w+)\n(.*?)```", _TEXT, re.DOTALL)
EXPRESSIONS = [line for kind, text in BLOCKS if kind == "cel" for line in text.splitlines()]
DOCUMENTS: list[Any] = [json.loads(text) for kind, text in BLOCKS if kind == "json"]


@pytest.mark.parametrize("expression", EXPRESSIONS)
def test_each_expression_of_the_page_is_accepted(expression: str) -> None:
    require_condition(expression)


def test_the_grant_and_the_mark_of_the_page_do_what_it_says() -> None:
    record, resource = DOCUMENTS
    when = record["statements"][0]["when"]
    (mark,) = resource["stepUp"]
    requirement = requirement_of({name: each for name, each in mark.items() if name != "actions"})
    small = facts(grant("ro", "a", when=when), roles=[role("ro", "pay")])
    assert decided(ask("a", "pay", context={"amount": 999, "currency": "EUR"}), small) == "allow"
    assert decided(ask("a", "pay", context={"amount": 1000, "currency": "EUR"}), small) == "deny"
    assert decided(ask("a", "pay", context={"amount": 5}), small) == "deny"
    guarded = facts(grant("ro", "a"), roles=[role("ro", "pay")], resources=[guard("a", requirement, *mark["actions"])])
    assert decided(ask("a", "pay", context={"amount": 99}), guarded) == "allow"
    assert decided(ask("a", "pay", context={"amount": 100}), guarded) == "elevation_required"
    assert decided(ask("a", "pay"), guarded) == "details_required"


def test_the_hole_that_the_page_warns_of_is_one() -> None:
    hole = next(each for each in re.findall(r"`([^`\n]+)`", _TEXT) if each.startswith("has(context.amount) &&"))
    mark = requirement_of({"when": hole})
    known = facts(grant("ro", "a"), roles=[role("ro", "pay")], resources=[guard("a", mark)])
    assert decided(ask("a", "pay"), known) == "allow"
    closed = requirement_of({"when": hole.partition("&& ")[2]})
    known = facts(grant("ro", "a"), roles=[role("ro", "pay")], resources=[guard("a", closed)])
    assert decided(ask("a", "pay"), known) == "elevation_required"
