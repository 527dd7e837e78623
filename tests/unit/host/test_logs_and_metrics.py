"""Logs are JSON without secrets (semantics §7.8, §12); metrics have closed labels."""

import io
import json
import logging
from collections.abc import Iterator
from typing import Any

import pytest
import structlog
from prometheus_client.parser import text_string_to_metric_families

from stairgate.host.logs import REDACTED, configure_logs, log, log_request
from stairgate.host.metrics import Metrics

JWT = "eyJhbGciOiJFZERTQSJ9.eyJzdWIiOiJ1c2VyLTEifQ.c2lnbmF0dXJlLXNpZ25hdHVyZQ"


@pytest.fixture
def stream() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers, root.level
    out = io.StringIO()
    configure_logs(out)
    yield out
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


def lines(stream: io.StringIO) -> list[dict[str, Any]]:
    return [json.loads(line) for line in stream.getvalue().splitlines()]


def test_a_line_is_one_json_object_with_time_level_and_name(stream: io.StringIO) -> None:
    log("stairgate.test").info("challenge opened", challenge="ch_1\n2")
    (line,) = lines(stream)
    assert line.pop("timestamp").endswith("Z")
    assert line == {
        "event": "challenge opened",
        "challenge": "ch_1\n2",
        "level": "info",
        "logger": "stairgate.test",
    }


@pytest.mark.parametrize(
    "name",
    [
        "token",
        "user_token",
        "userToken",
        "stepUpChallengeToken",
        "Authorization",
        "Stairgate-Page-Secret",
        "secret",
        "code",
        "returnCode",
        "cookie",
        "seed",
        "password",
        "credential",
        "path",
        "url",
        "query_string",
        "headers",
        "body",
    ],
)
def test_a_member_with_a_secrets_name_or_an_address_is_never_shown(stream: io.StringIO, name: str) -> None:
    log("t").info("x", **{name: "plain 12345678", "deep": {name: ["plain 12345678"]}})
    (line,) = lines(stream)
    assert (line[name], line["deep"][name]) == (REDACTED, REDACTED)


@pytest.mark.parametrize(
    "text",
    [
        JWT,
        JWT[:30],
        f"Bearer {JWT}",
        "bearer abc",
        "DPoP abc.def",
        "0123456789abcdef" * 4,
        "a" * 43,
        "sc_1.key1.acc_1.MC4CAQAwBQYDK2Vw" + "A" * 40,
    ],
    ids=str,
)
@pytest.mark.parametrize("wrap", ["{}", "cannot read `{}` here", "x={},y=1"])
def test_a_token_inside_any_text_is_taken_out(stream: io.StringIO, text: str, wrap: str) -> None:
    log("t").info(
        wrap.format(text), note=wrap.format(text), items=[{"deep": wrap.format(text)}], other=ValueError(text)
    )
    logging.getLogger("library").warning("it was %s", text)
    assert text not in stream.getvalue()
    assert stream.getvalue().count(REDACTED) >= 4


def test_a_traceback_is_redacted_and_shows_no_variables(stream: io.StringIO) -> None:
    hidden = "hunter" + "2-in-a-variable"
    try:
        message = f"bad token {JWT}"
        raise ValueError(message)  # noqa: TRY301  # a traceback is wanted
    except ValueError:
        log("t").exception("failed")
    assert "ValueError: bad token" in stream.getvalue()
    assert JWT not in stream.getvalue()
    assert hidden not in stream.getvalue()


def test_harmless_members_are_kept(stream: io.StringIO) -> None:
    kept = {
        "errorCode": "WrongAnswer",
        "status_code": 422,
        "token_key": "https://idp.example AbCd",
        "method": "totp",
        "seconds": 0.5,
        "ok": True,
        "none": None,
        "route": "/v1/users/{userId}/resources/{resourceUri}/permissions/{permission}",
    }
    log("t").info("x", **kept)
    (line,) = lines(stream)
    assert {name: line[name] for name in kept} == kept


def test_a_request_is_logged_by_its_route(stream: io.StringIO) -> None:
    log_request(
        log("access"), method="GET", route="/v1/challenges/{id}", status=200, seconds=0.001_234_56, request_id="r1"
    )
    (line,) = lines(stream)
    assert (line["route"], line["status"], line["seconds"]) == ("/v1/challenges/{id}", 200, 0.001235)


def test_libraries_that_log_addresses_are_quiet(stream: io.StringIO) -> None:
    for name in ("httpx2", "httpcore2", "uvicorn.access"):
        logging.getLogger(name).info("GET /v1/challenges/ch_1")
    assert stream.getvalue() == ""


def samples(metrics: Metrics) -> dict[tuple[str, str], float]:
    return {
        (sample.name, ",".join(sample.labels.values())): sample.value
        for family in text_string_to_metric_families(metrics.text().decode())
        for sample in family.samples
    }


def test_metrics_count_what_happened_and_start_at_nothing() -> None:
    metrics = Metrics()
    before = samples(metrics)
    assert before["stairgate_decisions_total", "deny"] == 0
    metrics.decided("allow", 0.000_2)
    metrics.decided("a user's own words", 2.0)
    metrics.store_failed()
    after = samples(metrics)
    assert after["stairgate_decisions_total", "allow"] == 1
    assert after["stairgate_decisions_total", "error"] == 1
    assert after["stairgate_decision_seconds_count", ""] == 2
    assert after["stairgate_decision_seconds_bucket", "0.00025"] == 1
    assert after["stairgate_store_errors_total", ""] == 1
    assert {name for name, _ in after} == {name for name, _ in before}
