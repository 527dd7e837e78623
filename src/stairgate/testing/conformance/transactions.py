"""What holds for transactions, whatever they do."""

# ruff: noqa: D103  # a case says what it claims in its name

from __future__ import annotations

import asyncio
from dataclasses import replace

from stairgate.model.challenges import TokenStanding
from stairgate.model.elevations import EndReason
from stairgate.model.errors import ConflictError, NotFoundError, UnavailableError
from stairgate.model.evidence import AttemptCount
from stairgate.model.ids import FactorId, GroupId, RecordId, RoleId
from stairgate.ports.store import Page, ReadTransaction, WriteTransaction
from stairgate.testing.conformance.harness import Bench, must, raised, seen, wrote
from stairgate.testing.conformance.samples import (
    ALICE,
    BOB,
    NOW,
    TOKEN,
    a_challenge,
    a_client,
    a_draft,
    a_factor,
    a_group,
    a_record,
    a_resource,
    a_role,
    a_signing_key,
    a_taken_use,
    an_elevation,
    an_issuer,
    user,
)


class _StopError(Exception):
    """Not an error of ours: whatever a function raises passes through."""


def _look(tx: ReadTransaction) -> object:
    """Everything that a store keeps."""
    return (
        tx.revision(),
        tx.changes_after(0),
        tx.fact("account"),
        tx.grants_of(user("alice")),
        tx.groups_of(BOB),
        tx.records(Page(100)),
        tx.roles(),
        tx.groups(Page(100)),
        tx.resources(),
        tx.clients(Page(100)),
        tx.issuers(),
        tx.signing_keys("challenge"),
        tx.factors_of(ALICE),
        tx.attempts(ALICE, "totp"),
        tx.standing(TOKEN),
        tx.challenges_of_token(TOKEN),
        tx.challenge_of_ticket("joined"),
        tx.elevations_of_token(ALICE, TOKEN, since=NOW),
        tx.taken_use(a_taken_use().client, "idem-1"),
        tx.audit_head(),
        tx.audit_entries(),
    )


def _fill(tx: WriteTransaction) -> None:
    """Write something of everything."""
    tx.put_fact("account", "acc_1")
    tx.put_record(a_record())
    tx.put_role(a_role())
    tx.put_group(a_group("staff", BOB))
    tx.put_resource(a_resource())
    tx.put_client(a_client())
    tx.put_issuer(an_issuer())
    tx.put_signing_key(a_signing_key())
    tx.put_factor(a_factor())
    tx.add_challenge(a_challenge())
    tx.join_challenge("joined", a_challenge().id)
    tx.add_elevation(an_elevation())
    tx.put_taken_use(a_taken_use())
    tx.append_audit(a_draft())


def _spoil(tx: WriteTransaction) -> None:
    """Change and remove what `_fill` wrote, by every verb that there is."""
    tx.put_fact("account", "acc_2")
    tx.put_record(a_record(users=(BOB,), statements=()))
    tx.put_record(a_record("rec_9"))
    tx.delete_role(RoleId("ro_1"))
    tx.put_role(a_role("ro_9"))
    tx.delete_group(GroupId("staff"))
    tx.put_group(a_group("more", BOB))
    tx.delete_resource(a_resource().resource)
    tx.put_resource(a_resource("other"))
    tx.delete_client(a_client().id)
    tx.put_client(a_client("sc_9"))
    tx.put_issuer(an_issuer(audience="*"))
    tx.put_signing_key(a_signing_key(retired=False))
    tx.set_factor_disabled(FactorId("fa_1"), disabled=True)
    tx.advance_factor(FactorId("fa_1"), counter=99, at=NOW)
    tx.put_factor(a_factor("fa_9"))
    tx.remove_factor(FactorId("fa_1"))
    tx.set_attempts(ALICE, "totp", AttemptCount(9, NOW))
    tx.set_standing(TOKEN, TokenStanding(9, NOW, not_me=True))
    tx.add_challenge(a_challenge("ch_9"))
    tx.join_challenge("joined again", a_challenge("ch_9").id)
    tx.replace_challenge(replace(a_challenge(), version=2, wrong_answers=4))
    tx.take_use(an_elevation().id, now=NOW)
    tx.end_elevation(an_elevation().id, at=NOW, reason=EndReason.REVOKED)
    tx.add_elevation(an_elevation("el_9"))
    tx.put_taken_use(a_taken_use(fingerprint="other"))
    tx.append_audit(a_draft(2))


@must("write")
async def a_write_that_raises_leaves_nothing_behind(bench: Bench) -> None:
    store = await bench.another()
    await store.write(_fill)
    before = await store.read(_look)

    def fails(tx: WriteTransaction) -> None:
        _spoil(tx)
        assert _look(tx) != before
        raise _StopError

    await raised(_StopError, store.write(fails))
    assert await seen(store, _look) == before
    await store.write(_spoil)
    assert await store.read(_look) != before


@must("write", "read")
async def what_a_function_returns_or_raises_passes_through(bench: Bench) -> None:
    store = await bench.another()
    error = NotFoundError("this very one")

    def fails(_: ReadTransaction) -> None:
        raise error

    token = object()
    assert await store.read(lambda _: token) is token
    assert await store.write(lambda _: token) is token
    assert await raised(NotFoundError, store.read(fails)) is error
    assert await raised(NotFoundError, store.write(fails)) is error
    assert await store.read(lambda tx: tx.revision()) == 0  # and the store goes on


