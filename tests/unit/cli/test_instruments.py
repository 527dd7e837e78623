"""What the operator is told."""

from stairgate.cli.instruments import CHECK, OperatorInstruments


def test_only_a_refusal_is_counted_as_one() -> None:
    """A 403 for a caller who may not ask is an error, not a step-up; each outcome is counted by its name."""
    told = OperatorInstruments()
    for status, outcome in ((200, "allow"), (404, "deny"), (403, "step_up_required"), (403, None)):
        told.served(method="GET", route=CHECK, status=status, seconds=0.001, request_id="r", outcome=outcome)
    text = told.metrics()[0].decode()
    for outcome in ("allow", "deny", "step_up_required", "error"):
        assert any(f'"{outcome}"' in line and line.endswith(" 1.0") for line in text.splitlines()), text
