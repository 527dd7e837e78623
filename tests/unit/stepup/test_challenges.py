"""Challenges end exactly once, elevations come from evidence only (semantics §7, §8; TA-6, TA-8, TA-9)."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.stepup.cases import ACTION, ELEVATION, NOW, PROOF, RESOURCE, SECOND, challenge, ticket

from stairgate.model.actions import parse_action
from stairgate.model.challenges import Challenge, ChallengeState, IssuedCode
from stairgate.model.elevations import Area, EndReason
from stairgate.model.errors import ChallengeEndedError, ConflictError, ProofRefusedError
from stairgate.model.ids import ClientId, ElevationId, UserId
from stairgate.model.protection import Level, Method, Requirement
from stairgate.model.resources import parse_resource
from stairgate.model.tokens import TokenKey
from stairgate.stepup.challenges import (
    CHALLENGE_SECONDS,
    MAX_WRONG,
    ended,
    identical,
    require_live,
    satisfied,
    settled,
    supersedes,
    with_code,
    wrong,
)
from stairgate.stepup.elevations import UNKNOWN_END_SECONDS, end, issue, take_use

CODE = IssuedCode("digest", NOW + 600 * SECOND)
ENDS = [state for state in ChallengeState if not state.live]
BY_WORD = [state for state in ENDS if state is not ChallengeState.SATISFIED]


def finished(state: ChallengeState) -> Challenge:
    if state is ChallengeState.SATISFIED:
        return satisfied(challenge(), PROOF, ELEVATION, NOW)
    return ended(challenge(), state, NOW)


@pytest.mark.parametrize("state", ENDS)
def test_after_any_end_nothing_changes_it_again(state: ChallengeState) -> None:
    over = finished(state)
    assert (over.state, over.ended_at) == (state, NOW)
    assert settled(over, NOW + 86_400 * SECOND) is over
    tries: list[Any] = [
        lambda: require_live(over, NOW),
        lambda: with_code(over, CODE),
        lambda: wrong(over, NOW),
        lambda: satisfied(over, PROOF, ElevationId("el_2"), NOW),
        lambda: issue(over, PROOF, id=ElevationId("el_2"), now=NOW),
        *(lambda to=to: ended(over, to, NOW) for to in BY_WORD),
    ]
    for attempt in tries:
        with pytest.raises(ChallengeEndedError) as raised:
            attempt()
        assert raised.value.details == {"state": state}


@pytest.mark.parametrize("state", [ChallengeState.OPEN, ChallengeState.PROVEN, ChallengeState.SATISFIED])
def test_no_word_makes_it_satisfied_or_opens_it_again(state: ChallengeState) -> None:
    with pytest.raises(ValueError, match="by evidence only"):
        ended(challenge(), state, NOW)


def test_every_change_makes_the_version_one_higher() -> None:
    first = challenge()
    for changed in (
        with_code(first, CODE),
        wrong(first, NOW),
        satisfied(first, PROOF, ELEVATION, NOW),
        ended(first, ChallengeState.CANCELLED, NOW),
        settled(first, NOW + 600 * SECOND),
    ):
        assert changed.version == first.version + 1


def test_it_expires_after_ten_minutes_and_ended_then() -> None:
    over = NOW + CHALLENGE_SECONDS * SECOND
    assert settled(challenge(), over - SECOND).state is ChallengeState.OPEN
    late = settled(challenge(), over + 100 * SECOND)
    assert (late.state, late.ended_at) == (ChallengeState.EXPIRED, over)
    for attempt in (wrong, require_live):
        with pytest.raises(ChallengeEndedError):
            attempt(challenge(), over)
    with pytest.raises(ChallengeEndedError):
        satisfied(challenge(), PROOF, ELEVATION, over)


def test_it_ends_with_the_token_that_it_names() -> None:
    short = challenge(token_expires_at=NOW + 60 * SECOND)
    assert settled(short, NOW + 59 * SECOND) is short
    assert settled(short, NOW + 60 * SECOND).state is ChallengeState.EXPIRED


def test_the_fifth_wrong_answer_locks_it_whatever_codes_were_sent_between() -> None:
    """NIST-2, TA-8."""
    current = challenge()
    for count in range(1, MAX_WRONG + 1):
        assert current.state is ChallengeState.OPEN
        current = wrong(with_code(current, CODE), NOW)
        assert current.wrong_answers == count
    assert (current.state, current.ended_at) == (ChallengeState.LOCKED, NOW)
    assert current.prompts == MAX_WRONG


def test_a_new_code_replaces_the_old_one_and_success_spends_it() -> None:
    newer = IssuedCode("newer", NOW + 600 * SECOND)
    current = with_code(with_code(challenge(), CODE), newer)
    assert (current.code, current.prompts) == (newer, 2)
    assert satisfied(current, PROOF, ELEVATION, NOW).code is None


@pytest.mark.parametrize(
    ("requirement", "evidence"),
    [
        (Requirement(level=Level.PHISHING_RESISTANT), PROOF),
        (Requirement(), replace(PROOF, level=Level.BASIC)),
        (Requirement(level=Level.BASIC, methods=frozenset({Method.EXTERNAL})), PROOF),
    ],
)
def test_evidence_that_is_too_weak_or_of_another_method_ends_nothing(requirement: Requirement, evidence: Any) -> None:
    """TA-6."""
    current = challenge(requirement=requirement)
    with pytest.raises(ProofRefusedError):
        satisfied(current, evidence, ELEVATION, NOW)
    with pytest.raises(ProofRefusedError):
        issue(current, evidence, id=ELEVATION, now=NOW)


# --- tickets of the same access --------------------------------------------------------------------


def test_the_same_refusal_to_the_same_asker_is_identical() -> None:
    again = ticket(id="another", revision=2, issued_at=NOW + SECOND, action=parse_action("pAY"))
    assert identical(ticket(), again)
    assert not supersedes(again, ticket())


@pytest.mark.parametrize(
    "change",
    [
        {"client": ClientId("sc_1")},
        {"requirement": Requirement(lifetime=301)},
        {"area": Area(RESOURCE, ACTION)},
        {"details": {"amount": "1"}},
    ],
    ids=str,
)
def test_another_refusal_of_the_same_access_supersedes(change: Any) -> None:
    """TA-10."""
    assert not identical(ticket(**change), ticket())
    assert supersedes(ticket(**change), ticket())


@pytest.mark.parametrize(
    "change",
    [
        {"user": UserId("other")},
        {"token": TokenKey("issuer", "other")},
        {"token": TokenKey("issuer", "digest", "cnf")},
        {"resource": parse_resource("accounts/2")},
        {"action": parse_action("read")},
    ],
    ids=str,
)
def test_another_access_is_neither(change: Any) -> None:
    assert not identical(ticket(**change), ticket())
    assert not supersedes(ticket(**change), ticket())


# --- elevations ------------------------------------------------------------------------------------


def test_an_elevation_is_for_what_the_challenge_names() -> None:
    asked = challenge(details={"amount": "1"})
    made = issue(asked, PROOF, id=ELEVATION, now=NOW)
    assert (made.user, made.token, made.area) == (asked.ticket.user, asked.ticket.token, asked.ticket.area)
    assert (made.level, made.method, made.factor) == (PROOF.level, PROOF.method, PROOF.factor)
    assert (made.challenge, made.details) == (asked.id, {"amount": "1"})
    assert (made.uses, made.uses_left) == (None, None)
    assert made == issue(satisfied(asked, PROOF, ELEVATION, NOW), PROOF, id=ELEVATION, now=NOW)


@pytest.mark.parametrize(
    ("token_seconds", "lifetime", "expected"),
    [(86_400, 300, 300), (100, 300, 100), (None, 300, 300), (None, 86_400, UNKNOWN_END_SECONDS)],
)
def test_it_lasts_no_longer_than_asked_nor_than_the_token(token_seconds: Any, lifetime: int, expected: int) -> None:
    """TK-3."""
    end_of_token = None if token_seconds is None else NOW + token_seconds * SECOND
    made = issue(
        challenge(token_expires_at=end_of_token, requirement=Requirement(lifetime=lifetime)),
        PROOF,
        id=ELEVATION,
        now=NOW,
    )
    assert made.expires_at == NOW + expected * SECOND


def test_only_this_once_is_one_use_of_exactly_this() -> None:
    made = issue(challenge(requirement=Requirement(uses=5)), PROOF, id=ELEVATION, now=NOW, once=True)
    assert (made.area, made.uses, made.uses_left) == (Area(RESOURCE, ACTION, exact=True), 1, 1)


def test_uses_run_out() -> None:
    """Attack 6."""
    made = issue(challenge(requirement=Requirement(uses=2)), PROOF, id=ELEVATION, now=NOW)
    for left in (1, 0):
        made = take_use(made, NOW)
        assert made.uses_left == left
    with pytest.raises(ConflictError):
        take_use(made, NOW)


def test_no_use_is_taken_of_one_that_is_uncounted_over_or_ended() -> None:
    counted = issue(challenge(requirement=Requirement(uses=2)), PROOF, id=ELEVATION, now=NOW)
    uncounted = issue(challenge(), PROOF, id=ELEVATION, now=NOW)
    tries = [
        (uncounted, NOW),
        (counted, counted.expires_at),
        (end(counted, NOW, EndReason.REVOKED), NOW),
    ]
    for made, at in tries:
        with pytest.raises(ConflictError):
            take_use(made, at)


def test_the_first_end_stays() -> None:
    once = end(issue(challenge(), PROOF, id=ELEVATION, now=NOW), NOW, EndReason.NOT_ME)
    assert not once.live(NOW)
    assert end(once, NOW + SECOND, EndReason.REVOKED) is once
