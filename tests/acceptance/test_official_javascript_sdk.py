"""The official JavaScript SDK, npm `@authress/sdk` 2.3.127, unmodified against a real server, in Node."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from tests.acceptance.support import Server, unique

SCRIPT = Path(__file__).with_name("javascript") / "seven_steps.mjs"


@pytest.mark.lane("javascript")
def test_the_seven_steps(server: Server) -> None:
    """Role and record, check, denied, refused with a readable challenge, stepped up, allowed; put back unharmed."""
    user, name = unique("user|"), unique("js")
    environment = {
        "PATH": os.environ["PATH"],
        "URL_OF_SERVER": server.url,
        "ACCESS_KEY": server.owner.text,
        "USER": user,
        "USER_TOKEN": server.token(user),
        "OTHER_TOKEN": server.token(user),
        "TOTP": server.totp(user).secret,
        "NAME": name,
    }
    done = subprocess.run(
        ["node", str(SCRIPT)], env=environment, capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    seen: dict[str, Any] = json.loads(done.stdout)

    assert seen["version"] == "2.3.127"
    assert seen["created"] == {"status": 201, "recordId": f"rec_{name}"}
    denied = seen["denied"]
    assert (denied["unauthorized"], denied["code"]) == (True, "UnauthorizedError")  # what it makes of a 404
    refused = seen["refused"]
    assert (refused["status"], refused["isError"]) == (403, False)  # a plain object, as it throws them
    assert refused["data"]["errorCode"] == "StepUpAuthorizationRequired"
    assert refused["data"]["reason"] == "elevation_required"
    assert refused["data"]["stepUpChallengeToken"]
    assert seen["answered"] == {"status": 200, "state": "satisfied"}
    assert seen["reported"] == 200
    assert "status" not in seen["allowed"]
    assert seen["other"]["data"]["errorCode"] == "StepUpAuthorizationRequired"
    assert seen["backEnd"]["data"]["reason"] == "token_required"
    assert seen["kept"] == {"name": "Renamed", "level": "strong"}
    assert (seen["user"], seen["client"]) == (user, server.owner.client)
    assert seen["badToken"]["status"] == 401
