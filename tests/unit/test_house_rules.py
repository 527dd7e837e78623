"""Rules of the house that no ready-made linter knows, each tested on what it must catch."""

import ast
import re
import socket
import subprocess
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
SRC = ROOT / "src" / "stairgate"

MOST_LINES = 500
VAGUE_NAMES = {"utils", "util", "helpers", "manager", "managers", "misc", "common"}

# Written in pieces, so that this file passes its own rule.
MACHINE_PATH = re.compile(r"(?<![\w.])/(?:work|root)" + "/")
REGISTRY_HOST = re.compile(
    r"(?:pypi|pythonhosted|npmjs|npmmirror|yarnpkg)" + r"\.(?:org|com)|deb" + r"\.debian\.org", re.IGNORECASE
)
ADDRESS = re.compile(r"\b(?:https?|git|ssh|file)(?:\+\w+)?:" + "//")
LOCKS = ("requirements/", "package-lock.json")
BINARY = {".png", ".ico", ".woff2", ".gz", ".db"}


def tracked() -> list[str]:
    """The committed files, by their path from the root; without git (an unpacked archive) there is none."""
    try:
        listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError):
        pytest.skip("no git checkout")
    return [path for path in listed.split("\0") if path and (ROOT / path).is_file()]


def lines_matching(rule: re.Pattern[str], paths: Iterable[str]) -> Iterator[str]:
    for path in paths:
        if Path(path).suffix in BINARY:
            continue
        text = (ROOT / path).read_text(encoding="utf-8", errors="replace")
        for number, line in enumerate(text.splitlines(), start=1):
            if rule.search(line):
                yield f"{path}:{number}: {line.strip()[:120]}"


def server_imports(source: str) -> list[str]:
    """The modules of stairgate outside api.wire that a module of api.wire imports."""
    found = []
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Import):
            found += [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            found += (
                [f"{node.module}.{alias.name}" for alias in node.names]
                if node.module in {"stairgate", "stairgate.api"}
                else [node.module]
            )
        elif isinstance(node, ast.ImportFrom) and node.level > 1:
            found.append("." * node.level + (node.module or ""))
    return [
        name for name in found if name.startswith(("..", "stairgate")) and not name.startswith("stairgate.api.wire")
    ]


# --- the rules hold -------------------------------------------------------------------------------


def test_no_source_file_is_longer_than_a_reader_can_hold() -> None:
    long = {
        str(path.relative_to(ROOT)): count
        for path in SRC.rglob("*.py")
        if (count := len(path.read_text(encoding="utf-8").splitlines())) > MOST_LINES
    }
    assert not long


def test_no_module_has_a_name_that_says_nothing() -> None:
    vague = [str(path.relative_to(ROOT)) for path in SRC.rglob("*") if VAGUE_NAMES & set(path.stem.split("_"))]
    assert not vague


def test_no_tracked_file_names_a_path_of_one_machine() -> None:
    assert not list(lines_matching(MACHINE_PATH, tracked()))


def test_no_tracked_file_names_a_package_registry() -> None:
    assert not list(lines_matching(REGISTRY_HOST, tracked()))


def test_lock_files_carry_no_addresses() -> None:
    locks = [path for path in tracked() if path.startswith(LOCKS[0]) or path.endswith(LOCKS[1])]
    assert locks
    assert not list(lines_matching(ADDRESS, locks))


def test_every_locked_package_has_a_hash() -> None:
    for lock in ("server", "dev", "uv"):
        text = (ROOT / "requirements" / f"{lock}.txt").read_text(encoding="utf-8")
        entries = re.split(r"\n(?=[a-z])", text.replace("\\\n", ""))
        without = [entry.split()[0] for entry in entries if "--hash=sha256:" not in entry]
        assert not without


def test_server_lock_is_part_of_the_developers_lock_in_the_same_versions() -> None:
    pins = {
        lock: set(re.findall(r"^\S+==\S+", (ROOT / "requirements" / lock).read_text(encoding="utf-8"), re.MULTILINE))
        for lock in ("server.txt", "dev.txt")
    }
    assert pins["server.txt"] < pins["dev.txt"]


def test_json_shapes_import_nothing_else_of_stairgate() -> None:
    found = {
        str(path.relative_to(ROOT)): names
        for path in (SRC / "api" / "wire").rglob("*.py")
        if (names := server_imports(path.read_text(encoding="utf-8")))
    }
    assert not found


# --- the rules catch what they are for ------------------------------------------------------------


@pytest.mark.parametrize("line", ["see /work" + "/main", "'/root" + "/.cache'", "(/work" + "/x)"])
def test_a_machine_path_is_caught(line: str) -> None:
    assert MACHINE_PATH.search(line)


@pytest.mark.parametrize("line", ["docs/work/plan", "https://example.org/work/", "./root/x"])
def test_a_path_of_another_kind_is_not(line: str) -> None:
    assert not MACHINE_PATH.search(line)


@pytest.mark.parametrize(
    "line",
    ["--index-url https://" + "pypi" + ".org/simple", '"resolved": "https://registry.npmjs' + '.org/x"'],
)
def test_a_registry_is_caught(line: str) -> None:
    assert REGISTRY_HOST.search(line)
    assert ADDRESS.search(line)


@pytest.mark.parametrize(
    ("source", "expected"),
    [
        ("import msgspec", []),
        ("from stairgate.api.wire.shapes import Problem", []),
        ("from stairgate.api import wire", []),
        ("from . import shapes", []),
        ("from stairgate.model import ids", ["stairgate.model"]),
        ("from stairgate import model", ["stairgate.model"]),
        ("from stairgate.api import app", ["stairgate.api.app"]),
        ("from .. import app", [".."]),
    ],
)
def test_an_import_of_the_server_is_caught(source: str, expected: list[str]) -> None:
    assert server_imports(source) == expected


def test_a_unit_test_has_no_network() -> None:
    with pytest.raises(AssertionError, match="reached for the network"):
        socket.create_connection(("127.0.0.1", 9))
