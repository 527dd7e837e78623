"""Users: listed by what names them, and taken out of everything at once (authress-contract §1.3)."""

from dataclasses import replace

import pytest
from tests.unit.service_management.world import OWNER_CLIENT, STRONG, World, draft, permission, statement, user

from stairgate.model.access import Group, RecordStatus
from stairgate.model.elevations import EndReason
from stairgate.model.errors import ForbiddenError, InvalidInputError, NotFoundError
from stairgate.model.ids import GroupId, RecordId, UserId
from stairgate.service.drafts import GroupDraft
from stairgate.service.factors import enrol_totp
from stairgate.service.groups import create_group, read_group
from stairgate.service.management import Listed
from stairgate.service.records import create_record, delete_record, read_record
from stairgate.service.users import Removed, delete_user, list_users, read_user

pytestmark = pytest.mark.anyio
ANN, BOB = user("ann"), user("bob")
ann, bob, eve = UserId("ann"), UserId("bob"), UserId("eve")


async def users(world: World, **more: object) -> Listed[UserId]:
    asked = {"limit": 100, "after": None, "text": None, **more}
    return await list_users(world.services, OWNER_CLIENT, **asked)  # type: ignore[arg-type]


async def record(world: World, key: str, *, own: tuple[str, ...] = (), **members: object) -> None:
    given = statement(users=own, step_up=STRONG)
    made = draft(given, **{"users": (), "admins": (), "id": RecordId(key), **members})  # type: ignore[arg-type]
    await create_record(world.services, OWNER_CLIENT, made)


async def named_everywhere(world: World) -> None:
    """Ann is a user and an admin of records and groups, with Bob and alone."""
    await record(world, "r1", users=("ann", "bob"), admins=(ann, bob))
    await record(world, "r2", own=("ann", "bob"))
    await record(world, "r3", users=("ann",))
    await record(world, "r4", admins=(ann,))
    await delete_record(world.services, OWNER_CLIENT, RecordId("r4"))
    for key, members, admins in (("g1", (ann, bob), (bob,)), ("g2", (ann,), (ann,)), ("g3", (bob,), (bob,))):
        await create_group(world.services, OWNER_CLIENT, GroupDraft("g", members, GroupId(key), admins))


async def test_users_are_listed_by_what_names_them(world: World) -> None:
    await named_everywhere(world)
    await enrol_totp(world.services, eve)
    assert (await users(world)).items == (ann, bob, eve)
    first = await users(world, limit=2)
    assert (first.items, first.after) == ((ann, bob), "bob")
    assert (await users(world, limit=2, after=first.after)) == Listed((eve,), None)
    assert (await users(world, text="B")).items == (bob,)
    assert (await users(world, text="x")).items == ()


async def test_service_clients_are_no_users(world: World) -> None:
    assert OWNER_CLIENT.principal not in (await users(world)).items
    with pytest.raises(NotFoundError):
        await read_user(world.services, OWNER_CLIENT, OWNER_CLIENT.principal)
    with pytest.raises(InvalidInputError):
        await delete_user(world.services, OWNER_CLIENT, OWNER_CLIENT.principal)


async def test_who_may_see_users(world: World) -> None:
    await record(world, "r1", users=("ann", "bob"))
    with pytest.raises(ForbiddenError):
        await list_users(world.services, ANN, limit=1, after=None, text=None)
    assert await read_user(world.services, ANN, ann) == "ann"
    assert await read_user(world.services, user("new"), UserId("new")) == "new"
    with pytest.raises(NotFoundError):  # whether or not there is such a user
        await read_user(world.services, ANN, bob)
    await world.give(ANN, "ro_reader", "Authress:Users/bob")
    assert await read_user(world.services, ANN, bob) == "bob"
    await world.give(ANN, "ro_reader", "Authress:Users", record="rec_all")
    with pytest.raises(NotFoundError):
        await read_user(world.services, ANN, UserId("nobody"))


async def test_a_deleted_user_is_in_nothing_and_what_is_left_stays(world: World) -> None:
    await named_everywhere(world)
    await world.elevate(ANN, "docs/1", "*")
    await enrol_totp(world.services, ann)
    deleted = await delete_user(world.services, OWNER_CLIENT, ann)
    assert deleted.value == Removed(records=4, groups=2, factors=1, elevations=1)
    for key in ("r1", "r2", "r3", "r4"):
        left = await read_record(world.services, OWNER_CLIENT, RecordId(key))
        named = {*left.users, *left.admins, *(each for part in left.statements for each in part.users)}
        assert named == ({bob} if key in {"r1", "r2"} else set())
        assert left.status is (RecordStatus.DELETED if key == "r4" else RecordStatus.ACTIVE)
        assert [part.step_up for part in left.statements] == [STRONG]
    for key in ("g1", "g2"):
        group: Group = await read_group(world.services, OWNER_CLIENT, GroupId(key))
        assert {*group.users, *group.admins} == ({bob} if key == "g1" else set())
    assert (await users(world)).items == (bob,)
    elevations = await world.store.read(lambda tx: tx.elevations_of_token(ann, ANN.token.key, since=world.clock.now()))
    assert [each.end_reason for each in elevations] == [EndReason.USER_DELETED]
    assert await world.store.read(lambda tx: tx.factors_of(ann)) == []


async def test_it_is_recorded_thing_by_thing(world: World) -> None:
    await named_everywhere(world)
    before = len(await world.audit())
    await delete_user(world.services, OWNER_CLIENT, ann)
    events = [event for event, _, _ in (await world.audit())[before:]]
    assert events == ["record.changed"] * 4 + ["group.changed"] * 2 + ["user.deleted"]


async def test_a_deletion_that_fails_leaves_everything(world: World) -> None:
    """One transaction: nothing ever finds the user half deleted."""
    await named_everywhere(world)
    head = await world.store.read(lambda transaction: transaction.audit_head())

    class Failing:
        def __init__(self) -> None:
            self.read = world.store.read

        async def write(self, function: object) -> object:
            def run(transaction: object) -> object:
                function(transaction)  # type: ignore[operator]
                message = "the disk is full"
                raise RuntimeError(message)

            return await world.store.write(run)

    with pytest.raises(RuntimeError):
        await delete_user(replace(world.services, store=Failing()), OWNER_CLIENT, ann)  # type: ignore[arg-type]
    assert await world.store.read(lambda transaction: transaction.audit_head()) == head
    assert (await users(world)).items == (ann, bob)


async def test_who_may_delete_a_user(world: World) -> None:
    await named_everywhere(world)
    await world.role("ro_delete", permission("DELETE"))
    with pytest.raises(NotFoundError):  # the user neither: that needs the right like any other
        await delete_user(world.services, ANN, ann)
    await world.give(BOB, "ro_reader", "Authress:Users/ann")
    with pytest.raises(ForbiddenError):
        await delete_user(world.services, BOB, ann)
    await world.give(BOB, "ro_delete", "Authress:Users/ann", record="rec_delete")
    assert (await delete_user(world.services, BOB, ann)).value.records == 4
    with pytest.raises(NotFoundError):
        await delete_user(world.services, BOB, ann)


async def test_a_deleted_user_can_be_given_access_again(world: World) -> None:
    await named_everywhere(world)
    await delete_user(world.services, OWNER_CLIENT, ann)
    await record(world, "r5", users=("ann",))
    assert (await users(world)).items == (ann, bob)
