"""The numbers of semantics §7.4 and §7.5 (NIST-1..3, NIST-8, TA-8, attack 26)."""

from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.stepup.cases import ELEVATION, NOW, PROOF, SECOND, challenge

from stairgate.model.challenges import Challenge, ChallengeState, IssuedCode, TokenStanding
from stairgate.model.evidence import AttemptCount
from stairgate.stepup.challenges import ended, satisfied, with_code
from stairgate.stepup.limits import (
    BAR_SECONDS,
    DISABLE_AT,
    after_wrong,
    prompt_age,
    prompt_wait,
    standing_after_wrong,
    wait_seconds,
)

WAITS = [0, 0, 0, 0, 30, 60, 120, 240, 480, 960, 1_920, 3_600, 3_600]


@pytest.mark.parametrize(("failures", "expected"), [*enumerate(WAITS), (DISABLE_AT, 3_600), (10**9, 3_600)])
def test_three_failures_are_free_then_the_wait_doubles_up_to_an_hour(failures: int, expected: int) -> None:
    assert wait_seconds(AttemptCount(failures, NOW), NOW) == expected


def test_the_wait_runs_down_to_nothing() -> None:
    count = AttemptCount(5, NOW)
    assert wait_seconds(count, NOW + 1.5 * SECOND) == 59
    assert wait_seconds(count, NOW + 59.999 * SECOND) == 1
    assert wait_seconds(count, NOW + 60 * SECOND) == 0
    assert wait_seconds(AttemptCount(5, None), NOW) == 0


def test_a_clock_set_back_makes_no_wait_longer_than_it_is() -> None:
    """Attack 28."""
    assert wait_seconds(AttemptCount(4, NOW + 86_400 * SECOND), NOW) == 30


def test_a_wrong_answer_is_counted_with_its_time() -> None:
    assert after_wrong(after_wrong(AttemptCount(), NOW), NOW + SECOND) == AttemptCount(2, NOW + SECOND)


def test_the_whole_back_off_makes_guessing_hopeless() -> None:
    """Until the factor is disabled a guesser needs 40 hours, for 50 of 10^6 codes, twice that with two steps."""
    total = sum(wait_seconds(AttemptCount(failures, NOW), NOW) for failures in range(DISABLE_AT))
    assert total > 38 * 3_600


def test_a_day_of_guessing_from_a_fresh_count_is_33_guesses() -> None:
    """What stands in docs/reference/factors.md, where the owner's success has just set the count back."""
    count, now, guesses = AttemptCount(), NOW, 0
    while now < NOW + 86_400 * SECOND:
        guesses += 1
        count = after_wrong(count, now)
        now += wait_seconds(count, now) * SECOND
    assert guesses == 33


def test_the_tenth_wrong_answer_of_a_token_bars_it_for_an_hour_and_each_further_one_again() -> None:
    standing = TokenStanding()
    for _ in range(9):
        standing = standing_after_wrong(standing, NOW)
        assert not standing.barred(NOW)
    standing = standing_after_wrong(standing, NOW)
    hour = BAR_SECONDS * SECOND
    assert (standing.wrong_answers, standing.barred_until) == (10, NOW + hour)
    assert standing.barred(NOW + hour - SECOND)
    assert not standing.barred(NOW + hour)
    assert standing_after_wrong(standing, NOW + hour).barred(NOW + 2 * hour - SECOND)


@given(st.integers(0, 30), st.integers(-5_000, 5_000), st.booleans())
def test_a_wrong_answer_never_makes_a_standing_better(wrong_answers: int, seconds: int, not_me: bool) -> None:
    before = TokenStanding(wrong_answers, NOW + seconds * SECOND, not_me)
    after = standing_after_wrong(before, NOW)
    assert after.not_me is not_me
    for later in (0, 1, 3_599, 3_600, 5_000):
        assert after.barred(NOW + later * SECOND) or not before.barred(NOW + later * SECOND)


# --- prompts ---------------------------------------------------------------------------------------


def prompted(*seconds: int, **changes: Any) -> Challenge:
    current = challenge(**changes)
    for at in seconds:
        current = with_code(current, IssuedCode("d", NOW + (at + 600) * SECOND))
    return current


def test_two_prompts_are_no_reason_to_wait_and_three_are() -> None:
    """NIST-8."""
    assert prompt_wait([prompted(0), prompted(10)], NOW + 20 * SECOND) == 0
    three = [prompted(0), prompted(10), prompted(20)]
    assert prompt_wait(three, NOW + 20 * SECOND) == 880
    assert prompt_wait(three, NOW + 899 * SECOND) == 1
    assert prompt_wait(three, NOW + 900 * SECOND) == 0


def test_prompts_of_one_challenge_count_each_from_the_newest_on() -> None:
    assert prompt_wait([prompted(0, 100, 500)], NOW + 500 * SECOND) == 900


def test_declining_or_cancelling_is_no_answer_and_success_is() -> None:
    """Who holds the token could decline and ask again without end."""
    over = [ended(prompted(0), state, NOW) for state in (ChallengeState.DECLINED, ChallengeState.CANCELLED)]
    locked = replace(prompted(0), state=ChallengeState.LOCKED)
    assert prompt_wait([*over, locked], NOW) == 900
    assert prompt_wait([*over, satisfied(prompted(0), PROOF, ELEVATION, NOW)], NOW) == 0


def test_challenges_without_prompts_do_not_count() -> None:
    assert prompt_wait([challenge()] * 10, NOW) == 0


def test_how_long_ago_a_code_went_out_is_in_whole_seconds_and_never_before_it_did() -> None:
    asked = with_code(challenge(), IssuedCode("digest", NOW + 600 * SECOND))
    assert [prompt_age(asked, NOW + seconds * SECOND) for seconds in (0, 9.999, 10, -5)] == [0, 9, 10, 0]
    assert prompt_age(challenge(), NOW + 60 * SECOND) == 0
