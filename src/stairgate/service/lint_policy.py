"""Lint the account's own policy, as one snapshot of it (semantics §4)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from stairgate.engine.lint import Finding, Policy, lint
from stairgate.model.access import RecordStatus
from stairgate.ports.store import Page, ReadTransaction
from stairgate.service.context import Services
from stairgate.service.loading import best_levels, external_levels

T = TypeVar("T")

A_PAGE = 1_000


async def lint_policy(services: Services) -> list[Finding]:
    """What is wrong with the policy, errors first. It reads all of it; nothing is written."""

    def load(transaction: ReadTransaction) -> Policy:
        return Policy(
            records=tuple(
                _every(lambda page: transaction.records(page, status=RecordStatus.ACTIVE), lambda record: record.id)
            ),
            roles=transaction.roles(),
            groups=tuple(_every(transaction.groups, lambda group: group.id)),
            resources=transaction.resources(),
            best_levels=best_levels(external_levels(transaction), None, services.rules.methods),
        )

    return lint(await services.store.read(load))


def _every(fetch: Callable[[Page], Sequence[T]], key: Callable[[T], str]) -> Iterator[T]:
    after: str | None = None
    while found := fetch(Page(A_PAGE, after)):
        yield from found
        after = key(found[-1])
