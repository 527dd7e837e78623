"""Claims: who may, what is free, and what a claim gives (authress-contract §1.3, §2.6)."""

import asyncio

import pytest
from tests.unit.service_management.world import ONCE, OWNER_CLIENT, STRONG, World, draft, permission, statement, user

from stairgate.model.access import Group, RecordStatus, ResourceAbility, ResourceConfiguration
from stairgate.model.errors import AlreadyClaimedError, ForbiddenError, InvalidInputError, StepUpRefusedError
from stairgate.model.ids import GroupId
from stairgate.model.resources import parse_pattern, parse_resource
from stairgate.model.tokens import Caller
from stairgate.service.claims import Claimed, claim_resource, claimed_resource
from stairgate.service.drafts import RecordDraft
from stairgate.service.records import create_record, delete_record, read_record

pytestmark = pytest.mark.anyio
ANN, BOB = user("ann"), user("bob")


async def open_to_claims(world: World, *collections: str) -> None:
    for collection in collections:
        configuration = ResourceConfiguration(parse_pattern(collection), frozenset({ResourceAbility.CLAIM}))
        await world.write(lambda transaction, each=configuration: transaction.put_resource(each))  # type: ignore[misc]


async def claim(world: World, caller: Caller, collection: str = "tenants", child: str = "t1") -> Claimed:
    return (await claim_resource(world.services, caller, claimed_resource(collection, child))).value


async def give(world: World, *, resources: str = "tenants/t1", **more: object) -> None:
    """Access for others, past the guard."""
    made: RecordDraft = draft(statement("ro_reader", resources), **{"users": ("bob",), **more})  # type: ignore[arg-type]
    await create_record(world.services, OWNER_CLIENT, made)


async def test_a_claim_makes_the_caller_owner_and_admin(world: World) -> None:
    await open_to_claims(world, "tenants")
    claimed = await claim(world, ANN)
    assert str(claimed.resource) == "tenants/t1"
    record = await read_record(world.services, ANN, claimed.record.id)  # which an admin may
    assert (record.users, record.admins) == (("ann",), ("ann",))
    assert [(part.roles, [str(each) for each in part.resources]) for part in record.statements] == [
        (("Authress:Owner",), ["tenants/t1"])
    ]
    # An owner may hand on.
    await create_record(world.services, ANN, draft(statement("ro_reader", "tenants/t1/docs"), users=("bob",)))
    assert (await world.audit())[-2][:2] == ("record.changed", "ann")


async def test_it_needs_a_collection_that_is_open_to_claims(world: World) -> None:
    """`CLAIM` on the resource itself, above its collection, or on all below is not on its collection."""
    await open_to_claims(world, "tenants/t1", "tenants/*", "*", "other")
    with pytest.raises(ForbiddenError):
        await claim(world, ANN)
    await open_to_claims(world, "tenants")
    await claim(world, ANN)


async def test_a_wildcard_in_the_configuration_opens_collections_of_its_own_depth(world: World) -> None:
    await open_to_claims(world, "orgs/*/projects")
    await claim(world, ANN, "orgs/1/projects", "p1")
    with pytest.raises(ForbiddenError):
        await claim(world, ANN, "orgs/1", "projects")
    with pytest.raises(ForbiddenError):
        await claim(world, ANN, "orgs/1/projects/p2", "x")


async def test_or_the_right_to_hand_out_everything_on_the_resource(world: World) -> None:
    await world.role("ro_all", permission("*", "d"))
    await world.role("ro_some", permission("READ", "agd"))
    await world.give(ANN, "ro_some", "tenants")
    with pytest.raises(ForbiddenError):
        await claim(world, ANN)
    await world.give(ANN, "ro_all", "tenants", record="rec_all")
    await claim(world, ANN)


