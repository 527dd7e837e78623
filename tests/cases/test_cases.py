"""The named decision cases of `spec/cases`, each through every door."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from tests.cases.doors import Door, run
from tests.cases.pure import EngineDoor, OracleDoor
from tests.cases.reading import Case, every_case, read_case
from tests.cases.sdk import SdkDoor, Server
from tests.cases.served import HttpDoor, UseCaseDoor
from tests.unit.service_stepup.world import new_world

from stairgate import AsyncStairgate, Stairgate

CASES = [read_case(path) for path in every_case()]
DOORS = ("engine", "reference", "service memory", "service sqlite", "http memory", "http sqlite", "sdk", "sdk async")


@pytest.fixture(scope="session")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """What the SDK talks to."""
    running = Server(tmp_path_factory.mktemp("cases"))
    running.start()
    yield running
    running.stop()


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An empty database, to be copied: each case has one of its own."""
    folder = tmp_path_factory.mktemp("prepared")

    async def make() -> None:
        async with new_world("sqlite", folder):
            pass

    asyncio.run(make())
    return folder


@asynccontextmanager
async def opened(door: str, folder: Path, server: Server, prepared: Path) -> AsyncIterator[Door]:
    """The door of that name, on an account of its own."""
    kind, _, form = door.partition(" ")
    match kind:
        case "engine":
            yield EngineDoor()
        case "reference":
            yield OracleDoor()
        case "sdk":
            with server.world() as world:
                client = SdkDoor(world, server, AsyncStairgate if form else Stairgate)
                try:
                    yield client
                finally:
                    await client.close()
        case _:
            async with new_world(form, folder, prepared=prepared) as world:
                yield UseCaseDoor(world) if kind == "service" else HttpDoor(world)


def goes_through(case: Case, door: str) -> bool:
    """Whether the case is run through the door. That both clients of the SDK are alike is tested in tests/sdk, too."""
    return door.partition(" ")[0] not in case.not_through and (door != "sdk async" or case in CASES[::3])


RUNS = [
    pytest.param(case, door, id=f"{case.name}-{door}") for case in CASES for door in DOORS if goes_through(case, door)
]


@pytest.mark.parametrize(("case", "door"), RUNS)
async def test_case(case: Case, door: str, tmp_path: Path, server: Server, prepared: Path) -> None:
    """What the case claims holds through this door."""
    async with opened(door, tmp_path, server, prepared) as way:
        await run(case, way)


def test_there_are_many_cases_of_many_topics() -> None:
    topics = {case.name.partition("/")[0] for case in CASES}
    assert len(CASES) >= 220
    assert len(topics) >= 25, topics


def test_no_claim_is_made_twice() -> None:
    claims = [case.claim for case in CASES]
    assert len(set(claims)) == len(claims), sorted(claim for claim in claims if claims.count(claim) > 1)


def test_few_cases_leave_a_door_out() -> None:
    """A door that cannot show a claim is named with the reason; only the two without a store may be, and seldom."""
    left_out = {case.name: case.not_through for case in CASES if case.not_through}
    assert {door for doors in left_out.values() for door in doors} <= {"engine", "reference"}
    assert len(left_out) * 5 <= len(CASES), left_out
