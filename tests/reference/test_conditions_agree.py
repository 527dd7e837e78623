"""The evaluator of conditions against the reference's own, which is another program."""

from collections import Counter
from random import Random

from tests.reference.conditions import TEXTS, says
from tests.reference.worlds import question

from stairgate.engine.conditions import Conditions, Verdict, require_condition


def test_the_evaluator_and_the_reference_agree() -> None:
    random = Random(1)
    told: Counter[Verdict] = Counter()
    for text in TEXTS:
        require_condition(text)
        for _ in range(60):
            asked = question(random)
            verdict = Conditions(asked).of(text).verdict
            expected = {True: Verdict.TRUE, False: Verdict.FALSE, None: Verdict.ERROR}[says(text, asked)]
            assert verdict is expected, (text, asked)
            told[verdict] += 1
    assert min(told.values()) > 500, told
