"""An elevation meets a mark if and only if every clause of semantics §5 holds: each clause, alone, broken."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.engine.building import NOW, OTHER_TOKEN, TOKEN, area, ask, elevation, mark

from stairgate.engine.meeting import Miss, meets, misses, token_misses
from stairgate.model.approvals import Quorum
from stairgate.model.canonical import JsonValue
from stairgate.model.elevations import EndReason
from stairgate.model.errors import InvalidInputError
from stairgate.model.evidence import TokenEvidence
from stairgate.model.ids import GroupId, UserId
from stairgate.model.protection import Device, Level, Method, Requirement, Scope
from stairgate.model.tokens import TokenKey

R = Requirement
SECOND = timedelta(seconds=1)
MANAGERS = frozenset({GroupId("managers")})
ONE, TWO = frozenset({Quorum(1, MANAGERS)}), frozenset({Quorum(2, MANAGERS)})
LAX = frozenset({Quorum(2, MANAGERS, self_approval=True)})
AUDITORS = frozenset({Quorum(2, frozenset({GroupId("auditors")}))})
WIDER = frozenset({Quorum(2, MANAGERS | {GroupId("auditors")})})


def test_elevation_that_fits_meets_the_mark() -> None:
    assert meets(elevation("a"), mark("a"), ask("a/b"), NOW)
    assert misses(elevation("a"), mark("a"), ask("a/b"), NOW) == ()


BROKEN: list[tuple[dict[str, Any], Requirement, Miss, str]] = [
    ({"user": UserId("bob")}, R(), Miss.USER, "another user's"),
    ({"token": OTHER_TOKEN}, R(), Miss.TOKEN, "another token's"),
    ({"token": replace(TOKEN, issuer="https://other.example")}, R(), Miss.TOKEN, "another issuer's token"),
    ({"token": replace(TOKEN, confirmation="thumb")}, R(), Miss.TOKEN, "the token bound to a key"),
    ({"ended_at": NOW, "end_reason": EndReason.REVOKED}, R(), Miss.ENDED, "ended"),
    ({"ended_at": NOW + SECOND}, R(), Miss.ENDED, "ended, by a clock that runs ahead"),
    ({"expires_at": NOW}, R(), Miss.EXPIRED, "expired at this very moment"),
    ({"uses": 2, "uses_left": 0}, R(), Miss.USED_UP, "used up"),
    ({"uses": 2, "uses_left": None}, R(), Miss.USED_UP, "counted, but not knowing how many are left"),
    ({"area": area("a/c", "*")}, R(), Miss.AREA, "for a sibling"),
    ({"area": area("a/b/c", "*")}, R(), Miss.AREA, "for a child"),
    ({"area": area("a", "write")}, R(), Miss.AREA, "for another action"),
    ({"area": area("a", "read:x")}, R(), Miss.AREA, "for a part of the action"),
    ({"area": area("a/b/*", "*")}, R(), Miss.AREA, "for strictly below"),
    ({"area": area("a", exact=True)}, R(), Miss.AREA, "exactly for the parent"),
    ({"area": area("a/b", "READ:x", exact=True)}, R(), Miss.AREA, "exactly for another action"),
    ({}, R(scope=Scope.EXACT), Miss.NOT_EXACT, "for an area, where the mark is exact"),
    ({"issued_at": NOW - 300 * SECOND, "proven_at": NOW}, R(), Miss.TOO_OLD, "as old as the mark's lifetime"),
    ({"proven_at": NOW - 301 * SECOND}, R(), Miss.PROOF_TOO_OLD, "proven before the lifetime of a mark without an age"),
    ({"proven_at": NOW - 11 * SECOND}, R(max_age=10), Miss.PROOF_TOO_OLD, "proven before the mark's age"),
    ({"level": Level.BASIC}, R(), Miss.LEVEL, "of too low a level"),
    ({"level": Level.PHISHING_RESISTANT}, R(level=Level.HARDWARE), Miss.LEVEL, "of the level next to the mark's"),
    ({}, R(methods=frozenset({Method.EXTERNAL})), Miss.METHOD, "by another method"),
    ({}, R(uses=1, scope=Scope.AREA), Miss.USES, "uncounted, where the mark counts"),
    ({"uses": 3, "uses_left": 1}, R(uses=2, scope=Scope.AREA), Miss.USES, "issued with more uses than the mark's"),
    ({}, R(device=Device.SAME), Miss.DEVICE, "finished elsewhere, where the mark wants the device that asked"),
    ({"level": None, "method": Method.APPROVAL, "approvals": TWO}, R(approvals=TWO), Miss.LEVEL, "agreed, not proven"),
    ({}, R(approvals=TWO), Miss.APPROVALS, "agreed to by nobody"),
    ({"approvals": ONE}, R(approvals=TWO), Miss.APPROVALS, "agreed to by too few"),
    ({"approvals": AUDITORS}, R(approvals=TWO), Miss.APPROVALS, "agreed to by another group"),
    ({"approvals": WIDER}, R(approvals=TWO), Miss.APPROVALS, "agreed to by members of more groups"),
    ({"approvals": LAX}, R(approvals=TWO), Miss.APPROVALS, "agreed to where the requester could be one (attack 17)"),
    ({"approvals": TWO}, R(approvals=TWO | AUDITORS), Miss.APPROVALS, "agreed to by one group of two"),
]


@pytest.mark.parametrize(("change", "asked", "miss"), [e[:3] for e in BROKEN], ids=[e[3] for e in BROKEN])
def test_elevation_is_refused(change: dict[str, Any], asked: Requirement, miss: Miss) -> None:
    """Attacks on each clause: everything fits but one thing, and that alone refuses."""
    assert misses(replace(elevation("a"), **change), mark("a", requirement=asked), ask("a/b"), NOW) == (miss,)


FITTING: list[tuple[dict[str, Any], Requirement, str]] = [
    ({"expires_at": NOW + SECOND}, R(), "about to expire"),
    ({"issued_at": NOW - 299 * SECOND, "proven_at": NOW - 300 * SECOND}, R(), "just younger than the lifetime"),
    ({"proven_at": NOW - 10 * SECOND}, R(max_age=10), "proven just in time"),
    ({"level": Level.HARDWARE}, R(level=Level.BASIC), "of a higher level"),
    ({"uses": 2, "uses_left": 1}, R(uses=2, scope=Scope.AREA), "issued with as many uses"),
    ({"uses": 1, "uses_left": 1}, R(uses=9, scope=Scope.AREA), "issued with fewer uses"),
    ({"uses": 1, "uses_left": 1}, R(), "counted, where the mark is not"),
    ({"area": area("a/b", "READ", exact=True)}, R(scope=Scope.EXACT), "exact, in another spelling"),
    ({"area": area("a/b", exact=True)}, R(), "exact, where the mark is not"),
    ({"area": area("a/*", "*")}, R(), "for all children of the parent"),
    ({"area": area("*", "*")}, R(), "for everything"),
    ({"same_device": True}, R(device=Device.SAME), "finished on the device that asked"),
    ({"same_device": True}, R(), "finished on the device that asked, where any will do"),
    ({"approvals": TWO}, R(approvals=ONE), "agreed to by more people"),
    ({"approvals": TWO}, R(approvals=LAX), "agreed to without the requester"),
    ({"approvals": TWO | AUDITORS}, R(approvals=TWO), "agreed to by another group, too"),
    ({"approvals": TWO, "level": None, "method": Method.APPROVAL}, R(level=None, approvals=TWO), "agreed to, no level"),
    ({"approvals": TWO}, R(level=None, approvals=TWO), "agreed to and proven, where no level is asked"),
]


@pytest.mark.parametrize(("change", "asked"), [e[:2] for e in FITTING], ids=[e[2] for e in FITTING])
def test_elevation_does(change: dict[str, Any], asked: Requirement) -> None:
    assert misses(replace(elevation("a"), **change), mark("a", requirement=asked), ask("a/b"), NOW) == ()


def test_elevation_never_helps_a_question_without_a_token() -> None:
    assert Miss.TOKEN in misses(elevation("a"), mark("a"), ask("a", token=None), NOW)


BOUND: list[tuple[Mapping[str, JsonValue], Mapping[str, JsonValue] | None, tuple[Miss, ...], str]] = [
    ({"amount": 5}, {"amount": 5}, (), "the same value"),
    ({"amount": 5}, {"amount": 5, "note": "x"}, (), "unbound members are free"),
    ({"amount": 5, "to": "bob"}, {"to": "bob", "amount": 5}, (), "more bound than the mark wants"),
    ({"amount": 5}, {"amount": 5.0}, (), "numbers that canonical JSON writes alike"),
    ({"amount": {"a": 1, "b": [2]}}, {"amount": {"b": [2], "a": 1}}, (), "members in another order"),
    ({"amount": None}, {"amount": None}, (), "null is a value"),
    ({"amount": 5}, {"amount": 6}, (Miss.VALUE_DIFFERS,), "another value"),
    ({"amount": 5}, {"amount": "5"}, (Miss.VALUE_DIFFERS,), "a text is no number"),
    ({"amount": 1}, {"amount": True}, (Miss.VALUE_DIFFERS,), "true is not one"),
    ({"amount": [1, 2]}, {"amount": [2, 1]}, (Miss.VALUE_DIFFERS,), "lists have an order"),
    ({"amount": None}, {}, (Miss.VALUE_DIFFERS,), "absent is not null"),
    ({"amount": 5}, None, (Miss.VALUE_DIFFERS,), "no context at all"),
    ({"amount": 5, "to": "bob"}, {"amount": 5, "to": "eve"}, (Miss.VALUE_DIFFERS,), "every bound value counts"),
    ({"amount": 5, "to": "bob"}, {"amount": 5}, (Miss.VALUE_DIFFERS,), "a bound value that the request leaves out"),
    ({"to": "bob"}, {"amount": 5, "to": "bob"}, (Miss.NOT_BOUND,), "not bound to the mark's name"),
    ({}, {"amount": 5}, (Miss.NOT_BOUND,), "bound to nothing"),
]


@pytest.mark.parametrize(("bound", "context", "expected"), [e[:3] for e in BOUND], ids=[e[3] for e in BOUND])
def test_bound_details(
    bound: Mapping[str, JsonValue], context: Mapping[str, JsonValue] | None, expected: tuple[Miss, ...]
) -> None:
    """Attack 22: values are compared as canonical JSON, and nothing passes for another."""
    guarded = mark("a", requirement=R(bind=frozenset({"amount"})))
    held = elevation("a", "read", exact=True, details=bound)
    assert misses(held, guarded, ask("a", context=context), NOW) == expected


def test_elevation_that_binds_helps_a_mark_without_binding_for_the_same_values_only() -> None:
    held = elevation("a", "read", exact=True, details={"amount": 5})
    assert meets(held, mark("a"), ask("a", context={"amount": 5}), NOW)
    assert not meets(held, mark("a"), ask("a", context={"amount": 6}), NOW)


@pytest.mark.parametrize("value", [2**53, float("nan"), float("inf"), "\ud800"])
def test_context_value_that_is_no_clear_json_is_refused(value: JsonValue) -> None:
    """An error never widens: it is the caller's 400, not an answer."""
    held = elevation("a", "read", exact=True, details={"amount": 5})
    with pytest.raises(InvalidInputError, match=r"context\.amount"):
        meets(held, mark("a"), ask("a", context={"amount": value}), NOW)


