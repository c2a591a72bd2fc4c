"""Latencies of some requests: percentiles, their intervals, and which are only estimates."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from profiler.measuring.bootstrap import block_bootstrap
from profiler.measuring.dependence import block_effect, correlation
from profiler.measuring.objective import Bound
from profiler.measuring.statistics import (
    TOLD_CONFIDENCE,
    Interval,
    nearest_rank,
    percentile_interval,
    requests_needed,
)
from profiler.samples import ABORTED, OK, TIMEOUT, Columns
from profiler.units import NS_PER_MS

#: The percentiles of every summary, by the name they have in the result.
PERCENTILES = {"p50": 50.0, "p90": 90.0, "p95": 95.0, "p99": 99.0, "p999": 99.9}
#: How an interval was found; see interval_by.
ORDER_STATISTICS, BLOCK_BOOTSTRAP = "order_statistics", "block_bootstrap"
UNKNOWN = Interval(None, None)


@dataclass(frozen=True)
class LatencySummary:
    """Latencies in ms; `needed` tells of percentiles with too few requests behind them how many
    `requests` it takes, and how many they `have`.

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
    interval_methods: dict[str, str | None] = field(default_factory=dict)
    needed: dict[str, dict[str, int]] = field(default_factory=dict)

    @property
    def estimates(self) -> tuple[str, ...]:
        """The percentiles that are estimates only."""
        return tuple(self.needed)

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
    """Nearest-rank percentiles with intervals; None when there is no latency at all.

    `confidence` is the objective's: what is needed to prove a percentile depends on it.
    """
    if len(values) == 0:
        return None
    found = {
        name: interval_by(values, percentile, TOLD_CONFIDENCE)
        for name, percentile in PERCENTILES.items()
    }
    return LatencySummary(
        mean=float(values.mean()),
        **{name: nearest_rank(values, percentile) for name, percentile in PERCENTILES.items()},
        max=float(values.max()),
        intervals={name: limits for name, (limits, _) in found.items()},
        interval_methods={name: method for name, (_, method) in found.items()},
        needed=_needed(len(values), confidence),
    )


def _needed(have: int, confidence: float) -> dict[str, dict[str, int]]:
    """What is missing where not even none over would prove a percentile (MLPerf's rule)."""
    least = {
        name: requests_needed(percentile, confidence, 0) for name, percentile in PERCENTILES.items()
    }
    return {
        name: {"requests": requests, "have": have}
        for name, requests in least.items()
        if have < requests
    }


def interval(values: np.ndarray, percentile: float, confidence: float) -> Interval:
    """`interval_by` without its method."""
    return interval_by(values, percentile, confidence)[0]


def interval_by(
    values: np.ndarray, percentile: float, confidence: float
) -> tuple[Interval, str | None]:
    """Interval of a percentile of values in order of time, and the method that gave it.

    Order statistics of the effective number of requests where those over the percentile are not
    correlated; where they are, the wider, end by end, of these and the block bootstrap: order
    statistics know of clumps that did not occur, blocks of what the others looked like.
    """
    if len(values) == 0:
        return UNKNOWN, None
    above = values > nearest_rank(values, percentile)
    correlated = correlation(above)
    effect = max(block_effect(above), correlated.effect)
    ordered = percentile_interval(values, percentile, confidence, effect)
    if correlated.block <= 1:
        return ordered, ORDER_STATISTICS
    drawn = block_bootstrap(values, percentile, confidence, block=correlated.block, effect=effect)
    return _wider(ordered, drawn), BLOCK_BOOTSTRAP


def _wider(one: Interval, other: Interval) -> Interval:
    """The lower low and the higher high; an end that one of them leaves open is open."""
    low = None if None in (one.low, other.low) else min(one.low, other.low)
    high = None if None in (one.high, other.high) else max(one.high, other.high)
    return Interval(low, high)
