"""Attacks 5, 13 and 34 of the threat model: what was allowed once is used for something else, later, or for more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from tests.acceptance.bank import PAY, READ, Customer, attest, check_path, customer
from tests.acceptance.support import Answer, Server, segment, unique

# --- 5: between the check and the use ------------------------------------------------------------------------------


def test_attack_05_the_amount_is_changed_after_the_check(server: Server) -> None:
    """
    Attack: the person agrees to a payment of 100, the check passes, and then the amount is changed.

    Defence: the place of the effect asks with the very details that it is about to execute. An elevation holds for the
    values that were shown, and for one use: the changed payment is refused, and so is the same one a second time.
    """
    victim = customer(server, mark={"level": "basic", "uses": 2, "bind": ["amount", "to"]})
    shown, changed = {"amount": 100, "to": "A"}, {"amount": 10_000, "to": "A"}
    victim.elevate(context=shown)
    victim.check(context=shown).expect(200)  # the check of the request
    assert victim.check(context=changed).expect(403).json["reason"] == "details_changed"  # the gate of the effect
    victim.check(context=shown).expect(200)
    assert victim.check(context=shown).expect(403).json["reason"] == "elevation_expired"


def end_the_elevation(victim: Customer) -> None:
    victim.end_elevations().expect(200, 204)


def take_the_grant_away(victim: Customer) -> None:
    for record in victim.server.call(
        "GET", f"/v1/records?filter={segment(victim.user)}", bearer=victim.server.owner_bearer
    ).json["records"]:
        victim.server.call("DELETE", f"/v1/records/{record['recordId']}", bearer=victim.server.owner_bearer).expect(204)


def guard_it_more_strictly(victim: Customer) -> None:
    body = {"stepUp": [{"level": "strong", "actions": [PAY]}]}
    path = f"/v1/resources/{segment(victim.account)}"
    victim.server.call("PUT", path, body, bearer=victim.server.owner_bearer).expect(200)


def say_not_me(victim: Customer) -> None:
    (elevation,) = victim.elevations()
    path = f"/v1/challenges/{elevation['challengeId']}/decline"
    victim.server.call("POST", path, {"notMe": True}, bearer=victim.token).expect(200)


CHANGES: list[tuple[Callable[[Customer], None], int]] = [
    (end_the_elevation, 403),
    (take_the_grant_away, 404),
    (guard_it_more_strictly, 403),
    (say_not_me, 403),
]


@pytest.mark.parametrize(("change", "status"), CHANGES)
@pytest.mark.parametrize("workers", ["server", "two_workers"])
def test_attack_05_what_changes_between_the_check_and_the_use_counts(
    change: Callable[[Customer], None], status: int, workers: str, request: pytest.FixtureRequest
) -> None:
    """
    Attack: the check passes; before the effect the elevation, the grant or the policy goes; it is relied on.

    Defence: nothing of an answer is kept: the next question is decided by what is in force then, on every process.
    """
    victim = customer(request.getfixturevalue(workers))
    victim.elevate()
    assert {victim.check().status for _ in range(8)} == {200}
    change(victim)
    assert {victim.check().status for _ in range(8)} == {status}


# --- 13: caches ----------------------------------------------------------------------------------------------------


def decisions(victim: Customer) -> dict[str, Answer]:
    """One answer of each kind; the elevation is asked for, used, and refused."""
    server = victim.server
    found = {"allowed": victim.check(READ), "refused": victim.check(), "denied": victim.check("nothing:here")}
    found["not asked about oneself"] = victim.check(READ, user=unique("user|"))
    victim.elevate()
    found["allowed by an elevation"] = victim.check()
    client = server.call("GET", check_path(victim.user, victim.account, READ), bearer=server.owner_bearer)
    found["allowed, to a client"] = client
    return found


def test_attack_13_no_decision_may_be_kept(server: Server) -> None:
    """
    Attack: a proxy or a client library keeps an answer, and serves it after the elevation is gone.

    Defence: every decision says `no-store` and has nothing that a cache could validate or calculate an age from; a
    condition is not honoured.
    """
    victim = customer(server)
    for name, answered in decisions(victim).items():
        assert answered.headers["cache-control"] == "no-store", name
        assert not {"etag", "last-modified", "expires", "age", "retry-after"} & answered.headers.keys(), name
    conditions = {"If-None-Match": "*", "If-Modified-Since": "Thu, 01 Jan 2099 00:00:00 GMT"}
    path = check_path(victim.user, victim.account, PAY)
    assert server.call("GET", path, bearer=victim.token, headers=conditions).status == 200
    for method in ("HEAD", "POST", "OPTIONS"):  # no way around that a cache would take for the same
        assert server.call(method, path, bearer=victim.token).status in {404, 405}, method


def test_attack_13_a_repeat_after_the_end_is_decided_anew(server: Server) -> None:
    """
    Attack: an answer that was allowed a hundred times is repeated, byte for byte, on one connection after another.

    Defence: elevations are read at each check, so the first repeat after the end is refused.
    """
    victim = customer(server)
    victim.elevate()
    assert {victim.check().status for _ in range(100)} == {200}
    victim.end_elevations().expect(200, 204)
    assert victim.check().expect(403).code == "StepUpAuthorizationRequired"


def test_attack_13_lists_and_challenges_are_not_kept_either(server: Server) -> None:
    victim = customer(server)
    challenge = victim.opened()
    for path in (f"/v1/challenges/{challenge}", f"/v1/users/{segment(victim.user)}/elevations", "/v1/records"):
        assert server.call("GET", path, bearer=victim.token).headers["cache-control"] == "no-store", path


# --- 34: more than was agreed to -----------------------------------------------------------------------------------

ITEMS = [{"to": "A", "amount": 10}, {"to": "B", "amount": 20}]


@pytest.mark.parametrize(
    "items",
    [
        [*ITEMS, {"to": "C", "amount": 30}],
        ITEMS[:1],
        ITEMS[::-1],
        [ITEMS[0], {**ITEMS[1], "amount": 21}],
        [ITEMS[0], {**ITEMS[1], "note": "x"}],
        [ITEMS],
        [],
    ],
)
def test_attack_34_an_item_is_smuggled_into_a_batch_that_was_agreed_to(server: Server, items: list[Any]) -> None:
    """
    Attack: the person agreed to two payments; a third is added, one is changed, or they change places.

    Defence: the bound value is the whole list in its canonical form; any other list is `details_changed`.
    """
    victim = customer(server, mark={"level": "basic", "bind": ["items"]})
    victim.elevate(context={"items": ITEMS})
    assert victim.check(context={"items": items}).expect(403).json["reason"] == "details_changed"
    victim.check(context={"items": ITEMS}).expect(200)


def test_attack_34_one_allowed_item_says_nothing_of_the_next(server: Server) -> None:
    """
    Attack: of several resources the first is allowed, and the rest are taken to be.

    Defence: one question has one answer: what was opened for one item is refused for each other, and a question for
    all of them is allowed only where one elevation covers them all.
    """
    tree = unique("bank")
    victim = customer(server, account=tree, mark={"level": "basic", "scope": "exact"})
    victim.elevate(resource=f"{tree}/1")
    assert [victim.check(resource=f"{tree}/{item}").status for item in (1, 2, 3)] == [200, 403, 403]
    assert victim.check(resource=f"{tree}/*").status == 403
    assert victim.check("payments", resource=f"{tree}/1").status == 404


def test_attack_34_a_list_is_bound_as_it_is_shown(server: Server) -> None:
    """
    Attack: the same challenge token is used for the longer list, or opened twice for two lists.

    Defence: a challenge names its details; other details are another challenge, and end the one before.
    """
    victim = customer(server, mark={"level": "basic", "bind": ["items"]})
    first = victim.opened(context={"items": ITEMS})
    longer = victim.refused(context={"items": [*ITEMS, {"to": "C", "amount": 30}]})
    second = str(victim.open(longer).expect(201).json["challengeId"])
    assert first != second
    state = server.call("GET", f"/v1/challenges/{first}", bearer=victim.token).expect(200).json["state"]
    assert state == "superseded"
    attest(server, second).expect(200)
    victim.check(context={"items": ITEMS}).refusal()
