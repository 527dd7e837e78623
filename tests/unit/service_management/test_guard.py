"""The management API is guarded by the same engine, and tells strangers nothing (semantics §3; contract §2.7)."""

import json

import pytest
from tests.unit.service_management.world import ONCE, OWNER_CLIENT, STRONG, World, draft, permission, user

from stairgate.model.access import AccessRecord
from stairgate.model.actions import parse_action
from stairgate.model.decisions import Question, Reason
from stairgate.model.errors import ForbiddenError, InvalidInputError, NotFoundError, StepUpRefusedError
from stairgate.model.ids import RecordId
from stairgate.model.resources import escape_segment, parse_resource, unescape_segment
from stairgate.model.tokens import Caller, UserCaller
from stairgate.ports.store import ReadTransaction
from stairgate.service.challenge_tokens import read_ticket
from stairgate.service.drafts import RoleDraft
from stairgate.service.guard import opens
from stairgate.service.loading import facts_in
from stairgate.service.management import Listed
from stairgate.service.records import (
    RecordFilter,
    create_record,
    delete_record,
    list_records,
    read_record,
    replace_record,
)
from stairgate.service.roles import create_role, read_role

pytestmark = pytest.mark.anyio
ANN, BOB = user("ann"), user("bob")
RECORD = RecordId("rec_1")


async def made(world: World) -> None:
    await create_record(world.services, OWNER_CLIENT, draft(id=RECORD, admins=()))


async def test_without_any_right_a_record_that_is_there_and_one_that_is_not_look_alike(world: World) -> None:
    await made(world)
    titles = set()
    for key in (RECORD, RecordId("rec_none")):
        for verb in (read_record, delete_record):
            with pytest.raises(NotFoundError) as caught:
                await verb(world.services, ANN, key)
            titles.add((type(caught.value), caught.value.title))
    assert len(titles) == 1


async def test_with_some_right_but_not_this_one_it_is_forbidden(world: World) -> None:
    await made(world)
    await world.give(ANN, "ro_reader", f"Authress:AccessRecords/{RECORD}")
    assert (await read_record(world.services, ANN, RECORD)).id == RECORD
    with pytest.raises(ForbiddenError):
        await delete_record(world.services, ANN, RECORD)
    # … also where it is not there: the right says nothing of existence.
    await world.give(ANN, "ro_reader", "Authress:AccessRecords/rec_none", record="rec_x")
    with pytest.raises(ForbiddenError):
        await delete_record(world.services, ANN, RecordId("rec_none"))
    with pytest.raises(NotFoundError):
        await read_record(world.services, ANN, RecordId("rec_none"))


async def test_a_collection_has_no_existence_to_hide(world: World) -> None:
    with pytest.raises(ForbiddenError):
        await create_role(world.services, ANN, RoleDraft("r", (permission("READ"),)))


async def test_admins_read_edit_and_delete_their_record_and_no_other(world: World) -> None:
    await create_record(world.services, OWNER_CLIENT, draft(id=RECORD, admins=("ann",)))
    await create_record(world.services, OWNER_CLIENT, draft(id=RecordId("rec_2"), admins=("bob",)))
    assert (await read_record(world.services, ANN, RECORD)).name == "r"
    written = await replace_record(world.services, ANN, RECORD, draft(name="new"), None)
    assert (written.value.name, written.value.admins) == ("new", ("ann",))
    with pytest.raises(NotFoundError):
        await read_record(world.services, ANN, RecordId("rec_2"))
    await delete_record(world.services, ANN, RECORD)


async def test_whoever_makes_a_record_becomes_its_admin_unless_told_otherwise(world: World) -> None:
    await world.give(ANN, "ro_editor", "docs")
    mine = (await create_record(world.services, ANN, draft())).value
    assert mine.admins == ("ann",)
    none = (await create_record(world.services, ANN, draft(admins=()))).value
    assert none.admins == ()
    with pytest.raises(NotFoundError):
        await read_record(world.services, ANN, none.id)


async def test_a_mark_on_a_management_resource_holds_for_users_and_for_admins(world: World) -> None:
    await create_record(world.services, OWNER_CLIENT, draft(id=RECORD, admins=("ann",)))
    await world.mark("Authress:AccessRecords", STRONG, "UPDATE")
    with pytest.raises(StepUpRefusedError) as caught:
        await delete_record(world.services, ANN, RECORD)
    refused = caught.value
    assert refused.decision.reason is Reason.ELEVATION_REQUIRED
    assert refused.challenge_token is not None
    ticket = read_ticket(world.services, refused.challenge_token)
    assert (ticket.user, ticket.token, str(ticket.action)) == ("ann", ANN.token.key, "UPDATE")
    assert (await read_record(world.services, ANN, RECORD)).status == "ACTIVE"  # READ is not marked
    await world.elevate(ANN, "Authress:AccessRecords", "UPDATE")
    with pytest.raises(StepUpRefusedError):  # attack 1: another token of the same user
        await delete_record(world.services, user("ann", session="2"), RECORD)
    await delete_record(world.services, ANN, RECORD)


async def test_a_mark_on_a_management_resource_holds_for_service_clients(world: World) -> None:
    await made(world)
    await world.mark("Authress:AccessRecords", STRONG, "UPDATE")
    with pytest.raises(StepUpRefusedError):
        await delete_record(world.services, OWNER_CLIENT, RECORD)


