"""Guessing, over both stores: wrong answers are counted, slow down, lock, bar and disable."""

from __future__ import annotations

import asyncio
from datetime import timedelta

import pytest
from tests.unit.service_stepup.bank import ANN, BASIC, PAY, app_of, bank, passed, wrong_code
from tests.unit.service_stepup.world import World

from stairgate.model.challenges import ChallengeState, TokenStanding
from stairgate.model.errors import (
    ChallengeBarredError,
    ChallengeEndedError,
    DomainError,
    NoEligibleFactorError,
    TooManyAttemptsError,
    WrongAnswerError,
)
from stairgate.model.evidence import AttemptCount
from stairgate.model.protection import Method, Requirement
from stairgate.service.issue_code import issue_code
from stairgate.service.read_challenge import read_challenge
from stairgate.stepup.limits import DISABLE_AT

pytestmark = pytest.mark.anyio


async def test_five_wrong_answers_lock_the_challenge_and_the_right_one_comes_too_late(world: World) -> None:
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    left = []
    for _ in range(5):
        with pytest.raises(WrongAnswerError) as refusal:
            await world.answer(ann, view, wrong_code(world))
        left.append(refusal.value.details["attemptsLeft"])
        world.clock.advance(60)
    assert left == [4, 3, 2, 1, 0]
    with pytest.raises(ChallengeEndedError) as ended:
        await world.answer(ann, view, world.code("ann"))
    assert ended.value.details == {"state": "locked"}
    assert (await world.events()).count("challenge.wrong_answer") == 5


async def test_a_factor_backs_off_and_a_new_challenge_does_not_help(world: World) -> None:
    """Attack 8: the count is the factor's; re-issue and another token do not set it back."""
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    for _ in range(4):
        with pytest.raises(WrongAnswerError):
            await world.answer(ann, view, wrong_code(world))
    other = await world.login("ann")
    fresh = await world.open(other, await world.refused(other, "ann", *PAY))
    with pytest.raises(TooManyAttemptsError) as refusal:
        await world.answer(other, fresh, wrong_code(world))
    assert refusal.value.retry_after == 30
    world.clock.advance(30)
    assert (await world.answer(other, fresh, world.code("ann"))).challenge.state is ChallengeState.SATISFIED


async def test_a_thousand_guesses_over_two_hundred_challenges_disable_the_factor(world: World) -> None:
    """Attack 8: of all these guesses 50 are looked at; then the factor is off, and the right code is refused, too."""
    await bank(world)
    looked_at = 0
    for _ in range(200):
        ann = await world.login("ann", ttl=86_400)
        try:
            view = await world.open(ann, await world.refused(ann, "ann", *PAY))
        except NoEligibleFactorError:
            continue
        for _ in range(5):
            try:
                await world.answer(ann, view, wrong_code(world))
            except WrongAnswerError:
                looked_at += 1
            except (TooManyAttemptsError, NoEligibleFactorError) as refusal:
                world.clock.advance(getattr(refusal, "retry_after", 0))
                break
    assert looked_at == DISABLE_AT
    assert (await world.events()).count("factor.disabled") == 1
    ann = await world.login("ann")
    with pytest.raises(NoEligibleFactorError):
        await world.open(ann, await world.refused(ann, "ann", *PAY))


async def test_parallel_guesses_are_counted_each(world: World) -> None:
    """Attack 8: a hundred guesses at once are no more than five."""
    ann = await bank(world)
    view = await world.open(ann, await world.refused(ann, "ann", *PAY))
    answers = await asyncio.gather(
        *(world.answer(ann, view, wrong_code(world)) for _ in range(100)), return_exceptions=True
    )
    assert sum(isinstance(answer, WrongAnswerError) for answer in answers) <= 5
    assert all(isinstance(answer, DomainError) for answer in answers)


async def test_ten_wrong_answers_bar_the_token_for_an_hour(world: World) -> None:
    """§7.4: over several challenges; the bar is the token's alone, and ends."""
    await bank(world)
    ann = await world.login("ann", ttl=86_400)
    wrong, view = 0, None
    while wrong < 10:
        if view is None:
            view = await world.open(ann, await world.refused(ann, "ann", *PAY))
        try:
            await world.answer(ann, view, wrong_code(world))
            pytest.fail("a wrong code was taken")
        except WrongAnswerError as refusal:
            wrong += 1
            view = view if refusal.details["attemptsLeft"] else None
        except TooManyAttemptsError as refusal:
            world.clock.advance(refusal.retry_after)
        except ChallengeEndedError:
            view = None
    with pytest.raises(ChallengeBarredError):
        await world.open(ann, await world.refused(ann, "ann", *PAY))
    other = await world.login("ann")
    assert (await world.open(other, await world.refused(other, "ann", *PAY))).methods
    world.clock.advance(hours=1)
    assert (await world.open(ann, await world.refused(ann, "ann", *PAY))).methods
    assert (await world.events()).count("token.barred") == 1


async def test_a_success_sets_the_counts_back(world: World) -> None:
    ann = await bank(world)
    for _ in range(6):
        view = await world.open(ann, await world.refused(ann, "ann", *PAY))
        for _ in range(3):
            with pytest.raises(WrongAnswerError):
                await world.answer(ann, view, wrong_code(world))
        await world.answer(ann, view, world.code("ann"))
        world.clock.advance(301)


async def test_a_barred_token_answers_nothing_that_it_opened_before(world: World) -> None:
    """Ten wrong answers on two challenges: the third, opened before, takes not even the right code."""
    await world.grant("ann", "vault/*", "open")
    await world.protect("vault", ("open", Requirement()))
    await world.enrol("ann")
    ann = await world.login("ann", ttl=86_400)
    one, two, three = [await world.open(ann, await world.refused(ann, "ann", "open", f"vault/{n}")) for n in range(3)]
    standing = TokenStanding(wrong_answers=9)
    await world.services.store.write(lambda t: t.set_standing(ann.token.key, standing))
    with pytest.raises(WrongAnswerError):
        await world.answer(ann, one, wrong_code(world))
    for view in (two, three):
        with pytest.raises(ChallengeBarredError):
            await world.answer(ann, view, world.code("ann"))


async def test_external_is_off_after_fifty_wrong_codes(world: World) -> None:
    """Attack 8, where nothing is enrolled: the count is the user's; the challenge and its code were there before."""
    await bank(world, BASIC)
    app = await app_of(world)
    text, _ = await passed(world)
    view = await world.open(app, await world.refused(app, "ann", *PAY, user_token=text))
    issued = await issue_code(world.services, app, view.challenge.id, Method.EXTERNAL)
    long_ago = world.clock.now() - timedelta(days=1)
    await world.services.store.write(lambda t: t.set_attempts(ANN, "external", AttemptCount(DISABLE_AT, long_ago)))
    with pytest.raises(NoEligibleFactorError):
        await world.answer(app, view, issued.code, method=Method.EXTERNAL)
    assert (await read_challenge(world.services, app, view.challenge.id)).methods == (Method.TOTP,)


async def test_a_code_of_one_of_two_factors_is_no_wrong_answer_for_the_other(world: World) -> None:
    """Attack 26: whoever has two authenticators does not lock either by using the other."""
    ann = await bank(world)
    await world.enrol("ann")
    for _ in range(8):
        await world.step_up(ann, *PAY)
        world.clock.advance(301)
    factors = await world.services.store.read(lambda t: t.factors_of(ANN))
    counts = await world.services.store.read(lambda t: [t.attempts(ANN, factor.id).failures for factor in factors])
    assert counts == [0, 0]
