"""The first factor is added by a link, and confirmed, as semantics §7.6 says (attack 19, WA-9)."""

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
    with_totp,
)
from tests.unit.service_stepup.world import World, allowed

from stairgate.model.errors import (
    ForbiddenError,
    InvalidInputError,
    NotFoundError,
    WrongAnswerError,
)
from stairgate.model.ids import EnrolmentId, UserId
from stairgate.model.protection import Method, Requirement
from stairgate.service.account_factors import list_factors
from stairgate.service.confirm_enrolment import ConfirmCall, confirm_enrolment
from stairgate.service.decline_challenge import decline_challenge
from stairgate.service.elevations import end_elevations
from stairgate.service.enrolment import BeginCall, begin_enrolment
from stairgate.service.factor_rights import Authority
from stairgate.testing.authenticator import SoftwareAuthenticator

pytestmark = pytest.mark.anyio


# --- the first factor: a link ---------------------------------------------------------------------------------


async def test_the_first_factor_is_added_by_a_link_and_can_be_used_at_once(world: World) -> None:
    ann = await world.login("ann")
    authority = Authority(ann, await enrolment_link(world))
    world.services = replace(world.services, rules=replace(world.services.rules, factor_hold=3_600))
    factor = await with_totp(world, authority)
    assert (factor.method, factor.name, factor.usable_from) == (Method.TOTP, "mine", world.clock.now())
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    await world.step_up(ann, *PAY)
    assert allowed(await world.check(ann, "ann", *PAY))
    assert "factor.added" in await world.events()


async def test_the_code_that_confirmed_a_factor_is_not_good_for_an_answer(world: World) -> None:
    """Attack 4, TOTP-2."""
    ann = await world.login("ann")
    authority = Authority(ann, await enrolment_link(world))
    started = await begun(world, authority)
    code = code_of(world, started)
    await confirmed(world, authority, started, code=code)
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, view, code)


async def test_a_link_adds_one_factor_and_only_the_first_of_a_level(world: World) -> None:
    ann = await world.login("ann")
    link = Authority(ann, await enrolment_link(world))
    await with_totp(world, link)
    with pytest.raises(ForbiddenError, match="already"):
        await begun(world, link, Method.PASSKEY)
    other = Authority(ann, await enrolment_link(world))
    with pytest.raises(ForbiddenError, match="first factor of a level"):
        await begun(world, other)
    with pytest.raises(ForbiddenError, match="first factor of a level"):
        await begun(world, other, Method.RECOVERY)  # basic: the totp that is there can allow it
    factor, _ = await with_new_passkey(world, other)
    assert factor.method is Method.PASSKEY


async def test_of_two_enrolments_by_one_link_one_is_confirmed(world: World) -> None:
    ann = await world.login("ann")
    link = Authority(ann, await enrolment_link(world))
    totp = await begun(world, link)
    key = await begun(world, link, Method.PASSKEY)
    await confirmed(world, link, totp, code=code_of(world, totp))
    device = SoftwareAuthenticator(random=world.services.entropy.bytes)
    assert key.public_key is not None
    with pytest.raises(ForbiddenError, match="already"):
        await confirmed(world, link, key, credential=device.create(key.public_key))
    assert [factor.method for factor in await list_factors(world.services, ann, ANN)] == [Method.TOTP]


async def test_a_link_ends_after_fifteen_minutes_and_is_good_for_its_user(world: World) -> None:
    ann, bob = await world.login("ann"), await world.login("bob")
    secret = await enrolment_link(world)
    for authority, user in (
        (Authority(ann, secret + "x"), ANN),
        (Authority(ann, "no.link"), ANN),
        (Authority(bob, secret), UserId("bob")),
        (Authority(bob, secret), ANN),
    ):
        with pytest.raises(NotFoundError):
            await begun(world, authority, user=user)
    world.clock.advance(900)
    with pytest.raises(NotFoundError):
        await begun(world, Authority(ann, secret))


# --- confirming -----------------------------------------------------------------------------------------------


