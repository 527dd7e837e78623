"""Service clients, issuers, signing keys and remembered answers."""

# ruff: noqa: D103  # a case says what it claims in its name

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from stairgate.model.access import RecordStatus
from stairgate.model.ids import ClientId, GroupId, UserId
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.ports.store import ChangeKind, Page, ReadTransaction
from stairgate.ports.trust import RememberedAnswer
from stairgate.testing.conformance.harness import Bench, must, seen, wrote
from stairgate.testing.conformance.samples import (
    ALICE,
    BOB,
    a_client,
    a_factor,
    a_group,
    a_record,
    a_signing_key,
    a_statement,
    an_answer,
    an_invite,
    an_issuer,
    later,
)


@must("client", "clients", "put_client", "delete_client")
async def clients_are_kept_with_their_keys_paged_and_removed(bench: Bench) -> None:
    store = await bench.another()
    one, two = a_client("sc_1"), a_client("sc_2", keys=(), external_level=None, may_check_any_user=False, tags={})
    await wrote(store, lambda tx: tx.put_client(two), lambda tx: tx.put_client(a_client("sc_1", keys=())))
    await wrote(store, lambda tx: tx.put_client(one))
    assert await seen(store, lambda tx: tx.client(ClientId("sc_1"))) == one
    assert await seen(store, lambda tx: tx.client(ClientId("sc_3"))) is None
    assert list(await seen(store, lambda tx: tx.clients(Page(10)))) == [one, two]
    assert list(await seen(store, lambda tx: tx.clients(Page(1)))) == [one]
    assert list(await seen(store, lambda tx: tx.clients(Page(10, after="sc_1")))) == [two]
    before = await seen(store, lambda tx: tx.revision())
    await wrote(store, lambda tx: tx.delete_client(ClientId("sc_1")), lambda tx: tx.delete_client(ClientId("no")))
    assert await seen(store, lambda tx: tx.client(ClientId("sc_1"))) is None
    told = await seen(store, lambda tx: tx.changes_after(before))
    assert [(change.kind, change.key) for change in told] == [(ChangeKind.CLIENT, "sc_1")]


@must("put_client", "put_issuer", "changes_after")
async def changed_trust_is_told(bench: Bench) -> None:
    store = await bench.another()
    await wrote(store, lambda tx: tx.put_client(a_client()), lambda tx: tx.put_issuer(an_issuer()))
    told = await seen(store, lambda tx: tx.changes_after(0))
    assert [(change.kind, change.key) for change in told] == [
        (ChangeKind.CLIENT, "sc_1"),
        (ChangeKind.ISSUER, "https://idp.example"),
    ]


@must("issuers", "put_issuer")
async def issuers_are_kept_replaced_and_listed(bench: Bench) -> None:
    store = await bench.another()
    one, two = an_issuer("https://a.example"), an_issuer("https://b.example", keys_uri=None, trust_acr=False)
    await wrote(
        store, lambda tx: tx.put_issuer(two), lambda tx: tx.put_issuer(an_issuer("https://a.example", audience="*"))
    )
    await wrote(store, lambda tx: tx.put_issuer(one))
    assert list(await seen(store, lambda tx: tx.issuers())) == [one, two]


@must("signing_keys", "put_signing_key")
async def signing_keys_are_kept_by_use_newest_first(bench: Bench) -> None:
    store = await bench.another()
    old = a_signing_key("k1")
    new = a_signing_key("k0", created_at=later(5), retired=False)
    test = a_signing_key("t1", use="test-issuer")
    for key in (old, new, test, a_signing_key("k1", retired=False), old):
        await wrote(store, lambda tx, key=key: tx.put_signing_key(key))  # type: ignore[misc]
    assert list(await seen(store, lambda tx: tx.signing_keys("challenge"))) == [new, old]
    assert list(await seen(store, lambda tx: tx.signing_keys("test-issuer"))) == [test]
    assert list(await seen(store, lambda tx: tx.signing_keys("other"))) == []


