"""`open` → `proven` → `satisfied` by the return code, and what the opener says (semantics §7, §7.2)."""

from dataclasses import replace

import pytest
from tests.unit.stepup.cases import ELEVATION, NOW, PROOF, SECOND, challenge, ticket

from stairgate.model.challenges import Challenge, ChallengeState, IssuedReturn, Opening
from stairgate.model.errors import ChallengeEndedError, ProofRefusedError
from stairgate.model.ids import ChallengeId
from stairgate.model.protection import Device, Level, Requirement
from stairgate.stepup.challenges import (
    ended,
    open_challenge,
    proven,
    reopened,
    require_open,
    satisfied,
    settled,
    wrong,
)
from stairgate.stepup.elevations import issue

PASS = IssuedReturn("digest", NOW + 60 * SECOND, once=False, amr=("otp",))
BACK = Opening(return_uri="https://app.example/back", state="s")


def proved() -> Challenge:
    return proven(replace(challenge(), opening=BACK), PROOF, PASS, NOW)


def test_a_proof_waits_for_its_return_code_and_elevates_with_it() -> None:
    it = proved()
    assert (it.state, it.evidence, it.elevation, it.version) == (ChallengeState.PROVEN, PROOF, None, 2)
    done = satisfied(it, PROOF, ELEVATION, NOW + SECOND)
    assert (done.state, done.returning, done.version) == (ChallengeState.SATISFIED, None, 3)
    elevation = issue(done, PROOF, id=ELEVATION, now=NOW + SECOND, same_device=True)
    assert elevation.same_device
    assert elevation.proven_at == NOW


def test_a_proof_lives_as_long_as_its_return_code() -> None:
    it = proved()
    assert settled(it, NOW + 59 * SECOND) == it
    over = settled(it, NOW + 60 * SECOND)
    assert (over.state, over.ended_at) == (ChallengeState.EXPIRED, PASS.expires_at)
    with pytest.raises(ChallengeEndedError):
        satisfied(it, PROOF, ELEVATION, NOW + 60 * SECOND)
    late = replace(challenge(), opening=BACK, expires_at=NOW + 10 * SECOND)
    assert settled(proven(late, PROOF, PASS, NOW), NOW + 10 * SECOND).ended_at == NOW + 10 * SECOND


def test_a_proven_challenge_takes_no_second_proof_but_ends_like_any_other() -> None:
    """§7: strict order of states (TA-9); "this was not me" in every state (§7.7)."""
    with pytest.raises(ChallengeEndedError) as caught:
        require_open(proved(), NOW)
    assert caught.value.details["state"] == "proven"
    with pytest.raises(ChallengeEndedError):
        proven(proved(), PROOF, PASS, NOW)
    assert ended(proved(), ChallengeState.DECLINED, NOW, not_me=True).not_me
    it = proved()
    for _ in range(5):
        it = wrong(it, NOW)
    assert it.state is ChallengeState.LOCKED


def test_a_weak_proof_proves_nothing() -> None:
    hard = challenge(requirement=Requirement(level=Level.HARDWARE))
    with pytest.raises(ProofRefusedError):
        proven(hard, PROOF, PASS, NOW)


def test_what_the_opener_says_anew_replaces_and_what_it_leaves_out_stays() -> None:
    it = replace(challenge(), opening=replace(BACK, device="laptop"))
    again = reopened(it, Opening(state="t", locale="de"))
    assert again.opening == Opening("laptop", "de", BACK.return_uri, "t")
    assert again.version == it.version + 1
    assert reopened(it, Opening()) is it
    assert reopened(proved(), Opening(state="t")) == proved()  # it answered already


@pytest.mark.parametrize(
    ("device", "uri", "page", "number"),
    [
        (None, None, True, True),
        (None, "https://app.example/back", True, True),
        (Device.SAME, None, False, False),
        (Device.SAME, "https://app.example/back", True, False),
    ],
)
def test_which_challenges_have_a_page_and_a_number(
    device: Device | None, uri: str | None, page: bool, number: bool
) -> None:
    """§7.2: `device: "same"` takes no match code, and without a `returnUri` there is no page."""
    asked = ticket(requirement=Requirement(device=device))
    it = open_challenge(
        asked, id=ChallengeId("c"), opener=None, now=NOW, opening=Opening(return_uri=uri), match="digest"
    )
    assert (it.has_page, it.match is not None) == (page, number)


def test_no_code_shows_in_a_repr() -> None:
    assert "digest" not in repr(PASS)
