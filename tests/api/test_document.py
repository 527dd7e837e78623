"""The document of the API, the page made from it, and what else needs no credential."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from pathlib import Path

import pytest
from tests.api.door import Door

from stairgate.api.openapi import document_bytes, openapi_document
from stairgate.api.reference_page import reference_page
from stairgate.api.routes import ROUTES
from stairgate.model.jwk import verifying_key
from stairgate.model.jwt import read_jwt

pytestmark = pytest.mark.anyio

COMMITTED = Path(__file__).resolve().parents[2] / "docs" / "reference" / "openapi.json"


def test_the_committed_document_is_the_one_that_is_served() -> None:
    """If this fails: `.venv/bin/python -m stairgate.api > docs/reference/openapi.json`, and look at what changed."""
    assert COMMITTED.read_bytes() == document_bytes(openapi_document(ROUTES))


async def test_the_document_is_served_and_every_reference_in_it_leads_somewhere(door: Door) -> None:
    answered = await door.call("GET", "/openapi.json")
    assert (answered.status, answered.header("content-type")) == (200, "application/json")
    document = answered.json
    assert document["openapi"] == "3.1.0"
    for name in re.findall(r'"#/components/schemas/([^"]+)"', answered.body.decode()):
        assert name in document["components"]["schemas"]


def test_every_route_is_in_the_document_with_a_name_of_its_own() -> None:
    document = openapi_document(ROUTES)
    operations = [operation for methods in document["paths"].values() for operation in methods.values()]
    assert len(operations) == len(ROUTES)
    assert len({operation["operationId"] for operation in operations}) == len(ROUTES)
    for route in ROUTES:
        operation = document["paths"][route.path][route.method.lower()]
        assert ("security" in operation) == (route.public or route.by_page)
        assert operation["summary"]
        documented = {each["name"] for each in operation.get("parameters", []) if each["in"] == "path"}
        assert documented == set(re.findall(r"\{(\w+)\}", route.path))


def test_every_shape_that_is_sent_says_what_it_is() -> None:
    schemas = openapi_document(ROUTES)["components"]["schemas"]
    assert not [name for name, schema in schemas.items() if not schema.get("description")]


async def test_the_page_loads_and_runs_nothing(door: Door) -> None:
    answered = await door.call("GET", "/docs")
    page = answered.body.decode()
    assert (answered.status, answered.header("content-type")) == (200, "text/html; charset=utf-8")
    style = re.search(r"<style>(.*?)</style>", page, re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    policy = answered.header("content-security-policy") or ""
    assert policy.startswith("default-src 'none';")
    assert f"style-src 'sha256-{digest}'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy
    for forbidden in ("<script", "<img", "<link", "<iframe", " style=", " on", "@import", "url("):
        assert not re.search(rf"<[^>]*{re.escape(forbidden)}" if forbidden == " on" else re.escape(forbidden), page)
    assert not re.search(r'(?:src|href)="(?:https?:)?//', page)
    assert 'name="viewport" content="width=device-width' in page
    assert "prefers-color-scheme:dark" in page
    assert len(page) < 400_000


def test_the_page_shows_every_operation_and_escapes_what_it_shows() -> None:
    document = openapi_document(ROUTES)
    page = reference_page(document)
    for route in ROUTES:
        assert f"<code>{route.path}</code>" in page
    ids = re.findall(r' id="([^"]+)"', page)
    assert len(ids) == len(set(ids))
    for target in re.findall(r'href="#([^"]+)"', page):
        assert target in ids
    document["info"]["summary"] = "<script>alert(1)</script>"
    assert "<script>" not in reference_page(document)


@pytest.mark.parametrize("query", ["", "?kid=x", "?kid=x&iss=127.0.0.1:8080", "?iss=a%2Fb"])
async def test_the_keys_are_published_for_everyone_each_with_a_kid(door: Door, query: str) -> None:
    answered = await door.call("GET", f"/.well-known/openid-configuration/jwks{query}")
    assert answered.status == 200
    keys = answered.json["keys"]
    assert len(keys) == 2
    assert len({key["kid"] for key in keys}) == 2
    for key in keys:
        assert "d" not in key
        verifying_key(key)
    kids = {key["kid"] for key in keys}
    assert read_jwt(door.world.token("ann")).header["kid"] in kids


async def test_the_keys_are_served_to_a_caller_whose_bearer_is_anything(door: Door) -> None:
    """The JavaScript SDK sends its bearer there, too (authress-contract §1.3)."""
    assert (await door.call("GET", "/.well-known/openid-configuration/jwks", bearer="x")).status == 200


async def test_discovery_names_the_issuer_and_its_keys(door: Door) -> None:
    answered = await door.call("GET", "/.well-known/openid-configuration")
    origin = door.world.services.rules.public_origins[0]
    assert answered.json == {
        "issuer": origin,
        "jwks_uri": f"{origin}/.well-known/openid-configuration/jwks",
        "token_endpoint": f"{origin}/api/authentication/oauth/tokens",
        "grant_types_supported": ["client_credentials"],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }


async def test_health_and_metrics(door: Door) -> None:
    for target in ("/health/live", "/health/ready"):
        answered = await door.call("GET", target)
        assert (answered.status, answered.body) == (200, b'{"status":"ok"}')
    metrics = await door.call("GET", "/metrics")
    assert (metrics.status, metrics.body) == (200, b"# numbers\n")
    assert (metrics.header("content-type") or "").startswith("text/plain")


def test_the_document_is_json_of_one_form() -> None:
    assert json.loads(document_bytes(openapi_document(ROUTES))) == openapi_document(ROUTES)


def test_prose_on_the_page_shows_names_as_code_and_stays_escaped() -> None:
    """What stands between backticks is set as code; nothing in it becomes markup (attack 16)."""
    document = openapi_document(ROUTES)
    document["info"]["description"] = "act on `errorCode`, not `<b>title</b>`"
    page = reference_page(document)
    assert "act on <code>errorCode</code>, not <code>&lt;b&gt;title&lt;/b&gt;</code>" in page
