"""Nobody hands out more than they may give (semantics §3; authress-contract §2.4)."""

import pytest
from tests.unit.service_management.world import (
    OWNER_CLIENT,
    STRONG,
    World,
    draft,
    permission,
    statement,
    user,
)

from stairgate.model.errors import ForbiddenError, StepUpRefusedError, TooLargeError
from stairgate.model.ids import GroupId, RecordId
from stairgate.service.clients import create_client
from stairgate.service.drafts import ClientDraft, GroupDraft, RecordDraft, StatementDraft
from stairgate.service.groups import create_group
from stairgate.service.records import create_record, replace_record

pytestmark = pytest.mark.anyio
ANN = user("ann")
KEY = RecordId("rec_1")


async def create(world: World, made: RecordDraft) -> None:
    await create_record(world.services, ANN, made)


@pytest.mark.parametrize("resources", ["docs/1", "docs/1/pages", "docs/1/*", "docs/1/*/pages"])
async def test_grant_hands_out_the_action_where_it_is_held_and_below(world: World, resources: str) -> None:
    await world.give(ANN, "ro_editor", "docs/1")
    await create(world, draft(statement(resources=resources)))


@pytest.mark.parametrize("resources", ["docs", "docs/2", "*", "docs/*", "*/1", "docs/*/1", "docs/1 docs/2"])
async def test_grant_hands_out_nothing_above_or_beside(world: World, resources: str) -> None:
    await world.give(ANN, "ro_editor", "docs/1")
    with pytest.raises(ForbiddenError):
        await create(world, draft(statement(resources=resources)))


async def test_below_is_not_the_node_itself(world: World) -> None:
    await world.give(ANN, "ro_editor", "docs/1/*")
    await create(world, draft(statement(resources="docs/1/*")))
    with pytest.raises(ForbiddenError):
        await create(world, draft(statement(resources="docs/1")))


async def test_a_middle_wildcard_hands_out_the_same_and_narrower_wildcards(world: World) -> None:
    await world.give(ANN, "ro_editor", "accounts/*/docs")
    await create(world, draft(statement(resources="accounts/*/docs")))
    await create(world, draft(statement(resources="accounts/a:*/docs/1")))
    await create(world, draft(statement(resources="accounts/7/docs")))
    with pytest.raises(ForbiddenError):
        await create(world, draft(statement(resources="accounts/*/keys")))


async def test_editors_hand_out_readers_and_no_editors(world: World) -> None:
    await world.give(ANN, "ro_editor", "docs")
    await create(world, draft(statement("ro_reader")))
    with pytest.raises(ForbiddenError, match="hand out `READ` on `docs/1`"):
        await create(world, draft(statement("ro_editor")))


async def test_delegate_hands_on_the_handing_on(world: World) -> None:
    await world.give(ANN, "ro_lead", "docs")
    await create(world, draft(statement("ro_lead")))
    await create(world, draft(statement("ro_reader")))


async def test_to_hold_an_action_is_not_to_hand_it_out(world: World) -> None:
    await world.give(ANN, "ro_reader", "docs")
    with pytest.raises(ForbiddenError):
        await create(world, draft(statement("ro_reader")))


@pytest.mark.parametrize("role", ["Authress:Owner", "ro_none"])
async def test_a_role_that_may_mean_anything_needs_every_right(world: World, role: str) -> None:
    await world.give(ANN, "ro_lead", "docs")
    with pytest.raises(ForbiddenError):
        await create(world, draft(statement(role)))
    await world.give(ANN, "Authress:Owner", "docs/1")
    await create(world, draft(statement(role)))


async def test_a_record_that_gives_nobody_anything_needs_the_rights_all_the_same(world: World) -> None:
    await world.role("ro_nothing")
    with pytest.raises(ForbiddenError):
        await create(world, draft(users=()))
    with pytest.raises(ForbiddenError):
        await create(world, draft(statement("ro_nothing"), users=()))


async def test_what_stood_before_needs_no_right_and_what_is_new_does(world: World) -> None:
    first = draft(statement("ro_lead"), id=KEY, users=("cy", "dan"), admins=("ann",))
    await create_record(world.services, OWNER_CLIENT, first)
    renamed = draft(statement("ro_lead"), name="renamed", users=("cy", "dan"))
    await replace_record(world.services, ANN, KEY, renamed, None)
    # The same for fewer people, or the same said on the statement, is nothing new.
    await replace_record(world.services, ANN, KEY, draft(statement("ro_lead", users=("cy",)), users=()), None)
    for replacement in (
        draft(statement("ro_lead"), users=("cy", "bob")),
        draft(statement("ro_lead"), users=("cy", "dan")),
        draft(statement("ro_lead", "docs/2"), users=("cy",)),
        draft(statement("ro_lead"), statement("ro_reader", "docs/3"), users=("cy",)),
    ):
        with pytest.raises(ForbiddenError):
            await replace_record(world.services, ANN, KEY, replacement, None)


async def test_a_mark_on_the_resource_holds_for_a_user_who_hands_out_and_not_for_a_client(world: World) -> None:
    await world.give(ANN, "ro_editor", "docs")
    await world.mark("docs/1", STRONG)
    with pytest.raises(StepUpRefusedError):
        await create(world, draft())
    await create_record(world.services, OWNER_CLIENT, draft())
    await world.elevate(ANN, "docs/1", "*")
    await create(world, draft())


async def test_a_group_that_records_name_already_needs_the_right_to_give_what_they_say(world: World) -> None:
    await world.role("ro_groups", permission("CREATE"))
    await world.give(ANN, "ro_groups", "Authress:Groups")
    given = StatementDraft(statement().roles, statement().resources, groups=(GroupId("grp_old"),))
    await create_record(world.services, OWNER_CLIENT, draft(given, users=()))
    with pytest.raises(ForbiddenError):
        await create_group(world.services, ANN, GroupDraft("g", (ANN.principal,), GroupId("grp_old")))
    await create_group(world.services, ANN, GroupDraft("g", (ANN.principal,), GroupId("grp_new")))


async def test_to_let_a_client_check_everybody_is_to_hand_that_out(world: World) -> None:
    await world.role("ro_clients", permission("CREATE"))
    await world.give(ANN, "ro_clients", "Authress:ServiceClients")
    await create_client(world.services, ANN, ClientDraft("c"))
    with pytest.raises(ForbiddenError):
        await create_client(world.services, ANN, ClientDraft("c", may_check_any_user=True))


async def test_a_record_that_asks_too_many_questions_is_refused_before_they_are_asked(world: World) -> None:
    await world.give(ANN, "ro_editor", "docs")
    many = [statement("ro_reader", " ".join(f"docs/{place}/{number}" for number in range(100))) for place in range(101)]
    with pytest.raises(TooLargeError):
        await create(world, draft(*many))
