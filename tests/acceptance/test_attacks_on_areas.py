"""Attack 12 of the threat model: an elevation that leaks to other resources, actions or details."""

from __future__ import annotations

from typing import Any

import pytest
from tests.acceptance.bank import PAY, Customer, customer
from tests.acceptance.support import Server, segment, unique

ACCOUNT = "accounts/a"


@pytest.fixture(scope="module")
def elevated(server: Server) -> Customer:
    """May pay anywhere in a bank of their own, and is elevated for one account of it."""
    tree = unique("bank")
    found = customer(server, account=f"{tree}/*", mark={"level": "basic", "scope": "exact", "lifetime": 3600})
    found.elevate(resource=f"{tree}/{ACCOUNT}")
    found.account = tree
    return found


def ask(elevated: Customer, resource: str, action: str = PAY) -> int:
    """The status of a check whose path segment is *resource* exactly as written here, escapes included."""
    target = f"/v1/users/{segment(elevated.user)}/resources/{resource}/permissions/{action}"
    return elevated.server.call("GET", target, bearer=elevated.token).status


@pytest.mark.parametrize("spelling", ["{0}%2Faccounts%2Fa", "%2F{0}%2Faccounts%2Fa", "{0}%2faccounts%2fa%2F"])
def test_attack_12_the_same_resource_in_another_spelling_is_the_same(elevated: Customer, spelling: str) -> None:
    """Slashes at the ends and the case of escapes say nothing (semantics §2.1): these are the elevated resource."""
    assert ask(elevated, spelling.format(elevated.account)) == 200


@pytest.mark.parametrize(
    "resource",
    [
        pytest.param("{0}%2Faccounts%2Fb", id="a sibling"),
        pytest.param("{0}%2Faccounts", id="the parent"),
        pytest.param("{0}", id="the root of the grant"),
        pytest.param("{0}%2Faccounts%2Fa%2Fx", id="a child"),
        pytest.param("{0}%2Faccounts%2Faa", id="a longer name"),
        pytest.param("{0}%2Faccounts%2FA", id="another case"),
        pytest.param("{0}%2FAccounts%2Fa", id="another case in the middle"),
        pytest.param("{0}%2Faccounts%2Fa%2F..%2Fb", id="dot dot"),
        pytest.param("{0}%2Faccounts%2Fb%2F..%2Fa", id="dot dot back to it"),
        pytest.param("{0}%2Faccounts%2F.%2Fa", id="dot"),
        pytest.param("{0}%2Faccounts%2F%2Fa", id="an empty segment"),
        pytest.param("{0}%2Faccounts%2Fa%2F%2F", id="two slashes at the end"),
        pytest.param("{0}%252Faccounts%252Fa", id="encoded twice"),
        pytest.param("{0}%2Faccounts%2F%61%00", id="a zero byte"),
        pytest.param("{0}%2Faccounts%2Fa%20", id="a blank"),
        pytest.param("{0}%2Faccounts%2Fa%0A", id="a line end"),
        pytest.param("{0}%2Faccounts%2Fa%3Fx", id="a question mark"),
        pytest.param("{0}%2Faccounts%2Fa%23x", id="a fragment"),
        pytest.param("{0}%2Faccounts%2Fa%3Bx", id="a matrix parameter"),
        pytest.param("{0}%2Faccounts%5Ca", id="a backslash"),
        pytest.param("{0}%2Faccounts%2F%D0%B0", id="a Cyrillic letter"),
        pytest.param("{0}%2Faccounts%2F%EF%BD%81", id="a full-width letter"),
        pytest.param("{0}%2Faccounts%2Fa%CC%81", id="a combining mark"),
        pytest.param("{0}%2Faccounts%2F%C1%A1", id="an overlong form"),
        pytest.param("{0}%2Faccounts%2F*", id="all accounts"),
        pytest.param("{0}%2F*%2Fa", id="a wildcard in the middle"),
        pytest.param("{0}%2F*", id="everything below"),
        pytest.param("*", id="everything"),
        pytest.param("{0}%2Faccounts%2Fa%2F*", id="everything below it"),
        pytest.param("{0}%2Faccounts%2Fa*", id="a glued star"),
        pytest.param("{0}%2Faccounts%2Fa:", id="a scoped segment"),
        pytest.param("{0}/accounts/a", id="slashes that were not encoded"),
    ],
)
def test_attack_12_no_other_resource_is_opened(elevated: Customer, resource: str) -> None:
    """
    Attack: a resource that a sloppy matcher takes for the elevated one.

    Defence: whole segments, decoded once, compared as they are; an exact elevation opens its own question only.
    """
    assert ask(elevated, resource.format(elevated.account)) in {400, 403, 404}


