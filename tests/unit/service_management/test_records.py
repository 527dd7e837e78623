"""Access records: make, replace, delete, and what a replacement keeps (semantics §4; authress-contract §2.6, §4.5)."""

import json

import pytest
from tests.unit.service_management.world import OWNER_CLIENT, STRONG, World, draft, statement

from stairgate.model.access import RecordStatus
from stairgate.model.errors import (
    AccessRecordAlreadyExistsError,
    InvalidInputError,
    NotFoundError,
    PreconditionFailedError,
    ProtectionWouldBeLostError,
    TooLargeError,
)
from stairgate.model.ids import RecordId, UserId
from stairgate.model.protection import Level, Requirement
from stairgate.service import records
from stairgate.service.drafts import RecordDraft
from stairgate.service.preconditions import unmodified_since
from stairgate.service.records import create_record, delete_record, read_record, replace_record

pytestmark = pytest.mark.anyio
BASIC = Requirement(level=Level.BASIC)
KEY = RecordId("rec_1")


async def create(world: World, made: RecordDraft) -> None:
    await create_record(world.services, OWNER_CLIENT, made)


async def marks_after(world: World, replacement: RecordDraft) -> list[Requirement | None]:
    written = await replace_record(world.services, OWNER_CLIENT, KEY, replacement, None)
    return [each.step_up for each in written.value.statements]


async def test_a_deleted_record_stays_readable_and_its_id_can_be_used_again(world: World) -> None:
    await create(world, draft(id=KEY))
    with pytest.raises(AccessRecordAlreadyExistsError):
        await create(world, draft(id=KEY))
    await delete_record(world.services, OWNER_CLIENT, KEY)
    assert (await read_record(world.services, OWNER_CLIENT, KEY)).status is RecordStatus.DELETED
    with pytest.raises(NotFoundError):
        await replace_record(world.services, OWNER_CLIENT, KEY, draft(), None)
    await create(world, draft(id=KEY, name="again"))
    again = await read_record(world.services, OWNER_CLIENT, KEY)
    assert (again.status, again.name) == (RecordStatus.ACTIVE, "again")


async def test_deleting_twice_is_one_change(world: World) -> None:
    await create(world, draft(id=KEY))
    await delete_record(world.services, OWNER_CLIENT, KEY)
    before = len(await world.audit())
    await delete_record(world.services, OWNER_CLIENT, KEY)
    assert len(await world.audit()) == before


async def test_users_stand_on_the_record_or_on_its_statements(world: World) -> None:
    with pytest.raises(InvalidInputError) as caught:
        await create(world, draft(statement(users=("bob",))))
    assert caught.value.field == "statements[0].users"
    await create(world, draft(statement(users=("bob",)), users=()))


async def test_a_record_over_the_limit_is_too_large(world: World) -> None:
    with pytest.raises(TooLargeError):
        await create(world, draft(description="x" * 100_001))


async def test_every_change_is_in_the_chain_with_the_digest_of_what_was_written(world: World) -> None:
    first = await create_record(world.services, OWNER_CLIENT, draft(id=KEY))
    second = await replace_record(world.services, OWNER_CLIENT, KEY, draft(name="b"), None)
    third = await delete_record(world.services, OWNER_CLIENT, KEY)
    assert first.revision < second.revision < third.revision
    facts = [json.loads(text) for event, _, text in await world.audit() if event == "record.changed"]
    assert [each["change"] for each in facts] == ["created", "replaced", "deleted"]
    assert len({each["digest"] for each in facts}) == 3
    assert facts[1]["before"] == facts[0]["digest"]
    assert {actor for event, actor, _ in await world.audit()} == {"sc_owner"}


# --- If-Unmodified-Since


@pytest.mark.parametrize(
    "form", ["%Y-%m-%dT%H:%M:%S.{ms}Z", "%Y-%m-%dT%H:%M:%S.{us}+00:00", "%a, %d %b %Y %H:%M:%S GMT"]
)
async def test_each_form_of_the_time_that_was_read_lets_pass_and_is_refused_after_a_change(
    world: World, form: str
) -> None:
    world.clock.advance(0.123456)
    await create(world, draft(id=KEY))
    read = (await read_record(world.services, OWNER_CLIENT, KEY)).last_updated
    assert read is not None
    micros = f"{read.microsecond:06}"
    text = read.strftime(form.replace("{ms}", micros[:3]).replace("{us}", micros))
    written = await replace_record(world.services, OWNER_CLIENT, KEY, draft(name="b"), unmodified_since(text))
    with pytest.raises(PreconditionFailedError) as caught:  # although no second has passed
        await replace_record(world.services, OWNER_CLIENT, KEY, draft(name="c"), unmodified_since(text))
    assert caught.value.last_modified == written.value.last_updated
    assert (await read_record(world.services, OWNER_CLIENT, KEY)).name == "b"


async def test_the_time_of_a_change_has_whole_milliseconds_which_javascript_carries(world: World) -> None:
    world.clock.advance(0.123456)
    written = await create_record(world.services, OWNER_CLIENT, draft(id=KEY))
    assert written.value.last_updated is not None
    assert written.value.last_updated.microsecond == 123_000


