"""The named decision cases of `spec/cases`, each through every door."""

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


@asynccontextmanager
async def opened(door: str, folder: Path, server: Server) -> AsyncIterator[Door]:
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
                yield client
                await client.close()
        case _:
            async with new_world(form, folder) as world:
                yield UseCaseDoor(world) if kind == "service" else HttpDoor(world)


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
async def test_case(case: Case, door: str, tmp_path: Path, server: Server) -> None:
    """What the case claims holds through this door."""
    if door.partition(" ")[0] in case.not_through:
        return
    async with opened(door, tmp_path, server) as way:
        await run(case, way)


def test_there_are_cases() -> None:
    assert len(CASES) >= 37
