"""Who wins when many come at once: in one store, and in several on the same data."""

# ruff: noqa: D103  # a case says what it claims in its name

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from stairgate.model.audit import chain_faults, link
from stairgate.model.challenges import ChallengeState
from stairgate.model.elevations import Elevation, EndReason
from stairgate.model.errors import ConflictError
from stairgate.ports.store import Store, WriteTransaction
from stairgate.testing.conformance.harness import Bench, must, seen, wrote
from stairgate.testing.conformance.samples import (
    ALICE,
    NOW,
    a_challenge,
    a_draft,
    a_factor,
    an_elevation,
    later,
)

_CROWD = 64
_STORES = 4  # as many processes of one deployment


async def _winners(bench: Bench, functions: Callable[[int], Callable[[WriteTransaction], object]]) -> list[int]:
    """Run a crowd of writes at once, dealt over several stores; the numbers of those that won. Others must conflict."""
    stores = [await bench.another() for _ in range(_STORES)]
    outcomes = await asyncio.gather(
        *(stores[number % _STORES].write(functions(number)) for number in range(_CROWD)), return_exceptions=True
    )
    for outcome in outcomes:
        if isinstance(outcome, BaseException) and not isinstance(outcome, ConflictError):
            raise outcome
    return [number for number, outcome in enumerate(outcomes) if not isinstance(outcome, ConflictError)]


@must("take_use", "write")
async def of_64_consumers_of_one_use_one_wins(bench: Bench) -> None:
    """Attack 6."""
    store = await bench.another()
    elevation = an_elevation(uses=1, uses_left=1)
    await wrote(store, lambda tx: tx.add_elevation(elevation))
    won = await _winners(bench, lambda _: lambda tx: tx.take_use(elevation.id, now=NOW))
    assert len(won) == 1
    assert await seen(store, lambda tx: tx.elevation(elevation.id)) == replace(elevation, uses_left=0)


@must("take_use", "write")
async def of_64_consumers_of_n_uses_exactly_n_win(bench: Bench) -> None:
    """Attack 6: none is lost, none is doubled, and each winner has an audit entry."""
    store = await bench.another()
    for uses in (2, 17, _CROWD - 1):
        elevation = an_elevation(f"el_{uses}", uses=uses, uses_left=uses)
        before, after = await _consumed(bench, store, elevation)
        assert after - before == uses
    entries = await seen(store, lambda tx: tx.audit_entries())
    assert list(chain_faults(entries, await seen(store, lambda tx: tx.audit_head()))) == []


async def _consumed(bench: Bench, store: Store, elevation: Elevation) -> tuple[int, int]:
    """Let a crowd consume *elevation*; the length of the audit chain before and after."""
    await wrote(store, lambda tx: tx.add_elevation(elevation))
    before = await seen(store, lambda tx: tx.audit_head())

    def take(tx: WriteTransaction) -> None:
        tx.take_use(elevation.id, now=NOW)
        tx.append_audit(a_draft())

    won = await _winners(bench, lambda _: take)
    assert len(won) == elevation.uses
    assert await seen(store, lambda tx: tx.elevation(elevation.id)) == replace(elevation, uses_left=0)
    after = await seen(store, lambda tx: tx.audit_head())
    return before.number, after.number


@must("take_use", "end_elevation")
async def nothing_is_taken_once_the_end_is_acknowledged(bench: Bench) -> None:
    """Attack 6 beside semantics §8: revocation is exact, on every node."""
    store, other = await bench.another(), await bench.another()
    elevation = an_elevation(uses=1000, uses_left=1000)
    await wrote(store, lambda tx: tx.add_elevation(elevation))
    ended = False
    late: list[int] = []

    async def consume(number: int) -> None:
        for _ in range(20):
            begun_after = ended
            try:
                await (store if number % 2 else other).write(lambda tx: tx.take_use(elevation.id, now=NOW))
            except ConflictError:
                return
            if begun_after:
                late.append(number)

    async def end() -> None:
        nonlocal ended
        await asyncio.sleep(0)
        await other.write(lambda tx: tx.end_elevation(elevation.id, at=NOW, reason=EndReason.REVOKED))
        ended = True

    await asyncio.gather(*(consume(number) for number in range(16)), end())
    assert late == []


@must("advance_factor")
async def of_64_answers_with_one_code_one_wins(bench: Bench) -> None:
    """Attack 4, TOTP-2."""
    store = await bench.another()
    factor = a_factor(counter=41)
    await wrote(store, lambda tx: tx.put_factor(factor))
    won = await _winners(bench, lambda _: lambda tx: tx.advance_factor(factor.id, counter=42, at=later(1)))
    assert len(won) == 1
    assert [stored.counter for stored in await seen(store, lambda tx: tx.factors_of(ALICE))] == [42]


@must("replace_challenge")
async def of_64_transitions_from_one_version_one_wins(bench: Bench) -> None:
    store = await bench.another()
    challenge = a_challenge()
    await wrote(store, lambda tx: tx.add_challenge(challenge))

    def ending(number: int) -> Callable[[WriteTransaction], None]:
        next_one = replace(challenge, state=ChallengeState.DECLINED, wrong_answers=number, version=2)
        return lambda tx: tx.replace_challenge(next_one)

    won = await _winners(bench, ending)
    assert len(won) == 1
    stored = await seen(store, lambda tx: tx.challenge(challenge.id))
    assert stored == replace(challenge, state=ChallengeState.DECLINED, wrong_answers=won[0], version=2)


@must("add_challenge", "add_elevation")
async def of_64_with_one_ticket_or_one_challenge_one_wins(bench: Bench) -> None:
    await bench.another()
    opened = await _winners(
        bench, lambda number: lambda tx: tx.add_challenge(a_challenge(f"ch_{number}", "the one ticket"))
    )
    assert len(opened) == 1
    challenge = a_challenge(f"ch_{opened[0]}").id
    issued = await _winners(
        bench, lambda number: lambda tx: tx.add_elevation(an_elevation(f"el_{number}", challenge=challenge))
    )
    assert len(issued) == 1


@must("append_audit", "write")
async def the_chain_holds_when_many_append_at_once(bench: Bench) -> None:
    store = await bench.another()
    won = await _winners(bench, lambda number: lambda tx: tx.append_audit(a_draft(number)))
    assert len(won) == _CROWD
    entries = await seen(store, lambda tx: tx.audit_entries())
    assert {entry.facts for entry in entries} == {link(1, a_draft(number), "").facts for number in range(_CROWD)}
    assert [entry.number for entry in entries] == list(range(1, _CROWD + 1))
    assert list(chain_faults(entries, await seen(store, lambda tx: tx.audit_head()))) == []


@must("write")
async def a_read_and_write_in_one_function_loses_no_update(bench: Bench) -> None:
    """Alone among writers: what a function reads still holds when it writes."""
    store = await bench.another()

    def count(tx: WriteTransaction) -> None:
        tx.put_fact("count", str(int(tx.fact("count") or 0) + 1))

    await _winners(bench, lambda _: count)
    assert await seen(store, lambda tx: tx.fact("count")) == str(_CROWD)
