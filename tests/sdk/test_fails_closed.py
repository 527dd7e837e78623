"""Nothing but 200 with an empty body is an allow, whatever answers (attack: a proxy, a portal, a wrong address)."""

from __future__ import annotations

from typing import Any

import httpx2
import pytest
from tests.sdk.conftest import KEY, Make, Wire, reply

from stairgate import (
    Allowed,
    ArgumentError,
    Denied,
    ForbiddenError,
    Requirement,
    ServerError,
    StairgateError,
    StepUp,
    StepUpAuthorizationRequired,
    TooManyAttemptsError,
    UnauthenticatedError,
    Unauthorized,
    UnavailableError,
    UnexpectedAnswerError,
    UnreachableError,
    UserTokenRefusedError,
)

REQUIREMENT = {"level": "strong", "lifetime": 300, "uses": None, "somethingNew": 7}
STEP_UP = {
    "title": "step up",
    "errorCode": "StepUpAuthorizationRequired",
    "errorId": "e1",
    "stepUpChallengeToken": "tok",
    "requirement": REQUIREMENT,
    "reason": "elevation_required",
    "expiresAt": "2026-11-24T11:57:10Z",
}
HTML = httpx2.Response(200, headers={"content-type": "text/html"}, content=b"<html>sign in</html>")


def problem(code: str, **members: Any) -> dict[str, Any]:
    return {"title": "no", "errorCode": code, "errorId": "e1", **members}


def check(make: Make, *answers: httpx2.Response | Exception, **named: Any) -> Any:
    return make(wire=Wire(list(answers)), access_key=KEY).authorize("u", "accounts/1", "READ", **named)


def test_an_empty_200_is_the_allow(make: Make) -> None:
    assert check(make, reply(200)) == Allowed()


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(HTML, id="a page with 200"),
        pytest.param(reply(200, {"allowed": True}), id="a body with 200"),
        pytest.param(httpx2.Response(200, content=b" "), id="a blank with 200"),
        pytest.param(reply(201), id="201"),
        pytest.param(reply(202), id="202"),
        pytest.param(reply(204), id="204"),
        pytest.param(reply(206), id="206"),
        pytest.param(reply(299), id="299"),
        pytest.param(reply(301, location="http://stairgate.test/ok"), id="301"),
        pytest.param(reply(302, location="http://stairgate.test/ok"), id="302"),
        pytest.param(reply(304), id="304"),
        pytest.param(reply(307, location="http://stairgate.test/ok"), id="307"),
        pytest.param(httpx2.Response(404, content=b"<html>"), id="a page with 404"),
        pytest.param(reply(404, {"message": "no route"}), id="a foreign 404"),
        pytest.param(httpx2.Response(403, content=b"blocked"), id="a firewall's 403"),
        pytest.param(
            httpx2.Response(403, headers={"content-type": "application/json"}, content=b"{"), id="broken JSON"
        ),
        pytest.param(reply(403, [1]), id="a list"),
        pytest.param(reply(403, {**STEP_UP, "requirement": None}), id="no requirement"),
        pytest.param(reply(403, {**STEP_UP, "expiresAt": "soon"}), id="no date"),
        pytest.param(reply(100), id="100"),
    ],
)
def test_anything_else_is_no_answer_at_all(make: Make, answer: httpx2.Response) -> None:
    with pytest.raises(UnexpectedAnswerError):
        check(make, answer)


def test_a_redirect_is_not_followed_so_the_tokens_go_nowhere_else(make: Make) -> None:
    wire = Wire([reply(302, location="http://evil.test/")])
    with pytest.raises(UnexpectedAnswerError):
        make(wire=wire, access_key=KEY).authorize("u", "a", "READ", user_token="t")
    assert len(wire.asked) == 1


def test_404_is_a_denial(make: Make) -> None:
    assert isinstance(check(make, reply(404, problem("NotFound"))), Denied)


def test_the_step_up_carries_all_that_is_needed(make: Make) -> None:
    decision = check(make, reply(403, STEP_UP))
    assert isinstance(decision, StepUp)
    assert decision.step_up_challenge_token == "tok"
    assert decision.requirement.level == "strong"
    assert decision.reason == "elevation_required"
    assert decision.expires_at is not None
    assert decision.expires_at.year == 2026


def test_require_raises_what_authorize_returns(make: Make) -> None:
    client = make(wire=Wire([reply(403, STEP_UP)]), access_key=KEY)
    for ask in (client.require, client.authorize_user):
        with pytest.raises(StepUpAuthorizationRequired) as caught:
            ask("u", "accounts/1", "READ")
        error = caught.value
        assert (error.step_up_challenge_token, error.reason, error.status) == ("tok", "elevation_required", 403)
        assert error.error_code == "StepUpAuthorizationRequired"
        assert error.error_id == "e1"
    client = make(wire=Wire([reply(404, problem("NotFound"))]), access_key=KEY)
    for ask in (client.require, client.authorize_user):
        with pytest.raises(Unauthorized) as denied:
            ask("u", "accounts/1", "READ")
        assert (denied.value.status, denied.value.error_id) == (404, "e1")
    client = make(wire=Wire([reply(200)]), access_key=KEY)
    assert client.require("u", "accounts/1", "READ") is None
    assert client.authorize_user("u", "accounts/1", "READ") is None


