"""
What every store must do, as tests that anyone can run against their own.

Each case is a coroutine function that takes a `Backend`: how to open stores on one empty set of data. With pytest:

```python
@pytest.mark.anyio
@pytest.mark.parametrize("case", conformance.CASES, ids=conformance.name_of)
async def test_the_store_conforms(case: conformance.Case, tmp_path: Path) -> None:
    await conformance.run(case, MyBackend(tmp_path))
```

Cases know nothing of pytest and say what they claim in their name. `musts_of` tells which methods of the port a case
is about.
"""

from stairgate.testing.conformance import (
    access,
    audit,
    enrolment,
    feed,
    listing,
    races,
    requests,
    stepup,
    transactions,
    trust,
)
from stairgate.testing.conformance.harness import (
    CASES,
    Backend,
    Case,
    FullStore,
    musts_of,
    name_of,
    run,
)

__all__ = [
    "CASES",
    "Backend",
    "Case",
    "FullStore",
    "access",
    "audit",
    "enrolment",
    "feed",
    "listing",
    "musts_of",
    "name_of",
    "races",
    "requests",
    "run",
    "stepup",
    "transactions",
    "trust",
]