@pytest.mark.parametrize(
    ("action", "status"),
    [
        ("PAYMENTS:Create", 200),  # the case of actions says nothing (semantics §2.4)
        ("payments", 404),
        ("payments:create:batch", 403),
        ("payments:created", 404),
        ("payments:creat", 404),
        ("payments:*", 404),
        ("*", 404),
        ("payments%3Acreate%3A", 400),
        ("payments::create", 400),
        ("payments:create%20", 400),
        ("payments%253Acreate", 400),
        ("payments:%D1%81reate", 400),
        ("documents:read", 200),  # free for its own reason
    ],
)
def test_attack_12_no_other_action_is_opened(elevated: Customer, action: str, status: int) -> None:
    """
    Attack: an action beside the elevated one, wider, narrower or misspelled.

    Defence: actions are covered by whole parts; exact means this action alone.
    """
    assert ask(elevated, f"{elevated.account}%2Faccounts%2Fa", action) == status


def test_attack_12_an_area_ends_where_its_mark_ends(server: Server) -> None:
    """
    Attack: an elevation that opens an area is used beside it, above it, and for another action there.

    Defence: the area is the node where the mark stands and what is below, for the actions that it guards.
    """
    tree = unique("bank")
    holder = customer(
        server, account=tree, role="ro_payments", mark={"level": "basic", "scope": "exact", "lifetime": 60}
    )
    mark = {"actions": ["payments:create"], "level": "basic"}
    path = f"/v1/resources/{segment(f'{tree}/vault')}"
    body = {"permissions": [], "stepUp": [mark]}
    server.call("PUT", path, body, bearer=server.owner_bearer).expect(200)
    record = {
        "name": "unmarked",
        "users": [{"userId": holder.user}],
        "statements": [{"roles": ["ro_payments"], "resources": [{"resourceUri": f"{tree}/vault"}]}],
    }
    server.call("POST", "/v1/records", record, bearer=server.owner_bearer).expect(201)
    holder.elevate(resource=f"{tree}/vault/1")
    assert holder.check(resource=f"{tree}/vault/2/3").status == 200
    assert holder.check(resource=f"{tree}/vault", action="payments:create:batch").status == 200
    assert holder.check(resource=f"{tree}/vault", action="payments").status == 403  # all of it is more than was opened
    assert holder.check(resource=f"{tree}/vaults").status == 403  # the marked grant alone gives it
    assert holder.check(resource=tree).status == 403


BOUND: list[tuple[str, Any, bool]] = [
    ("the same", {"amount": 100, "to": "A"}, True),
    ("in another order, with more beside", {"to": "A", "amount": 100, "note": "x"}, True),
    ("the same number in another form", b'{"amount": 1e2, "to": "A"}', True),
    ("another amount", {"amount": 101, "to": "A"}, False),
    ("another recipient", {"amount": 100, "to": "B"}, False),
    ("another case", {"amount": 100, "to": "a"}, False),
    ("a text for a number", {"amount": "100", "to": "A"}, False),
    ("a list for a text", {"amount": 100, "to": ["A"]}, False),
    ("null for absent", {"amount": 100, "to": None}, False),
    ("a look-alike", {"amount": 100, "to": "\u0391"}, False),
    ("true for one", {"amount": True, "to": "A"}, False),
    ("missing", {"amount": 100}, False),
    ("under another name", {"Amount": 100, "to": "A"}, False),
    ("not there at all", None, False),
]


@pytest.fixture(scope="module")
def bound(server: Server) -> Customer:
    found = customer(server, mark={"level": "basic", "bind": ["amount", "to"], "lifetime": 3600})
    found.elevate(context={"amount": 100, "to": "A"})
    return found


@pytest.mark.parametrize(("context", "passes"), [pytest.param(*row[1:], id=row[0]) for row in BOUND])
def test_attack_12_no_other_details_are_opened(bound: Customer, context: Any, passes: bool) -> None:
    """
    Attack: the payment is changed after the person agreed to it.

    Defence: bound values are compared in canonical form; any other value is `details_changed`, a missing one
    `details_required`.
    """
    answered = bound.check(context=context)
    if passes:
        assert answered.status == 200, answered
    else:
        assert answered.expect(403).json["reason"] in {"details_changed", "details_required"}
