"""Latency that drifts while it is measured: a trend, with its interval."""

from __future__ import annotations

import math

import numpy as np

from profiler.measuring.statistics import Estimate, slope_interval

#: Confidence of the trend; with CHANGE below, false alarms are well under one in a hundred.
CONFIDENCE = 0.995
#: A drift is told when latency changes by this share over at least this time.
CHANGE, AFTER_S = 0.10, 3.0


def drift_per_minute(at_s: np.ndarray, latency_ms: np.ndarray) -> Estimate | None:
    """Relative change of latency per minute (0.5: half as much more), with its interval.

    Least squares of log latency, which few slow requests do not move, over ten block means. None
    where there are too few requests.
    """
    positive = latency_ms > 0
    slope = slope_interval(at_s[positive], np.log(latency_ms[positive]), CONFIDENCE)
    if slope is None:
        return None
    return Estimate(*(_per_minute(value) for value in (slope.value, slope.low, slope.high)))


def _per_minute(slope: float) -> float:
    """A slope of log latency per second as a relative change; bounded, as e^1000 is no number."""
    return math.expm1(min(max(slope * 60, -20.0), 20.0))


def drifts(drift: Estimate | None, duration_s: float) -> bool:
    """Whether latency surely changed, and by enough to matter over the time measured."""
    if drift is None or duration_s < AFTER_S or drift.low <= 0 <= drift.high:
        return False
    return abs(changed(drift, duration_s)) >= CHANGE


def changed(drift: Estimate, duration_s: float) -> float:
    """The relative change over a time."""
    return math.expm1(math.log1p(drift.value) * duration_s / 60)
