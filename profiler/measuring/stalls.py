"""Stalls that come back at a period: garbage collection, a quota's periods, a cron job."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: Slow is what takes longer than this many times the median, and than this share of all requests.
SLOW_FACTOR, SLOW_SHARES = 2.0, (0.10, 0.01)
#: A period is told from this many stalls on, and when the time measured holds this many of it.
FEWEST_STALLS, FEWEST_PERIODS = 8, 8
#: The shortest period looked for, in s, and in typical gaps between requests (arrivals of a
#: constant rate are themselves periodic).
SHORTEST_S, SHORTEST_GAPS = 0.04, 3.0
#: The share of runs without periods in which chance may look like one, and the least concentration
#: (0: stalls at any phase, 1: all at the same).
FALSE_ALARM, LEAST_CONCENTRATION = 1e-4, 0.6
#: About one stall a period: waves of a queue come at no fixed number.
STALLS_A_PERIOD = (0.5, 1.5)
#: Harmonics of a period agree about as much as itself: this share of the highest is as high.
NEARLY = 0.9
#: Trial frequencies per independent one, and the most stalls (the longest) that are looked at.
OVERSAMPLING, MOST_STALLS = 4, 400
#: The kernel's period of cpu bandwidth control.
QUOTA_PERIOD_S = 0.1


@dataclass(frozen=True)
class Stalls:
    """`period_s` between stalls; `length_ms` their typical longest latency; `share` of requests
    touched, those slower than `slow_ms`; `concentration` how regular they are."""

    period_s: float
    length_ms: float
    share: float
    count: int
    concentration: float
    slow_ms: float

    def to_json(self) -> dict:
        return dict(self.__dict__)


def periodic_stalls(
    at_s: np.ndarray, latency_ms: np.ndarray, known_s: float | None = None
) -> Stalls | None:
    """Stalls at a period, in requests due at `at_s` in order; None where there are none.

    The end of a stall is a point in time: what waited is answered then, whenever it came. For each
    trial period the Rayleigh statistic says how much the phases of the points agree (Lewis 1994,
    Buccheri et al. 1983). With `known_s` that period alone is tried: a quota's, say, which need not
    stall in each of its periods.
    """
    if len(at_s) < FEWEST_STALLS or at_s[-1] <= at_s[0]:
        return None
    duration_s = float(at_s[-1] - at_s[0])
    shortest_s = max(SHORTEST_S, SHORTEST_GAPS * float(np.median(np.diff(at_s))))
    if known_s is not None:
        trials = np.array([1 / known_s])
    else:
        step = 1 / (OVERSAMPLING * duration_s)
        trials = np.arange(FEWEST_PERIODS / duration_s, 1 / shortest_s, step)
    if not len(trials) or trials[0] > 1 / shortest_s:
        return None
    median = float(np.median(latency_ms))
    thresholds = [max(SLOW_FACTOR * median, np.quantile(latency_ms, 1 - s)) for s in SLOW_SHARES]
    found = (_over(at_s, latency_ms, float(threshold), trials) for threshold in thresholds)
    told = [stalls for stalls in found if stalls and (known_s or _one_each(stalls, duration_s))]
    return max(told, key=lambda stalls: stalls.concentration, default=None)


def _one_each(stalls: Stalls, duration_s: float) -> bool:
    low, high = STALLS_A_PERIOD
    return low <= stalls.count * stalls.period_s / duration_s <= high


def _over(
    at_s: np.ndarray, latency_ms: np.ndarray, threshold: float, trials: np.ndarray
) -> Stalls | None:
    """What the stretches of requests over a threshold say."""
    slow = latency_ms > threshold
    begins = np.flatnonzero(slow & ~np.concatenate([[False], slow[:-1]]))
    if len(begins) < FEWEST_STALLS:
        return None
    longest_ms = np.maximum.reduceat(np.where(slow, latency_ms, 0.0), begins)
    ends_s = at_s[begins] + latency_ms[begins] / 1000
    ends_s = ends_s[np.argsort(-longest_ms, kind="stable")[:MOST_STALLS]]
    found = _period(ends_s, trials)
    if found is None:
        return None
    period_s, concentration = found
    return Stalls(
        period_s, float(np.median(longest_ms)), float(slow.mean()), len(begins), concentration,
        threshold,
    )  # fmt: skip


def _period(points_s: np.ndarray, frequency: np.ndarray) -> tuple[float, float] | None:
    """The period at which points agree, and how much; the longest of a series of harmonics."""
    angle = 2 * np.pi * frequency[:, None] * points_s
    agreement = np.hypot(np.cos(angle).mean(axis=1), np.sin(angle).mean(axis=1))
    peak = float(agreement.max())
    independent = max(1.0, len(frequency) / OVERSAMPLING)
    if peak < LEAST_CONCENTRATION or independent * by_chance(peak, len(points_s)) > FALSE_ALARM:
        return None
    # The top of the first peak that is nearly as high as the highest: the others are harmonics.
    top = int(np.argmax(agreement >= NEARLY * peak))
    while top + 1 < len(agreement) and agreement[top + 1] >= agreement[top]:
        top += 1
    return float(1 / frequency[top]), float(agreement[top])


def by_chance(concentration: float, points: int) -> float:
    """P[R >= concentration] of so many phases at random (Wilkie 1983's approximation)."""
    resultant = concentration * points
    inner = 1 + 4 * points + 4 * (points**2 - resultant**2)
    return math.exp(math.sqrt(inner) - (1 + 2 * points))
