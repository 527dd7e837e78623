"""Factors are renamed, cleared and removed with an elevation (semantics §7.6, §8; attacks 8 and 26, TA-2)."""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import Any

import pytest
from tests.unit.service_stepup.enrolling import (
    ANN,
    PAY,
    elevate,
    enrolment_link,
    refusal_of,
    with_codes,
    with_new_passkey,
    with_totp,
)
from tests.unit.service_stepup.passkeys import answer_with, assertion
from tests.unit.service_stepup.world import World, allowed

from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    StepUpRefusedError,
    TooManyAttemptsError,
    WrongAnswerError,
)
from stairgate.model.evidence import AttemptCount, Evidence
from stairgate.model.ids import FactorId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.service.account_factors import change_factor, delete_factor, list_factors
from stairgate.service.answer_challenge import AnswerCall, answer_challenge
from stairgate.service.factor_rights import Authority
from stairgate.service.factors import enrol_totp

pytestmark = pytest.mark.anyio


async def test_removing_a_factor_takes_an_elevation_and_ends_what_rests_on_it(world: World) -> None:
    """Semantics §8."""
    await world.enrol("ann")
    ann = await world.login("ann")
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    await world.step_up(ann, *PAY)
    (factor,) = await list_factors(world.services, ann, ANN)
    with pytest.raises(StepUpRefusedError) as refusal:
        await delete_factor(world.services, Authority(ann), ANN, factor.id)
    await elevate(world, ann, refusal.value)
    await delete_factor(world.services, Authority(ann), ANN, factor.id)
    assert await list_factors(world.services, ann, ANN) == []
    assert not allowed(await world.check(ann, "ann", *PAY))
    entries = await world.services.store.read(lambda t: t.audit_entries(limit=1_000))
    ended = [json.loads(entry.facts)["reason"] for entry in entries if entry.event == "elevation.ended"]
    assert ended == ["factor_removed", "factor_removed"]
    with pytest.raises(NotFoundError):
        await delete_factor(world.services, Authority(ann), ANN, factor.id)


async def test_renaming_takes_an_elevation_too(world: World) -> None:
    await world.enrol("ann")
    ann = await world.login("ann")
    (factor,) = await list_factors(world.services, ann, ANN)
    with pytest.raises(StepUpRefusedError) as refusal:
        await change_factor(world.services, Authority(ann), ANN, factor.id, name="new phone")
    await elevate(world, ann, refusal.value)
    view = await change_factor(world.services, Authority(ann), ANN, factor.id, name="new phone")
    assert view.name == "new phone"
    assert "factor.changed" in await world.events()
    with pytest.raises(InvalidInputError):
        await change_factor(world.services, Authority(ann), ANN, factor.id)
    with pytest.raises(NotFoundError):
        await change_factor(world.services, Authority(ann), ANN, FactorId("other"), name="x")
    with pytest.raises(NotFoundError):
        await change_factor(world.services, Authority(await world.login("bob")), ANN, factor.id, name="x")


async def disabled(world: World, factor: FactorId) -> None:
    def run(transaction: Any) -> None:
        transaction.set_factor_disabled(factor, disabled=True)
        transaction.set_attempts(ANN, factor, AttemptCount(50, world.clock.now()))

    await world.services.store.write(run)


async def test_a_disabled_factor_is_cleared_by_a_stronger_one(world: World) -> None:
    """Semantics §7.4: not by one of its own level."""
    ann = await world.login("ann")
    totp = await with_totp(world, Authority(ann, await enrolment_link(world)))
    _, device = await with_new_passkey(world, Authority(ann, await enrolment_link(world)))
    await elevate(world, ann, await refusal_of(world, ann, Method.TOTP))
    await disabled(world, totp.id)
    with pytest.raises(StepUpRefusedError) as refusal:
        await change_factor(world.services, Authority(ann), ANN, totp.id, clear=True)
    assert refusal.value.decision.requirement.level is Level.PHISHING_RESISTANT
    view = await world.open(ann, refusal.value.challenge_token or "")
    await answer_with(world, ann, view, await assertion(world, ann, view, device))
    cleared = await change_factor(world.services, Authority(ann), ANN, totp.id, clear=True)
    assert not cleared.disabled
    assert await world.services.store.read(lambda t: t.attempts(ANN, totp.id)) == AttemptCount()


