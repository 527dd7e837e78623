"""The steps of the step-up, in process, on both stores; with the attacks that they must withstand."""

import asyncio

import pytest
from tests.unit.service_stepup.world import World

from stairgate.model.challenges import ChallengeState
from stairgate.model.decisions import Allow, Deny, Reason, StepUpRequired
from stairgate.model.errors import (
    ChallengeEndedError,
    ForbiddenError,
    InvalidChallengeTokenError,
    NotFoundError,
    UnauthenticatedError,
    UserTokenRefusedError,
    WrongAnswerError,
)
from stairgate.model.ids import UserId
from stairgate.model.protection import Requirement
from stairgate.service.authentication import authenticate
from stairgate.service.elevations import end_elevation, list_elevations
from stairgate.service.report_step_up import report_step_up

PAY = ("pay", "accounts/1")


async def test_the_steps(world: World) -> None:
    """Protect, log in, be refused, answer, record, succeed; another token stays refused; revoked, refused again."""
    await world.grant("ann", "accounts/1", "pay", mark=Requirement())
    await world.enrol("ann")
    first, second = await world.login("ann"), await world.login("ann")

    token = await world.refused(first, "ann", *PAY)
    view = await world.open(first, token)
    done = await world.answer(first, view, world.code("ann"))
    assert done.challenge.state is ChallengeState.SATISFIED
    elevation = await report_step_up(world.services, first, token, user_token=None, code=None)
    assert elevation == await report_step_up(world.services, first, token, user_token=None, code=None)

    assert isinstance((await world.check(first, "ann", *PAY)).decision, Allow)
    other = (await world.check(second, "ann", *PAY)).decision
    assert isinstance(other, StepUpRequired), "attack 2: only the token in the challenge is elevated"
    assert other.reason is Reason.ELEVATION_REQUIRED

    (live,) = await list_elevations(world.services, first, UserId("ann"))
    await end_elevation(world.services, first, UserId("ann"), live.id)
    assert isinstance((await world.check(first, "ann", *PAY)).decision, StepUpRequired)


async def test_always_asks_each_time(world: World) -> None:
    await world.grant("ann", "accounts/1", "pay", mark=Requirement(uses=1))
    await world.enrol("ann")
    ann = await world.login("ann")
    for _ in range(2):
        await world.step_up(ann, *PAY)
        assert isinstance((await world.check(ann, "ann", *PAY)).decision, Allow)
        assert isinstance((await world.check(ann, "ann", *PAY)).decision, StepUpRequired)


async def test_attack_06_of_parallel_checks_on_one_use_one_is_allowed(world: World) -> None:
    await world.grant("ann", "accounts/1", "pay", mark=Requirement(uses=1))
    await world.enrol("ann")
    ann = await world.login("ann")
    await world.step_up(ann, *PAY)
    answers = await asyncio.gather(*(world.check(ann, "ann", *PAY) for _ in range(64)))
    assert sum(isinstance(answer.decision, Allow) for answer in answers) == 1


async def test_attack_01_a_challenge_is_not_completed_from_another_s_session(world: World) -> None:
    """Challenge swap: bob cannot open, answer or redeem what names ann's token; it looks unknown to him."""
    await world.grant("ann", "accounts/1", "pay", mark=Requirement())
    await world.enrol("ann")
    await world.enrol("bob")
    ann, bob = await world.login("ann"), await world.login("bob")
    token = await world.refused(ann, "ann", *PAY)
    view = await world.open(ann, token)
    with pytest.raises(NotFoundError):
        await world.answer(bob, view, world.code("bob"))
    with pytest.raises((NotFoundError, ForbiddenError)):
        await world.open(bob, token)
    assert isinstance((await world.check(ann, "ann", *PAY)).decision, StepUpRequired)
    assert await list_elevations(world.services, ann, UserId("ann")) in ([], ())


async def test_attack_04_a_code_works_once(world: World) -> None:
    """Replay: the same totp code answers no second challenge (TOTP-2), and an ended challenge takes no answer."""
    await world.grant("ann", "accounts/1", "pay", mark=Requirement(uses=1))
    await world.enrol("ann")
    ann = await world.login("ann")
    code = world.code("ann")
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    await world.answer(ann, view, code)
    with pytest.raises(ChallengeEndedError):
        await world.answer(ann, view, code)
    await world.check(ann, "ann", *PAY)
    again = await world.open(ann, await world.refused(ann, "ann", *PAY))
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, again, code)