async def test_five_wrong_codes_end_an_enrolment(world: World) -> None:
    ann = await world.login("ann")
    authority = Authority(ann, await enrolment_link(world))
    started = await begun(world, authority)
    for left in (4, 3, 2, 1, 0):
        with pytest.raises(WrongAnswerError) as wrong:
            await confirmed(world, authority, started, code="nothing")
        assert wrong.value.details == {"attemptsLeft": left}
    with pytest.raises(NotFoundError):
        await confirmed(world, authority, started, code=code_of(world, started))


async def test_only_who_began_confirms_within_fifteen_minutes_and_the_newest_counts(world: World) -> None:
    ann = await world.login("ann")
    secret = await enrolment_link(world)
    authority = Authority(ann, secret)
    old = await begun(world, authority)
    new = await begun(world, authority)
    with pytest.raises(NotFoundError):
        await confirmed(world, authority, old, code=code_of(world, old))
    desk = await world.client("other", ("Authress:Users", "StepUp:Enrol"))
    with pytest.raises(NotFoundError):
        await confirmed(world, Authority(desk, secret), new, code=code_of(world, new))
    with pytest.raises(InvalidInputError, match="code"):
        await confirmed(world, authority, new)
    with pytest.raises(InvalidInputError, match="credential"):
        await confirmed(world, authority, new, credential={})
    with pytest.raises(NotFoundError):
        await confirm_enrolment(world.services, authority, ANN, EnrolmentId("unknown"), ConfirmCall(code="1"))
    world.clock.advance(900)
    with pytest.raises(NotFoundError):
        await confirmed(world, authority, new, code=code_of(world, new))


async def test_what_is_begun_is_kept_sealed(world: World) -> None:
    ann = await world.login("ann")
    started = await begun(world, Authority(ann, await enrolment_link(world)))
    (stored,) = await world.services.store.read(lambda t: t.enrolments_of(ANN))
    assert started.secret is not None
    assert b32decode(started.secret) not in stored.secret
    assert started.secret not in repr(started)
    assert started.qr_svg is not None
    assert started.qr_svg.startswith("<svg")


@pytest.mark.parametrize("method", [Method.EXTERNAL, Method.APPROVAL])
async def test_what_is_no_factor_cannot_be_added(world: World, method: Method) -> None:
    with pytest.raises(InvalidInputError, match="cannot be added"):
        await begun(world, Authority(await world.login("ann")), method)


@pytest.mark.parametrize("name", ["x" * 65, "a\nb", "\u202egnp.exe"])
async def test_a_name_that_hides_something_is_refused(world: World, name: str) -> None:
    """Attack 16."""
    ann = await world.login("ann")
    with pytest.raises(InvalidInputError) as refusal:
        await begin_enrolment(world.services, Authority(ann), ANN, BeginCall(Method.TOTP, name))
    assert refusal.value.field == "name"


# --- taken back -------------------------------------------------------------------------------------------------


async def test_not_me_takes_back_what_was_begun(world: World) -> None:
    """Attack 19, semantics §7.7: a thief who began in time does not confirm after "this was not me"."""
    await world.enrol("ann")
    thief, ann = await world.login("ann"), await world.login("ann")
    refused = await refusal_of(world, thief, Method.TOTP)
    view = await world.open(thief, refused.challenge_token or "")
    await world.answer(thief, view, world.code("ann"))
    started = await begun(world, Authority(thief))
    desk = await world.client("app", ("Authress:StepUp/*", "StepUp:Challenge"))
    await decline_challenge(world.services, desk, view.challenge.id, not_me=True)
    with pytest.raises(NotFoundError):
        await confirmed(world, Authority(thief), started, code=code_of(world, started))
    assert len(await list_factors(world.services, ann, ANN)) == 1


async def test_ending_the_elevations_takes_back_what_was_begun(world: World) -> None:
    await world.enrol("ann")
    thief, ann = await world.login("ann"), await world.login("ann")
    await elevate(world, thief, await refusal_of(world, thief, Method.TOTP))
    started = await begun(world, Authority(thief))
    world.clock.advance(400)  # the elevation is over by itself, what was begun is not
    await end_elevations(world.services, ann, ANN, user_token=None, everything=True)
    with pytest.raises(NotFoundError):
        await confirmed(world, Authority(thief), started, code=code_of(world, started))
