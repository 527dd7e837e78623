"""The command line, called in an empty folder."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from stairgate.cli.commands import Exit, run


@dataclass(frozen=True)
class Said:
    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    def one_line(self, *words: str) -> None:
        """An error is one line without a traceback, and says all *words*."""
        assert self.err.count("\n") == 1, self.err
        assert self.err.startswith("stairgate: ")
        assert "Traceback" not in self.err
        for word in words:
            assert word in self.err


Command = Callable[..., Said]


@pytest.fixture
def command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    """`command("init", "--json")`, in an empty folder and without the caller's environment."""
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("STAIRGATE_"):
            monkeypatch.delenv(name)

    def call(*arguments: str) -> Said:
        monkeypatch.setattr(sys, "argv", ["stairgate", *arguments])
        code = run()
        said = capsys.readouterr()
        return Said(code, said.out, said.err)

    return call


@pytest.fixture
def database(command: Command, tmp_path: Path) -> Path:
    assert command("init").code == Exit.OK
    return tmp_path / "stairgate.db"
