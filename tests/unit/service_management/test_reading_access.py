"""Where a user may do something, and who is named on a resource (semantics §11; authress-contract §1.3)."""

from collections.abc import Iterator
from random import Random

import anyio
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.reference import worlds
from tests.unit.service_management.world import ISSUER, OWNER_CLIENT, STRONG, World, permission, services_on, user

from stairgate.model.access import AccessRecord, Group, ResourceAbility, ResourceConfiguration, Statement
from stairgate.model.actions import parse_action
from stairgate.model.clients import Issuer
from stairgate.model.decisions import Allow
from stairgate.model.errors import ForbiddenError, NotFoundError
from stairgate.model.ids import ClientId, GroupId, KeyId, RecordId, RoleId, UserId
from stairgate.model.resources import below_place, node_at, parse_pattern, parse_resource
from stairgate.model.tokens import Caller, ClientCaller, UserCaller, UserToken
from stairgate.ports.store import ReadTransaction, WriteTransaction
from stairgate.service.check import CheckCall, check
from stairgate.service.resources import list_users
from stairgate.service.user_resources import MOST_LOOKED, ResourceSearch, resources_of
from stairgate.service.viewing import ViewCall
from stairgate.storage.memory import MemoryStore
from stairgate.testing.clock import FakeClock

pytestmark = pytest.mark.anyio
ANN = user("ann")


async def found(
    world: World,
    who: UserCaller = ANN,
    collection: str | None = None,
    *,
    nested: bool = False,
    action: str | None = "READ",
    protected: bool = False,
    limit: int = 20,
) -> list[str]:
    """Every page, one after the other; what wants a step-up with `!`."""
    search = ResourceSearch(
        None if collection is None else parse_resource(collection),
        nested,
        None if action is None else parse_action(action),
    )
    call = ViewCall(who.principal, include_protected=protected)
    names: list[str] = []
    after: str | None = None
    for _ in range(100):
        page = await resources_of(world.services, who, call, search, limit=limit, after=after)
        assert len(page.items) <= limit
        names += [f"{each.resource}{'' if each.step_up is None else '!'}" for each in page.items]
        after = page.after
        if after is None:
            return names
    raise AssertionError("the pages have no end")


@pytest.fixture
async def world(world: World) -> World:
    """Where the issuer of the tokens that users come with is trusted."""
    await world.write(lambda transaction: transaction.put_issuer(Issuer(ISSUER, "*")))
    return world


async def register(world: World, *names: str) -> None:
    """Make resources known."""

    def run(transaction: WriteTransaction) -> None:
        for name in names:
            transaction.put_resource(ResourceConfiguration(parse_pattern(name)))

    await world.write(run)


# --- where a user may do something


async def test_a_grant_on_everything_shows_what_is_known_by_levels(world: World) -> None:
    await world.give(ANN, "ro_reader", "*")
    await register(world, "orgs/1", "orgs/1/docs/1", "orgs/2/docs/1", "orgs/1-a", "top", "x/*", "*/y")
    everything = ["orgs/1", "orgs/1/docs/1", "orgs/1-a", "orgs/2/docs/1", "top"]
    assert await found(world, nested=True) == everything
    assert await found(world, nested=True, limit=1) == everything
    assert await found(world) == ["orgs/1", "orgs/1-a", "orgs/2/docs/1", "top"]
    assert await found(world, collection="orgs") == ["orgs/1", "orgs/1-a"]
    assert await found(world, collection="orgs", nested=True) == everything[:-1]
    assert await found(world, collection="orgs/1") == []
    assert await found(world, collection="orgs/1", nested=True) == ["orgs/1/docs/1"]
    assert await found(world, collection="or", nested=True) == []
    assert await found(world, action="UPDATE", nested=True) == []