@must("records_on")
async def records_on_a_resource_are_those_that_name_it_or_what_is_below(bench: Bench) -> None:
    store = await bench.another()
    on = {
        "r1": "a/b",
        "r2": "a/b/c",
        "r3": "a/b/*",
        "above": "a",
        "all children": "a/*",
        "beside": "a/bc",
        "before": "a/b-c/d",
        "beyond": "a/b0",
        "wildcard": "a/*/c",
        "all": "*",
        "deleted": "a/b",
    }
    for name, uri in on.items():
        status = RecordStatus.DELETED if name == "deleted" else RecordStatus.ACTIVE
        other = a_statement(resources=(parse_pattern("z"),))
        record = a_record(name, statements=(other, a_statement(resources=(parse_pattern(uri),))), status=status)
        await wrote(store, lambda tx, record=record: tx.put_record(record))  # type: ignore[misc]

    async def found(uri: str, most: int = 9) -> list[str]:
        return [record.id for record in await seen(store, lambda tx: tx.records_on(parse_resource(uri), most=most))]

    assert await found("a/b") == ["r1", "r2", "r3"]
    assert await found("a/b", most=2) == ["r1", "r2"]
    assert await found("a/b/c/d") == []
    assert len(await found("z")) == 9


@must("users", "knows_user")
async def users_are_those_who_are_named_or_have_a_factor(bench: Bench) -> None:
    store = await bench.another()
    statement = a_statement(users=(UserId("d"), UserId("sc_2")))
    status = RecordStatus.DELETED
    record = a_record(users=(UserId("b"), UserId("sc_1"), UserId("scz"), UserId("s")), admins=(UserId("a"),), groups=())
    deleted = a_record("rec_2", users=(), groups=(), statements=(statement,), admins=(), status=status)
    group = a_group("staff", UserId("b"), UserId("e"), admins=(UserId("f"),))
    await wrote(store, lambda tx: tx.put_record(record), lambda tx: tx.put_record(deleted))
    await wrote(store, lambda tx: tx.put_group(group), lambda tx: tx.put_factor(a_factor(user=UserId("c"))))
    everyone = ["a", "b", "c", "d", "e", "f", "s", "scz"]
    assert list(await seen(store, lambda tx: tx.users(after=None, most=99))) == everyone
    assert list(await seen(store, lambda tx: tx.users(after="b", most=3))) == ["c", "d", "e"]
    assert list(await seen(store, lambda tx: tx.users(after="scz", most=3))) == []
    for user in everyone:
        assert await seen(store, lambda tx, user=user: tx.knows_user(UserId(user)))  # type: ignore[misc]
    assert not await seen(store, lambda tx: tx.knows_user(UserId("nobody")))


@must("records_naming", "groups_naming")
async def what_names_a_user_is_found_and_no_longer_when_it_does_not(bench: Bench) -> None:
    store = await bench.another()
    one = a_record("r1", users=(ALICE,), admins=())
    two = a_record("r2", users=(), admins=(ALICE, BOB), status=RecordStatus.DELETED)
    three = a_record("r3", users=(), groups=(), admins=(), statements=(a_statement(users=(ALICE, BOB)),))
    staff, others = a_group("staff", ALICE), a_group("others", BOB, admins=(ALICE,))
    for record in (three, two, one):
        await wrote(store, lambda tx, record=record: tx.put_record(record))  # type: ignore[misc]
    await wrote(store, lambda tx: tx.put_group(staff), lambda tx: tx.put_group(others))
    assert list(await seen(store, lambda tx: tx.records_naming(ALICE))) == [one, two, three]
    assert list(await seen(store, lambda tx: tx.groups_naming(ALICE))) == [others, staff]
    await wrote(store, lambda tx: tx.put_record(replace(two, admins=())), lambda tx: tx.delete_group(GroupId("staff")))
    assert list(await seen(store, lambda tx: tx.records_naming(ALICE))) == [one, three]
    assert list(await seen(store, lambda tx: tx.records_naming(BOB))) == [three]
    assert list(await seen(store, lambda tx: tx.groups_naming(ALICE))) == [others]


