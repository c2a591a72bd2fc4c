"""Latency that drifts while it is measured: a trend, with its interval."""

from __future__ import annotations

import math

import numpy as np

from profiler.measuring.statistics import Estimate, slope_interval

#: Confidence of the trend; with CHANGE below, false alarms are well under one in a hundred.
CONFIDENCE = 0.995
#: A drift is told when latency changes by this share over at least this time.
CHANGE, AFTER_S = 0.10, 3.0
#: e to the power of more is no number to tell anyone.
MOST_LOGARITHM = 20.0


def drift_per_minute(at_s: np.ndarray, latency_ms: np.ndarray) -> Estimate | None:
    """Relative change of latency per minute (0.5: by half of itself), with its interval.

    The slope of log latency, which few slow requests do not move, by least squares over ten block
    means. None where there is too little time or too few requests for it.
    """
    positive = latency_ms > 0
    if not positive.any() or at_s[-1] - at_s[0] < AFTER_S:
        return None
    slope = slope_interval(at_s[positive], np.log(latency_ms[positive]), CONFIDENCE)
    if slope is None:
        return None
    return Estimate(60 * slope.value, 60 * slope.low, 60 * slope.high)


def drifts(drift: Estimate | None, duration_s: float) -> bool:
    """Whether latency surely changed, and by enough to matter over the time measured."""
    if drift is None or drift.low <= 0 <= drift.high:
        return False
    return abs(changed(drift, duration_s)) >= CHANGE


def changed(drift: Estimate, duration_s: float) -> float:
    """The relative change over a time at this rate, compounded."""
    return math.expm1(min(drift.value * duration_s / 60, MOST_LOGARITHM))
