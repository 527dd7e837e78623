"""Lists of records, groups, roles and clients: who sees few finds them at once, who sees all pages through (§11)."""

from collections.abc import Awaitable, Callable

import pytest
from tests.unit.service_management.world import OWNER_CLIENT, STRONG, World, permission, user

from stairgate.model.access import AccessRecord, Group, RecordStatus, Role
from stairgate.model.clients import ServiceClient
from stairgate.model.ids import ClientId, GroupId, RecordId, RoleId
from stairgate.model.tokens import Caller
from stairgate.ports.store import WriteTransaction
from stairgate.service import management
from stairgate.service.clients import list_clients
from stairgate.service.groups import list_groups
from stairgate.service.management import MOST_LOOKED, Listed
from stairgate.service.records import RecordFilter, list_records
from stairgate.service.roles import list_roles

pytestmark = pytest.mark.anyio
ANN = user("ann")
MANY = MOST_LOOKED + 200
MINE = (3, MANY // 2, MANY - 1)  # what Ann is an admin of
NAMED = MANY - 5  # what her grants name


def number_of(key: str) -> int:
    return int(key.rpartition("_")[2])


async def fill(world: World) -> None:
    admins = dict.fromkeys(MINE, (ANN.principal,))

    def run(transaction: WriteTransaction) -> None:
        for number in range(MANY):
            name = f"{number:05}"
            status = RecordStatus.DELETED if number == MINE[0] else RecordStatus.ACTIVE
            record = AccessRecord(
                RecordId(f"rec_{name}"), f"R {name}", (), admins=admins.get(number, ()), status=status
            )
            transaction.put_record(record)
            transaction.put_group(Group(GroupId(f"grp_{name}"), f"G {name}", (), admins.get(number, ())))

    await world.write(run)
    for kind, prefix in (("AccessRecords", "rec"), ("Groups", "grp")):
        await world.give(ANN, "ro_reader", f"Authress:{kind}/{prefix}_{NAMED:05}", record=f"rec_{kind}")


async def every(page: Callable[[str | None], Awaitable[Listed[str]]]) -> tuple[list[str], int]:
    """Everything, and in how many pages."""
    found: list[str] = []
    after: str | None = None
    for count in range(1, 500):
        listed = await page(after)
        found += listed.items
        after = listed.after
        if after is None:
            return found, count
    raise AssertionError("the pages have no end")


def records(
    world: World, who: Caller, limit: int = 20, having: RecordFilter | None = None
) -> Callable[[str | None], Awaitable[Listed[str]]]:
    async def page(after: str | None) -> Listed[str]:
        found = await list_records(world.services, who, limit=limit, after=after, having=having or RecordFilter())
        return Listed(tuple(each.id for each in found.items), found.after)

    return page


def groups(
    world: World, who: Caller, limit: int = 20, text: str | None = None
) -> Callable[[str | None], Awaitable[Listed[str]]]:
    async def page(after: str | None) -> Listed[str]:
        found = await list_groups(world.services, who, limit=limit, after=after, text=text)
        return Listed(tuple(each.id for each in found.items), found.after)

    return page


async def test_who_may_see_few_records_finds_them_in_one_page(world: World) -> None:
    await fill(world)
    found, pages = await every(records(world, ANN))
    assert [number_of(key) for key in found if key.startswith("rec_0")] == sorted([*MINE, NAMED])
    assert pages == 1
    assert await every(records(world, ANN, 1)) == (found, len(found))
    deleted, _ = await every(records(world, ANN, having=RecordFilter(RecordStatus.DELETED)))
    assert [number_of(key) for key in deleted] == [MINE[0]]
    some, _ = await every(records(world, ANN, having=RecordFilter(text=f"r {NAMED:05}")))
    assert [number_of(key) for key in some] == [NAMED]
    assert await every(records(world, user("nobody"))) == ([], 1)


async def test_who_may_see_few_groups_finds_them_in_one_page(world: World) -> None:
    await fill(world)
    found, pages = await every(groups(world, ANN))
    assert ([number_of(key) for key in found], pages) == (sorted([*MINE, NAMED]), 1)
    assert (await every(groups(world, ANN, text=f"GRP_{NAMED:05}")))[0] == [f"grp_{NAMED:05}"]


async def test_who_may_see_all_pages_through_all_of_them_once(world: World) -> None:
    await fill(world)
    found, pages = await every(groups(world, OWNER_CLIENT))
    assert [number_of(key) for key in found] == list(range(MANY))
    assert pages == MANY // 20
    some, pages = await every(groups(world, OWNER_CLIENT, text="g 0119"))
    assert ([number_of(key) for key in some], pages) == (list(range(1190, 1200)), 1)
    deleted, pages = await every(records(world, OWNER_CLIENT, having=RecordFilter(RecordStatus.DELETED, "rec_")))
    assert ([number_of(key) for key in deleted], pages) == ([MINE[0]], 1)


async def test_a_search_looks_through_a_bounded_number_of_names_for_a_page(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many there are, one page takes no longer; the pages together still find all."""
    await fill(world)
    monkeypatch.setattr(management, "SEARCHED", 250)
    found, pages = await every(groups(world, OWNER_CLIENT, text="g 0119"))
    assert [number_of(key) for key in found] == list(range(1190, 1200))
    assert pages == MANY // 250 + 1
    nothing = await list_groups(world.services, OWNER_CLIENT, limit=20, after=None, text="no such name")
    assert nothing == Listed((), "grp_00249")
    some, _ = await every(records(world, OWNER_CLIENT, 3, RecordFilter(RecordStatus.ACTIVE, "r 011")))
    assert [number_of(key) for key in some] == list(range(1100, 1200))


async def test_a_protected_record_is_not_listed_even_to_its_admin(world: World) -> None:
    await fill(world)
    await world.mark(f"Authress:AccessRecords/rec_{MINE[1]:05}", STRONG)
    found, _ = await every(records(world, ANN))
    assert f"rec_{MINE[1]:05}" not in found
    await world.elevate(ANN, f"Authress:AccessRecords/rec_{MINE[1]:05}", "*")
    found, _ = await every(records(world, ANN))
    assert f"rec_{MINE[1]:05}" in found


async def test_roles_and_clients_that_grants_name_are_found_among_many(world: World) -> None:
    def run(transaction: WriteTransaction) -> None:
        for number in range(MANY):
            transaction.put_role(Role(RoleId(f"ro_{number:05}"), f"Role {number}", ()))
            transaction.put_client(ServiceClient(ClientId(f"sc_{number:05}"), f"Client {number}", world.clock.now()))

    await world.write(run)
    await world.role("ro_see", permission("READ"))
    await world.give(ANN, "ro_see", f"Authress:Roles/ro_{NAMED:05}", "Authress:Roles/Authress:Owner", record="rec_1")
    await world.give(ANN, "ro_see", f"Authress:ServiceClients/sc_{NAMED:05}", record="rec_2")
    roles = await list_roles(world.services, ANN, limit=5, after=None, text=None)
    assert ([role.id for role in roles.items], roles.after) == (["Authress:Owner", f"ro_{NAMED:05}"], None)
    none = await list_roles(world.services, ANN, limit=5, after=None, text="nothing like it")
    assert none == Listed((), None)
    found = await list_clients(world.services, ANN, limit=5, after=None)
    assert ([each.id for each in found.items], found.after) == ([f"sc_{NAMED:05}"], None)
    everything = await list_roles(world.services, OWNER_CLIENT, limit=100, after="ro_01100", text=None)
    assert (len(everything.items), everything.after) == (100, "ro_editor")
