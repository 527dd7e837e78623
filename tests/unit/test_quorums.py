"""Approvals as requirements write them, and what covers what (semantics §4, §5)."""

from typing import Any

import pytest

from stairgate.api.refusal import authentication_challenge
from stairgate.model.approvals import Quorum, cover, merged_quorums, quorums_document, quorums_of
from stairgate.model.documents import requirement_document, requirement_of
from stairgate.model.errors import InvalidInputError
from stairgate.model.ids import GroupId
from stairgate.model.protection import Level, Requirement, level_name, reaches

MANAGERS, AUDITORS = frozenset({GroupId("managers")}), frozenset({GroupId("auditors")})


def test_one_object_is_a_list_of_one() -> None:
    one = {"count": 2, "groups": ["managers"]}
    assert quorums_of(one) == quorums_of([one]) == frozenset({Quorum(2, MANAGERS)})
    assert quorums_document(quorums_of(one)) == [{"count": 2, "groups": ["managers"], "selfApproval": False}]


def test_documents_come_back_as_they_were() -> None:
    """Canonical: one order, whatever order it was written in; a challenge token and a store keep it unchanged."""
    written = [{"count": 1, "groups": ["b", "a"], "selfApproval": True}, {"count": 2, "groups": ["a"]}]
    requirement = requirement_of({"level": None, "approvals": written})
    assert requirement == requirement_of({"level": None, "approvals": written[::-1]})
    document = requirement_document(requirement)
    assert document["level"] is None
    assert requirement_of(document) == requirement
    assert requirement_document(requirement_of(document)) == document


REFUSED: list[tuple[dict[str, Any], str]] = [
    ({"level": None}, "stepUp.level"),
    ({"level": None, "approvals": None}, "stepUp.level"),
    ({"level": None, "methods": ["totp"], "approvals": {"count": 1, "groups": ["a"]}}, "stepUp.methods"),
    ({"level": None, "device": "same", "approvals": {"count": 1, "groups": ["a"]}}, "stepUp.device"),
    ({"methods": ["approval"]}, "stepUp.methods[0]"),
    ({"approvals": []}, "stepUp.approvals"),
    ({"approvals": "managers"}, "stepUp.approvals"),
    ({"approvals": [{"count": 1, "groups": ["a"]}] * 11}, "stepUp.approvals"),
    ({"approvals": [{"count": 1, "groups": ["a"]}, {"count": 2, "groups": ["a"]}]}, "stepUp.approvals"),
    ({"approvals": [7]}, "stepUp.approvals[0]"),
    ({"approvals": {"groups": ["a"]}}, "stepUp.approvals.count"),
    ({"approvals": {"count": 0, "groups": ["a"]}}, "stepUp.approvals.count"),
    ({"approvals": {"count": 11, "groups": ["a"]}}, "stepUp.approvals.count"),
    ({"approvals": {"count": True, "groups": ["a"]}}, "stepUp.approvals.count"),
    ({"approvals": {"count": 1}}, "stepUp.approvals.groups"),
    ({"approvals": {"count": 1, "groups": []}}, "stepUp.approvals.groups"),
    ({"approvals": {"count": 1, "groups": ["a b"]}}, "stepUp.approvals.groups[0]"),
    ({"approvals": {"count": 1, "groups": [f"g{n}" for n in range(11)]}}, "stepUp.approvals.groups"),
    ({"approvals": {"count": 1, "groups": ["a"], "selfApproval": 1}}, "stepUp.approvals.selfApproval"),
    ({"approvals": {"count": 1, "groups": ["a"], "self_approval": True}}, "stepUp.approvals.self_approval"),
]


@pytest.mark.parametrize(("written", "field"), REFUSED, ids=[str(each[0]) for each in REFUSED])
def test_refused_naming_the_field(written: dict[str, Any], field: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        requirement_of(written)
    assert caught.value.field == field


def test_merging_is_order_free_and_covers_each() -> None:
    several = [
        frozenset({Quorum(1, MANAGERS), Quorum(2, AUDITORS)}),
        frozenset({Quorum(3, MANAGERS, self_approval=True)}),
    ]
    both = merged_quorums(several)
    assert both == merged_quorums(reversed(several)) == frozenset({Quorum(3, MANAGERS), Quorum(2, AUDITORS)})
    assert all(cover(both, each) for each in several)
    assert not cover(several[0], both)


def test_no_level_is_the_lowest() -> None:
    assert reaches(None, None)
    assert reaches(Level.BASIC, None)
    assert not reaches(None, Level.BASIC)
    assert level_name(None) is None


def test_a_requirement_must_ask_something() -> None:
    with pytest.raises(InvalidInputError):
        Requirement(level=None)


def test_header_without_a_level_names_no_acr() -> None:
    """RFC 9470: no class of authentication would do, so none is asked for."""
    header = authentication_challenge("x", None, 60)
    assert header == b'Bearer error="insufficient_user_authentication", error_description="x", max_age="60"'