TOKENS: list[tuple[TokenEvidence, Requirement, tuple[Miss, ...], str]] = [
    (TokenEvidence(Level.STRONG, NOW), R(), (), "fresh and strong"),
    (TokenEvidence(Level.STRONG, NOW - 299 * SECOND), R(), (), "just fresh"),
    (TokenEvidence(Level.STRONG, NOW), R(scope=Scope.EXACT), (), "an exact mark that counts and binds nothing"),
    (TokenEvidence(Level.STRONG, NOW - 300 * SECOND), R(), (Miss.TOO_OLD,), "as old as the lifetime"),
    (
        TokenEvidence(Level.STRONG, NOW - 400 * SECOND),
        R(max_age=3600),
        (Miss.TOO_OLD,),
        "older than the lifetime, if young for the age",
    ),
    (TokenEvidence(Level.STRONG, NOW - 11 * SECOND), R(max_age=10), (Miss.PROOF_TOO_OLD,), "older than the age"),
    (TokenEvidence(Level.STRONG, None), R(), (Miss.TOO_OLD, Miss.PROOF_TOO_OLD), "of a time that it does not say"),
    (TokenEvidence(Level.STRONG, NOW + SECOND), R(), (Miss.TOO_OLD, Miss.PROOF_TOO_OLD), "of the future"),
    (TokenEvidence(Level.BASIC, NOW), R(), (Miss.LEVEL,), "too weak"),
    (TokenEvidence(Level.HARDWARE, NOW), R(uses=1), (Miss.USES,), "no match for counted uses"),
    (TokenEvidence(Level.HARDWARE, NOW), R(bind=frozenset({"x"})), (Miss.NOT_BOUND,), "no match for bound details"),
    (
        TokenEvidence(Level.HARDWARE, NOW),
        R(methods=frozenset({Method.TOTP})),
        (Miss.METHOD,),
        "no match for named methods",
    ),
]


@pytest.mark.parametrize(("evidence", "asked", "expected"), [e[:3] for e in TOKENS], ids=[e[3] for e in TOKENS])
def test_login_as_evidence(evidence: TokenEvidence, asked: Requirement, expected: tuple[Miss, ...]) -> None:
    assert token_misses(evidence, mark("a", requirement=asked), NOW) == expected


def test_service_clients_token_key_is_a_token_key_like_any() -> None:
    """§1: its elevation outlasts one signature, but helps no other key of the client."""
    first, second = TokenKey("sc_1", "k1"), TokenKey("sc_1", "k2")
    held = replace(elevation("a"), token=first)
    assert meets(held, mark("a"), ask("a", token=first), NOW)
    assert not meets(held, mark("a"), ask("a", token=second), NOW)