async def test_what_statements_name_is_known_and_groups_count(world: World) -> None:
    await world.give(user("bob"), "ro_reader", "teams/1", "teams/2")
    group = Group(GroupId("grp_1"), "g", (ANN.principal,))
    record = AccessRecord(
        RecordId("rec_g"),
        "r",
        (Statement((RoleId("ro_reader"),), (parse_pattern("teams/*"),)),),
        groups=(group.id,),
    )
    await world.write(lambda transaction: transaction.put_group(group))
    await world.write(lambda transaction: transaction.put_record(record))
    assert await found(world) == ["teams/1", "teams/2"]
    assert await found(world, collection="teams") == ["teams/1", "teams/2"]
    assert await found(world, user("cy")) == []


async def test_without_an_action_any_that_is_open_is_enough(world: World) -> None:
    await world.role("ro_payer", permission("pay"))
    await world.give(ANN, "ro_payer", "a")
    await world.give(ANN, "ro_reader", "b", record="rec_b")
    await world.mark("a", STRONG, "pay")
    assert await found(world, action=None) == ["b"]
    assert await found(world, action=None, protected=True) == ["a!", "b"]
    await world.elevate(ANN, "a", "pay")
    assert await found(world, action=None, protected=True) == ["a", "b"]
    assert await found(world, user("ann", session="2"), action=None) == ["b"]


async def test_nothing_below_a_protected_resource_is_lost_with_it(world: World) -> None:
    await world.give(ANN, "ro_reader", "a", "a/b")
    configuration = ResourceConfiguration(parse_pattern("a/c"), frozenset({ResourceAbility.PUBLIC}))
    await world.write(lambda transaction: transaction.put_resource(configuration))
    await world.mark("a", STRONG, "WRITE")
    assert await found(world) == ["a"]
    assert await found(world, user("bob")) == ["a/c"]
    await world.mark("a", STRONG, "READ")
    assert await found(world) == []
    assert await found(world, protected=True) == ["a!"]
    assert await found(world, nested=True, protected=True) == ["a!", "a/b!", "a/c!"]


async def test_a_page_looks_at_a_bounded_number_of_places_and_the_next_goes_on(world: World) -> None:
    names = [f"docs/{number:04}" for number in range(MOST_LOOKED + 20)]
    await register(world, *names, "other")
    await world.give(ANN, "ro_reader", "*")
    await world.mark("docs", STRONG, "READ")
    search = ResourceSearch(nested=True, action=parse_action("READ"))
    page = await resources_of(world.services, ANN, ViewCall(ANN.principal), search, limit=5, after=None)
    assert page.items == ()
    assert page.after is not None
    assert await found(world, nested=True) == ["other"]


async def test_another_users_resources_want_a_right_and_their_token(world: World) -> None:
    await world.give(ANN, "ro_reader", "a")
    search = ResourceSearch()
    bob = user("bob")
    with pytest.raises(ForbiddenError):
        await resources_of(world.services, bob, ViewCall(ANN.principal), search, limit=9, after=None)
    await world.give(bob, "ro_reader", "Authress:UserPermissions/ann", record="rec_bob")
    page = await resources_of(world.services, bob, ViewCall(ANN.principal), search, limit=9, after=None)
    assert [str(each.resource) for each in page.items] == ["a"]


# --- who is named on a resource


async def users(world: World, resource: str, caller: Caller = OWNER_CLIENT, *, limit: int = 20) -> list[str]:
    names: list[str] = []
    after: str | None = None
    while True:
        page = await list_users(world.services, caller, parse_pattern(resource), limit=limit, after=after)
        names += [f"{each.user} {','.join(each.roles)}" for each in page.items]
        after = page.after
        if after is None:
            return names


