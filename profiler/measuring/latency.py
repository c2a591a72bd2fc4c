"""Latencies of some requests: percentiles, their intervals, and which are only estimates."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from profiler.measuring.due_requests import NS_PER_MS
from profiler.measuring.objective import Bound
from profiler.measuring.statistics import (
    Interval,
    design_effect,
    nearest_rank,
    percentile_interval,
    requests_needed,
)
from profiler.samples import ABORTED, OK, OUTCOMES, Columns

#: The percentiles of every summary, by the name they have in the result.
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}
TIMEOUT = OUTCOMES.index("timeout")


@dataclass(frozen=True)
class LatencySummary:
    """Latencies in ms; `estimates` names the percentiles with too few requests behind them.

    A request given up (timed out, or aborted when slower than any answer) enters with its age,
    a lower limit: leaving it out would hide a stalled server.
    """

    mean: float | None
    p50: float | None
    p90: float | None
    p95: float | None
    p99: float | None
    p999: float | None
    max: float | None
    intervals: dict[str, Interval] = field(default_factory=dict)
    estimates: tuple[str, ...] = ()

    def to_json(self) -> dict:
        """The numbers alone; intervals and estimates are keys of the measurement."""
        return {
            name: getattr(self, name)
            for name in ("mean", "p50", "p90", "p95", "p99", "p999", "max")
        }


NO_LATENCY = LatencySummary(*[None] * 7)


def latencies_ms(requests: Columns, bound: Bound, since: str = "scheduled_ns") -> np.ndarray:
    """Latencies in ms in order of schedule, of the requests that have one."""
    taken_ms = (requests["finished_ns"] - requests[since]) / NS_PER_MS
    return taken_ms[has_latency(requests, bound, since)]


def has_latency(requests: Columns, bound: Bound, since: str = "scheduled_ns") -> np.ndarray:
    """Which requests have a latency: successes, and those given up, at their age.

    An aborted request has one only when it is already older than the bound (or, without one, than
    every success); other errors have no latency worth the name and are counted apart.
    """
    taken_ms = (requests["finished_ns"] - requests[since]) / NS_PER_MS
    ok = requests["outcome"] == OK
    slow_ms = bound.latency_ms
    if slow_ms is None:
        slow_ms = float(taken_ms[ok].max()) if ok.any() else 0.0
    given_up = (requests["outcome"] == TIMEOUT) | (
        (requests["outcome"] == ABORTED) & (taken_ms > slow_ms)
    )
    return ok | given_up


def summarise_latencies(values: np.ndarray, confidence: float) -> LatencySummary | None:
    """Nearest-rank percentiles with intervals; None when there is no latency at all."""
    if len(values) == 0:
        return None
    return LatencySummary(
        mean=float(values.mean()),
        **{name: nearest_rank(values, percentile) for name, percentile in PERCENTILES.items()},
        max=float(values.max()),
        intervals={
            name: interval(values, percentile, confidence)
            for name, percentile in PERCENTILES.items()
        },
        estimates=tuple(
            name
            for name, percentile in PERCENTILES.items()
            if len(values) < requests_needed(percentile, confidence, 0)
        ),
    )


def interval(values: np.ndarray, percentile: float, confidence: float) -> Interval:
    """Interval of a percentile, widened by how far the values above it come in clumps."""
    if len(values) == 0:
        return Interval(None, None)
    above = values > nearest_rank(values, percentile)
    return percentile_interval(values, percentile, confidence, design_effect(above))
