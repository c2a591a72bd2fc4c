"""Numbers from samples: percentiles, intervals, and when enough requests have been seen.

Pure and without a statistics package, so that a decision can be checked by hand against
docs/how-numbers-are-computed.md.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from fractions import Fraction
from functools import cache
from itertools import pairwise
from typing import Literal

import numpy as np

from profiler.measuring.binomial import at_least, at_most
from profiler.measuring.dependence import BLOCKS

Outcome = Literal["passed", "failed", "undecided"]
#: Of every interval that is told, so that those of any two measurements are alike. That of an
#: objective is of the decision on it.
TOLD_CONFIDENCE = 0.95


# ---- percentiles ---------------------------------------------------------------------------


def nearest_rank(values: np.ndarray, percentile: float) -> float | None:
    """The smallest value that at least `percentile` % of the values do not exceed; None if empty.

    No interpolation: the answer is always one of the values.
    """
    if len(values) == 0:
        return None
    rank = rank_of(percentile, len(values))
    return float(np.partition(values, rank - 1)[rank - 1])


def rank_of(percentile: float, count: int) -> int:
    """ceil(percentile/100 * count), from 1; exact, since 99.9/100 is not a binary number."""
    return max(1, math.ceil(Fraction(str(percentile)) * count / 100))


@dataclass(frozen=True)
class Interval:
    """A confidence interval; an end is None where the data do not bound that side."""

    low: float | None
    high: float | None

    def to_json(self) -> list[float | None]:
        return [self.low, self.high]


def percentile_interval(
    values: np.ndarray, percentile: float, confidence: float, clumping: float = 1.0
) -> Interval:
    """Order statistics that enclose the true percentile with at least `confidence`.

    The number of values below the true percentile is Binomial(n, p); `clumping` divides n by the
    design effect of correlated values (see dependence.design_effect).
    """
    count = len(values)
    effective = int(count / clumping)
    if effective == 0:
        return Interval(None, None)
    below, tail = percentile / 100, (1 - confidence) / 2
    lower = _largest(lambda rank: at_most(rank - 1, effective, below) <= tail, effective)
    upper = (
        effective
        + 1
        - _largest(lambda rank: at_most(rank - 1, effective, 1 - below) <= tail, effective)
    )
    ordered = np.sort(values)
    low = None if lower == 0 else float(ordered[max(lower * count // effective, 1) - 1])
    high = None if upper > effective else float(ordered[-(-upper * count // effective) - 1])
    return Interval(low, high)


def _largest(holds, limit: int) -> int:
    """The largest k in 1..limit for which `holds` (true up to a point, then false); 0 if none."""
    low, high = 0, limit
    while low < high:
        middle = (low + high + 1) // 2
        if holds(middle):
            low = middle
        else:
            high = middle - 1
    return low


# ---- early stopping and the sequential rule ------------------------------------------------


def over_share(percentile: float) -> float:
    """The share of requests that may lie over a bound on this percentile: p99 -> 0.01."""
    return float((100 - Fraction(str(percentile))) / 100)


@cache
def requests_needed(percentile: float, confidence: float, over: int) -> int:
    """The smallest n with P[Binomial(n, 1-p) <= over] <= 1-confidence (MLPerf's early stopping).

    With `over` requests of n over a bound, the bound then holds for that percentile at that
    confidence: p99 at 99 % needs 459 for none over, 662 for one.
    """
    share, error = over_share(percentile), 1 - confidence
    # The slack absorbs the rounding of 1 - 0.99; a tail this near to the error is the error.
    enough = error * (1 + 1e-9)
    high = over + 1
    while at_most(over, high, share) > enough:
        high *= 2
    return high - _largest(lambda cut: at_most(over, high - cut, share) <= enough, high - over - 1)


#: How many times a rule may pass: 1, 2, 4 and 8 times the fewest requests that can prove it.
PASSING_LOOKS = 4


@dataclass(frozen=True)
class SequentialRule:
    """Whether a percentile keeps its bound, decided at preset numbers of requests only.

    `looks` are those numbers, rising; only the last `passing` of them may pass. Looking repeatedly
    is paid for: the error 1-confidence of passing wrongly is split evenly over the looks that may
    pass, that of failing wrongly over all looks, so that by the union bound neither is exceeded.
    """

    percentile: float
    confidence: float
    looks: tuple[int, ...]
    passing: int = PASSING_LOOKS

    def __post_init__(self) -> None:
        if not self.looks or any(a >= b for a, b in pairwise(self.looks)):
            raise ValueError(f"looks must be rising numbers of requests, not {self.looks}")

    @property
    def pass_share(self) -> float:
        """The error allowed for passing at one look."""
        return (1 - self.confidence) / max(1, len(self.passing_looks))

    @property
    def fail_share(self) -> float:
        """The error allowed for failing at one look."""
        return (1 - self.confidence) / len(self.looks)

    @property
    def passing_looks(self) -> tuple[int, ...]:
        """The looks that may pass: as many of the last as can each do so with none over."""
        return _passing_looks(self.percentile, self.confidence, self.looks[-self.passing :])

    def decide(self, n: int, over: int, clumping: float = 1.0) -> Outcome:
        """The rule's answer with `over` of the first `n` requests over the bound.

        Valid only at a preset look (ValueError otherwise). `clumping` is the design effect of
        requests that hang together: n of them then count as n / clumping.
        """
        if n not in self.looks:
            raise ValueError(f"{n} is not one of the preset looks {self.looks}")
        share, effective = over_share(self.percentile), int(n / clumping)
        may_pass = n in self.passing_looks
        if may_pass and at_most(math.ceil(over / clumping), effective, share) <= self.pass_share:
            return "passed"
        if at_least(int(over / clumping), effective, share) <= self.fail_share:
            return "failed"
        return "undecided"


@cache
def _passing_looks(percentile: float, confidence: float, looks: tuple[int, ...]) -> tuple[int, ...]:
    for count in range(len(looks), 0, -1):
        if looks[-count] >= requests_needed(percentile, 1 - (1 - confidence) / count, 0):
            return looks[-count:]
    return ()


#: The fewest requests at which a hopeless size is given up.
FIRST_LOOK = 12


def preset_looks(
    percentile: float, confidence: float, least: int = 0, passing: int = PASSING_LOOKS
) -> tuple[int, ...]:
    """Doubling numbers of requests to look at: `passing` that can pass, after some that can fail.

    The first that can pass is the fewest requests that prove the percentile with none over, or
    `least` where that is more (the requests of the shortest period worth believing).
    """
    proof = requests_needed(percentile, 1 - (1 - confidence) / passing, 0)
    first = max(proof, least)
    early = []
    count = first // 2
    while count >= FIRST_LOOK:
        early.append(count)
        count //= 2
    return (*reversed(early), *(first << doubling for doubling in range(passing)))


# ---- means and slopes ----------------------------------------------------------------------


@dataclass(frozen=True)
class Estimate:
    """A number with its confidence interval."""

    value: float
    low: float
    high: float

    def to_json(self) -> dict:
        return {"value": self.value, "low": self.low, "high": self.high}


def student_t(t: float, freedom: int) -> float:
    """P[T <= t] of Student's distribution with a whole number of degrees of freedom.

    The finite sums of Abramowitz and Stegun, 26.7.3 and 26.7.4.
    """
    angle = math.atan(t / math.sqrt(freedom))
    cosine = math.cos(angle)
    odd = freedom % 2
    term, total = (cosine if odd else 1.0), 0.0
    for k in range(1 if odd else 0, freedom - 1, 2):
        total += term
        term *= cosine * cosine * (k + 1) / (k + 2)
    within = math.sin(angle) * total
    if odd:
        within = (angle + within) * 2 / math.pi
    return (1 + within) / 2


@cache
def student_t_quantile(probability: float, freedom: int) -> float:
    """The t with P[T <= t] = probability, for a probability of at least one half."""
    low, high = 0.0, 1.0
    while student_t(high, freedom) < probability:
        high *= 2
    for _ in range(80):
        middle = (low + high) / 2
        low, high = (middle, high) if student_t(middle, freedom) < probability else (low, middle)
    return high


def mean_interval(block_means: np.ndarray, confidence: float) -> Estimate | None:
    """Mean of equal blocks with the two-sided t interval of the batch means; None below two."""
    count = len(block_means)
    if count < 2:
        return None
    mean = float(np.mean(block_means))
    half = (
        student_t_quantile((1 + confidence) / 2, count - 1)
        * float(np.std(block_means, ddof=1))
        / math.sqrt(count)
    )
    return Estimate(mean, mean - half, mean + half)


def slope_interval(
    x: np.ndarray, y: np.ndarray, confidence: float, blocks: int = BLOCKS
) -> Estimate | None:
    """Slope of y on x by least squares over the means of equal blocks, with its t interval.

    Blocks, because neighbouring samples say nearly the same; None with fewer than three blocks or
    when x does not move.
    """
    blocks = min(blocks, len(x))
    if blocks < 3:
        return None
    size = len(x) // blocks
    across, up = (
        np.asarray(values[: blocks * size], dtype=float).reshape(blocks, size).mean(axis=1)
        for values in (x, y)
    )
    spread = across - across.mean()
    square = float(spread @ spread)
    if square == 0:
        return None
    slope = float(spread @ up) / square
    residual = up - up.mean() - slope * spread
    error = math.sqrt(float(residual @ residual) / (blocks - 2) / square)
    half = student_t_quantile((1 + confidence) / 2, blocks - 2) * error
    return Estimate(slope, slope - half, slope + half)
