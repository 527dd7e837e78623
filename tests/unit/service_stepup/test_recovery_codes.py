"""Recovery codes: each once, basic, a new set in place of the old one (semantics §7.6; attacks 4 and 20)."""

from __future__ import annotations

import asyncio

import pytest
from tests.unit.service_stepup.enrolling import (
    ANN,
    PAY,
    begun,
    with_codes,
)
from tests.unit.service_stepup.world import World

from stairgate.model.errors import (
    InvalidInputError,
    TooManyAttemptsError,
    WrongAnswerError,
)
from stairgate.model.protection import Level, Method, Requirement
from stairgate.service.account_factors import list_factors
from stairgate.service.factor_rights import Authority

pytestmark = pytest.mark.anyio


async def test_each_recovery_code_answers_once_and_gives_basic(world: World) -> None:
    ann = await world.login("ann")
    codes = await with_codes(world, ann)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    assert Method.RECOVERY in view.methods
    done = await world.answer(ann, view, codes[0].lower(), method=Method.RECOVERY)
    assert done.challenge.evidence is not None
    assert done.challenge.evidence.level is Level.BASIC
    other = await world.login("ann")
    again = await world.open(other, await world.refused(other, "ann", *PAY))
    with pytest.raises(WrongAnswerError):
        await world.answer(other, again, codes[0], method=Method.RECOVERY)
    await world.answer(other, again, codes[1], method=Method.RECOVERY)
    views = {view.method: view for view in await list_factors(world.services, ann, ANN)}
    assert views[Method.RECOVERY].codes_left == 8


async def test_a_new_set_ends_the_one_before_it(world: World) -> None:
    ann = await world.login("ann")
    old = await with_codes(world, ann)
    new = (await begun(world, Authority(ann), Method.RECOVERY)).codes
    assert set(old).isdisjoint(new)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, old[0], method=Method.RECOVERY)
    await world.answer(ann, view, new[0], method=Method.RECOVERY)
    assert [view.method for view in await list_factors(world.services, ann, ANN)] == [Method.TOTP, Method.RECOVERY]


async def test_no_recovery_code_meets_strong(world: World) -> None:
    """Attacks 14 and 20."""
    ann = await world.login("ann")
    codes = await with_codes(world, ann)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    assert view.methods == (Method.TOTP,)
    with pytest.raises(InvalidInputError, match="does not meet"):
        await world.answer(ann, view, codes[0], method=Method.RECOVERY)


async def test_of_many_who_use_one_recovery_code_at_once_one_passes(world: World) -> None:
    """Attack 4, on two challenges of two tokens in parallel."""
    ann = await world.login("ann")
    codes = await with_codes(world, ann)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    tokens = [await world.login("ann") for _ in range(4)]
    views = [await world.open(token, await world.refused(token, "ann", *PAY)) for token in tokens]
    outcomes = await asyncio.gather(
        *(
            world.answer(token, view, codes[0], method=Method.RECOVERY)
            for token, view in zip(tokens, views, strict=True)
        ),
        return_exceptions=True,
    )
    passed = [outcome for outcome in outcomes if not isinstance(outcome, BaseException)]
    assert len(passed) == 1
    failed = [outcome for outcome in outcomes if isinstance(outcome, BaseException)]
    assert all(isinstance(outcome, (WrongAnswerError, TooManyAttemptsError)) for outcome in failed)
