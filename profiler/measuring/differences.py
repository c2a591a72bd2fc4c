"""The difference of two series of numbers, with the interval that its correlation leaves.

Neighbouring windows of a run resemble each other (queues, caches, a neighbour's burst), so the
usual standard error of a mean is too small for them. docs/comparing.md has the formulae and the
simulated shares of false verdicts.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np

from profiler.measuring.statistics import student_t, student_t_quantile

#: From here on Student's distribution is taken for what it is at this many degrees of freedom.
MOST_FREEDOM = 200.0


@dataclass(frozen=True)
class Spread:
    """How far a side's mean may be off: its variance, on how many degrees of freedom it rests, and
    the variance that each unit (a window, a run) brings."""

    variance: float
    freedom: float
    unit_variance: float


@dataclass(frozen=True)
class Difference:
    """New less base, with its standard error and the degrees of freedom behind that."""

    value: float
    error: float
    freedom: float
    unit_variance: float

    def half_width(self, confidence: float) -> float:
        """Half of the two-sided interval at this confidence."""
        return t_quantile((1 + confidence) / 2, self.freedom) * self.error

    @property
    def p_value(self) -> float:
        """How often chance alone gives a difference this large, both signs counted."""
        if self.error == 0:
            return 0.0 if self.value else 1.0
        return two_sided(abs(self.value) / self.error, self.freedom)


# ---- Student's distribution between whole degrees of freedom ---------------------------------


def t_quantile(probability: float, freedom: float) -> float:
    """Student's quantile, interpolated in 1/freedom (its logarithm is nearly a line there)."""
    low, share = _between(freedom)
    at_low, at_next = (student_t_quantile(probability, low + step) for step in (0, 1))
    return math.exp((1 - share) * math.log(at_low) + share * math.log(at_next))


def two_sided(t: float, freedom: float) -> float:
    """P[|T| >= t], interpolated likewise."""
    low, share = _between(freedom)
    tails = [2 * (1 - student_t(t, low + step)) for step in (0, 1)]
    return (1 - share) * tails[0] + share * tails[1]


def _between(freedom: float) -> tuple[int, float]:
    freedom = min(max(freedom, 1.0), MOST_FREEDOM)
    low = int(freedom)
    return low, (1 / low - 1 / freedom) / (1 / low - 1 / (low + 1))


# ---- spreads -----------------------------------------------------------------------------------


def of_windows(values: np.ndarray) -> Spread | None:
    """The spread of the mean of correlated values in order of time; None below two.

    The equal-weighted cosine estimator of the long-run variance with Student's quantile at its
    degrees of freedom (Lazarus, Lewis, Stock and Watson, "HAR Inference: Recommendations for
    Practice", Journal of Business & Economic Statistics 36(4), 2018). It looks at the slowest
    movements alone, where correlation shows.
    """
    count = len(values)
    if count < 2:
        return None
    freedom = cosine_terms(count)
    weighted = _cosines(count, freedom) @ np.asarray(values, dtype=float)
    long_run = float(np.mean(weighted**2))
    return Spread(long_run / count, freedom, long_run)


@lru_cache(maxsize=16)
def _cosines(count: int, terms: int) -> np.ndarray:
    """Kept: measurements that are compared have much the same number of windows."""
    angles = np.pi * (np.arange(count) + 0.5) / count
    return np.sqrt(2 / count) * np.cos(np.outer(np.arange(1, terms + 1), angles))


def cosine_terms(count: int) -> int:
    """How many cosines: 0.4 n^(2/3) as its authors advise."""
    return max(1, int(0.4 * count ** (2 / 3)))


def of_runs(values: np.ndarray) -> Spread | None:
    """The spread of the mean of independent values; None below two."""
    count = len(values)
    if count < 2:
        return None
    variance = float(np.var(values, ddof=1))
    return Spread(variance / count, count - 1, variance)


# ---- differences -------------------------------------------------------------------------------


def welch(value: float, base: Spread, new: Spread) -> Difference:
    """Welch's difference of two means whose variances need not be equal (Welch, 1947)."""
    variance = base.variance + new.variance
    parts = base.variance**2 / base.freedom + new.variance**2 / new.freedom
    freedom = variance**2 / parts if parts else MOST_FREEDOM
    unit_variance = (base.unit_variance + new.unit_variance) / 2
    return Difference(value, math.sqrt(variance), freedom, unit_variance)


def of_sides(value: float, base: np.ndarray, new: np.ndarray) -> Difference | None:
    """The difference of independent runs; a side of one run is taken to vary like the other."""
    spreads = [of_runs(values) for values in (base, new)]
    if None not in spreads:
        return welch(value, *spreads)
    known = next((spread for spread in spreads if spread is not None), None)
    if known is None:
        return None
    variance = known.unit_variance * (1 / len(base) + 1 / len(new))
    return Difference(value, math.sqrt(variance), known.freedom, known.unit_variance)


def of_pairs(differences: np.ndarray) -> Difference | None:
    """The mean of paired differences; what moves both runs of a pair alike falls out of it."""
    spread = of_runs(differences)
    if spread is None:
        return None
    # Halved: a pair is two units, as in the difference of two sides.
    return Difference(
        float(np.mean(differences)), math.sqrt(spread.variance), spread.freedom,
        spread.unit_variance / 2,
    )  # fmt: skip


# ---- several tests, and what a test would need ---------------------------------------------------


def weighted_holm(p_values: Sequence[float], weights: Sequence[float], alpha: float) -> list[bool]:
    """Which hypotheses fall so that any false fall has at most probability `alpha`.

    Holm's step-down procedure with weights (Holm, Scandinavian Journal of Statistics 6, 1979): the
    smallest p/weight is held against alpha over the weights that are left.
    """
    fallen = [False] * len(p_values)
    left = sorted(range(len(p_values)), key=lambda index: p_values[index] / weights[index])
    remaining = sum(weights)
    for index in left:
        if p_values[index] > alpha * weights[index] / remaining:
            break
        fallen[index] = True
        remaining -= weights[index]
    return fallen


Unit = Literal["windows", "runs", "pairs"]
#: More than this nobody measures.
MOST_UNITS = 100_000
#: Degrees of freedom of a difference by its units a side; of pairs it is one series that varies.
FREEDOM: dict[Unit, Callable[[int], float]] = {
    "windows": lambda count: 2.0 * cosine_terms(count),
    "runs": lambda count: 2.0 * (count - 1),
    "pairs": lambda count: count - 1.0,
}


def units_needed(
    unit_variance: float, difference: float, *, alpha: float, power: float, unit: Unit
) -> int | None:
    """Units a side that find `difference` with this power: 2 s^2 (t_a + t_b)^2 / d^2; None if
    beyond all measure.
    """
    if unit_variance <= 0:
        return 2
    count = 2
    while count <= MOST_UNITS:
        quantiles = _quantiles(alpha, power, unit, count)
        if count >= 2 * unit_variance * (quantiles / difference) ** 2:
            return count
        count += max(1, count // 20)
    return None


@lru_cache(maxsize=4096)
def _quantiles(alpha: float, power: float, unit: Unit, count: int) -> float:
    """t_a + t_b of so many units a side. Kept: every metric asks for the same again."""
    freedom = FREEDOM[unit](count)
    return t_quantile(1 - alpha / 2, freedom) + t_quantile(power, freedom)
