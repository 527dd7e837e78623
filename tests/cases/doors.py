"""The one interface of every door, and what runs a case through it."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum
from typing import Any, Protocol

from tests.cases.reading import Case, Check, Document, End, Expected, Listing, Step, StepUp, Token, Vote

# Reasons that no challenge answers (semantics §5).
HOPELESS = {"token_required", "details_required", "requirement_unsatisfiable"}


@dataclass(frozen=True)
class Told:
    """What a door answers to a check. A member of None is one that this door does not show."""

    outcome: str
    reason: str | None = None
    requirement: Document | None = None
    area: Document | None = None
    challengeable: bool = False
    error: str | None = None
    status: int | None = None


@dataclass(frozen=True)
class Entry:
    """An audit entry: its event and its facts."""

    event: str
    facts: Mapping[str, Any]


@dataclass(frozen=True)
class Shown:
    """A resource of a list. A *protected* one is not open before a step-up, as *step_up* says where a door tells it."""

    resource: str
    protected: bool = False
    step_up: Document | None = None


class Shows(Enum):
    """What a door shows of the audit trail."""

    CHAIN = "every entry"
    EVENTS = "the events of checks, and some of their facts"
    USES = "uses that checks took"


class Door(Protocol):
    """One way into the same decisions. It keeps the clock, the tokens, and each token's last refusal and challenge."""

    shows: Shows

    async def declare(self, tokens: Sequence[Token], clients: Document, enrolled: Collection[str]) -> None:
        """Know these tokens and service clients, and users who have a totp factor."""

    async def put(self, facts: Document) -> None:
        """Write facts, over what is there."""

    async def delete(self, named: Document) -> None:
        """Remove facts."""

    async def advance(self, seconds: int) -> None:
        """Let time pass."""

    async def check(self, asked: Check) -> Told:
        """Ask, and remember the refusal."""

    async def list(self, asked: Listing) -> Sequence[Shown]:
        """List."""

    async def step_up(self, step: StepUp) -> str:
        """Do the step: the state of the challenge then, or the code of the error."""

    async def vote(self, step: Vote) -> str:
        """Vote: the status of the request then, or the code of the error."""

    async def end(self, step: End) -> None:
        """End elevations."""

    async def written(self) -> Sequence[Entry]:
        """Every audit entry so far."""


async def run(case: Case, door: Door) -> None:
    """Raises `AssertionError` naming the step where *door* does not do what *case* says."""
    clients = case.facts.get("clients", {})
    tokens = {token.name: token for step in case.steps for token in step.tokens}
    proving = [step.step_up.token for step in case.steps if step.step_up is not None and step.step_up.method == "totp"]
    enrolled = {tokens[name].user for name in proving}
    await door.declare(list(tokens.values()), clients, enrolled)
    await door.put({kind: value for kind, value in case.facts.items() if kind not in {"tokens", "clients"}})
    for number, step in enumerate(case.steps, 1):
        where = f"{case.name}, step {number}"
        before = await door.written()
        await _do(step, door, where)
        after = await door.written()
        if step.audit is not None:
            _compare_entries(after[len(before) :], step, door.shows, where)


async def _do(step: Step, door: Door, where: str) -> None:
    if step.check is not None:
        asked, expected = step.check
        compare(await door.check(asked), expected, where)
    elif step.listing is not None:
        listing, listed = step.listing
        _compare_lists(await door.list(listing), listed, where)
    elif step.step_up is not None:
        came_to = await door.step_up(step.step_up)
        assert came_to == step.step_up.expected, f"{where}: the step-up came to {came_to}"
    elif step.vote is not None:
        came_to = await door.vote(step.vote)
        assert came_to == step.vote.expected, f"{where}: the vote came to {came_to}"
    elif step.advance is not None:
        await door.advance(step.advance)
    elif step.end is not None:
        await door.end(step.end)
    elif step.put is not None:
        await door.put(step.put)
    elif step.delete is not None:
        await door.delete(step.delete)


def compare(told: Told, expected: Expected, where: str) -> None:
    """*told* is what was *expected*, as far as it shows it."""
    assert told.outcome == expected.outcome, f"{where}: {told}"
    assert told.error == expected.error, f"{where}: {told}"
    if expected.status is not None and told.status is not None:
        assert told.status == expected.status, f"{where}: {told}"
    if told.outcome != "step_up":
        return
    assert told.reason == expected.reason, f"{where}: {told}"
    assert told.challengeable == (told.reason not in HOPELESS), f"{where}: {told}"
    _compare_members(told.requirement, expected.requirement, where)
    if expected.area is not None:
        _compare_members(told.area, expected.area, where)


def _compare_lists(told: Sequence[Shown], expected: Sequence[Document], where: str) -> None:
    assert [each.resource for each in told] == [said["resource"] for said in expected], where
    for each, said in zip(told, expected, strict=True):
        assert each.protected == ("stepUp" in said), f"{where}: {each}"
        _compare_members(each.step_up, said.get("stepUp", {}), where)


def _compare_members(told: Document | None, expected: Document, where: str) -> None:
    if told is not None:
        assert {name: told.get(name) for name in expected} == dict(expected), f"{where}: {told}"


def _compare_entries(told: Sequence[Entry], step: Step, shows: Shows, where: str) -> None:
    if step.audit is None or (shows is not Shows.CHAIN and step.check is None):
        return
    expected = [said for said in step.audit if shows is not Shows.USES or said["event"] == "elevation.used"]
    assert [entry.event for entry in told] == [said["event"] for said in expected], where
    for entry, said in zip(told, expected, strict=True):
        facts = {name: value for name, value in said.items() if name != "event"}
        if shows is not Shows.CHAIN:
            facts = {name: value for name, value in facts.items() if name in entry.facts}
        _compare_members(entry.facts, facts, where)
