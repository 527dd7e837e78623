"""Invites: who may make them, who may accept them, and where the access goes (authress-contract §1.3, §2.6)."""

import asyncio
from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.service_management.world import OWNER_CLIENT, STRONG, World, draft, permission, statement, user

from stairgate.model.access import AccessRecord
from stairgate.model.clients import ServiceClient
from stairgate.model.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    ProtectionWouldBeLostError,
    StepUpRefusedError,
)
from stairgate.model.ids import ClientId, KeyId, RecordId, UserId
from stairgate.model.invites import ConflictResolution
from stairgate.model.tokens import Caller, ClientCaller
from stairgate.service.drafts import StatementDraft
from stairgate.service.invites import (
    InviteDraft,
    KnownInvite,
    accept_invite,
    create_invite,
    delete_invite,
    read_invite,
)
from stairgate.service.records import (
    RecordFilter,
    create_record,
    delete_record,
    list_records,
    read_record,
    replace_record,
)
from stairgate.service.users import delete_user

pytestmark = pytest.mark.anyio
ANN, BOB, EVE, LEA = user("ann"), user("bob"), user("eve"), user("lea")
GENERATE, MERGE, REPLACE, SKIP = ConflictResolution


@pytest.fixture(autouse=True)
async def owner(world: World) -> None:
    """The owner is a client that is there: the invites of others are void."""
    made = ServiceClient(OWNER_CLIENT.client, "owner", world.clock.now())
    await world.write(lambda transaction: transaction.put_client(made))


async def invited(
    world: World,
    *statements: StatementDraft,
    by: Caller = OWNER_CLIENT,
    strategy: ConflictResolution = GENERATE,
    **members: object,
) -> KnownInvite:
    made = InviteDraft(statements or (statement(),), strategy, **members)  # type: ignore[arg-type]
    return (await create_invite(world.services, by, made)).value


async def accept(world: World, invite: KnownInvite, who: Caller = ANN) -> None:
    await accept_invite(world.services, who, invite.id)


async def given(world: World) -> dict[str, AccessRecord]:
    """The records that invites made, by their ids."""
    every = RecordFilter(None, "Invited users")
    found = await list_records(world.services, OWNER_CLIENT, limit=20, after=None, having=every)
    return {record.id: record for record in found.items}


async def only(world: World) -> AccessRecord:
    [record] = (await given(world)).values()
    return record


async def changed(world: World, **members: object) -> AccessRecord:
    """The one record that invites made, after its admin changed it."""
    record = await only(world)
    parts = tuple(StatementDraft(each.roles, each.resources, step_up=each.step_up) for each in record.statements)
    edited = draft(*parts, name=record.name, users=record.users, admins=record.admins)
    await replace_record(world.services, OWNER_CLIENT, record.id, replace(edited, **members), None)  # type: ignore[arg-type]
    return await only(world)


# --- making


async def test_an_invite_lasts_a_week_and_gives_what_it_says_to_who_accepts(world: World) -> None:
    invite = await invited(world, statement("ro_reader", "docs/1", STRONG))
    assert invite.invite.expires_at - world.clock.now() == timedelta(days=7)
    assert await given(world) == {}
    await accept(world, invite)
    record = await only(world)
    assert (record.users, record.admins, record.groups) == (("ann",), (OWNER_CLIENT.principal,), ())
    assert [(each.roles, [str(on) for on in each.resources], each.step_up) for each in record.statements] == [
        (("ro_reader",), ["docs/1"], STRONG)
    ]


async def test_nobody_invites_to_what_they_may_not_hand_out(world: World) -> None:
    with pytest.raises(ForbiddenError):
        await invited(world, by=LEA)
    await world.give(LEA, "ro_lead", "docs")
    await invited(world, by=LEA)
    for more in (statement("ro_editor", "docs/1"), statement("ro_reader", "other")):
        with pytest.raises(ForbiddenError):
            await invited(world, statement(), more, by=LEA)


async def test_whoever_invites_through_a_marked_grant_steps_up_first(world: World) -> None:
    await world.give(LEA, "ro_lead", "docs")
    await world.mark("docs", STRONG)
    with pytest.raises(StepUpRefusedError):
        await invited(world, by=LEA)
    await world.elevate(LEA, "docs/1", "READ")
    invite = await invited(world, by=LEA)
    world.clock.advance(86_400)  # the inviter's elevation is over, and need not be there when it is accepted
    await accept(world, invite)
    assert (await only(world)).users == ("ann",)