async def test_a_counted_elevation_opens_one_change_and_is_recorded_with_it(world: World) -> None:
    for key in ("rec_1", "rec_2"):
        await create_record(world.services, OWNER_CLIENT, draft(id=RecordId(key), admins=("ann",)))
    await world.mark("Authress:AccessRecords", ONCE, "UPDATE")
    used = await world.elevate(ANN, "Authress:AccessRecords/rec_1", "UPDATE", uses=1, exact=True)
    await delete_record(world.services, ANN, RecordId("rec_1"))
    entries = await world.audit()
    assert [event for event, _, _ in entries][-2:] == ["elevation.used", "record.changed"]
    assert json.loads(entries[-1][2])["elevations"] == [used]
    with pytest.raises(StepUpRefusedError):
        await delete_record(world.services, ANN, RecordId("rec_1"))


async def test_a_change_that_fails_takes_no_use(world: World) -> None:
    await create_record(world.services, OWNER_CLIENT, draft(id=RECORD, admins=("ann",)))
    await world.mark("Authress:AccessRecords", ONCE, "UPDATE")
    used = await world.elevate(ANN, f"Authress:AccessRecords/{RECORD}", "UPDATE", uses=1, exact=True)
    with pytest.raises(ForbiddenError):
        await replace_record(world.services, ANN, RECORD, draft(users=("bob",)), None)
    elevation = await world.store.read(lambda transaction: transaction.elevation(used))
    assert elevation is not None
    assert elevation.uses_left == 1


async def test_a_read_takes_the_use_that_it_needs_and_a_list_takes_none(world: World) -> None:
    await create_record(world.services, OWNER_CLIENT, draft(id=RECORD, admins=("ann",)))
    await world.mark("Authress:AccessRecords", ONCE, "READ")
    assert not (await listing(world, ANN)).items
    used = await world.elevate(ANN, f"Authress:AccessRecords/{RECORD}", "READ", uses=1, exact=True)
    assert [record.id for record in (await listing(world, ANN)).items] == [RECORD]
    await read_record(world.services, ANN, RECORD)
    elevation = await world.store.read(lambda transaction: transaction.elevation(used))
    assert elevation is not None
    assert elevation.uses_left == 0
    with pytest.raises(StepUpRefusedError):
        await read_record(world.services, ANN, RECORD)


async def listing(world: World, who: Caller, *, limit: int = 20, after: str | None = None) -> Listed[AccessRecord]:
    return await list_records(world.services, who, limit=limit, after=after, having=RecordFilter())


async def test_a_list_shows_what_its_caller_may_read_page_by_page(world: World) -> None:
    for number in range(7):
        admins = ("ann",) if number % 2 else ("bob",)
        await create_record(world.services, OWNER_CLIENT, draft(id=RecordId(f"rec_{number}"), admins=admins))
    first = await listing(world, ANN, limit=2)
    assert [record.id for record in first.items] == ["rec_1", "rec_3"]
    rest = await listing(world, ANN, limit=2, after=first.after)
    assert ([record.id for record in rest.items], rest.after) == (["rec_5"], None)
    assert len((await listing(world, OWNER_CLIENT)).items) == 8  # and the one that makes it owner


async def test_an_observed_mark_lets_a_change_pass_and_is_recorded(world: World) -> None:
    from stairgate.model.protection import Enforcement, Requirement

    await create_record(world.services, OWNER_CLIENT, draft(id=RECORD, admins=("ann",)))
    await world.mark("Authress:AccessRecords", Requirement(enforce=Enforcement.OBSERVE), "UPDATE")
    await delete_record(world.services, ANN, RECORD)
    assert "mark.observed" in [event for event, _, _ in await world.audit()]


async def test_the_built_in_roles_can_be_read_by_who_may_read_roles(world: World) -> None:
    from stairgate.model.ids import RoleId

    assert (await read_role(world.services, OWNER_CLIENT, RoleId("Authress:Owner"))).name == "Owner"
    with pytest.raises(NotFoundError):
        await read_role(world.services, ANN, RoleId("Authress:Owner"))


@pytest.mark.parametrize("text", ["", ".", "..", "rec_1", "a~b", ":x", "a/b", "é", "rec|x:y", "~2E"])
def test_what_is_escaped_into_a_segment_is_read_back(text: str) -> None:
    assert unescape_segment(escape_segment(text)) == text


@pytest.mark.parametrize("segment", ["~zz", "~7e", "~41", "~FF", "a/b", "~2E~2E~2E~", "*"])
def test_a_segment_that_no_text_is_escaped_into_is_refused(segment: str) -> None:
    with pytest.raises(InvalidInputError):
        unescape_segment(segment)


async def test_an_answer_counts_for_what_a_guard_requires_as_for_a_check(world: World) -> None:
    await create_record(world.services, OWNER_CLIENT, draft(id=RECORD, admins=("ann",)))
    await world.mark("Authress:AccessRecords", STRONG, "UPDATE")
    key = await world.elevate(ANN, f"Authress:AccessRecords/{RECORD}", "UPDATE")

    def opened(transaction: ReadTransaction, resource: str, who: UserCaller) -> bool:
        facts = facts_in(transaction, who.principal)
        elevation = transaction.elevation(key)
        assert elevation is not None
        question = Question(who.principal, parse_resource(resource), parse_action("UPDATE"), who.token.key)
        return opens(transaction, question, facts, elevation, world.clock.now())

    for resource, who, expected in (
        (f"Authress:AccessRecords/{RECORD}", ANN, True),
        (f"Authress:AccessRecords/{RECORD}", BOB, False),
        ("Authress:AccessRecords/rec_none", ANN, False),
        ("Authress:AccessRecords/~zz", ANN, False),
        ("Authress:AccessRecords", ANN, False),
    ):
        assert await world.store.read(lambda t, r=resource, w=who: opened(t, r, w)) is expected, (resource, who)  # type: ignore[misc]
