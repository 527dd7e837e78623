"""Declining, cancelling, reporting and waiting, over both stores; and what the audit trail keeps of it all."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable

import pytest
from tests.unit.service_stepup.bank import BASIC, PAY, app_of, bank, passed
from tests.unit.service_stepup.world import World, allowed, wants_step_up

from stairgate.model.audit import chain_faults
from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    ChallengePendingError,
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    UserTokenRefusedError,
    WrongAnswerError,
)
from stairgate.model.protection import Method, Requirement
from stairgate.model.tokens import Caller
from stairgate.service.cancel_challenge import cancel_challenge
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.issue_code import issue_code
from stairgate.service.read_challenge import read_challenge, wait_for_challenge
from stairgate.service.report_step_up import report_step_up

pytestmark = pytest.mark.anyio


async def test_a_declined_challenge_is_over(world: World) -> None:
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    declined = await decline_challenge(world.services, ann, view.challenge.id, not_me=False)
    assert declined.challenge.state is ChallengeState.DECLINED
    for attempt in (
        lambda: world.answer(ann, view, world.code("ann")),
        lambda: decline_challenge(world.services, ann, view.challenge.id, not_me=False),
        lambda: cancel_challenge(world.services, ann, view.challenge.id),
    ):
        with pytest.raises(ChallengeEndedError):
            await attempt()


@pytest.mark.parametrize("state", ["open", "satisfied", "cancelled"])
async def test_this_was_not_me_works_in_every_state_and_ends_everything_of_the_token(world: World, state: str) -> None:
    """§7.7: live challenges and elevations end; nothing opens, nothing is redeemed; other tokens are untouched."""
    ann = await bank(world)
    await world.grant("ann", "vault", "open")
    await world.protect("vault", ("open", Requirement()))
    other = await world.login("ann")
    await world.step_up(other, *PAY)
    token = await world.refused(ann, "ann", *PAY)
    view = await world.open(ann, token)
    beside = await world.open(ann, await world.refused(ann, "ann", "open", "vault"))
    if state == "satisfied":
        await world.answer(ann, view, world.code("ann"))
    if state == "cancelled":
        await cancel_challenge(world.services, ann, view.challenge.id)
    await decline_challenge(world.services, ann, view.challenge.id, not_me=True)
    assert wants_step_up(await world.check(ann, "ann", *PAY))
    assert (await read_challenge(world.services, ann, beside.challenge.id)).challenge.state is ChallengeState.DECLINED
    with pytest.raises(ChallengeBarredError):
        await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(ChallengeBarredError):
        await report_step_up(world.services, ann, token, user_token=None, code=None)
    assert allowed(await world.check(other, "ann", *PAY))
    assert "token.barred" in await world.events()


async def test_only_who_opened_it_cancels_a_challenge(world: World) -> None:
    await bank(world)
    app = await app_of(world)
    text, ann = await passed(world)
    view = await world.open(app, await world.refused(app, "ann", *PAY, user_token=text))
    with pytest.raises(ForbiddenError):
        await cancel_challenge(world.services, ann, view.challenge.id)
    await cancel_challenge(world.services, app, view.challenge.id)
    await cancel_challenge(world.services, app, view.challenge.id)
    assert (await read_challenge(world.services, ann, view.challenge.id)).challenge.state is ChallengeState.CANCELLED


async def test_reporting_is_never_a_proof(world: World) -> None:
    """Attack 1: user token and challenge token together report what happened, and make nothing happen."""
    ann = await bank(world)
    token = await world.refused(ann, "ann", *PAY)
    with pytest.raises(ChallengePendingError):
        await report_step_up(world.services, ann, token, user_token=None, code=None)
    view = await world.open(ann, token)
    with pytest.raises(ChallengePendingError):
        await report_step_up(world.services, ann, token, user_token=None, code=None)
    assert wants_step_up(await world.check(ann, "ann", *PAY))
    await world.answer(ann, view, world.code("ann"))
    world.clock.advance(700)
    elevation = await report_step_up(world.services, ann, token, user_token=None, code=None)
    assert elevation.challenge == view.challenge.id


async def test_a_report_needs_the_very_token_that_the_challenge_names(world: World) -> None:
    """Attack 11: another token of the user, another user's and a refreshed one are refused."""
    await bank(world)
    app, other = await app_of(world), await app_of(world, "other")
    text, ann = await passed(world)
    sibling_text, sibling = await passed(world)
    mallory = await world.login("mallory")
    token = await world.refused(app, "ann", *PAY, user_token=text)
    await world.answer(app, await world.open(app, token), world.code("ann"))

    def report(caller: Caller, user_token: str | None) -> Awaitable[object]:
        return report_step_up(world.services, caller, token, user_token=user_token, code=None)

    for caller, passed_token, error in (
        (sibling, None, NotFoundError),
        (mallory, None, NotFoundError),
        (app, sibling_text, NotFoundError),
        (app, world.token("mallory"), UserTokenRefusedError),
        (app, None, InvalidInputError),
        (ann, text, InvalidInputError),
        (other, text, NotFoundError),
    ):
        with pytest.raises(error):
            await report(caller, passed_token)
    assert await report(app, text) == await report(ann, None)


async def test_who_waits_is_told_at_once(world: World) -> None:
    """The wait ends with the answer, long before its time."""
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    waiting = asyncio.create_task(wait_for_challenge(world.services, ann, view.challenge.id, 60))
    for _ in range(3):
        await asyncio.sleep(0)
    assert not waiting.done()
    await world.answer(ann, view, world.code("ann"))
    async with asyncio.timeout(0.9):
        seen = await waiting
    assert seen.challenge.state is ChallengeState.SATISFIED
    assert not world.services.notices._waiting


async def test_who_waits_learns_what_another_node_did(world: World) -> None:
    ann = await bank(world)
    other = await world.over(world.services.store)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    waiting = asyncio.create_task(wait_for_challenge(world.services, ann, view.challenge.id, 60))
    await asyncio.sleep(0)
    await other.answer(ann, view, world.code("ann"))
    async with asyncio.timeout(10):
        assert (await waiting).challenge.state is ChallengeState.SATISFIED


async def test_a_wait_is_bounded(world: World) -> None:
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    for seconds in (-1, 61):
        with pytest.raises(InvalidInputError):
            await wait_for_challenge(world.services, ann, view.challenge.id, seconds)
    assert (await wait_for_challenge(world.services, ann, view.challenge.id, 0)).challenge == view.challenge


async def test_no_secret_is_in_the_chain(world: World) -> None:
    """§12: neither user token, challenge token nor code is in any entry; and the chain holds."""
    await bank(world, BASIC)
    app = await app_of(world)
    text, _ = await passed(world)
    token = await world.refused(app, "ann", *PAY, user_token=text)
    view = await world.open(app, token)
    issued = await issue_code(world.services, app, view.challenge.id, Method.EXTERNAL)
    with pytest.raises(WrongAnswerError):
        await world.answer(app, view, "87654321", method=Method.EXTERNAL)
    await world.answer(app, view, issued.code, method=Method.EXTERNAL)
    entries = await world.services.store.read(lambda t: t.audit_entries(limit=10_000))
    for secret in (text, token, issued.code, "87654321", *text.split("."), world.access_keys[app.client]):
        assert not any(secret in entry.facts for entry in entries)
    assert [entry.event for entry in entries][-5:] == [
        "challenge.opened",
        "challenge.code",
        "challenge.wrong_answer",
        "challenge.ended",
        "elevation.issued",
    ]
    head = await world.services.store.read(lambda t: t.audit_head())
    assert not list(chain_faults(entries, head))
