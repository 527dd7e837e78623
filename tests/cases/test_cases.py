"""
The named decision cases of `spec/cases`, through the use cases on each store.

A case is a claim: facts as an operator writes them, then steps with a clock. A `step_up` step answers the last refusal
of that token with a totp code. Every decision must be the expected one, with its reason, requirement and area.
"""

from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.unit.service_stepup.world import STORES, World, new_world

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


class Run:
    """One run of a case: tokens by the names that the case gives them, and each token's last refusal."""

    def __init__(self, world: World, client: ClientCaller) -> None:
        self.world = world
        self.client = client
        self.tokens: dict[tuple[str, str], str] = {}
        self.refusals: dict[str, tuple[str, str]] = {}

    async def check(self, asked: Mapping[str, Any], step: Mapping[str, Any]) -> None:
        user, name = asked["user"], asked.get("token")
        token = None if name is None else self.tokens.setdefault((user, name), self.world.token(user))
        before = len(await self.world.events())
        checked = await self.world.check(
            self.client, user, asked["action"], asked["resource"], user_token=token, context=asked.get("context")
        )
        match checked.decision:
            case Allow():
                assert step["expect"] == "allow", asked
            case Deny():
                assert step["expect"] == "deny", asked
            case StepUpRequired() as refusal:
                assert step["expect"] == "step_up", asked
                assert step.get("reason", refusal.reason) == refusal.reason
                requirement = requirement_document(refusal.requirement)
                assert {**requirement, **step.get("requirement", {})} == requirement
                assert step.get("area", area_document(refusal.area)) == area_document(refusal.area)
                assert (checked.challenge_token is not None) == refusal.challengeable
                if name is not None and checked.challenge_token is not None:
                    self.refusals[name] = (user, checked.challenge_token)
        if "audit" in step:
            assert step["audit"] in (await self.world.events())[before:]

    async def step_up(self, name: str) -> None:
        user, challenge_token = self.refusals.pop(name)
        if UserId(user) not in self.world.seeds:
            await self.world.enrol(user)
        code = self.world.code(user)
        caller = await authenticate(self.world.services, self.tokens[user, name])
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


@pytest.mark.parametrize("path", CASES, ids=lambda path: f"{path.parent.name}/{path.stem}")
async def test_case(world: World, path: Path) -> None:
    case = read(path)
    await world.services.store.write(lambda transaction: write_facts(transaction, case.get("facts", {})))
    run = Run(world, await world.client("asker"))
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
