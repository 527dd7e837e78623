"""What a user sees of past step-ups, and "this was not me" about each of them (semantics §7.7; attacks 20, 27)."""

from __future__ import annotations

import pytest
from tests.unit.service_stepup.bank import ANN, BASIC, PAY, app_of, bank, passed
from tests.unit.service_stepup.world import World, allowed, wants_step_up

from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import ChallengeBarredError, NotFoundError
from stairgate.model.ids import ChallengeId
from stairgate.model.protection import Method
from stairgate.model.tokens import UserCaller
from stairgate.service.account_links import (
    AccountSession,
    account_session,
    create_account_link,
    enter_account,
    leave_account,
    was_stopped,
)
from stairgate.service.cancel_challenge import cancel_challenge
from stairgate.service.decline_challenge import decline_challenge, disown_challenge
from stairgate.service.history import MOST, list_step_ups
from stairgate.service.read_challenge import read_challenge

pytestmark = pytest.mark.anyio


async def asked(world: World, caller: UserCaller) -> ChallengeId:
    """A challenge of its own for *caller*."""
    return (await world.open(caller, await world.refused(caller, "ann", *PAY))).challenge.id


async def on_the_page(world: World, caller: UserCaller) -> AccountSession:
    made = await create_account_link(world.services, caller, ANN)
    return await enter_account(world.services, made.secret)


async def test_it_tells_each_step_up_newest_first_with_what_came_of_it(world: World) -> None:
    ann = await bank(world)
    satisfied = (await world.step_up(ann, *PAY)).challenge.id
    world.clock.advance(301)
    declined = await asked(world, ann)
    await decline_challenge(world.services, ann, declined, not_me=False)
    world.clock.advance(1)
    cancelled = await asked(world, ann)
    await cancel_challenge(world.services, ann, cancelled)
    world.clock.advance(1)
    expired = await asked(world, ann)
    world.clock.advance(600)
    later = await world.login("ann")
    still_open = await asked(world, later)
    told = await list_step_ups(world.services, later)
    assert [(each.id, each.state, each.method) for each in told] == [
        (still_open, ChallengeState.OPEN, None),
        (expired, ChallengeState.EXPIRED, None),
        (cancelled, ChallengeState.CANCELLED, None),
        (declined, ChallengeState.DECLINED, None),
        (satisfied, ChallengeState.SATISFIED, Method.TOTP),
    ]
    assert [each.here for each in told] == [True, False, False, False, False]
    assert {(str(each.action), str(each.resource)) for each in told} == {PAY}
    assert not any(each.stopped or each.not_me for each in told)


async def test_it_tells_the_20_newest_and_nobody_elses(world: World) -> None:
    ann = await bank(world)
    others = await bank(world, user="bob")
    await world.step_up(others, *PAY)
    made = []
    for _ in range(MOST + 2):
        made.append(await asked(world, ann))
        await cancel_challenge(world.services, ann, made[-1])
        world.clock.advance(1)
    assert [each.id for each in await list_step_ups(world.services, ann)] == made[:1:-1]
    assert len(await list_step_ups(world.services, others)) == 1


async def test_nothing_secret_is_in_it(world: World) -> None:
    """No token key, page secret, number or code, nor the hash of one."""
    await bank(world, BASIC)
    app = await app_of(world)
    text, ann = await passed(world)
    view = await world.open(app, await world.refused(app, "ann", *PAY, user_token=text))
    (told,) = await list_step_ups(world.services, ann)
    assert view.challenge.match is not None
    shown = repr(told)
    for secret in (text, view.match_code, view.page_uri, view.challenge.match, ann.token.key.digest):
        assert secret is not None
        assert secret not in shown
    assert told.asked_by == app.client


@pytest.mark.parametrize("state", ["open", "satisfied", "declined", "cancelled", "expired"])
async def test_a_user_disowns_what_another_login_of_theirs_asked(world: World, state: str) -> None:
    """§7.7, in every state, from another device than the one that asked: the thief's login has nothing any more."""
    thief = await bank(world)
    id_ = await asked(world, thief)
    if state == "satisfied":
        view = await read_challenge(world.services, thief, id_)
        await world.answer(thief, view, world.code("ann"))
        assert allowed(await world.check(thief, "ann", *PAY))
    elif state == "declined":
        await decline_challenge(world.services, thief, id_, not_me=False)
    elif state == "cancelled":
        await cancel_challenge(world.services, thief, id_)
    elif state == "expired":
        world.clock.advance(600)
    owner = await world.login("ann")
    await disown_challenge(world.services, owner, id_)
    (told,) = await list_step_ups(world.services, owner)
    assert told.stopped
    assert told.not_me == (state == "open")
    assert told.state.value == ("declined" if state == "open" else state)
    assert wants_step_up(await world.check(thief, "ann", *PAY))
    with pytest.raises(ChallengeBarredError):
        await world.open(thief, await world.refused(thief, "ann", *PAY))
    await world.open(owner, await world.refused(owner, "ann", *PAY))
    entries = await world.services.store.read(lambda t: t.audit_entries(limit=10_000))
    (barred,) = [entry for entry in entries if entry.event == "token.barred"]
    assert f'"challenge":"{id_}"' in barred.facts


async def test_nobody_disowns_what_another_user_was_asked(world: World) -> None:
    """Attack 27: a foreign id and an unknown one look alike, and nothing happens."""
    ann = await bank(world)
    id_ = await asked(world, ann)
    mallory = await world.login("mallory")
    for unknown in (id_, ChallengeId("unknown")):
        with pytest.raises(NotFoundError) as refusal:
            await disown_challenge(world.services, mallory, unknown)
        assert str(refusal.value) == str(NotFoundError())
    (told,) = await list_step_ups(world.services, ann)
    assert (told.state, told.stopped) == (ChallengeState.OPEN, False)


async def test_who_disowns_their_own_login_is_off_the_page_and_is_told_why(world: World) -> None:
    ann = await bank(world)
    session = await on_the_page(world, ann)
    assert session.caller is not None
    assert not await was_stopped(world.services, session.secret)
    await disown_challenge(world.services, session.caller, await asked(world, ann))
    with pytest.raises(NotFoundError):
        await account_session(world.services, session.secret)
    assert await was_stopped(world.services, session.secret)
    assert not await was_stopped(world.services, f"{session.secret}x")
    world.clock.advance(901)
    assert not await was_stopped(world.services, session.secret)


async def test_a_session_ends_when_it_is_left_and_no_other_does(world: World) -> None:
    ann = await bank(world)
    session, other = await on_the_page(world, ann), await on_the_page(world, ann)
    await leave_account(world.services, session)
    await leave_account(world.services, session)
    with pytest.raises(NotFoundError):
        await account_session(world.services, session.secret)
    assert await account_session(world.services, other.secret) == other
    assert not await was_stopped(world.services, session.secret)
    assert (await world.events()).count("account_link.left") == 1
