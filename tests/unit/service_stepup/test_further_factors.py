"""A further factor takes an elevation of at least its level (semantics §7.6; attacks 19 and 20, WA-9, TA-2)."""

from __future__ import annotations

from base64 import b32decode
from dataclasses import replace

import pytest
from tests.unit.service_stepup.enrolling import (
    ANN,
    PAY,
    begun,
    code_of,
    confirmed,
    elevate,
    enrolment_link,
    refusal_of,
    with_new_passkey,
)
from tests.unit.service_stepup.passkeys import answer_with, assertion
from tests.unit.service_stepup.world import World

from stairgate.factors.totp import code_at, step_at
from stairgate.model.decisions import StepUpRequired
from stairgate.model.errors import (
    AlreadyExistsError,
    InvalidInputError,
    NoEligibleFactorError,
    NotFoundError,
    WrongAnswerError,
)
from stairgate.model.protection import Level, Method, Requirement
from stairgate.service.account_factors import list_factors
from stairgate.service.factor_rights import Authority
from stairgate.service.factors import enrol_totp
from stairgate.testing.authenticator import SoftwareAuthenticator

pytestmark = pytest.mark.anyio


# --- further factors: an elevation of at least their level ----------------------------------------------------


async def test_a_stolen_token_alone_adds_no_factor(world: World) -> None:
    """Attack 19: nothing but an elevation of at least the new factor's level does."""
    await enrol_totp(world.services, ANN)
    thief = await world.login("ann")
    for method, level in (
        (Method.TOTP, Level.STRONG),
        (Method.PASSKEY, Level.PHISHING_RESISTANT),
        (Method.RECOVERY, Level.BASIC),
    ):
        refused = await refusal_of(world, thief, method)
        assert isinstance(refused.decision, StepUpRequired)
        assert refused.decision.requirement.level is level
    assert len(await list_factors(world.services, thief, ANN)) == 1


async def test_with_an_elevation_a_factor_of_its_level_is_added_and_held(world: World) -> None:
    """WA-9; `factor_hold` is for all but the very first."""
    await world.enrol("ann")
    ann = await world.login("ann")
    world.services = replace(world.services, rules=replace(world.services.rules, factor_hold=3_600))
    await elevate(world, ann, await refusal_of(world, ann, Method.TOTP))
    second = await begun(world, Authority(ann))
    factor = await confirmed(world, Authority(ann), second, code=code_of(world, second))
    assert (factor.usable_from - world.clock.now()).total_seconds() == 3_600
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    assert second.secret is not None
    seed = b32decode(second.secret)
    world.clock.advance(30)
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, code_at(seed, step_at(world.clock.now())))
    world.clock.advance(3_600)
    late = await world.login("ann")
    view = await world.open(late, await world.refused(late, "ann", *PAY))
    await world.answer(late, view, code_at(seed, step_at(world.clock.now())))


async def test_an_elevation_of_a_lower_level_or_another_token_adds_nothing(world: World) -> None:
    await world.enrol("ann")
    ann, other = await world.login("ann"), await world.login("ann")
    await elevate(world, ann, await refusal_of(world, ann, Method.TOTP))
    await begun(world, Authority(ann))
    await refusal_of(world, other, Method.TOTP)
    refused = await refusal_of(world, ann, Method.PASSKEY)
    with pytest.raises(NoEligibleFactorError):
        await world.open(ann, refused.challenge_token or "")


async def test_recovery_codes_never_enrol(world: World) -> None:
    """Semantics §7.6, attack 20: an elevation by a recovery code does not count, not even for a basic factor."""
    await world.enrol("ann")
    ann = await world.login("ann")
    await elevate(world, ann, await refusal_of(world, ann, Method.RECOVERY))
    codes = await begun(world, Authority(ann), Method.RECOVERY)
    fresh = await world.login("ann")
    refused = await refusal_of(world, fresh, Method.RECOVERY)
    view = await world.open(fresh, refused.challenge_token or "")
    assert Method.RECOVERY not in view.methods
    with pytest.raises(InvalidInputError):
        await world.answer(fresh, view, codes.codes[0], method=Method.RECOVERY)
    await refusal_of(world, fresh, Method.RECOVERY)


async def test_an_operator_with_every_right_still_needs_the_elevation(world: World) -> None:
    await world.enrol("ann")
    await world.grant("root", "Authress:Users", "*")
    root = await world.login("root")
    refused = await refusal_of(world, root, Method.TOTP)
    assert refused.decision.requirement.level is Level.STRONG
    with pytest.raises(NotFoundError):
        await begun(world, Authority(await world.login("bob")))


# --- passkeys -------------------------------------------------------------------------------------------------


async def test_a_passkey_is_added_used_and_registered_once(world: World) -> None:
    ann = await world.login("ann")
    first, device = await with_new_passkey(world, Authority(ann, await enrolment_link(world)))
    (view,) = await list_factors(world.services, ann, ANN)
    assert (view.level, view.synced, view.name) == (Level.HARDWARE, False, "mine")
    refused = await refusal_of(world, ann, Method.PASSKEY)
    assert refused.decision.requirement.level is Level.PHISHING_RESISTANT
    challenge = await world.open(ann, refused.challenge_token or "")
    await answer_with(world, ann, challenge, await assertion(world, ann, challenge, device))
    again = await begun(world, Authority(ann), Method.PASSKEY)
    assert again.public_key is not None
    assert len(again.public_key["excludeCredentials"]) == 1  # type: ignore[arg-type]
    second, _ = await with_new_passkey(world, Authority(ann))
    assert second.id != first.id
    clone = SoftwareAuthenticator(random=lambda count: device.credentials[0].id)
    started = await begun(world, Authority(ann), Method.PASSKEY)
    assert started.public_key is not None
    with pytest.raises(AlreadyExistsError):
        await confirmed(world, Authority(ann), started, credential=clone.create(started.public_key))


async def test_a_device_bound_key_counts_as_no_more_than_what_allowed_it(world: World) -> None:
    """Allowed by a synced passkey, it does not become `hardware`: that level's first takes a link."""
    ann = await world.login("ann")
    _, synced = await with_new_passkey(
        world, Authority(ann, await enrolment_link(world)), backup_eligible=True, counts=False
    )
    refused = await refusal_of(world, ann, Method.PASSKEY)
    challenge = await world.open(ann, refused.challenge_token or "")
    await answer_with(world, ann, challenge, await assertion(world, ann, challenge, synced))
    await with_new_passkey(world, Authority(ann))
    await with_new_passkey(world, Authority(ann, await enrolment_link(world)))
    levels = [view.level for view in await list_factors(world.services, ann, ANN)]
    assert sorted(levels) == [Level.PHISHING_RESISTANT, Level.PHISHING_RESISTANT, Level.HARDWARE]


async def test_registration_options_are_good_for_one_attempt(world: World) -> None:
    ann = await world.login("ann")
    authority = Authority(ann, await enrolment_link(world))
    started = await begun(world, authority, Method.PASSKEY)
    assert started.public_key is not None
    evil = SoftwareAuthenticator(origin="https://evil.example")
    with pytest.raises(WrongAnswerError) as wrong:
        await confirmed(world, authority, started, credential=evil.create(started.public_key))
    assert wrong.value.details == {"attemptsLeft": 0}
    good = SoftwareAuthenticator()
    with pytest.raises(NotFoundError):
        await confirmed(world, authority, started, credential=good.create(started.public_key))