async def test_users_of_a_resource_are_those_named_on_it_by_pages(world: World) -> None:
    for number in range(5):
        await world.give(user(f"u{number}"), "ro_reader", "docs", record=f"rec_{number}")
    await world.give(user("u1"), "ro_editor", "docs", "docs/1", record="rec_more")
    await world.give(user("above"), "ro_editor", "*", record="rec_above")
    expected = ["u0 ro_reader", "u1 ro_editor,ro_reader", "u2 ro_reader", "u3 ro_reader", "u4 ro_reader"]
    assert await users(world, "docs") == expected
    assert await users(world, "docs", limit=2) == expected
    assert await users(world, "docs/1") == ["u1 ro_editor"]
    assert await users(world, "docs/2") == []


async def test_who_may_list_the_users_of_a_resource(world: World) -> None:
    await world.give(user("u"), "ro_reader", "docs", record="rec_u")
    with pytest.raises(ForbiddenError):
        await users(world, "docs", ANN)
    await world.give(ANN, "ro_reader", "Authress:UserPermissions", record="rec_a")
    with pytest.raises(NotFoundError):
        await users(world, "docs", ANN)
    await world.give(ANN, "Authress:Owner", "Authress:ResourcePermissions/docs", record="rec_b")
    assert await users(world, "docs", ANN) == ["u ro_reader"]
    with pytest.raises(NotFoundError):
        await users(world, "other", ANN)
    anyone = ClientCaller(ClientId("sc_any"), KeyId("key_1"), may_check_any_user=True)
    await world.give(anyone, "Authress:Owner", "Authress:ResourcePermissions/docs", record="rec_c")
    assert await users(world, "docs", anyone) == ["u ro_reader"]


# --- what is listed is what the check allows


@settings(max_examples=60)
@given(seed=st.integers(0, 2**64), nested=st.booleans())
def test_what_is_listed_is_what_the_check_allows(seed: int, *, nested: bool) -> None:
    """Nothing listed as open is refused by the check, and all that it allows on a known resource is listed."""
    anyio.run(_listed_is_allowed, seed, nested)


async def _listed_is_allowed(seed: int, nested: bool) -> None:  # handed on by position
    random = Random(seed)
    made, about = worlds.world(random), worlds.question(random)
    elevations = worlds.elevations(random, about)
    store, clock = MemoryStore(), FakeClock()
    clock.set(worlds.NOW)
    services = services_on(store, clock)
    names = [name for name in worlds.RESOURCES if "*" not in name]

    def fill(transaction: WriteTransaction) -> None:
        for record in made.records:
            transaction.put_record(record)
        for role in made.roles:
            transaction.put_role(role)
        for configuration in made.configurations:
            transaction.put_resource(configuration)
        for group in worlds.GROUPS:
            members = tuple(UserId(each) for each, groups in made.groups_of.items() if group in groups)
            transaction.put_group(Group(group, group, members))
        for name in random.sample(names, len(names) // 2):
            pattern = parse_pattern(name)
            transaction.put_resource(transaction.resource(pattern) or ResourceConfiguration(pattern))
        for elevation in elevations:
            transaction.add_elevation(elevation)
        transaction.put_issuer(Issuer(worlds.TOKENS[0].issuer, "*"))

    await store.write(fill)
    caller = UserCaller(UserToken(about.user, about.token or worlds.TOKENS[0], None))
    search = ResourceSearch(None, nested, about.action)
    call = ViewCall(about.user, context=about.context)
    page = await resources_of(services, caller, call, search, limit=100, after=None)
    assert page.after is None
    listed = {each.resource for each in page.items}
    known = set(map(node_at, await store.read(lambda transaction: list(_known(transaction)))))
    for resource in known:
        checked = await check(services, caller, CheckCall(about.user, resource, about.action, context=about.context))
        if resource in listed:
            assert isinstance(checked.decision, Allow)
        elif isinstance(checked.decision, Allow):
            assert not nested
            assert any(resource.segments[: len(each.segments)] == each.segments for each in listed)
    assert listed <= known


def _known(transaction: ReadTransaction) -> Iterator[str]:
    place = transaction.known_place("")
    while place is not None:
        yield place
        place = transaction.known_place(below_place(place))