@must("write")
async def a_write_sees_its_own_writes(bench: Bench) -> None:
    store = await bench.another()

    def look(tx: WriteTransaction) -> tuple[int, int]:
        before = tx.revision()
        tx.put_record(a_record())
        assert tx.record(RecordId("rec_1")) == a_record()
        return before, tx.revision()

    before, after = await store.write(look)
    assert after > before
    assert await store.read(lambda tx: tx.revision()) == after


@must("read", "write")
async def a_read_sees_all_that_was_acknowledged_before_in_every_store(bench: Bench) -> None:
    one, two = await bench.another(), await bench.another()
    for number in range(20):
        writer, reader = (one, two) if number % 2 else (two, one)
        await wrote(writer, lambda tx, it=str(number): tx.put_fact("n", it))  # type: ignore[misc]
        assert await reader.read(lambda tx: tx.fact("n")) == str(number)
        assert await writer.read(lambda tx: tx.fact("n")) == str(number)


@must("read")
async def a_read_is_one_snapshot(bench: Bench) -> None:
    """Two facts that are always written as equals are never read as different."""
    one, two = await bench.another(), await bench.another()

    def put(tx: WriteTransaction, value: str) -> None:
        tx.put_fact("left", value)
        tx.put_fact("right", value)

    def look(tx: ReadTransaction) -> tuple[str | None, str | None, str | None]:
        left = tx.fact("left")
        tx.audit_entries()
        return left, tx.fact("right"), tx.fact("left")

    await one.write(lambda tx: put(tx, "start"))

    async def write_on() -> None:
        for number in range(100):
            await one.write(lambda tx, it=str(number): put(tx, it))  # type: ignore[misc]

    def read_on() -> list[tuple[str | None, ...]]:
        """On a thread of its own, so that it runs beside the writes in truth."""

        async def reading() -> list[tuple[str | None, ...]]:
            return [await two.read(look) for _ in range(300)]

        return asyncio.run(reading())

    answers, _ = await asyncio.gather(asyncio.to_thread(read_on), write_on())
    assert {len(set(answer)) for answer in answers} == {1}


@must("write")
async def a_cancelled_write_is_done_or_not_done_never_half(bench: Bench) -> None:
    store = await bench.another()

    def both(tx: WriteTransaction, number: int) -> None:
        tx.put_fact(f"a{number}", "x")
        tx.append_audit(a_draft(number))
        tx.put_fact(f"b{number}", "x")

    tasks = [asyncio.create_task(store.write(lambda tx, it=number: both(tx, it))) for number in range(40)]  # type: ignore[misc]
    await asyncio.sleep(0)
    for number, task in enumerate(tasks):
        if number % 3 == 0:
            task.cancel()
        if number % 7 == 0:
            await asyncio.sleep(0)
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    await wrote(store, lambda tx: tx.put_fact("last", "x"))  # so all before it is settled

    def look(tx: ReadTransaction) -> list[tuple[bool, bool]]:
        return [(tx.fact(f"a{number}") is not None, tx.fact(f"b{number}") is not None) for number in range(40)]

    pairs = await seen(store, look)
    assert all(left == right for left, right in pairs)
    acknowledged = [number for number, outcome in enumerate(outcomes) if outcome is None]
    assert all(pairs[number][0] for number in acknowledged)
    entries = await store.read(lambda tx: tx.audit_entries())
    assert len(entries) == sum(left for left, _ in pairs)


@must("write")
async def of_writes_at_once_one_that_raises_takes_back_its_own_only(bench: Bench) -> None:
    store = await bench.another()

    def fails(tx: WriteTransaction, number: int) -> None:
        tx.put_fact(f"n{number}", "half")
        tx.put_factor(a_factor(f"fa_{number}"))
        raise ConflictError

    def works(tx: WriteTransaction, number: int) -> None:
        tx.put_fact(f"n{number}", "whole")

    work = [
        store.write(lambda tx, it=number: (fails if it % 4 == 0 else works)(tx, it))  # type: ignore[misc]
        for number in range(64)
    ]
    outcomes = await asyncio.gather(*work, return_exceptions=True)
    facts = await seen(store, lambda tx: [tx.fact(f"n{number}") for number in range(64)])
    for number, (outcome, fact) in enumerate(zip(outcomes, facts, strict=True)):
        if number % 4 == 0:
            assert isinstance(outcome, ConflictError)
            assert fact is None
        else:
            assert outcome is None
            assert fact == "whole"
    assert list(await seen(store, lambda tx: tx.factors_of(ALICE))) == []


@must("close")
async def closing_finishes_what_is_under_way(bench: Bench) -> None:
    store = await bench.another()
    tasks = [
        asyncio.create_task(store.write(lambda tx, it=number: tx.put_fact(f"n{it}", "x")))  # type: ignore[misc]
        for number in range(30)
    ]
    await asyncio.sleep(0)  # every task has handed in its function
    await store.close()
    outcomes = await asyncio.gather(*tasks, return_exceptions=True)
    assert outcomes == [None] * 30
    if bench.shared:
        again = await bench.another()
        assert await again.read(lambda tx: [tx.fact(f"n{number}") for number in range(30)]) == ["x"] * 30


@must("close", "read", "write", "poll")
async def a_closed_store_is_unavailable_and_closing_again_does_nothing(bench: Bench) -> None:
    store = await bench.another()
    await store.close()
    await store.close()
    await raised(UnavailableError, store.read(lambda tx: tx.revision()))
    await raised(UnavailableError, store.write(lambda tx: tx.put_fact("a", "b")))
    try:
        store.poll()
    except UnavailableError:
        return
    message = "a closed store was polled"
    raise AssertionError(message)
