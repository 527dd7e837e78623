"""What the tests of weakening share: marks, the bodies of what carries them, and an admin who steps up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from tests.api.door import Answered, Door, encoded

from stairgate.model.access import AccessRecord

READ = {"action": "READ", "allow": True, "grant": False, "delegate": False}
MARK: dict[str, Any] = {
    "level": "strong",
    "methods": ["totp"],
    "lifetime": 60,
    "maxAge": 40,
    "uses": 2,
    "scope": "exact",
    "bind": ["amount"],
}
DOCS = f"/v1/resources/{encoded('docs')}"
RECORD = "/v1/records/rec_1"
ROLE = "/v1/roles/ro_1"
# A mark that guards nothing that these tests do: enough for "once any mark stands".
ELSEWHERE = (
    "POST",
    "/v1/roles",
    {
        "roleId": "ro_marked",
        "name": "m",
        "permissions": [{"action": "PAY", "allow": True, "grant": False, "delegate": False, "stepUp": {}}],
    },
)

# Each makes one member of `MARK` easier to meet, and nothing else.
EASIER = {
    "level": {**MARK, "level": "basic"},
    "more methods": {**MARK, "methods": ["totp", "external"]},
    "any method": {**MARK, "methods": None},
    "a longer lifetime": {**MARK, "lifetime": 61},
    "an older proof": {**MARK, "maxAge": 41},
    "the lifetime as the age of the proof": {**MARK, "maxAge": None},
    "more uses": {**MARK, "uses": 3},
    "uncounted": {**MARK, "uses": None},
    "fewer bound details": {**MARK, "bind": []},
    "observe": {**MARK, "enforce": "observe"},
    "none": None,
}
STRICTER = {
    "the same": MARK,
    "fewer uses": {**MARK, "uses": 1},
    "a shorter lifetime": {**MARK, "lifetime": 50},
    "a younger proof": {**MARK, "maxAge": 1},
    "more bound details": {**MARK, "bind": ["amount", "to"]},
    "exact because counted": {**MARK, "scope": None},
}


@dataclass
class Admin:
    """A user who owns everything, on one session: what attack 35 needs no more than."""

    door: Door
    token: str
    user: str = "ann"

    async def call(self, method: str, path: str, body: object = None, **more: Any) -> Answered:
        return await self.door.call(method, path, body, bearer=self.token, **more)

    async def refused(self, method: str, path: str, body: object = None, **more: Any) -> dict[str, Any]:
        answered = await self.call(method, path, body, **more)
        assert (answered.status, answered.code) == (403, "StepUpAuthorizationRequired"), answered
        document: dict[str, Any] = answered.json
        return document

    async def step_up(self, refusal: Mapping[str, Any]) -> None:
        opening = {"stepUpChallengeToken": refusal["stepUpChallengeToken"]}
        opened = await self.call("POST", "/v1/challenges", opening)
        assert opened.status == 201, opened
        code = {"method": "totp", "code": self.door.world.code(self.user)}
        answered = await self.call("POST", f"/v1/challenges/{opened.json['challengeId']}/answer", code)
        assert answered.status == 200, answered

    async def uses_left(self) -> list[int | None]:
        listed = await self.call("GET", "/v1/users/ann/elevations")
        return [each["usesLeft"] for each in listed.json["elevations"]]


async def put(door: Door, owns: AccessRecord) -> None:
    await door.world.services.store.write(lambda transaction: transaction.put_record(owns))


async def stand(door: Door, setting: str, *calls: tuple[str, str, object]) -> None:
    for method, path, body in calls:
        answered = await door.call(method, path, body, bearer=setting)
        assert answered.status < 300, answered


def resource(*marks: object) -> dict[str, Any]:
    return {"stepUp": [each for each in marks if each is not None]}


def statement(mark: object = None, *resources: str, roles: tuple[str, ...] = ("ro_1",), **more: Any) -> dict[str, Any]:
    places = [{"resourceUri": uri} for uri in resources or ("docs",)]
    return {"roles": list(roles), "resources": places, "stepUp": mark, **more}


def record(*statements: object, users: tuple[str, ...] = ("bob",), **more: Any) -> dict[str, Any]:
    return {
        "recordId": "rec_1",
        "name": "r",
        "users": [{"userId": user} for user in users],
        "admins": [],
        "statements": list(statements),
        **more,
    }


def role(*permissions: object) -> dict[str, Any]:
    return {"roleId": "ro_1", "name": "r", "permissions": list(permissions)}
