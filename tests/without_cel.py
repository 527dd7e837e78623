"""As if `stairgate[cel]` were not installed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from unittest.mock import patch

from stairgate.engine import conditions


@contextmanager
def without_cel() -> Iterator[None]:
    """Within the block no `cel` can be imported."""
    with patch.dict(sys.modules, {"cel": None}):
        _forget()
        yield
    _forget()


def _forget() -> None:
    conditions._evaluator.cache_clear()
    conditions._program.cache_clear()