async def test_an_offset_is_understood(world: World) -> None:
    await create(world, draft(id=KEY))
    later = unmodified_since("2026-01-01T14:00:00+02:00")
    await replace_record(world.services, OWNER_CLIENT, KEY, draft(), later)
    earlier = unmodified_since("2026-01-01T12:00:00+02:00")
    with pytest.raises(PreconditionFailedError):
        await replace_record(world.services, OWNER_CLIENT, KEY, draft(), earlier)


@pytest.mark.parametrize(
    "text", ["", "yesterday", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00", "Thu, 99 Jan 2026 12:00:00 GMT", "9" * 50]
)
def test_a_condition_that_cannot_be_read_is_refused_and_not_ignored(text: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        unmodified_since(text)
    assert caught.value.field == "If-Unmodified-Since"


# --- a protection does not get lost


async def test_a_statement_without_step_up_keeps_its_mark_in_whatever_order(world: World) -> None:
    await create(world, draft(statement("ro_reader ro_editor", "docs/1 docs/2", STRONG), statement(), id=KEY))
    kept = await marks_after(world, draft(statement(), statement("ro_editor ro_reader", "docs/2 /docs/1")))
    assert kept == [None, STRONG]


async def test_an_explicit_null_removes_a_mark(world: World) -> None:
    await create(world, draft(statement(step_up=STRONG), id=KEY))
    assert await marks_after(world, draft(statement(step_up=None))) == [None]


async def test_a_written_requirement_replaces_a_mark(world: World) -> None:
    await create(world, draft(statement(step_up=STRONG), id=KEY))
    assert await marks_after(world, draft(statement(step_up=BASIC))) == [BASIC]


@pytest.mark.parametrize(
    "replacement",
    [
        draft(statement(resources="docs/2")),
        draft(statement("ro_editor")),
        draft(statement(users=("ann",)), users=()),
        draft(statement(resources="docs/1 docs/2")),
    ],
    ids=["other resource", "other role", "other users", "wider"],
)
async def test_a_marked_statement_without_a_counterpart_is_a_conflict_and_nothing_changes(
    world: World, replacement: RecordDraft
) -> None:
    await create(world, draft(statement(step_up=STRONG), id=KEY))
    before, entries = await read_record(world.services, OWNER_CLIENT, KEY), len(await world.audit())
    with pytest.raises(ProtectionWouldBeLostError):
        await replace_record(world.services, OWNER_CLIENT, KEY, replacement, None)
    assert await read_record(world.services, OWNER_CLIENT, KEY) == before
    assert len(await world.audit()) == entries


async def test_whoever_says_anything_of_step_up_may_drop_a_marked_statement(world: World) -> None:
    await create(world, draft(statement(step_up=STRONG), id=KEY))
    assert await marks_after(world, draft(statement(resources="docs/2", step_up=None))) == [None]


async def test_equal_duplicates_each_keep_theirs(world: World) -> None:
    await create(world, draft(statement(step_up=STRONG), statement(step_up=None), statement(step_up=BASIC), id=KEY))
    assert await marks_after(world, draft(statement(), statement(), statement())) == [STRONG, None, BASIC]


async def test_of_fewer_duplicates_the_marked_ones_are_kept(world: World) -> None:
    await create(world, draft(statement(step_up=None), statement(step_up=STRONG), id=KEY))
    assert await marks_after(world, draft(statement())) == [STRONG]


async def test_two_marked_duplicates_made_one_is_a_conflict(world: World) -> None:
    await create(world, draft(statement(step_up=BASIC), statement(step_up=STRONG), id=KEY))
    with pytest.raises(ProtectionWouldBeLostError):
        await marks_after(world, draft(statement()))


async def test_a_copy_of_a_marked_statement_is_marked_too(world: World) -> None:
    await create(world, draft(statement(step_up=STRONG), id=KEY))
    assert await marks_after(world, draft(statement(), statement())) == [STRONG, STRONG]


async def test_admins_that_a_replacement_does_not_name_stay(world: World) -> None:
    await create(world, draft(id=KEY, admins=(UserId("ann"),)))
    kept = await replace_record(world.services, OWNER_CLIENT, KEY, draft(), None)
    assert kept.value.admins == ("ann",)
    none = await replace_record(world.services, OWNER_CLIENT, KEY, draft(admins=()), None)
    assert none.value.admins == ()


async def test_a_record_names_a_bounded_number_of_people_on_a_bounded_number_of_resources(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So much is written with it, in one transaction that all others wait for. (The bound itself is far away.)"""
    assert records.MOST_PAIRS == 1_000 * 100
    monkeypatch.setattr(records, "MOST_PAIRS", 12)
    people = ("ann", "bob", "cy")
    await create_record(world.services, OWNER_CLIENT, draft(statement(resources="a b c d"), users=people))
    one_more = draft(statement(resources="a b c d"), statement(resources="e"), users=people)
    with pytest.raises(TooLargeError):
        await create_record(world.services, OWNER_CLIENT, one_more)
