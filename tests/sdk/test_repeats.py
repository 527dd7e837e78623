"""What is repeated after a failure, and what never: a check could take a use."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from tests.sdk.conftest import KEY, Make, Wire, reply

from stairgate import Allowed, ServerError, UnreachableError
from stairgate.client import exchange

AWAY = httpx2.ConnectError("refused")
FAILED = reply(500, {"title": "x", "errorCode": "UnexpectedError", "errorId": "e"})
ROLE = reply(200, {"roleId": "r", "name": "n", "permissions": []})


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the pauses are is a test of its own, below, which needs no clock."""
    monkeypatch.setattr(exchange, "PAUSES", (0.0, 0.0))


def test_the_pauses_grow_and_are_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.undo()
    operation = exchange.exchange(exchange.Request("GET", "/", repeatable=True))
    steps: list[object] = [next(operation)]
    away = UnreachableError("away")
    for _ in range(2):
        steps += [operation.throw(away), operation.send(None)]
    with pytest.raises(UnreachableError):
        operation.throw(away)
    waits = [step.seconds for step in steps if isinstance(step, exchange.Sleep)]
    assert waits == sorted(waits)
    assert len(waits) == 2
    assert 0 < sum(waits) < 1


@pytest.mark.parametrize("failure", [AWAY, FAILED], ids=["unreachable", "500"])
def test_a_read_is_repeated_twice(make: Make, failure: Any) -> None:
    wire = Wire([failure, failure, ROLE])
    assert make(wire=wire, access_key=KEY).roles.get("r").role_id == "r"
    assert len(wire.asked) == 3


def test_a_read_that_keeps_failing_fails(make: Make) -> None:
    wire = Wire([FAILED])
    with pytest.raises(ServerError):
        make(wire=wire, access_key=KEY).roles.get("r")
    wire_away = Wire([AWAY])
    with pytest.raises(UnreachableError):
        make(wire=wire_away, access_key=KEY).roles.get("r")
    assert len(wire.asked) == len(wire_away.asked) == 3


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 429])
def test_a_refusal_is_not_repeated(make: Make, status: int) -> None:
    wire = Wire([reply(status, {"title": "x", "errorCode": "Y", "errorId": "e"})])
    with pytest.raises(Exception, match="x"):
        make(wire=wire, access_key=KEY).roles.get("r")
    assert len(wire.asked) == 1


@pytest.mark.parametrize("failure", [AWAY, FAILED], ids=["unreachable", "500"])
def test_a_check_is_never_repeated_because_it_could_take_a_use(make: Make, failure: Any) -> None:
    wire = Wire([failure, reply(200)])
    with pytest.raises((UnreachableError, ServerError)):
        make(wire=wire, access_key=KEY).authorize("u", "a", "READ")
    assert len(wire.asked) == 1


def test_a_check_with_an_idempotency_key_is_repeated(make: Make) -> None:
    wire = Wire([AWAY, FAILED, reply(200)])
    assert make(wire=wire, access_key=KEY).authorize("u", "a", "READ", idempotency_key="k") == Allowed()
    assert [trace[2]["idempotency-key"] for trace in wire.trace] == ["k"] * 3


def test_a_users_check_is_not_repeated_because_the_service_ignores_their_key(make: Make) -> None:
    wire = Wire([AWAY, reply(200)])
    with pytest.raises(UnreachableError):
        make(wire=wire, user_token="t").authorize("u", "a", "READ", idempotency_key="k")
    assert len(wire.asked) == 1


WRITES: dict[str, Callable[[Any], Any]] = {
    "step_up_authorization": lambda client: client.step_up_authorization("t"),
    "challenges.open": lambda client: client.challenges.open("t"),
    "challenges.answer": lambda client: client.challenges.answer("c", method="totp", code="1"),
    "challenges.decline": lambda client: client.challenges.decline("c"),
    "challenges.cancel": lambda client: client.challenges.cancel("c"),
    "challenges.request_code": lambda client: client.challenges.request_code("c", "external"),
    "elevations.end": lambda client: client.elevations.end("u", "e"),
    "roles.delete": lambda client: client.roles.delete("r"),
    "clients.create_key": lambda client: client.clients.create_key("c"),
    "delete_user": lambda client: client.delete_user("u"),
}


@pytest.mark.parametrize("name", WRITES)
def test_what_changes_something_is_never_repeated(make: Make, name: str) -> None:
    wire = Wire([AWAY, reply(200, {})])
    with pytest.raises(UnreachableError):
        WRITES[name](make(wire=wire, access_key=KEY))
    assert len(wire.asked) == 1
