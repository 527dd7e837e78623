"""The account, and lists of what this service has none of (authress-contract §1.3)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from stairgate.model.actions import READ
from stairgate.model.errors import NotFoundError
from stairgate.model.ids import AccountId
from stairgate.model.resources import management_resource
from stairgate.model.tokens import Caller
from stairgate.ports.store import ReadTransaction
from stairgate.service.context import Services
from stairgate.service.guard import Guard
from stairgate.service.identities import CONFIGURATION
from stairgate.service.management import reading


@dataclass(frozen=True, slots=True)
class Account:
    """The one account of a database, and when it was made."""

    id: AccountId
    created_at: datetime | None


async def read_account(services: Services, caller: Caller, account: str | None = None) -> Account:
    """
    The account; *account* must be its id where it is said.

    Raises:
        ForbiddenError: The caller may not read it.
        NotFoundError: It has another id.
    """

    def run(transaction: ReadTransaction, guard: Guard) -> Account:
        guard.require(READ, CONFIGURATION, hide=False)
        if account not in {None, services.account}:
            raise NotFoundError
        first = transaction.audit_entries(limit=1)  # which tells that the account was made
        return Account(services.account, datetime.fromisoformat(first[0].at) if first else None)

    return await reading(services, caller, run)


async def list_nothing(services: Services, caller: Caller, kind: str) -> None:
    """
    Let only those list *kind* who could read its things, had this service any: such as `Connections`.

    Raises:
        ForbiddenError: The caller may not.
    """

    def run(_transaction: ReadTransaction, guard: Guard) -> None:
        guard.require(READ, management_resource(kind), hide=False)

    await reading(services, caller, run)
