"""
The named decision cases of `spec/cases`, through two doors, the use cases and HTTP, on each store.

A case is a claim: facts as an operator writes them, then steps with a clock. A `step_up` step answers the last refusal
of that token with a totp code. Every decision must be the expected one, with its reason, requirement and area.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.api.door import Door, base64url
from tests.unit.service_stepup.world import STORES, World, new_world

from stairgate.api.app import Application
from stairgate.model.access import (
    AccessRecord,
    Group,
    Permission,
    RecordStatus,
    ResourceAbility,
    ResourceConfiguration,
    ResourceMark,
    Role,
    Statement,
)
from stairgate.model.actions import parse_action
from stairgate.model.challenges import ChallengeState
from stairgate.model.decisions import Allow, Deny, StepUpRequired
from stairgate.model.documents import area_document, requirement_document, requirement_of
from stairgate.model.elevations import EndReason
from stairgate.model.ids import GroupId, RecordId, RoleId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.resources import parse_pattern
from stairgate.model.tokens import ClientCaller
from stairgate.ports.store import WriteTransaction
from stairgate.service.authentication import authenticate

CASES = sorted((Path(__file__).resolve().parents[2] / "spec" / "cases").glob("*/*.yaml"))


@pytest.fixture(params=STORES)
async def world(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[World]:
    async with new_world(request.param, tmp_path) as made:
        yield made


def read(path: Path) -> Any:
    return yaml.safe_load(path.read_text(encoding="utf-8"))


def mark(value: object) -> Requirement | None:
    return None if value is None else requirement_of(value)


def permission(value: Any) -> Permission:
    written: Mapping[str, Any] = value if isinstance(value, dict) else {"action": value}
    return Permission(
        parse_action(written["action"]),
        allow=written.get("allow", True),
        grant=written.get("grant", False),
        delegate=written.get("delegate", False),
        step_up=mark(written.get("stepUp")),
    )


def statement(value: Mapping[str, Any]) -> Statement:
    return Statement(
        tuple(RoleId(role) for role in value["roles"]),
        tuple(parse_pattern(resource) for resource in value["resources"]),
        users=tuple(UserId(user) for user in value.get("users", ())),
        groups=tuple(GroupId(group) for group in value.get("groups", ())),
        step_up=mark(value.get("stepUp")),
    )


def configuration(resource: str, value: Mapping[str, Any]) -> ResourceConfiguration:
    marks = []
    for written in value.get("stepUp", ()):
        asked = {name: member for name, member in written.items() if name != "actions"}
        actions = tuple(parse_action(action) for action in written.get("actions", ["*"]))
        marks.append(ResourceMark(actions, requirement_of(asked)))
    abilities = frozenset(ResourceAbility(ability) for ability in value.get("permissions", ()))
    return ResourceConfiguration(parse_pattern(resource), abilities, tuple(marks))


def write_facts(transaction: WriteTransaction, facts: Mapping[str, Any]) -> None:
    for role, permissions in facts.get("roles", {}).items():
        transaction.put_role(Role(RoleId(role), role, tuple(permission(value) for value in permissions)))
    for group, users in facts.get("groups", {}).items():
        transaction.put_group(Group(GroupId(group), group, tuple(UserId(user) for user in users)))
    for number, record in enumerate(facts.get("records", ())):
        transaction.put_record(
            AccessRecord(
                RecordId(record.get("id", f"rec_case_{number}")),
                "case",
                tuple(statement(value) for value in record["statements"]),
                users=tuple(UserId(user) for user in record.get("users", ())),
                groups=tuple(GroupId(group) for group in record.get("groups", ())),
            )
        )
    for resource, value in facts.get("resources", {}).items():
        transaction.put_resource(configuration(resource, value))


@dataclass(frozen=True)
class Told:
    """What a door says of a check; the area is not on the wire of a refusal."""

    outcome: str
    reason: str | None = None
    requirement: Mapping[str, Any] | None = None
    area: Mapping[str, Any] | None = None
    challenge_token: str | None = None


class Run:
    """One run of a case through the use cases: tokens by the case's names for them, and each token's last refusal."""

    def __init__(self, world: World, client: ClientCaller) -> None:
        self.world = world
        self.client = client
        self.tokens: dict[tuple[str, str], str] = {}
        self.refusals: dict[str, tuple[str, str]] = {}

    async def check(self, asked: Mapping[str, Any], step: Mapping[str, Any]) -> None:
        user, name = asked["user"], asked.get("token")
        token = None if name is None else self.tokens.setdefault((user, name), self.world.token(user))
        before = len(await self.world.events())
        told = await self.ask(asked, token)
        assert told.outcome == step["expect"], asked
        if told.requirement is not None:
            assert step.get("reason", told.reason) == told.reason
            assert {**told.requirement, **step.get("requirement", {})} == told.requirement
            if told.area is not None:
                assert step.get("area", told.area) == told.area
            hopeless = {"token_required", "details_required", "requirement_unsatisfiable"}
            assert (told.challenge_token is None) == (told.reason in hopeless)
            if name is not None and told.challenge_token is not None:
                self.refusals[name] = (user, told.challenge_token)
        if "audit" in step:
            assert step["audit"] in (await self.world.events())[before:]

    async def ask(self, asked: Mapping[str, Any], token: str | None) -> Told:
        context = asked.get("context")
        checked = await self.world.check(
            self.client, asked["user"], asked["action"], asked["resource"], user_token=token, context=context
        )
        match checked.decision:
            case Allow():
                return Told("allow")
            case Deny():
                return Told("deny")
            case StepUpRequired() as refusal:
                requirement, area = requirement_document(refusal.requirement), area_document(refusal.area)
                return Told("step_up", refusal.reason.value, requirement, area, checked.challenge_token)

    async def step_up(self, name: str) -> None:
        user, challenge_token = self.refusals.pop(name)
        if UserId(user) not in self.world.seeds:
            await self.world.enrol(user)
        await self.prove(self.tokens[user, name], challenge_token, self.world.code(user))

    async def prove(self, token: str, challenge_token: str, code: str) -> None:
        caller = await authenticate(self.world.services, token)
        view = await self.world.open(caller, challenge_token)
        done = await self.world.answer(caller, view, code)
        assert done.challenge.state is ChallengeState.SATISFIED

    async def revoke(self) -> None:
        now = self.world.clock.now()

        def run(transaction: WriteTransaction) -> None:
            for user in {user for user, _ in self.tokens}:
                for elevation in transaction.elevations_of_user(UserId(user), now=now):
                    transaction.end_elevation(elevation.id, at=now, reason=EndReason.REVOKED)

        await self.world.services.store.write(run)

    async def delete_record(self, key: str) -> None:
        def run(transaction: WriteTransaction) -> None:
            record = transaction.record(RecordId(key))
            assert record is not None
            transaction.put_record(replace(record, status=RecordStatus.DELETED))

        await self.world.services.store.write(run)


class HttpRun(Run):
    """The same through the HTTP API."""

    def __init__(self, world: World, client: ClientCaller) -> None:
        super().__init__(world, client)
        self.door = Door(world, Application(world.services))
        self.bearer = world.assertion(client.client)

    async def ask(self, asked: Mapping[str, Any], token: str | None) -> Told:
        headers = [] if "context" not in asked else [(b"stairgate-context", base64url(asked["context"]))]
        answer = await self.door.check(
            self.bearer, asked["user"], asked["action"], asked["resource"], headers=headers, token=token
        )
        if answer.status == 403:
            assert answer.code == "StepUpAuthorizationRequired"
            body = answer.json
            return Told("step_up", body["reason"], body["requirement"], None, body.get("stepUpChallengeToken"))
        assert answer.status in {200, 404}
        return Told("allow" if answer.status == 200 else "deny")

    async def prove(self, token: str, challenge_token: str, code: str) -> None:
        opened = await self.door.call("POST", "/v1/challenges", {"stepUpChallengeToken": challenge_token}, bearer=token)
        assert opened.status == 201, opened.body
        path = f"/v1/challenges/{opened.json['challengeId']}/answer"
        answered = await self.door.call("POST", path, {"method": "totp", "code": code}, bearer=token)
        assert (answered.status, answered.json["state"]) == (200, "satisfied")


@pytest.mark.parametrize("door", [Run, HttpRun], ids=["use cases", "http"])
@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_case(world: World, path: Path, door: type[Run]) -> None:
    case = read(path)
    await world.services.store.write(lambda transaction: write_facts(transaction, case.get("facts", {})))
    run = door(world, await world.client("asker"))
    for step in case["steps"]:
        if "check" in step:
            await run.check(step["check"], step)
        elif "step_up" in step:
            await run.step_up(step["step_up"]["token"])
        elif "advance" in step:
            world.clock.advance(step["advance"])
        elif "revoke" in step:
            await run.revoke()
        else:
            await run.delete_record(step["delete_record"])


def test_there_are_cases() -> None:
    assert len(CASES) >= 37