async def test_attack_08_five_wrong_answers_lock_the_challenge(world: World) -> None:
    await world.grant("ann", "accounts/1", "pay", mark=Requirement())
    await world.enrol("ann")
    ann = await world.login("ann")
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    for _ in range(5):
        world.clock.advance(90)
        with pytest.raises(WrongAnswerError):
            await world.answer(ann, view, "000000")
    with pytest.raises(ChallengeEndedError) as ended:
        await world.answer(ann, view, world.code("ann"))
    assert ended.value.details["state"] == "locked"


async def test_attack_11_no_other_token_redeems_the_result(world: World) -> None:
    """Token substitution: another token of the same user reports nothing for the first one's challenge."""
    await world.grant("ann", "accounts/1", "pay", mark=Requirement())
    await world.enrol("ann")
    ann, other = await world.login("ann"), await world.login("ann")
    token = await world.refused(ann, "ann", *PAY)
    view = await world.open(ann, token)
    await world.answer(ann, view, world.code("ann"))
    with pytest.raises((NotFoundError, ForbiddenError)):
        await report_step_up(world.services, other, token, user_token=None, code=None)
    assert isinstance((await world.check(other, "ann", *PAY)).decision, StepUpRequired)


@pytest.mark.parametrize("resource", ["accounts/1/x", "accounts", "Accounts/1", "accounts/10"])
async def test_attack_12_an_exact_elevation_opens_nothing_else(world: World, resource: str) -> None:
    await world.grant("ann", "*", "pay", mark=Requirement(uses=5))
    await world.enrol("ann")
    ann = await world.login("ann")
    await world.step_up(ann, *PAY)
    assert isinstance((await world.check(ann, "ann", "pay", resource)).decision, StepUpRequired)
    assert isinstance((await world.check(ann, "ann", *PAY)).decision, Allow)


async def test_attack_21_forged_tokens_are_refused(world: World) -> None:
    """alg none, another key, another typ: no bearer and no challenge token of the forger's making is accepted."""
    await world.grant("ann", "accounts/1", "pay", mark=Requirement())
    good = world.token("ann")
    header, body, signature = good.split(".")
    swapped = ("B" if signature[0] == "A" else "A") + signature[1:]
    for forged in (
        f"eyJhbGciOiJub25lIn0.{body}.",
        f"{header}.{body}.",
        f"{header}.{body}.{swapped}",
        "x.y.z",
        "",
    ):
        with pytest.raises(UnauthenticatedError):
            await authenticate(world.services, forged)
    ann = await world.login("ann")
    for forged in (good, f"{header}.{body}.", "nonsense"):
        with pytest.raises(InvalidChallengeTokenError):
            await world.open(ann, forged)


async def test_a_service_client_passes_the_user_s_token(world: World) -> None:
    """Without the user's token a protected access cannot be allowed; a refused one refuses every access."""
    await world.grant("ann", "accounts/1", "pay", mark=Requirement())
    await world.enrol("ann")
    client = await world.client("shop")
    bare = (await world.check(client, "ann", *PAY)).decision
    assert isinstance(bare, StepUpRequired)
    assert bare.reason is Reason.TOKEN_REQUIRED
    assert isinstance((await world.check(client, "ann", "pay", "elsewhere")).decision, Deny)
    with pytest.raises(UserTokenRefusedError):
        await world.check(client, "ann", "pay", "elsewhere", user_token=world.token("bob"))


async def test_a_user_asks_about_nobody_else(world: World) -> None:
    await world.grant("ann", "accounts/1", "pay")
    bob = await world.login("bob")
    with pytest.raises((ForbiddenError, NotFoundError)):
        await world.check(bob, "ann", *PAY)


async def test_what_happened_is_in_the_audit_chain(world: World) -> None:
    """Refusals write nothing; opening, elevation, use and end are entries."""
    await world.grant("ann", "accounts/1", "pay", mark=Requirement(uses=1))
    await world.enrol("ann")
    ann = await world.login("ann")
    before = len(await world.events())
    await world.refused(ann, "ann", *PAY)
    assert len(await world.events()) == before
    await world.step_up(ann, *PAY)
    await world.check(ann, "ann", *PAY)
    events = (await world.events())[before:]
    assert {"challenge.opened", "challenge.ended", "elevation.issued", "elevation.used"} <= set(events)
