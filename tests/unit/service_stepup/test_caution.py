"""A user who wants to be asked every time, over both stores (semantics §8)."""

from __future__ import annotations

import pytest
from tests.unit.service_stepup.passkeys import answer_with, assertion, with_passkey
from tests.unit.service_stepup.test_delivery import with_address
from tests.unit.service_stepup.world import World, allowed

from stairgate.model.errors import ForbiddenError, NotFoundError, StepUpRefusedError
from stairgate.model.ids import UserId
from stairgate.model.messages import Purpose
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.tokens import UserCaller
from stairgate.service.caution import read_caution, set_caution
from stairgate.service.enrolment import BeginCall, begin_enrolment
from stairgate.service.evidence import verify_evidence
from stairgate.service.factor_rights import Authority

pytestmark = pytest.mark.anyio

ANN = UserId("ann")
PAY = ("pay", "accounts/1")


async def bank(world: World) -> UserCaller:
    await world.grant("ann", "accounts", "pay")
    await world.protect("accounts", ("pay", Requirement()))
    await world.enrol("ann")
    return await world.login("ann")


async def test_each_step_up_opens_one_access_once(world: World) -> None:
    ann = await bank(world)
    assert not await read_caution(world.services, ann, ANN)
    await set_caution(world.services, Authority(ann), ANN, always=True)
    assert await read_caution(world.services, ann, ANN)
    await world.step_up(ann, *PAY)
    assert not allowed(await world.check(ann, "ann", "pay", "accounts/2"))
    assert allowed(await world.check(ann, "ann", *PAY))
    assert not allowed(await world.check(ann, "ann", *PAY))


async def test_it_is_what_a_passkey_signs(world: World) -> None:
    ann = await bank(world)
    await set_caution(world.services, Authority(ann), ANN, always=True)
    device = await with_passkey(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    done = await answer_with(world, ann, view, await assertion(world, ann, view, device))
    assert done.challenge.signed is not None
    assert verify_evidence(done.challenge.signed).document["uses"] == 1


async def test_lifting_it_takes_the_strongest_factor(world: World) -> None:
    """A stolen token can ask for more caution, and for no less."""
    ann = await bank(world)
    device = await with_passkey(world)
    await with_address(world)
    await set_caution(world.services, Authority(ann), ANN, always=True)
    with pytest.raises(StepUpRefusedError) as refusal:
        await set_caution(world.services, Authority(ann), ANN, always=False)
    assert refusal.value.decision.requirement.level is Level.HARDWARE
    assert world.outbox.sent == []
    view = await world.open(ann, refusal.value.challenge_token or "")
    await answer_with(world, ann, view, await assertion(world, ann, view, device))
    await set_caution(world.services, Authority(ann), ANN, always=False)
    assert not await read_caution(world.services, ann, ANN)
    (told,) = world.outbox.sent
    assert told.purpose is Purpose.CAUTION_LIFTED
    assert "no longer asked every time" in told.text
    await set_caution(world.services, Authority(ann), ANN, always=False)  # it was off already: nothing new to tell
    assert world.outbox.sent == [told]
    await world.step_up(ann, *PAY)
    assert allowed(await world.check(ann, "ann", "pay", "accounts/2"))
    assert (await world.events()).count("user.caution_changed") == 2


async def test_who_is_asked_every_time_still_adds_a_factor_with_one_step_up(world: World) -> None:
    """One use is enough: the question before the hashing of recovery codes takes none."""
    ann = await bank(world)
    await set_caution(world.services, Authority(ann), ANN, always=True)
    for method in (Method.RECOVERY, Method.TOTP):
        with pytest.raises(StepUpRefusedError) as refusal:
            await begin_enrolment(world.services, Authority(ann), ANN, BeginCall(method))
        view = await world.open(ann, refusal.value.challenge_token or "")
        await world.answer(ann, view, world.code("ann"))
        await begin_enrolment(world.services, Authority(ann), ANN, BeginCall(method))
        with pytest.raises(StepUpRefusedError):
            await begin_enrolment(world.services, Authority(ann), ANN, BeginCall(method))


async def test_nobody_else_sees_or_sets_it(world: World) -> None:
    await bank(world)
    bob = await world.login("bob")
    reader = await world.client("reader", ("Authress:Users", "READ"))
    for caller in (bob, await world.client("shop")):
        with pytest.raises(NotFoundError):
            await read_caution(world.services, caller, ANN)
        with pytest.raises(NotFoundError):
            await set_caution(world.services, Authority(caller), ANN, always=True)
    assert not await read_caution(world.services, reader, ANN)
    with pytest.raises(ForbiddenError):
        await set_caution(world.services, Authority(reader), ANN, always=True)