async def test_what_is_claimed_cannot_be_claimed_again_not_even_by_its_owner(world: World) -> None:
    await open_to_claims(world, "tenants")
    claimed = await claim(world, ANN)
    for caller in (ANN, BOB):
        with pytest.raises(AlreadyClaimedError):
            await claim(world, caller)
    await delete_record(world.services, ANN, claimed.record.id)
    assert (await read_record(world.services, ANN, claimed.record.id)).status is RecordStatus.DELETED
    await claim(world, BOB)


@pytest.mark.parametrize("on", ["tenants/t1", "tenants/t1/docs/5", "tenants/t1/*"])
async def test_nothing_is_claimed_that_others_were_given(world: World, on: str) -> None:
    """Nor what lies above something of theirs: its owner would get at that."""
    await open_to_claims(world, "tenants")
    await give(world, resources=on)
    with pytest.raises(AlreadyClaimedError):
        await claim(world, ANN)


async def test_what_a_group_was_given_is_taken_too(world: World) -> None:
    await open_to_claims(world, "tenants")
    await world.write(lambda transaction: transaction.put_group(Group(GroupId("grp_1"), "g", (ANN.token.user,))))
    await give(world, users=(), groups=(GroupId("grp_1"),))
    with pytest.raises(AlreadyClaimedError):
        await claim(world, ANN)


async def test_access_from_above_or_of_the_caller_does_not_stand_in_the_way(world: World) -> None:
    await open_to_claims(world, "tenants")
    for number, on in enumerate(("tenants", "tenants/*", "*", "tenants/t10", "tenants/*/docs")):
        await give(world, resources=on, name=str(number))
    await give(world, users=("ann",), name="hers")
    await give(world, users=(), name="nobody's")
    await claim(world, ANN)


async def test_of_many_who_claim_at_once_one_gets_it(world: World) -> None:
    await open_to_claims(world, "tenants")
    callers = [user(f"u{number}") for number in range(16)]
    outcomes = await asyncio.gather(*(claim(world, caller) for caller in callers), return_exceptions=True)
    assert sum(isinstance(outcome, Claimed) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, AlreadyClaimedError) for outcome in outcomes) == 15


async def test_what_guards_the_management_api_cannot_be_claimed(world: World) -> None:
    """Whoever owned the resource of a client could make its keys."""
    await open_to_claims(world, "Authress:ServiceClients")
    with pytest.raises(ForbiddenError):
        await claim(world, ANN, "Authress:ServiceClients", "sc_1")


async def test_a_mark_holds_for_claims_too(world: World) -> None:
    await open_to_claims(world, "tenants")
    await world.mark("tenants/t1", STRONG)
    with pytest.raises(StepUpRefusedError):
        await claim(world, ANN)
    await world.elevate(ANN, "tenants/t1", "*")
    await claim(world, ANN)


async def test_a_claim_takes_one_use_of_a_counted_elevation(world: World) -> None:
    await open_to_claims(world, "tenants")
    await world.mark("tenants/*", ONCE, "CLAIM")
    await world.elevate(ANN, "tenants/t1", "CLAIM", uses=1, exact=True)
    await claim(world, ANN)
    with pytest.raises(StepUpRefusedError):
        await claim(world, ANN)


@pytest.mark.parametrize(
    ("collection", "child", "field"),
    [
        ("tenants", "a/b", "resourceId"),
        ("tenants", "/a", "resourceId"),
        ("tenants", "*", "resourceId"),
        ("tenants", "..", "resourceId"),
        ("tenants", "a:*", "resourceId"),
        ("tenants/*", "a", "collectionResource"),
        ("*", "a", "collectionResource"),
        ("a//b", "a", "collectionResource"),
        ("/".join("abcdefghijklmno"), "p", "resourceId"),
    ],
)
def test_a_claim_names_one_node_of_one_collection(collection: str, child: str, field: str) -> None:
    with pytest.raises(InvalidInputError) as refused:
        claimed_resource(collection, child)
    assert refused.value.field == field


def test_slashes_around_a_collection_are_insignificant() -> None:
    assert claimed_resource("/tenants/", "t1") == parse_resource("tenants/t1")
