"""Who may call what is as it was read and agreed to: caller kind × route, every route of the API document."""

from __future__ import annotations

import difflib
import re

import pytest
from tests.golden.guard_matrix import CALLERS, COMMAND, GOLDEN, SUMS, matrix

from stairgate.api.openapi import openapi_document
from stairgate.api.routes import ROUTES

pytestmark = pytest.mark.anyio

_LINE = re.compile(r"    (?P<status>\d{3}) ?(?P<code>\w*) +(?P<callers>\S.*)")


async def test_every_caller_is_told_what_the_golden_file_says() -> None:
    stands = GOLDEN.read_text(encoding="utf-8")
    now = await matrix()
    if now != stands:
        changed = difflib.unified_diff(stands.splitlines(), now.splitlines(), "agreed", "now", lineterm="", n=3)
        pytest.fail(
            "who may call what has changed. If each line below is meant, run\n"
            f"    {COMMAND}\n"
            "and commit what it writes.\n\n" + "\n".join(changed),
            pytrace=False,
        )


def blocks() -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    lines: list[str] = []
    for line in GOLDEN.read_text(encoding="utf-8").splitlines():
        if line and not line.startswith(("#", " ")):
            found[line] = lines = []
        elif line.startswith(" "):
            lines.append(line)
    return found


def test_every_route_of_the_document_is_in_it_for_every_caller() -> None:
    paths = openapi_document(ROUTES)["paths"]
    published = {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}
    found = blocks()
    assert published - found.keys() == set(), f"run `{COMMAND}`"
    for route, lines in found.items():
        names = [name for line in lines if (match := _LINE.match(line)) for name in match["callers"].split(", ")]
        callers = [caller for name in names for caller in SUMS.get(name, (name,))]
        assert sorted(callers) == sorted(CALLERS), route


def test_every_route_is_asked_something_that_it_understands() -> None:
    """A route whose body or parameters are made up badly refuses all alike, and would show nothing."""
    for route, lines in blocks().items():
        statuses = {int(match["status"]) for line in lines if (match := _LINE.match(line))}
        said = f"{route}: say in guard_matrix.py what its parameters (PARAMETERS) and its body (BODIES) are"
        assert statuses - {400, 401, 404, 422} or 501 in statuses, said
