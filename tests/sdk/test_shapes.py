"""What is read and put back loses nothing: no mark, no member that this SDK does not know (semantics §4)."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from stairgate import (
    KEEP,
    AccessRecord,
    Challenge,
    Elevation,
    Group,
    Permission,
    Requirement,
    Resource,
    ResourceMark,
    Role,
    Statement,
    UnexpectedAnswerError,
)
from stairgate.client.codec import from_wire, to_wire

MARK = {"level": "strong", "lifetime": 60, "uses": 1, "bind": ["amount"], "soft": True}
STATEMENT = {
    "roles": ["x"],
    "resources": [{"resourceUri": "a"}],
    "users": [{"userId": "u"}],
    "groups": [{"groupId": "g"}],
    "stepUp": MARK,
    "when": "context.amount > 5",
}


def test_a_requirement_never_gets_weaker_by_reading_it_and_putting_it_back() -> None:
    record = from_wire(AccessRecord, {"recordId": "r", "name": "n", "statements": [STATEMENT], "novelty": [1]})
    back = to_wire(record)
    assert back["statements"][0]["stepUp"].items() >= MARK.items()
    assert back["statements"][0]["when"] == STATEMENT["when"]
    assert back["novelty"] == [1]
    assert back["statements"][0]["users"] == [{"userId": "u"}]


@pytest.mark.parametrize(
    ("given", "written"),
    [(KEEP, {}), (None, {"stepUp": None})],
    ids=["kept by saying nothing", "removed by saying so"],
)
def test_the_three_things_that_can_become_of_a_mark(given: Any, written: dict[str, Any]) -> None:
    document = to_wire(Statement(roles=["x"], resources=["a"], step_up=given))
    assert {name: value for name, value in document.items() if name == "stepUp"} == written
    permission = to_wire(Permission(action="p", step_up=given))
    assert {name: value for name, value in permission.items() if name == "stepUp"} == written


def test_a_mark_that_the_service_did_not_mention_is_not_mentioned_to_it() -> None:
    bare = {name: value for name, value in STATEMENT.items() if name != "stepUp"}
    assert "stepUp" not in to_wire(from_wire(Statement, bare))
    assert to_wire(from_wire(Statement, {**bare, "stepUp": None}))["stepUp"] is None


def test_the_marks_of_a_resource() -> None:
    assert to_wire(Resource()) == {}
    assert to_wire(Resource(step_up=[])) == {"stepUp": []}
    marked = to_wire(Resource(step_up=[ResourceMark(actions=["pay"], level="hardware")]))
    assert marked["stepUp"][0]["actions"] == ["pay"]
    assert marked["stepUp"][0]["level"] == "hardware"
    read = from_wire(Resource, {"permissions": [], "stepUp": [{**MARK, "actions": ["*"]}]})
    assert to_wire(read)["stepUp"][0]["soft"] is True


def test_what_the_service_fills_in_is_not_sent_back() -> None:
    document = {
        "recordId": "r",
        "name": "n",
        "statements": [],
        "status": "ACTIVE",
        "capacity": 0.1,
        "lastUpdated": "2026-11-24T11:57:10.123456Z",
        "account": {"accountId": "a"},
        "links": {"self": {"href": "x"}},
    }
    back = to_wire(from_wire(AccessRecord, document))
    assert back.keys() == {"recordId", "name", "statements", "users", "groups"}


def test_admins_that_are_not_said_are_the_services_to_choose() -> None:
    assert "admins" not in to_wire(Group(name="g", users=["u"]))
    assert to_wire(Group(name="g", users=["u"], admins=[]))["admins"] == []


@pytest.mark.parametrize(
    ("kind", "document"),
    [
        (Role, {"name": "n"}),
        (Role, {"name": 1, "permissions": []}),
        (Role, []),
        (Role, None),
        (Challenge, {"challengeId": "c", "state": "open", "expiresAt": "soon"}),
        (Challenge, {"challengeId": "c", "state": "open", "expiresAt": "2026-11-24T11:57:10"}),
        (Elevation, {"elevationId": "e", "expiresAt": 5}),
        (Requirement, {"level": "strong", "lifetime": "300"}),
        (Requirement, {"level": "strong", "lifetime": True}),
        (AccessRecord, {"name": "n", "statements": [{"roles": ["x"], "resources": ["a"]}]}),
    ],
)
def test_an_answer_of_another_shape_is_an_error_and_never_half_read(kind: type[Any], document: object) -> None:
    with pytest.raises(UnexpectedAnswerError):
        from_wire(kind, document)


def test_records_are_values() -> None:
    one = Statement(roles=("x",), resources=("a",))
    assert replace(one, step_up=None) != one
    assert repr(KEEP) == "KEEP"
