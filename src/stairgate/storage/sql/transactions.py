"""The transactions of `ports.store`, put together from their parts."""

from __future__ import annotations

from stairgate.storage.sql.access import AccessReads, AccessWrites
from stairgate.storage.sql.stepup import StepUpReads, StepUpWrites
from stairgate.storage.sql.trust import TrustReads, TrustWrites


class SqlReadTransaction(AccessReads, TrustReads, StepUpReads):
    """`ports.store.ReadTransaction` on a session."""


class SqlWriteTransaction(AccessWrites, TrustWrites, StepUpWrites):
    """`ports.store.WriteTransaction` on a session."""