async def test_another_end_than_the_usual_needs_its_right_and_has_bounds(world: World) -> None:
    now = world.clock.now()
    await world.give(LEA, "ro_lead", "docs")
    with pytest.raises(ForbiddenError):
        await invited(world, by=LEA, expires_at=now + timedelta(days=1))
    await world.role("ro_invite", permission("Invites:Create"))
    await world.give(LEA, "ro_invite", "Authress:Invites")
    for life in (timedelta(minutes=5), timedelta(days=30)):
        assert (await invited(world, by=LEA, expires_at=now + life)).invite.expires_at == now + life
    for life in (timedelta(seconds=299), timedelta(days=30, seconds=1), timedelta(days=-1)):
        with pytest.raises(InvalidInputError) as refused:
            await invited(world, by=LEA, expires_at=now + life)
        assert refused.value.field == "expiryTime"


async def test_the_id_is_long_and_the_store_does_not_have_it(world: World) -> None:
    one, two = await invited(world), await invited(world)
    assert one.id != two.id
    assert len(one.id) >= 4 + 27  # 160 bits
    kept = await world.store.read(lambda transaction: transaction.invites_of(OWNER_CLIENT.principal))
    assert len(kept) == 2
    for invite in (one, two):
        assert invite.id not in repr(kept)
        assert invite.id not in repr(invite)
        assert all(invite.id not in facts for _, _, facts in await world.audit())


# --- accepting


async def test_a_user_accepts_and_nobody_else_does(world: World) -> None:
    invite = await invited(world)
    with pytest.raises(ForbiddenError):
        await accept(world, invite, OWNER_CLIENT)
    await accept(world, invite)
    await accept(world, invite)  # as an SDK that repeats the call
    for outcome in (accept(world, invite, BOB), read_invite(world.services, ANN, invite.id)):
        with pytest.raises(NotFoundError):
            await outcome
    assert (await only(world)).users == ("ann",)


async def test_of_many_who_accept_at_once_one_does(world: World) -> None:
    invite = await invited(world)
    callers = [user(f"u{number}") for number in range(8)]
    outcomes = await asyncio.gather(*(accept(world, invite, who) for who in callers), return_exceptions=True)
    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["NoneType"] + ["NotFoundError"] * 7
    assert len((await only(world)).users) == 1


@pytest.mark.parametrize("key", ["", "inv_", "x", "inv_" + "a" * 27, "é", "a" * 5000])
async def test_an_id_that_is_none_is_not_found(world: World, key: str) -> None:
    await invited(world)
    with pytest.raises(NotFoundError):
        await accept_invite(world.services, ANN, key)


async def test_an_invite_ends_at_its_end(world: World) -> None:
    invite = await invited(world)
    world.clock.advance(7 * 86_400 - 1)
    assert (await read_invite(world.services, EVE, invite.id)) == invite
    world.clock.advance(1)
    for outcome in (accept(world, invite), read_invite(world.services, ANN, invite.id)):
        with pytest.raises(NotFoundError):
            await outcome
    await invited(world)  # which sweeps
    assert await world.store.read(lambda transaction: transaction.invite(invite.invite.digest)) is None


async def test_an_invite_for_one_user_is_accepted_by_that_user(world: World) -> None:
    invite = await invited(world, linked_user=UserId("ann"))
    with pytest.raises(ForbiddenError):
        await accept(world, invite, BOB)
    await accept(world, invite)
    with pytest.raises(InvalidInputError):
        await invited(world, linked_user=UserId("sc_1"))


async def test_what_the_inviter_has_lost_is_not_given(world: World) -> None:
    """Asked again from the facts of the moment: an invite is no store of rights."""
    await world.give(LEA, "ro_lead", "docs", record="rec_lea")
    invite = await invited(world, by=LEA)
    await delete_record(world.services, OWNER_CLIENT, RecordId("rec_lea"))
    with pytest.raises(ForbiddenError):
        await accept(world, invite)
    assert await given(world) == {}
    await world.give(LEA, "ro_lead", "docs", record="rec_lea")
    await accept(world, invite)


async def test_a_role_that_grew_meanwhile_is_not_handed_out_by_who_may_not(world: World) -> None:
    await world.give(LEA, "ro_lead", "docs")
    invite = await invited(world, by=LEA)
    await world.role("ro_reader", permission("READ"), permission("DELETE"))
    with pytest.raises(ForbiddenError):
        await accept(world, invite)


