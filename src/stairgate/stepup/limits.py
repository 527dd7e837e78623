"""How often one may try: numbers and arithmetic of semantics §7.4 and §7.5 (NIST-1..3, NIST-8, TA-8, attack 26)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from stairgate.model.challenges import CODE_SECONDS, Challenge, ChallengeState, TokenStanding
from stairgate.model.evidence import AttemptCount

FREE_FAILURES = 3  # a mistyped code costs no wait
FIRST_WAIT = 30  # seconds
LONGEST_WAIT = 3_600
DISABLE_AT = 50  # wrong answers since the last success; NIST allows up to 100

BAR_AT = 10  # wrong answers for one token since its last success
BAR_SECONDS = 3_600

MAX_PROMPTS = 3  # unanswered
FIRST_RESEND = 30  # seconds until the code of a challenge is sent again, doubled each time
PROMPT_WINDOW = 900  # seconds


def wait_seconds(count: AttemptCount, now: datetime) -> int:
    """How many seconds the next attempt must wait at *now*; 0: it may be made."""
    if count.failures <= FREE_FAILURES or count.last_failure_at is None:
        return 0
    doublings = min(count.failures - FREE_FAILURES - 1, LONGEST_WAIT.bit_length())
    wait = min(FIRST_WAIT << doublings, LONGEST_WAIT)
    left = count.last_failure_at + timedelta(seconds=wait) - now
    # A clock that was set back must not make the wait longer than it ever is.
    return min(max(0, math.ceil(left.total_seconds())), wait)


def after_wrong(count: AttemptCount, now: datetime) -> AttemptCount:
    """*count* with one more wrong answer. To be stored before the answer is looked at (semantics §7.4)."""
    return AttemptCount(count.failures + 1, now)


def standing_after_wrong(standing: TokenStanding, now: datetime) -> TokenStanding:
    """
    *standing* with one more wrong answer: from the tenth on since its last success, each bars the token for an hour.

    The count goes on after the hour, so a token that comes back to guess gets one guess an hour.
    """
    wrong = standing.wrong_answers + 1
    if wrong < BAR_AT:
        return replace(standing, wrong_answers=wrong)
    until = now + timedelta(seconds=BAR_SECONDS)
    if standing.barred_until is not None:
        until = max(until, standing.barred_until)
    return replace(standing, wrong_answers=wrong, barred_until=until)


def prompt_wait(challenges: Sequence[Challenge], now: datetime) -> int:
    """
    How many seconds the user must be left alone before the next prompt; 0: one may be sent (NIST-8).

    Only a satisfied challenge counts as answered: whoever holds the token could decline, too, and ask again.

    Args:
        challenges: The user's, at least those opened in the last 25 minutes (a prompt can be as late as a
            challenge's tenth minute).
        now: The server's time.
    """
    prompted = sorted(
        at
        for challenge in challenges
        if challenge.state is not ChallengeState.SATISFIED
        for at in [_last_prompt(challenge)] * challenge.prompts
    )
    if len(prompted) < MAX_PROMPTS:
        return 0
    left = prompted[-MAX_PROMPTS] + timedelta(seconds=PROMPT_WINDOW) - now
    return min(max(0, math.ceil(left.total_seconds())), PROMPT_WINDOW)


def resend_wait(challenge: Challenge, now: datetime) -> int:
    """How many seconds until the code of *challenge* may be sent again; 0: now. A new one needs its way, too."""
    if challenge.code is None or challenge.prompts == 0:
        return 0
    wait = FIRST_RESEND << min(challenge.prompts - 1, PROMPT_WINDOW.bit_length())
    left = _last_prompt(challenge) + timedelta(seconds=wait) - now
    return min(max(0, math.ceil(left.total_seconds())), PROMPT_WINDOW)


def prompt_age(challenge: Challenge, now: datetime) -> int:
    """How many whole seconds ago the code of *challenge* went out; 0 where none did, or the clock was set back."""
    return 0 if challenge.code is None else max(0, int((now - _last_prompt(challenge)).total_seconds()))


def _last_prompt(challenge: Challenge) -> datetime:
    """When the newest prompt went out: a code's end tells. Earlier ones count from then, too: careful, never lax."""
    if challenge.code is None:
        return challenge.opened_at
    return challenge.code.expires_at - timedelta(seconds=CODE_SECONDS)
