"""Intervals of percentiles for requests that hang together: a bootstrap of whole blocks.

Blocks of neighbouring requests are drawn with replacement, so what hangs together stays together
(Kuensch 1989, Carlstein 1986). The draws are seeded: the same data give the same interval.
"""

from __future__ import annotations

import math
from functools import lru_cache

import numpy as np

from profiler.measuring.dependence import BLOCKS
from profiler.measuring.statistics import Interval, rank_of, student_t_quantile

#: Draws, and the seed of all of them.
DRAWS, SEED = 1000, 2004
#: Blocks never number more than this (longer ones keep as much of the correlation, and cost less).
MOST_BLOCKS = 100
#: Order statistics among which a percentile of a draw is looked for, and how many standard
#: deviations of its rank they reach to either side.
CANDIDATES, REACH = 200, 6.0


def block_bootstrap(
    values: np.ndarray, percentile: float, confidence: float, *, block: float, effect: float
) -> Interval:
    """The interval of a percentile of `values`, in order of time, from draws of their blocks.

    `block` is the length that keeps the correlation, `effect` the design effect (both from
    dependence.correlation). There are at least BLOCKS blocks, and too few of those are paid for:
    the tails are widened as a t interval is against a normal one (expanded percentiles, Hesterberg
    2015). Both ends None below 2 * BLOCKS values.
    """
    count = len(values)
    if count < 2 * BLOCKS:
        return Interval(None, None)
    blocks = min(max(int(count / block), BLOCKS), MOST_BLOCKS)
    candidates = _candidates(values, percentile, effect)
    sizes, below = _counts_by_block(values, candidates, blocks)
    drawn = _draws(blocks)
    needed = np.ceil(drawn @ sizes * (percentile / 100) - 1e-6)
    place = (drawn @ below < needed[:, None]).sum(axis=1)
    found = np.sort(candidates[np.minimum(place, len(candidates) - 1)])
    outside = int(_expanded_tail(confidence, blocks) * DRAWS)
    return Interval(float(found[outside]), float(found[DRAWS - 1 - outside]))


@lru_cache(maxsize=2)
def _draws(blocks: int) -> np.ndarray:
    """How often each block (column) comes in each draw (row)."""
    chosen = np.random.default_rng(SEED).integers(0, blocks, size=(DRAWS, blocks))
    chosen += blocks * np.arange(DRAWS)[:, None]
    counts = np.bincount(chosen.ravel(), minlength=DRAWS * blocks)
    return counts.reshape(DRAWS, blocks).astype(float)


def _candidates(values: np.ndarray, percentile: float, effect: float) -> np.ndarray:
    """Order statistics around a percentile, the same number to either side of it."""
    count, share = len(values), percentile / 100
    reach = max(REACH * math.sqrt(count * share * (1 - share) * effect), CANDIDATES / 2)
    rank = rank_of(percentile, count) - 1
    low, high = max(0, int(rank - reach)), min(count - 1, int(rank + reach))
    ranks = np.unique(np.append(np.linspace(low, high, CANDIDATES).astype(int), rank))
    return np.sort(values)[ranks]


def _counts_by_block(
    values: np.ndarray, candidates: np.ndarray, blocks: int
) -> tuple[np.ndarray, np.ndarray]:
    """Sizes of equal blocks, and of each (row) how many values do not exceed each candidate."""
    count = len(values)
    block = np.arange(count) * blocks // count
    width = len(candidates) + 1
    first_above = np.searchsorted(candidates, values)
    found = np.bincount(block * width + first_above, minlength=blocks * width)
    cumulated = found.reshape(blocks, width).cumsum(axis=1)
    return cumulated[:, -1].astype(float), cumulated[:, :-1].astype(float)


def _expanded_tail(confidence: float, blocks: int) -> float:
    """The share of draws to leave out at each end: P[Z <= -t sqrt(k / (k - 1))]."""
    t = student_t_quantile((1 + confidence) / 2, blocks - 1) * math.sqrt(blocks / (blocks - 1))
    return math.erfc(t / math.sqrt(2)) / 2