async def test_the_invites_of_a_deleted_client_are_void(world: World) -> None:
    """Records keep naming a deleted client, so its grants are not enough."""
    shop = ClientCaller(ClientId("sc_shop"), KeyId("k"))
    await world.write(lambda tx: tx.put_client(ServiceClient(shop.client, "shop", world.clock.now())))
    await world.give(shop, "ro_lead", "docs")
    invite = await invited(world, by=shop)
    await world.write(lambda tx: tx.delete_client(shop.client))
    with pytest.raises(ForbiddenError):
        await accept(world, invite)


async def test_the_invites_of_a_deleted_user_are_gone_and_those_for_one_too(world: World) -> None:
    await world.give(LEA, "ro_lead", "docs")
    await world.give(ANN, "ro_reader", "docs")
    by_lea, for_ann = await invited(world, by=LEA), await invited(world, linked_user=UserId("ann"))
    for name in ("lea", "ann"):
        await delete_user(world.services, OWNER_CLIENT, UserId(name))
    for invite in (by_lea, for_ann):
        with pytest.raises(NotFoundError):
            await accept(world, invite)


async def test_who_accepts_cannot_change_what_was_given(world: World) -> None:
    await accept(world, await invited(world))
    record = await only(world)
    with pytest.raises(NotFoundError):
        await read_record(world.services, ANN, record.id)
    with pytest.raises(ForbiddenError):
        await create_record(world.services, ANN, draft(statement("ro_reader", "docs/1"), users=("bob",)))


async def test_an_invite_to_nothing_is_accepted(world: World) -> None:
    invite = (await create_invite(world.services, OWNER_CLIENT, InviteDraft(()))).value
    await accept(world, invite)
    assert await given(world) == {}


# --- taking back


async def test_who_made_an_invite_takes_it_back(world: World) -> None:
    await world.give(LEA, "ro_lead", "docs")
    invite = await invited(world, by=LEA)
    with pytest.raises(ForbiddenError):
        await delete_invite(world.services, EVE, invite.id)
    await delete_invite(world.services, LEA, invite.id)
    for outcome in (accept(world, invite), delete_invite(world.services, LEA, invite.id)):
        with pytest.raises(NotFoundError):
            await outcome
    await world.role("ro_delete", permission("DELETE"))
    await world.give(EVE, "ro_delete", "Authress:Invites")
    await delete_invite(world.services, EVE, (await invited(world, by=LEA)).id)


async def test_what_happens_to_an_invite_is_recorded(world: World) -> None:
    await accept(world, await invited(world))
    await delete_invite(world.services, OWNER_CLIENT, (await invited(world)).id)
    entries = [(event, actor, facts) for event, actor, facts in await world.audit() if event == "invite.changed"]
    assert [actor for _, actor, _ in entries] == ["sc_owner", "ann", "sc_owner", "sc_owner"]
    for (_, _, facts), change in zip(entries, ("created", "accepted", "created", "deleted"), strict=True):
        assert f'"change":"{change}"' in facts


# --- where the access goes


async def test_equal_statements_share_one_record_in_whatever_order(world: World) -> None:
    one = statement("ro_reader ro_editor", "docs/1 docs/2")
    two = statement("ro_reader", "docs/3")
    await accept(world, await invited(world, one, two))
    await accept(world, await invited(world, two, statement("ro_editor ro_reader", "docs/2 docs/1")), BOB)
    assert (await only(world)).users == ("ann", "bob")


@pytest.mark.parametrize("strategy", ConflictResolution)
async def test_others_have_records_of_their_own(world: World, strategy: ConflictResolution) -> None:
    await accept(world, await invited(world, strategy=strategy))
    await accept(world, await invited(world, statement("ro_reader", "docs/2"), strategy=strategy), BOB)
    await accept(world, await invited(world, statement("ro_reader", "docs/1", STRONG), strategy=strategy), EVE)
    assert sorted(record.users for record in (await given(world)).values()) == [("ann",), ("bob",), ("eve",)]


@pytest.mark.parametrize("strategy", ConflictResolution)
async def test_a_deleted_record_is_made_again_for_who_accepts_alone(world: World, strategy: ConflictResolution) -> None:
    await accept(world, await invited(world))
    record = await only(world)
    await delete_record(world.services, OWNER_CLIENT, record.id)
    await accept(world, await invited(world, strategy=strategy), BOB)
    assert (await only(world)).users == ("bob",)