@pytest.mark.parametrize(
    ("answer", "error"),
    [
        (reply(401, problem("Unauthorized")), UnauthenticatedError),
        (reply(403, problem("Forbidden")), ForbiddenError),
        (reply(403, problem("UserTokenRefused")), UserTokenRefusedError),
        (reply(403, problem("SomethingNew")), ForbiddenError),
        (reply(429, problem("TooManyAttempts"), **{"retry-after": "7"}), TooManyAttemptsError),
        (reply(500, problem("UnexpectedError")), ServerError),
        (reply(503, problem("Unavailable")), UnavailableError),
        (httpx2.Response(502, content=b"<html>bad gateway"), ServerError),
        (httpx2.ConnectError("refused"), UnreachableError),
        (httpx2.ReadTimeout("slow"), UnreachableError),
        (httpx2.RemoteProtocolError("cut"), UnreachableError),
    ],
    ids=["401", "403", "user token", "new code", "429", "500", "503", "gateway", "connect", "timeout", "cut"],
)
def test_every_failure_raises(make: Make, answer: httpx2.Response | Exception, error: type[StairgateError]) -> None:
    with pytest.raises(StairgateError) as caught:
        check(make, answer)
    assert type(caught.value) is error
    if error is TooManyAttemptsError:
        assert caught.value.retry_after == 7  # type: ignore[attr-defined]  # of this class


@pytest.mark.parametrize(
    "decision",
    [Allowed(), Denied("no"), StepUp("t", None, Requirement(), "r", None)],
    ids=lambda each: type(each).__name__,
)
def test_a_decision_has_no_truth_value(decision: object) -> None:
    with pytest.raises(TypeError, match="truth value"):
        bool(decision)


@pytest.mark.parametrize("wrong", ["", ".", ".."])
@pytest.mark.parametrize("place", [0, 1, 2])
def test_no_id_can_change_the_path(make: Make, wrong: str, place: int) -> None:
    parts = ["u", "accounts/1", "READ"]
    parts[place] = wrong
    wire = Wire([reply(200)])
    with pytest.raises(ArgumentError):
        make(wire=wire, access_key=KEY).authorize(*parts)
    assert not wire.asked


@pytest.mark.parametrize(
    ("resource", "segment"),
    [
        ("a/b", "a%2Fb"),
        ("a/../b", "a%2F..%2Fb"),
        ("a/b/permissions/READ", "a%2Fb%2Fpermissions%2FREAD"),
        ("a?b#c", "a%3Fb%23c"),
        ("a%2Fb", "a%252Fb"),
        ("a/*", "a%2F%2A"),
        ("ä\n", "%C3%A4%0A"),
    ],
)
def test_a_resource_stays_one_segment(make: Make, resource: str, segment: str) -> None:
    wire = Wire([reply(200)])
    make(wire=wire, access_key=KEY).authorize("u|1/2", resource, "a:b")
    assert wire.trace[0][1] == f"/v1/users/u%7C1%2F2/resources/{segment}/permissions/a%3Ab"


@pytest.mark.parametrize("token", ["", "a b", "a\r\nx: y", "é", "\x00"])
def test_a_token_that_could_break_a_header_is_refused_before_anything_is_sent(make: Make, token: str) -> None:
    wire = Wire([reply(200)])
    with pytest.raises(ArgumentError):
        make(wire=wire, access_key=KEY).authorize("u", "a", "READ", user_token=token)
    with pytest.raises(ArgumentError):
        make(wire=wire, user_token=token)
    assert not wire.asked


def test_a_user_passes_no_other_users_token(make: Make) -> None:
    client = make(wire=Wire([reply(200)]), user_token="mine")
    with pytest.raises(ArgumentError):
        client.authorize("u", "a", "READ", user_token="other")


def test_the_context_is_bounded_and_is_json(make: Make) -> None:
    wire = Wire([reply(200)])
    client = make(wire=wire, access_key=KEY)
    for context in ({"a": "x" * 4096}, {"a": float("nan")}, {"a": object()}):
        with pytest.raises(ArgumentError):
            client.authorize("u", "a", "READ", context=context)
    assert not wire.asked
    client.authorize("u", "a", "READ", context={"amount": "1.00"}, user_token="t", idempotency_key="k", at_least=5)
    headers = wire.trace[0][2]
    assert headers["stairgate-context"] == "eyJhbW91bnQiOiIxLjAwIn0"
    assert headers["stairgate-user-token"] == "t"
    assert headers["idempotency-key"] == "k"
    assert headers["stairgate-at-least"] == "5"


@pytest.mark.parametrize(
    "named",
    [
        {},
        {"access_key": KEY, "user_token": "t"},
        {"access_key": "a.b.c"},
        {"access_key": "a.b.c.d"},
        {"access_key": KEY, "timeout": 0},
        {"access_key": KEY, "timeout": float("inf")},
    ],
    ids=["nothing", "both", "three parts", "no key", "no time", "for ever"],
)
def test_a_client_is_built_right_or_not_at_all(make: Make, named: dict[str, Any]) -> None:
    with pytest.raises(ArgumentError) as caught:
        make(**named)
    assert KEY not in str(caught.value)


@pytest.mark.parametrize(
    "url", ["", "stairgate.test", "ftp://x", "http://", "http://u:p@x", "http://x/?a=b", "http://x#f"]
)
def test_an_address_that_is_none_is_refused(make: Make, url: str) -> None:
    with pytest.raises(ArgumentError):
        make(url, access_key=KEY)


def test_an_endless_answer_is_cut_off(make: Make) -> None:
    with pytest.raises(UnexpectedAnswerError, match="bytes"):
        check(make, httpx2.Response(403, content=b"x" * (9 * 1024 * 1024)))
