"""Answering challenges, over both stores: who may, what an answer does, and what each attack meets."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

import pytest
from tests.unit.service_stepup.bank import ANN, PAY, app_of, bank, passed
from tests.unit.service_stepup.world import World, allowed, wants_step_up

from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import (
    ChallengeEndedError,
    DomainError,
    InvalidInputError,
    NotFoundError,
    WrongAnswerError,
)
from stairgate.model.ids import ChallengeId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.tokens import Caller
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.cancel_challenge import cancel_challenge
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.elevations import list_elevations
from stairgate.service.issue_code import issue_code
from stairgate.service.read_challenge import read_challenge, wait_for_challenge
from stairgate.testing.faults import FailingStore, Fault

pytestmark = pytest.mark.anyio


async def test_the_token_that_is_named_is_elevated_and_not_the_one_that_answers(world: World) -> None:
    """Attack 2: the client answers on another device; only the token of the challenge passes afterwards."""
    await bank(world)
    app = await app_of(world)
    first_text, _ = await passed(world)
    second_text, second = await passed(world)
    view = await world.open(app, await world.refused(app, "ann", *PAY, user_token=first_text))
    with pytest.raises(NotFoundError):
        await world.answer(second, view, world.code("ann"))
    await world.answer(app, view, world.code("ann"))
    assert allowed(await world.check(app, "ann", *PAY, user_token=first_text))
    assert wants_step_up(await world.check(app, "ann", *PAY, user_token=second_text))
    assert wants_step_up(await world.check(second, "ann", *PAY))


async def test_nobody_else_can_answer_or_even_see_a_challenge(world: World) -> None:
    """Attacks 1 and 27: a foreign id and one that never was look alike, to every verb."""
    ann = await bank(world)
    mallory = await bank(world, user="mallory")
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    services = world.services
    verbs: list[Callable[[Caller, ChallengeId], Awaitable[object]]] = [
        lambda caller, id_: read_challenge(services, caller, id_),
        lambda caller, id_: wait_for_challenge(services, caller, id_, 0),
        lambda caller, id_: issue_code(services, caller, id_, Method.EXTERNAL),
        lambda caller, id_: answer_challenge(services, caller, id_, AnswerCall(Method.TOTP, "123456")),
        lambda caller, id_: answer_challenge(services, caller, id_, AnswerCall(Method.EXTERNAL, "12345678")),
        lambda caller, id_: decline_challenge(services, caller, id_, not_me=True),
        lambda caller, id_: cancel_challenge(services, caller, id_),
    ]
    for caller in (mallory, await world.login("ann"), await world.client("stranger")):
        for verb in verbs:
            errors = []
            for id_ in (view.challenge.id, ChallengeId("never-was")):
                with pytest.raises(NotFoundError) as refusal:
                    await verb(caller, id_)
                errors.append((type(refusal.value), refusal.value.title, refusal.value.details))
            assert errors[0] == errors[1]
    assert (await read_challenge(services, ann, view.challenge.id)).challenge == view.challenge


async def test_a_code_works_once_even_in_parallel(world: World) -> None:
    """Attack 4 (TOTP-2): the same code for two challenges at the same time and later: one elevation."""
    ann = await bank(world)
    await world.grant("ann", "vault", "open")
    await world.protect("vault", ("open", Requirement()))
    views = [await world.open(ann, await world.refused(ann, "ann", *access)) for access in (PAY, ("open", "vault"))]
    code = world.code("ann")
    answers = await asyncio.gather(*(world.answer(ann, view, code) for view in views * 5), return_exceptions=True)
    assert sum(not isinstance(answer, BaseException) for answer in answers) == 1
    assert all(isinstance(answer, DomainError) for answer in answers if isinstance(answer, BaseException))
    assert len(await list_elevations(world.services, ann, ANN)) == 1
    assert (await world.events()).count("elevation.issued") == 1


async def test_a_satisfied_challenge_takes_no_second_answer(world: World) -> None:
    """Attack 4: a challenge ends exactly once."""
    ann = await bank(world)
    view = await world.step_up(ann, *PAY)
    with pytest.raises(ChallengeEndedError) as refusal:
        await world.answer(ann, view, world.code("ann"))
    assert refusal.value.details == {"state": "satisfied"}


async def test_a_challenge_expires_and_the_expiry_is_stored_when_it_is_met(world: World) -> None:
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    world.clock.advance(570)
    code = world.code("ann")
    seen = await read_challenge(world.services, ann, view.challenge.id)
    assert (seen.challenge.state, seen.methods) == (ChallengeState.EXPIRED, ())
    with pytest.raises(ChallengeEndedError):
        await world.answer(ann, view, code)
    stored = await world.services.store.read(lambda t: t.challenge(view.challenge.id))
    assert stored is not None
    assert stored.state is ChallengeState.EXPIRED


async def test_a_challenge_ends_with_the_token_that_it_names(world: World) -> None:
    await bank(world)
    ann = await world.login("ann", ttl=60)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    world.clock.advance(30)
    with pytest.raises(ChallengeEndedError):
        await world.answer(ann, view, world.code("ann"))


async def test_only_this_once_opens_this_access_once(world: World) -> None:
    ann = await bank(world)
    await world.grant("ann", "accounts/1", "pay", record="wider")
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    await world.answer(ann, view, world.code("ann"), once=True)
    assert wants_step_up(await world.check(ann, "ann", "pay:big", "accounts/1"))
    assert allowed(await world.check(ann, "ann", *PAY))
    assert wants_step_up(await world.check(ann, "ann", *PAY))


async def test_an_answer_that_would_not_meet_todays_marks_ends_superseded(world: World) -> None:
    """The mark became stricter while the challenge was open: no elevation, and the code is spent."""
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    await world.protect("accounts/1", ("pay", Requirement(uses=1)))
    code = world.code("ann")
    with pytest.raises(ChallengeEndedError) as refusal:
        await world.answer(ann, view, code)
    assert refusal.value.details == {"state": "superseded"}
    assert await list_elevations(world.services, ann, ANN) == []
    fresh = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, fresh, code)


async def test_a_weaker_method_is_no_way_in(world: World) -> None:
    """Attack 14: totp for a hardware mark, external for a strong one, and a method that is not among the mark's."""
    ann, app = await bank(world), await app_of(world)
    text, _ = await passed(world)
    strong = await world.open(app, await world.refused(app, "ann", *PAY, user_token=text))
    assert strong.methods == (Method.TOTP,)
    with pytest.raises(InvalidInputError, match="method"):
        await issue_code(world.services, app, strong.challenge.id, Method.EXTERNAL)
    with pytest.raises(InvalidInputError, match="method"):
        await world.answer(app, strong, "12345678", method=Method.EXTERNAL)
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC, methods=frozenset({Method.EXTERNAL}))))
    basic = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(InvalidInputError, match="method"):
        await world.answer(ann, basic, world.code("ann"))


async def test_an_answer_that_fails_at_the_store_leaves_nothing(world: World) -> None:
    """Factor, challenge, elevation and entry stand or fall together; a lost commit gives no second elevation."""
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    code = world.code("ann")
    for fault, satisfied in ((Fault.BEFORE, False), (Fault.AFTER, True)):
        store = FailingStore(world.services.store)
        node = await world.over(store)
        store.every, store.reads, store.fault = 1, False, fault
        with pytest.raises(DomainError):
            await node.answer(ann, view, code)
        elevations = await list_elevations(world.services, ann, ANN)
        assert len(elevations) == int(satisfied)
        assert (await world.events()).count("elevation.issued") == int(satisfied)
    with pytest.raises(ChallengeEndedError):
        await world.answer(ann, view, code)


async def test_a_factor_on_hold_proves_nothing(world: World) -> None:
    """Attack 19: the code of a second factor counts after the hold only."""
    ann = await bank(world)
    object.__setattr__(world.services.rules, "factor_hold", 3_600)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    await world.enrol("ann")  # `world.code` is this factor's from here on
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, world.code("ann"))
    world.clock.advance(hours=1)
    later = await world.login("ann")
    await world.step_up(later, *PAY)