@must("invite", "put_invite", "remove_invite", "invites_of")
async def invites_are_kept_by_digest_and_found_by_who_made_them_and_whom_they_are_for(bench: Bench) -> None:
    store = await bench.another()
    one = an_invite("d1")
    two = an_invite("d2", linked_user=None, accepted_by=None, tenant=None, statements=())
    three = an_invite("d3", inviter=BOB, linked_user=BOB)
    for invite in (three, two, an_invite("d1", inviter=BOB), one):
        await wrote(store, lambda tx, invite=invite: tx.put_invite(invite))  # type: ignore[misc]
    for invite in (one, two, three):
        assert await seen(store, lambda tx, invite=invite: tx.invite(invite.digest)) == invite  # type: ignore[misc]
    assert await seen(store, lambda tx: tx.invite("d4")) is None
    assert list(await seen(store, lambda tx: tx.invites_of(ALICE))) == [one, two]
    assert list(await seen(store, lambda tx: tx.invites_of(BOB))) == [one, three]
    await wrote(store, lambda tx: tx.remove_invite("d1"), lambda tx: tx.remove_invite("d4"))
    assert await seen(store, lambda tx: tx.invite("d1")) is None


@must("forget_invites")
async def invites_are_forgotten_oldest_first_and_only_when_their_time_is_over(bench: Bench) -> None:
    store = await bench.another()
    for number in range(4):
        invite = an_invite(f"d{number}", expires_at=later(number))
        await wrote(store, lambda tx, invite=invite: tx.put_invite(invite))  # type: ignore[misc]
    assert await store.write(lambda tx: tx.forget_invites(before=later(2), most=2)) == 2
    assert [invite.digest for invite in await seen(store, lambda tx: tx.invites_of(ALICE))] == ["d2", "d3"]
    assert await store.write(lambda tx: tx.forget_invites(before=later(2), most=9)) == 1
    assert [invite.digest for invite in await seen(store, lambda tx: tx.invites_of(ALICE))] == ["d3"]


@must("remembered_answer", "put_remembered_answer")
async def an_answer_is_remembered_by_caller_and_key(bench: Bench) -> None:
    store = await bench.another()
    one, two, his = an_answer("k1"), an_answer("k2", fingerprint="other"), an_answer("k1", caller=BOB)
    await wrote(store, lambda tx: tx.put_remembered_answer(an_answer("k1", answer=b"old")))
    for answer in (one, two, his):
        await wrote(store, lambda tx, answer=answer: tx.put_remembered_answer(answer))  # type: ignore[misc]
    assert await seen(store, lambda tx: tx.remembered_answer(ALICE, "k1")) == one
    assert await seen(store, lambda tx: tx.remembered_answer(ALICE, "k2")) == two
    assert await seen(store, lambda tx: tx.remembered_answer(BOB, "k1")) == his
    assert await seen(store, lambda tx: tx.remembered_answer(BOB, "k2")) is None
    assert await seen(store, lambda tx: tx.changes_after(0)) == []


@must("forget_answers")
async def answers_are_forgotten_oldest_first_and_only_when_their_time_is_over(bench: Bench) -> None:
    store = await bench.another()
    for number in range(5):
        answer = an_answer(f"k{number}", expires_at=later(number))
        await wrote(store, lambda tx, answer=answer: tx.put_remembered_answer(answer))  # type: ignore[misc]
    assert await store.write(lambda tx: tx.forget_answers(before=later(3), most=2)) == 2
    kept = [key for key in ("k0", "k1", "k2", "k3", "k4") if await seen(store, _remembered(key)) is not None]
    assert kept == ["k2", "k3", "k4"]
    assert await store.write(lambda tx: tx.forget_answers(before=later(3), most=9)) == 2
    assert await store.write(lambda tx: tx.forget_answers(before=later(3), most=9)) == 0
    assert await seen(store, _remembered("k4")) is not None


def _remembered(key: str) -> Callable[[ReadTransaction], RememberedAnswer | None]:
    return lambda tx: tx.remembered_answer(ALICE, key)
