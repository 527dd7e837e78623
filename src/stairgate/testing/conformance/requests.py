"""Requests to other people."""

# ruff: noqa: D103  # a case says what it claims in its name

from __future__ import annotations

from collections.abc import Sequence

from stairgate.model.approvals import Quorum
from stairgate.model.errors import ConflictError
from stairgate.model.ids import GroupId, RequestId
from stairgate.model.requests import Request, RequestEnd, RequestStatus
from stairgate.ports.store import Page, WriteTransaction
from stairgate.testing.conformance.harness import Bench, must, raised, seen, wrote
from stairgate.testing.conformance.samples import (
    ALICE,
    BOB,
    CAROL,
    a_group,
    a_request,
    an_access_request,
    later,
)

ALL = Page(limit=100)
TELLERS = frozenset({Quorum(1, frozenset({GroupId("tellers")}))})


def names(requests: Sequence[Request]) -> list[str]:
    return [request.id for request in requests]


@must("request", "put_request")
async def a_request_comes_back_as_it_was_put(bench: Bench) -> None:
    store = await bench.another()
    asked = (a_request(), an_access_request())
    await wrote(store, *(lambda tx, it=each: tx.put_request(it) for each in asked))
    for each in asked:
        assert await seen(store, lambda tx, it=each: tx.request(it.id)) == each  # type: ignore[misc]
    assert await seen(store, lambda tx: tx.request(RequestId("no"))) is None
    changed = a_request(votes=(), version=4, last_updated=later(9))
    await wrote(store, lambda tx: tx.put_request(changed))
    assert await seen(store, lambda tx: tx.request(changed.id)) == changed


@must("requests")
async def requests_are_paged_by_id_and_told_apart_by_status(bench: Bench) -> None:
    store = await bench.another()
    several = [a_request(f"req_{number}") for number in (3, 1, 2)] + [an_access_request("req_4")]
    await wrote(store, *(lambda tx, it=each: tx.put_request(it) for each in several))
    assert names(await seen(store, lambda tx: tx.requests(ALL))) == ["req_1", "req_2", "req_3", "req_4"]
    assert names(await seen(store, lambda tx: tx.requests(Page(2, "req_1")))) == ["req_2", "req_3"]
    given = await seen(store, lambda tx: tx.requests(ALL, status=RequestStatus.APPROVED))
    assert names(given) == ["req_4"]


@must("requests_of", "put_request", "put_group")
async def requests_are_found_by_their_requester_and_while_open_by_the_groups_they_await(bench: Bench) -> None:
    store = await bench.another()
    await wrote(
        store,
        lambda tx: tx.put_group(a_group("tellers", users=(CAROL, BOB))),
        lambda tx: tx.put_request(a_request("req_1", quorums=TELLERS)),
        lambda tx: tx.put_request(a_request("req_2", requester=CAROL, quorums=TELLERS)),
        lambda tx: tx.put_request(a_request("req_3")),
        lambda tx: tx.put_request(a_request("req_4", requester=CAROL, status=RequestStatus.APPROVED)),
    )
    assert names(await seen(store, lambda tx: tx.requests_of(ALICE, ALL))) == ["req_1", "req_3"]
    assert names(await seen(store, lambda tx: tx.requests_of(BOB, ALL))) == ["req_1", "req_2"]
    assert names(await seen(store, lambda tx: tx.requests_of(CAROL, ALL))) == ["req_1", "req_2", "req_4"]
    assert names(await seen(store, lambda tx: tx.requests_of(CAROL, Page(1, "req_1")))) == ["req_2"]
    given = await seen(store, lambda tx: tx.requests_of(CAROL, ALL, status=RequestStatus.APPROVED))
    assert names(given) == ["req_4"]
    decided = a_request("req_1", quorums=TELLERS, status=RequestStatus.DENIED, end=RequestEnd.DECLINED)
    await wrote(
        store,
        lambda tx: tx.put_request(decided),
        lambda tx: tx.put_group(a_group("tellers", users=(CAROL,))),
    )
    assert names(await seen(store, lambda tx: tx.requests_of(BOB, ALL))) == []
    assert names(await seen(store, lambda tx: tx.requests_of(CAROL, ALL))) == ["req_2", "req_4"]


@must("live_requests_of")
async def requests_without_an_end_are_found_by_their_requester_oldest_first(bench: Bench) -> None:
    store = await bench.another()
    await wrote(
        store,
        lambda tx: tx.put_request(a_request("req_1", opened_at=later(5))),
        lambda tx: tx.put_request(a_request("req_2", status=RequestStatus.APPROVED)),
        lambda tx: tx.put_request(an_access_request("req_3")),
        lambda tx: tx.put_request(a_request("req_4", requester=BOB)),
    )
    assert names(await seen(store, lambda tx: tx.live_requests_of(ALICE))) == ["req_2", "req_1"]
    ended = a_request("req_2", status=RequestStatus.APPROVED, end=RequestEnd.USED)
    await wrote(store, lambda tx: tx.put_request(ended))
    assert names(await seen(store, lambda tx: tx.live_requests_of(ALICE))) == ["req_1"]


@must("put_request")
async def a_request_that_was_put_by_a_function_that_fails_is_not_there(bench: Bench) -> None:
    store = await bench.another()

    def fail(tx: WriteTransaction) -> None:
        tx.put_request(a_request(quorums=TELLERS))
        raise ConflictError

    await wrote(store, lambda tx: tx.put_group(a_group("tellers", users=(BOB,))))
    await raised(ConflictError, wrote(store, fail))
    assert await seen(store, lambda tx: tx.request(RequestId("req_1"))) is None
    assert names(await seen(store, lambda tx: tx.requests_of(BOB, ALL))) == []
