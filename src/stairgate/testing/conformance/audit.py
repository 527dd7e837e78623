"""The audit chain."""

# ruff: noqa: D103  # a case says what it claims in its name

from __future__ import annotations

from stairgate.model.audit import FIRST_LINK, NO_ENTRIES, ChainHead, chain_faults, link
from stairgate.model.errors import ConflictError
from stairgate.ports.store import WriteTransaction
from stairgate.testing.conformance.harness import Bench, must, raised, seen, wrote
from stairgate.testing.conformance.samples import a_draft


@must("append_audit", "audit_head", "audit_entries")
async def entries_are_chained_from_one_and_the_head_follows(bench: Bench) -> None:
    store = await bench.another()
    assert await seen(store, lambda tx: tx.audit_head()) == NO_ENTRIES
    assert list(await seen(store, lambda tx: tx.audit_entries())) == []
    first = await store.write(lambda tx: tx.append_audit(a_draft(1)))
    assert first == link(1, a_draft(1), FIRST_LINK)
    second, third = await store.write(lambda tx: (tx.append_audit(a_draft(2)), tx.append_audit(a_draft(3))))
    assert (second.previous, third.previous) == (first.digest, second.digest)
    entries = await seen(store, lambda tx: tx.audit_entries())
    head = await seen(store, lambda tx: tx.audit_head())
    assert list(entries) == [first, second, third]
    assert head == ChainHead(3, third.digest)
    assert list(chain_faults(entries, head)) == []
    assert list(await seen(store, lambda tx: tx.audit_entries(after=1, limit=1))) == [second]
    assert list(await seen(store, lambda tx: tx.audit_entries(after=10**30))) == []


@must("append_audit")
async def an_entry_belongs_to_its_transaction(bench: Bench) -> None:
    store = await bench.another()
    await wrote(store, lambda tx: tx.append_audit(a_draft(1)))

    def fails(tx: WriteTransaction) -> None:
        tx.append_audit(a_draft(2))
        raise ConflictError

    await raised(ConflictError, store.write(fails))
    await wrote(store, lambda tx: tx.append_audit(a_draft(3)))
    entries = await seen(store, lambda tx: tx.audit_entries())
    assert [entry.number for entry in entries] == [1, 2]
    assert list(chain_faults(entries, await seen(store, lambda tx: tx.audit_head()))) == []
