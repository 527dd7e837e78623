"""
Every call of the official JavaScript SDK, npm `@authress/sdk` 2.3.127, unmodified in Node: success and refusal.

`every_call.mjs` makes them; a test sees to it that none of the SDK's methods is missing.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.support import Server, unique

SCRIPT = Path(__file__).with_name("javascript") / "every_call.mjs"
pytestmark = pytest.mark.lane("javascript")

# What an owner and the user are answered where it is not 200.
OTHER_SUCCESS = {
    "roles.createRole": 201,
    "roles.deleteRole": 204,
    "accessRecords.createRecord": 201,
    "accessRecords.updateRecord": 202,
    "accessRecords.deleteRecord": None,  # where it succeeds this one gives nothing back
    "accessRecords.createClaim": 201,
    "accounts.linkIdentity": 201,
    "invites.createInvite": 201,
    "invites.deleteInvite": None,
    "serviceClients.createClient": 201,
    "serviceClients.requestAccessKey": 201,
    "serviceClients.deleteAccessKey": 204,
    "serviceClients.deleteClient": 204,
}

# What a user without any right is answered: 404 hides, 403 does not need to, 200 is a list of what they may see.
STRANGER = {
    "accessRecords.createClaim": 409,  # claimable, and claimed
    "accessRecords.createRecord": 403,
    "accessRecords.getRecord": 404,
    "accessRecords.getRecords": 200,
    "accessRecords.updateRecord": 404,
    "accessRecords.deleteRecord": 404,
    "roles.createRole": 403,
    "roles.getRole": 404,
    "roles.updateRole": 404,
    "roles.deleteRole": 404,
    "resources.updateResourcePermissions": 404,
    "resources.getResourcePermissions": 404,
    "resources.getResources": 403,
    "resources.getResourceUsers": 403,
    "accounts.getAccounts": 403,
    "accounts.getAccount": 403,
    "accounts.linkIdentity": 403,
    "accounts.getAccountIdentities": 403,
    "serviceClients.createClient": 403,
    "serviceClients.requestAccessKey": 404,
    "serviceClients.getClient": 404,
    "serviceClients.getClients": 200,
    "serviceClients.updateClient": 404,
    "serviceClients.deleteAccessKey": 404,
    "serviceClients.deleteClient": 404,
    "users.getUser": 404,
    "invites.createInvite": 403,
    "invites.getInvite": 404,
    "invites.respondToInvite": 404,
    "invites.deleteInvite": 404,
    "userPermissions.authorizeUser": 403,
    "userPermissions.getUserPermissionsForResource": 403,
    "userPermissions.getUserRolesForResource": 403,
    "userPermissions.getUserResources": 403,
}

EMPTY_LISTS = {"connections.getConnections", "extensions.getExtensions", "tenants.getTenants"}


@pytest.fixture(scope="module")
def seen(server: Server) -> dict[str, Any]:
    user, name = unique("user|"), unique("js")
    environment = {
        "PATH": os.environ["PATH"],
        "URL_OF_SERVER": server.url,
        "ACCESS_KEY": server.owner.text,
        "USER": user,
        "USER_TOKEN": server.log_in(user),
        "STRANGER_TOKEN": server.log_in(unique("stranger|")),
        "NAME": name,
    }
    done = subprocess.run(
        ["node", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stderr
    return {**json.loads(done.stdout), "name": name, "id": user}


def test_no_call_of_the_sdk_is_missing(seen: dict[str, Any]) -> None:
    made = {call.partition(" ")[0] for who in ("owner", "user", "stranger", "login") for call in seen[who]}
    assert made == set(seen["calls"])


def test_an_owner_succeeds_in_every_call(seen: dict[str, Any]) -> None:
    statuses = {call: result["status"] for call, result in seen["owner"].items()}
    assert statuses == {call: OTHER_SUCCESS.get(call, 200) for call in statuses}


def test_a_stranger_is_refused_everywhere(seen: dict[str, Any]) -> None:
    statuses = {
        call: 404 if result.get("unauthorized") else result["status"] for call, result in seen["stranger"].items()
    }
    assert statuses == STRANGER
    assert seen["stranger"]["accessRecords.getRecords"]["data"]["records"] == []
    assert seen["stranger"]["serviceClients.getClients"]["data"]["clients"] == []


def test_what_a_user_may_do_is_what_was_given(seen: dict[str, Any]) -> None:
    user, tree = seen["user"], f"docs/{seen['name']}"
    for call in ("", " invited", " claimed"):
        assert user[f"userPermissions.authorizeUser{call}"]["status"] == 200, call
    for call in (" denied", " after"):
        assert user[f"userPermissions.authorizeUser{call}"]["unauthorized"], call
    permissions = user["userPermissions.getUserPermissionsForResource"]["data"]
    assert permissions["userId"] == seen["id"]
    assert permissions["permissions"] == [
        {"action": "documents:read", "allow": True, "grant": False, "delegate": False}
    ]
    assert user["userPermissions.getUserRolesForResource"]["data"]["roles"] == [{"roleId": f"ro_{seen['name']}"}]
    listed = user["userPermissions.getUserResources"]["data"]
    assert [each["resourceUri"] for each in listed["resources"]] == [f"{tree}/1", f"{tree}/2"]
    whole = user["userPermissions.getUserResources everything"]["data"]  # the SDK asks the check first, and makes this
    assert (whole["accessToAllSubResources"], whole["resources"]) == (True, None)
    page = user["userPermissions.getUserResources nested"]["data"]
    assert len(page["resources"]) == 1
    assert page["pagination"]["next"]["cursor"]
    assert user["userPermissions.getUserResources bare"]["status"] == 200  # it sends `resourceUri=undefined`


def test_what_belongs_to_login_is_501_or_an_empty_list(seen: dict[str, Any]) -> None:
    for call, result in seen["login"].items():
        if call in EMPTY_LISTS:
            assert result["status"] == 200, call
            assert result["data"][call.partition(".get")[2].lower()] == []
        else:
            assert result["status"] == 501, (call, result)
