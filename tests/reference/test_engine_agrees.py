"""The engine against the reference, on random policies and requests: at least 20 000 cases a run."""

from random import Random

import pytest
from tests.reference.oracle import Verdict, judge
from tests.reference.worlds import NOW, elevations, engine, question, world

from stairgate.model.decisions import Allow, Decision, Deny, Question, Reason, StepUpRequired

WORLDS_A_SEED = 500
QUESTIONS_A_WORLD = 12
SEEDS = range(8)  # 8 x 500 x 12 = 48 000 cases


def told(decision: Decision) -> Verdict:
    match decision:
        case Deny():
            return Verdict("deny")
        case Allow(elevation=elevation):
            return Verdict("allow", elevation=elevation)
        case StepUpRequired(reason=Reason.TOKEN_REQUIRED | Reason.REQUIREMENT_UNSATISFIABLE as reason):
            return Verdict("step_up", reason)  # what they show beside it is not a promise
        case StepUpRequired(reason, requirement, area, _, _, details):
            if reason is Reason.DETAILS_REQUIRED:
                return Verdict("step_up", reason, requirement, area)
            return Verdict("step_up", reason, requirement, area, details=dict(details))


def shown(asked: Question) -> str:
    return f"{asked.user} {asked.action} {asked.resource} token={asked.token} context={asked.context}"


@pytest.mark.parametrize("seed", SEEDS)
def test_engine_and_reference_agree(seed: int) -> None:
    """On every random world and question, engine and reference give the same outcome, reason, requirement and area."""
    random = Random(seed)
    outcomes: dict[str, int] = {}
    for _ in range(WORLDS_A_SEED):
        policy = world(random)
        for _ in range(QUESTIONS_A_WORLD):
            asked = question(random)
            held = elevations(random, asked)
            expected = judge(policy, asked, held, NOW)
            actual = told(engine(policy, asked, held))
            assert actual == expected, f"{shown(asked)}\n{policy}\n{held}"
            key = f"{expected.outcome} {expected.reason}"
            outcomes[key] = outcomes.get(key, 0) + 1
    # The worlds are no use if they miss an outcome.
    assert outcomes["deny None"] > 200
    assert outcomes["allow None"] > 200
    for reason in Reason:
        assert outcomes[f"step_up {reason}"] > 2, outcomes
