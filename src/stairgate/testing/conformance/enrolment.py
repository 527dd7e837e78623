"""Factors that change, enrolments under way, and links to the account page."""

# ruff: noqa: D103  # a case says what it claims in its name

from __future__ import annotations

from dataclasses import replace

from stairgate.model.errors import ConflictError
from stairgate.model.ids import EnrolmentId, FactorId, LinkId
from stairgate.testing.conformance.harness import Bench, must, raised, seen, wrote
from stairgate.testing.conformance.samples import ALICE, BOB, a_factor, a_link, an_enrolment, later


@must("replace_factor", "factors_of")
async def a_factor_is_replaced_whole_and_its_counter_never_goes_back(bench: Bench) -> None:
    """Attack 4: what has a smaller counter was made from an older state."""
    store = await bench.another()
    factor = a_factor(counter=41)
    await wrote(store, lambda tx: tx.put_factor(factor))
    changed = replace(factor, name="new", secret=b"other", disabled=True, last_used_at=later(2), usable_from=later(3))
    await wrote(store, lambda tx: tx.replace_factor(changed))
    assert list(await seen(store, lambda tx: tx.factors_of(ALICE))) == [changed]
    ahead = replace(changed, counter=42)
    await wrote(store, lambda tx: tx.replace_factor(ahead))
    for refused in (changed, replace(ahead, id=FactorId("unknown")), replace(ahead, user=BOB)):
        await raised(ConflictError, wrote(store, lambda tx, it=refused: tx.replace_factor(it)))  # type: ignore[misc]
    assert list(await seen(store, lambda tx: tx.factors_of(ALICE))) == [ahead]


@must("enrolments_of", "put_enrolment", "remove_enrolment")
async def enrolments_are_kept_oldest_first_replaced_and_removed(bench: Bench) -> None:
    store = await bench.another()
    old, new = an_enrolment("en_2"), an_enrolment("en_1", created_at=later(9), first=False, name="")
    await wrote(
        store,
        lambda tx: tx.put_enrolment(new),
        lambda tx: tx.put_enrolment(old),
        lambda tx: tx.put_enrolment(an_enrolment("en_3", user=BOB)),
    )
    assert list(await seen(store, lambda tx: tx.enrolments_of(ALICE))) == [old, new]
    wrong = replace(old, wrong_answers=4, secret=bytes(range(256)))
    await wrote(
        store,
        lambda tx: tx.put_enrolment(wrong),
        lambda tx: tx.remove_enrolment(EnrolmentId("en_1")),
        lambda tx: tx.remove_enrolment(EnrolmentId("unknown")),
    )
    (found,) = await seen(store, lambda tx: tx.enrolments_of(ALICE))
    assert found == wrong
    assert found.secret == wrong.secret


@must("account_link", "account_links_of", "put_account_link", "remove_account_link")
async def links_are_kept_oldest_first_replaced_and_removed(bench: Bench) -> None:
    store = await bench.another()
    old = a_link("li_2")
    plain = a_link("li_1", created_at=later(9), token=None, token_expires_at=None, enrols=False)
    await wrote(store, lambda tx: tx.put_account_link(plain), lambda tx: tx.put_account_link(old))
    assert list(await seen(store, lambda tx: tx.account_links_of(ALICE))) == [old, plain]
    assert list(await seen(store, lambda tx: tx.account_links_of(BOB))) == []
    used = replace(old, entered=True, spent=True, digest="d2", expires_at=later(99))
    await wrote(
        store,
        lambda tx: tx.put_account_link(used),
        lambda tx: tx.remove_account_link(LinkId("li_1")),
        lambda tx: tx.remove_account_link(LinkId("unknown")),
    )
    assert await seen(store, lambda tx: tx.account_link(LinkId("li_2"))) == used
    assert await seen(store, lambda tx: tx.account_link(LinkId("li_1"))) is None