async def test_a_disabled_factor_is_cleared_by_an_admin_who_steps_up(world: World) -> None:
    await enrol_totp(world.services, ANN)
    (factor,) = await list_factors(world.services, await world.login("ann"), ANN)
    await disabled(world, factor.id)
    await world.grant("root", "Authress:Users", "UPDATE", "READ")
    await world.enrol("root")
    root = await world.login("root")
    with pytest.raises(StepUpRefusedError) as refusal:
        await change_factor(world.services, Authority(root), ANN, factor.id, clear=True)
    view = await world.open(root, refusal.value.challenge_token or "")
    await world.answer(root, view, world.code("root"))
    assert not (await change_factor(world.services, Authority(root), ANN, factor.id, clear=True)).disabled
    assert len(await list_factors(world.services, root, ANN)) == 1


async def test_who_may_see_the_factors(world: World) -> None:
    await enrol_totp(world.services, ANN)
    for caller, kind in (
        (await world.login("bob"), NotFoundError),
        (await world.client("shop"), NotFoundError),
        (await world.client("some", ("Authress:Users/ann/factors", "DELETE")), ForbiddenError),
    ):
        with pytest.raises(kind):
            await list_factors(world.services, caller, ANN)
    reader = await world.client("reader", ("Authress:Users", "READ"))
    (view,) = await list_factors(world.services, reader, ANN)
    assert view.method is Method.TOTP


async def test_locking_one_factor_leaves_the_owners_others(world: World) -> None:
    """Attack 26: guesses at totp make totp wait, and nothing else."""
    ann = await world.login("ann")
    codes = await with_codes(world, ann)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    thief = await world.login("ann")
    view = await world.open(thief, await world.refused(thief, "ann", *PAY))
    for _ in range(5):
        with pytest.raises((WrongAnswerError, TooManyAttemptsError)):
            await answer_challenge(world.services, thief, view.challenge.id, AnswerCall(Method.TOTP, "nothing"))
    own = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(TooManyAttemptsError):
        await world.answer(ann, own, "000000")
    await world.answer(ann, own, codes[0], method=Method.RECOVERY)
    assert allowed(await world.check(ann, "ann", *PAY))


# --- at the same time -----------------------------------------------------------------------------------------


async def test_parallel_guesses_are_counted_exactly(world: World) -> None:
    """Attack 8: no guess is free because another is under way."""
    await with_codes(world, await world.login("ann"))
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(level=Level.BASIC)))
    tokens = [await world.login("ann") for _ in range(10)]
    views = [await world.open(token, await world.refused(token, "ann", *PAY)) for token in tokens]
    outcomes = await asyncio.gather(
        *(
            world.answer(token, view, "0000-0000-0000", method=Method.RECOVERY)
            for token, view in zip(tokens, views, strict=True)
        ),
        return_exceptions=True,
    )
    looked_at = [outcome for outcome in outcomes if isinstance(outcome, WrongAnswerError)]
    (recovery,) = [
        view for view in await list_factors(world.services, tokens[0], ANN) if view.method is Method.RECOVERY
    ]
    count = await world.services.store.read(lambda t: t.attempts(ANN, recovery.id))
    assert count.failures == len(looked_at) == 4  # the fourth failure makes the fifth wait
    assert all(isinstance(outcome, (WrongAnswerError, TooManyAttemptsError)) for outcome in outcomes)


async def test_removing_a_factor_ends_the_challenges_that_it_proved(world: World) -> None:
    """Semantics §8: what was proven with it is not redeemed any more."""
    await world.enrol("ann")
    ann, other = await world.login("ann"), await world.login("ann")
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    view = await world.open(other, await world.refused(other, "ann", *PAY))
    (factor,) = await list_factors(world.services, ann, ANN)
    evidence = Evidence(Method.TOTP, Level.STRONG, user_verified=False, proven_at=world.clock.now(), factor=factor.id)
    proven = replace(view.challenge, state=ChallengeState.PROVEN, evidence=evidence, version=view.challenge.version + 1)
    await world.services.store.write(lambda transaction: transaction.replace_challenge(proven))
    with pytest.raises(StepUpRefusedError) as refusal:
        await delete_factor(world.services, Authority(ann), ANN, factor.id)
    await elevate(world, ann, refusal.value)
    await delete_factor(world.services, Authority(ann), ANN, factor.id)
    stored = await world.services.store.read(lambda t: t.challenge(view.challenge.id))
    assert stored is not None
    assert stored.state is ChallengeState.CANCELLED
