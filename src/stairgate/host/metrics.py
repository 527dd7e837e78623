"""Numbers for Prometheus, in a registry of their own. Labels are closed sets: no user, no resource, no path."""

from __future__ import annotations

from prometheus_client import CONTENT_TYPE_LATEST, CollectorRegistry, Counter, Histogram, generate_latest

OUTCOMES = ("allow", "deny", "step_up_required", "error")
LATENCIES = (0.000_05, 0.000_1, 0.000_25, 0.000_5, 0.001, 0.002_5, 0.005, 0.01, 0.025, 0.05, 0.1, 0.5, 1.0)  # seconds
CONTENT_TYPE = CONTENT_TYPE_LATEST


class Metrics:
    """What an operator watches."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry(auto_describe=True)
        decisions = Counter("stairgate_decisions", "Decisions by outcome", ("outcome",), registry=self.registry)
        # Made here, so that each series is there from the start at 0, and a decision costs no look-up.
        self._decisions = {outcome: decisions.labels(outcome) for outcome in OUTCOMES}
        self._latency = Histogram(
            "stairgate_decision_seconds", "Time to decide", buckets=LATENCIES, registry=self.registry
        )
        self._store_errors = Counter(
            "stairgate_store_errors", "Times that the store could not be used", registry=self.registry
        )

    def decided(self, outcome: str, seconds: float) -> None:
        """Count one decision. An outcome that is not one of `OUTCOMES` counts as `error`."""
        self._decisions.get(outcome, self._decisions["error"]).inc()
        self._latency.observe(seconds)

    def store_failed(self) -> None:
        """Count one time that the store could not be used."""
        self._store_errors.inc()

    def text(self) -> bytes:
        """Everything, in Prometheus's text form (`CONTENT_TYPE`)."""
        return generate_latest(self.registry)