async def widened(world: World) -> AccessRecord:
    """The record of earlier invites, to which its admin has added a statement: joining it would give that, too."""
    await accept(world, await invited(world))
    return await changed(world, statements=(statement(), statement("ro_editor", "other")))


async def test_generate_new_record_leaves_the_changed_record_alone(world: World) -> None:
    stood = await widened(world)
    await accept(world, await invited(world), BOB)
    records = await given(world)
    assert records.pop(stood.id) == stood
    [made] = records.values()
    assert made.id.startswith("rec_")
    assert (made.users, len(made.statements)) == (("bob",), 1)


async def test_unsafe_force_merge_adds_user_and_statements_for_all(world: World) -> None:
    stood = await widened(world)
    await changed(world, statements=(statement("ro_editor", "other"),))
    await accept(world, await invited(world, strategy=MERGE), BOB)
    merged = await only(world)
    assert (merged.id, merged.users, len(merged.statements)) == (stood.id, ("ann", "bob"), 2)


@pytest.mark.parametrize("strategy", [MERGE, REPLACE])
async def test_changing_a_record_needs_that_right_of_the_inviter(world: World, strategy: ConflictResolution) -> None:
    """Else whoever owns the record that stands there would be given, or lose, what is not theirs to decide."""
    await widened(world)
    await world.give(LEA, "ro_lead", "docs")
    invite = await invited(world, by=LEA, strategy=strategy)
    before = await only(world)
    with pytest.raises(ForbiddenError):
        await accept(world, invite, BOB)
    assert await only(world) == before


async def test_unsafe_force_merge_hands_out_only_what_the_inviter_may(world: World) -> None:
    await widened(world)
    await world.give(LEA, "ro_lead", "docs")
    await changed(world, admins=(UserId("lea"),))
    with pytest.raises(ForbiddenError):  # the record gives `ro_editor` on `other`, which is not hers to give
        await accept(world, await invited(world, by=LEA, strategy=MERGE), BOB)


async def test_replace_record_data_leaves_who_accepts_and_what_the_invite_gives(world: World) -> None:
    stood = await widened(world)
    await accept(world, await invited(world, strategy=REPLACE), BOB)
    left = await only(world)
    assert (left.id, left.users, left.admins, len(left.statements)) == (stood.id, ("bob",), stood.admins, 1)


async def test_replace_record_data_never_removes_a_protection(world: World) -> None:
    """Nobody is there who could be asked to step up."""
    await accept(world, await invited(world))
    await changed(world, statements=(statement(), statement("ro_reader", "secret", STRONG)))
    with pytest.raises(ProtectionWouldBeLostError):
        await accept(world, await invited(world, strategy=REPLACE), BOB)


async def test_force_merge_adds_no_unmarked_copy_of_what_was_marked_since(world: World) -> None:
    """Attack 35: else an invite that is still out undoes a protection, for everybody in the record."""
    await accept(world, await invited(world))
    await changed(world, statements=(statement(step_up=STRONG),))
    before = await only(world)
    with pytest.raises(ProtectionWouldBeLostError):
        await accept(world, await invited(world, strategy=MERGE), BOB)
    assert await only(world) == before


async def test_skip_changes_changes_nothing_and_is_accepted(world: World) -> None:
    stood = await widened(world)
    invite = await invited(world, strategy=SKIP)
    await accept(world, invite, BOB)
    assert await only(world) == stood
    with pytest.raises(NotFoundError):
        await accept(world, invite, EVE)


async def test_a_record_whose_mark_was_taken_off_is_not_joined(world: World) -> None:
    """Its admin took the mark away (with the step-up that this takes); an invite that has it gives it."""
    await accept(world, await invited(world, statement("ro_reader", "docs/1", STRONG)))
    await changed(world, statements=(statement("ro_reader", "docs/1", None),))
    await accept(world, await invited(world, statement("ro_reader", "docs/1", STRONG)), BOB)
    records = sorted((await given(world)).values(), key=lambda record: record.users)
    assert [(each.users, each.statements[0].step_up) for each in records] == [(("ann",), None), (("bob",), STRONG)]


async def test_a_full_record_is_not_joined(world: World) -> None:
    await accept(world, await invited(world))
    await changed(world, users=tuple(UserId(f"u{number}") for number in range(1000)))
    await accept(world, await invited(world), BOB)
    assert [record.users for record in (await given(world)).values() if "bob" in record.users] == [("bob",)]
