"""The transactions of `ports.store`, put together from their parts."""

from __future__ import annotations

from stairgate.storage.sql.access import AccessReads, AccessWrites
from stairgate.storage.sql.enrolment import EnrolmentReads, EnrolmentWrites
from stairgate.storage.sql.invites import InviteReads, InviteWrites
from stairgate.storage.sql.requests import RequestReads, RequestWrites
from stairgate.storage.sql.stepup import StepUpReads, StepUpWrites
from stairgate.storage.sql.trust import TrustReads, TrustWrites


class SqlReadTransaction(AccessReads, TrustReads, InviteReads, StepUpReads, EnrolmentReads, RequestReads):
    """`ports.store.ReadTransaction` on a session."""


class SqlWriteTransaction(AccessWrites, TrustWrites, InviteWrites, StepUpWrites, EnrolmentWrites, RequestWrites):
    """`ports.store.WriteTransaction` on a session."""
