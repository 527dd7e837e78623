"""The page of compatibility says what is there: every call of the contract, every route, nothing else."""

import re
from pathlib import Path

import pytest

from stairgate.api.handlers.authress.login import ROUTES as LOGIN
from stairgate.api.handlers.authress.routes import ROUTES as AUTHRESS
from stairgate.api.routes import ROUTES

PAGE = Path(__file__).resolve().parents[2] / "docs" / "reference" / "authress.md"
_ROW = re.compile(
    r"^\| `(?P<call>[A-Z]+ /\S*)` \| (?P<scope>[ATL]) \| (?P<status>[0-9]{3})(?:, empty)? \| (?P<text>.*)\|$"
)

# Scopes A and T of the catalog (authress-contract §1.3).
CATALOG = re.findall(
    r"^[A-Z]+ /\S+$",
    """
GET /v1/users/{userId}/resources/{resourceUri}/permissions/{permission}
GET /v1/users/{userId}/resources/{resourceUri}/permissions
GET /v1/users/{userId}/resources/{resourceUri}/roles
GET /v1/users/{userId}/resources
POST /v1/users/{userId}/tokens
DELETE /v1/users/{userId}/tokens/{tokenId}
GET /v1/users/{userId}/resources/{resourceUri}/metadata
PUT /v1/users/{userId}/resources/{resourceUri}/metadata
GET /v1/users
GET /v1/users/{userId}
DELETE /v1/users/{userId}
GET /v1/records
POST /v1/records
GET /v1/records/{recordId}
PUT /v1/records/{recordId}
DELETE /v1/records/{recordId}
GET /v1/requests
POST /v1/requests
GET /v1/requests/{requestId}
PATCH /v1/requests/{requestId}
DELETE /v1/requests/{requestId}
POST /v1/claims
POST /v1/invites
GET /v1/invites/{inviteId}
PATCH /v1/invites/{inviteId}
DELETE /v1/invites/{inviteId}
GET /v1/groups
POST /v1/groups
GET /v1/groups/{groupId}
PUT /v1/groups/{groupId}
DELETE /v1/groups/{groupId}
GET /v1/roles
POST /v1/roles
GET /v1/roles/{roleId}
PUT /v1/roles/{roleId}
DELETE /v1/roles/{roleId}
GET /v1/resources
GET /v1/resources/{resourceUri}
PUT /v1/resources/{resourceUri}
GET /v1/resources/{resourceUri}/users
GET /v1/clients
POST /v1/clients
GET /v1/clients/{clientId}
PUT /v1/clients/{clientId}
DELETE /v1/clients/{clientId}
POST /v1/clients/{clientId}/access-keys
DELETE /v1/clients/{clientId}/access-keys/{keyId}
GET /v1/accounts
GET /v1/accounts/{accountId}
GET /v1/identities
POST /v1/identities
GET /.well-known/openid-configuration/jwks
GET /v1/clients/{clientId}/.well-known/openid-configuration/jwks
GET /.well-known/openid-configuration
POST /api/authentication/oauth/tokens
""",
    re.MULTILINE,
)

# Calls beside the contract's, on addresses of its own.
ADDED = {"PUT /v1/requests/{requestId}", "POST /v1/requests/{requestId}/votes"}


def rows() -> dict[str, re.Match[str]]:
    found = [match for line in PAGE.read_text(encoding="utf-8").splitlines() if (match := _ROW.match(line))]
    calls = {match["call"]: match for match in found}
    assert len(calls) == len(found), "a call stands on the page twice"
    return calls


SERVED = {f"{route.method} {route.path}": route for route in ROUTES}


@pytest.mark.parametrize("call", CATALOG)
def test_a_call_of_the_contract_is_served_and_on_the_page(call: str) -> None:
    assert call in SERVED
    assert call in rows()


def test_every_call_on_the_page_is_served_with_the_status_it_says() -> None:
    said = {call: int(match["status"]) for call, match in rows().items()}
    assert {call: status for call, status in said.items() if status not in SERVED[call].responses} == {}


def test_every_route_of_the_contracts_surface_is_on_the_page() -> None:
    served = {f"{route.method} {route.path}" for route in (*AUTHRESS, *LOGIN)} - ADDED
    assert served - rows().keys() == set()


def test_what_is_out_of_scope_is_answered_501_and_nothing_else_is() -> None:
    said = {call for call, match in rows().items() if match["status"] == "501"}
    assert said == {call for call, route in SERVED.items() if 501 in route.responses}
