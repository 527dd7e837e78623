"""
Schemathesis against a live server with the served document, as an owner: nothing is found.

Every operation, with data that fits the document and data that does not.
"""

from __future__ import annotations

import os
from typing import Any

import hypothesis
import schemathesis
from hypothesis import HealthCheck
from schemathesis import checks
from tests.api.live import Live

from stairgate.api.openapi import openapi_document
from stairgate.api.routes import ROUTES

EXAMPLES = int(os.environ.get("STAIRGATE_SCHEMATHESIS_EXAMPLES", "20"))  # of each operation; under a minute in all

# A value far beyond its bound is refused by the bound on the whole head or body, before it is looked at.
REFUSALS = ["400", "401", "403", "404", "405", "409", "413", "415", "422", "431"]

schema = schemathesis.openapi.from_dict(
    openapi_document(ROUTES),
    config=schemathesis.Config.from_dict({"checks": {"negative_data_rejection": {"expected-statuses": REFUSALS}}}),
).exclude(func=lambda context: "501" in context.operation.definition.raw["responses"])  # out of scope, and say so


@schema.parametrize()
@hypothesis.settings(
    max_examples=EXAMPLES,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(HealthCheck),
)
def test_schemathesis_finds_nothing(case: schemathesis.Case[Any], live: Live) -> None:
    # What fits a schema can still be no challenge token and no resource URI: 400 is then the right answer.
    case.call_and_validate(
        base_url=f"http://127.0.0.1:{live.port}",
        headers={"Authorization": f"Bearer {live.owner}"},
        excluded_checks=[checks.positive_data_acceptance],
        timeout=30,
    )
    failures, live.instruments.failures = live.instruments.failures, []
    assert not failures
