"""Who sees and ends elevations, and what ends with them (semantics §7, §8)."""

from __future__ import annotations

from datetime import timedelta

import pytest
from tests.unit.service_stepup.world import World, allowed, wants_step_up

from stairgate.model.challenges import ChallengeState
from stairgate.model.errors import (
    ForbiddenError,
    InvalidInputError,
    LimitReachedError,
    NotFoundError,
    UserTokenRefusedError,
)
from stairgate.model.ids import ElevationId, UserId
from stairgate.model.protection import Requirement
from stairgate.model.tokens import UserCaller
from stairgate.service.authentication import authenticate
from stairgate.service.elevations import end_elevation, end_elevations, list_elevations
from stairgate.service.explain import explain
from stairgate.service.factors import enrol_totp
from stairgate.service.read_challenge import read_challenge
from stairgate.service.storing_factors import MAX_FACTORS

pytestmark = pytest.mark.anyio

ANN = UserId("ann")
PAY = ("pay", "accounts/1")
WHERE = "Authress:Users/ann/elevations"


async def two_tokens(world: World) -> tuple[UserCaller, UserCaller]:
    """Two logins of Ann, both elevated."""
    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement()))
    await world.enrol("ann")
    first, second = await world.login("ann"), await world.login("ann")
    for caller in (first, second):
        await world.step_up(caller, *PAY)
    return first, second


async def test_a_user_ends_what_their_own_token_has_or_everything(world: World) -> None:
    first, second = await two_tokens(world)
    assert len(await list_elevations(world.services, first, ANN)) == 2
    assert await end_elevations(world.services, first, ANN, user_token=None, everything=None) == 1
    assert wants_step_up(await world.check(first, "ann", *PAY))
    assert allowed(await world.check(second, "ann", *PAY))
    assert await end_elevations(world.services, first, ANN, user_token=None, everything=True) == 1
    assert wants_step_up(await world.check(second, "ann", *PAY))
    assert await end_elevations(world.services, first, ANN, user_token=None, everything=True) == 0


@pytest.mark.parametrize("everything", [None, True])
async def test_a_tokens_live_challenges_end_with_its_elevations(world: World, everything: bool | None) -> None:
    first, second = await two_tokens(world)
    world.clock.advance(301)
    one = await world.open(first, await world.refused(first, "ann", *PAY))
    two = await world.open(second, await world.refused(second, "ann", *PAY))
    await end_elevations(world.services, first, ANN, user_token=None, everything=everything)
    states = [(await read_challenge(world.services, first, one.challenge.id)).challenge.state]
    states.append((await read_challenge(world.services, second, two.challenge.id)).challenge.state)
    assert states == [ChallengeState.CANCELLED, ChallengeState.CANCELLED if everything else ChallengeState.OPEN]


async def test_others_need_the_right_and_end_every_tokens_by_default(world: World) -> None:
    first, second = await two_tokens(world)
    admin = await world.login("admin")
    for right in (None, "READ"):
        error = NotFoundError if right is None else ForbiddenError
        if right is not None:
            await world.grant("admin", WHERE, right)
            assert len(await list_elevations(world.services, admin, ANN)) == 2
        with pytest.raises(error):
            await end_elevations(world.services, admin, ANN, user_token=None, everything=None)
    await world.grant("admin", WHERE, "DELETE", record="more")
    with pytest.raises(InvalidInputError, match="all"):
        await end_elevations(world.services, admin, ANN, user_token=None, everything=False)
    assert await end_elevations(world.services, admin, ANN, user_token=None, everything=None) == 2
    for caller in (first, second):
        assert wants_step_up(await world.check(caller, "ann", *PAY))


async def test_a_client_ends_those_of_the_token_that_it_passes(world: World) -> None:
    await two_tokens(world)
    app = await world.client("app", (WHERE, "DELETE"))
    token = world.token("ann")
    caller = await authenticate(world.services, token)
    assert isinstance(caller, UserCaller)
    await world.step_up(caller, *PAY)
    with pytest.raises(UserTokenRefusedError):
        await end_elevations(world.services, app, ANN, user_token=world.token("bob"), everything=None)
    with pytest.raises(InvalidInputError):
        await end_elevations(world.services, caller, ANN, user_token=token, everything=None)
    assert await end_elevations(world.services, app, ANN, user_token=token, everything=None) == 1
    assert wants_step_up(await world.check(caller, "ann", *PAY))
    assert await end_elevations(world.services, app, ANN, user_token=None, everything=None) == 2


async def test_an_elevation_of_another_user_and_one_that_never_was_look_alike(world: World) -> None:
    first, _ = await two_tokens(world)
    (elevation, *_) = await list_elevations(world.services, first, ANN)
    mallory = await world.login("mallory")
    for id_ in (elevation.id, ElevationId("never-was")):
        with pytest.raises(NotFoundError):
            await end_elevation(world.services, mallory, UserId("mallory"), id_)
        with pytest.raises(NotFoundError):
            await end_elevation(world.services, mallory, ANN, id_)
    assert allowed(await world.check(first, "ann", *PAY))


async def test_each_end_is_recorded_once(world: World) -> None:
    first, _ = await two_tokens(world)
    (elevation, *_) = await list_elevations(world.services, first, ANN)
    for _ in range(2):
        await end_elevation(world.services, first, ANN, elevation.id)
    assert (await world.events()).count("elevation.ended") == 1


async def test_explain_takes_no_use_and_writes_nothing(world: World) -> None:
    from stairgate.model.actions import parse_action
    from stairgate.model.resources import parse_resource
    from stairgate.service.check import CheckCall

    await world.grant("ann", "accounts/1", "pay")
    await world.protect("accounts/1", ("pay", Requirement(uses=1)))
    await world.enrol("ann")
    ann = await world.login("ann")
    await world.step_up(ann, *PAY)
    before = await world.events()
    call = CheckCall(ANN, parse_resource(PAY[1]), parse_action(PAY[0]))
    for _ in range(3):
        assert (await explain(world.services, ann, call)).document()
    assert await world.events() == before
    assert allowed(await world.check(ann, "ann", *PAY))


# --- factors --------------------------------------------------------------------------------------


async def test_a_first_factor_counts_at_once_and_a_further_one_after_the_hold(world: World) -> None:
    """Attack 19: a factor that an attacker adds is of no use for a while."""
    object.__setattr__(world.services.rules, "factor_hold", 3_600)
    first, seed = await enrol_totp(world.services, ANN, "phone")
    second, _ = await enrol_totp(world.services, ANN, "tablet")
    assert first.usable_from == world.clock.now()
    assert second.usable_from == world.clock.now() + timedelta(hours=1)
    assert seed not in first.secret
    assert "secret" not in repr(first)


async def test_a_service_client_has_no_factors_and_a_user_not_too_many(world: World) -> None:
    with pytest.raises(InvalidInputError):
        await enrol_totp(world.services, UserId("sc_app"), "x")
    for _ in range(MAX_FACTORS):
        await enrol_totp(world.services, ANN, "x")
    with pytest.raises(LimitReachedError):
        await enrol_totp(world.services, ANN, "x")
