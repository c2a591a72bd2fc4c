"""How far requests hang together: queues and quotas make slow ones come in clumps.

Two estimates of the same thing from flags (was this request over the bound?) in order of time: the
spread of the counts of few long blocks, which sees slow drifts, and the sum of the significant
autocorrelations, which sees short clumps with far less noise. Each misses what the other sees.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

#: Blocks into which a period is cut to see how far its requests hang together.
BLOCKS = 10
#: Fewer requests in a block than this say nothing about clumping.
SMALLEST_BLOCK = 4
#: Fewer values than this have no autocorrelations worth the name.
FEWEST_FOR_LAGS = 30


def design_effect(flags: np.ndarray) -> float:
    """By what to divide a number of requests to get that of independent ones; at least 1.

    The larger of the two estimates (Kish 1965 for the name).
    """
    return max(block_effect(flags), correlation(flags).effect)


def block_effect(flags: np.ndarray, blocks: int = BLOCKS) -> float:
    """How many times the variance of block counts exceeds that of independent draws; at least 1."""
    size = len(flags) // blocks
    if size < SMALLEST_BLOCK:
        blocks = len(flags) // SMALLEST_BLOCK
        size = SMALLEST_BLOCK
    if blocks < 3:
        return 1.0
    counts = np.asarray(flags[: blocks * size], dtype=float).reshape(blocks, size).sum(axis=1)
    share = counts.sum() / (blocks * size)
    independent = size * share * (1 - share)
    if independent == 0:
        return 1.0
    return max(1.0, float(counts.var(ddof=1)) / independent)


@dataclass(frozen=True)
class Correlation:
    """`effect`: long-run variance over that of independent draws. `block`: the length of blocks, in
    requests, that keep the correlation; 1 where no correlation was significant.
    """

    effect: float
    block: float


INDEPENDENT = Correlation(1.0, 1.0)


def correlation(values: np.ndarray) -> Correlation:
    """What the autocorrelations of a series say: Politis and White (2004), corrected by Patton,
    Politis and White (2009), for non-overlapping and circular blocks.

    Lags count up to twice the first after which K in a row are insignificant, with a flat-top
    window (Politis and Romano 1995).
    """
    count = len(values)
    if count < FEWEST_FOR_LAGS:
        return INDEPENDENT
    row = max(5, math.ceil(math.sqrt(math.log10(count))))
    most = math.ceil(math.sqrt(count)) + row
    covariance = autocovariance(np.asarray(values, dtype=float), most + row)
    if covariance[0] <= 0:
        return INDEPENDENT
    last = _last_significant(covariance[1:] / covariance[0], count, row, most)
    if last == 0:
        return INDEPENDENT
    lags = np.arange(1, min(2 * last, most) + 1)
    weight = np.minimum(1.0, 2 * (1 - lags / lags[-1])) if len(lags) > 1 else np.ones(1)
    weighted = weight * covariance[lags]
    long_run = covariance[0] + 2 * float(weighted.sum())
    if long_run <= 0:
        return INDEPENDENT
    bend = 2 * float(lags @ weighted)
    block = (bend * bend / (4 / 3 * long_run**2) * 2 * count) ** (1 / 3)
    return Correlation(max(1.0, long_run / float(covariance[0])), max(1.0, block))


def autocovariance(values: np.ndarray, lags: int) -> np.ndarray:
    """Autocovariances at lag 0 to `lags` (fewer where the series is shorter), by Fourier."""
    centred = values - values.mean()
    length = 1 << (2 * len(values) - 1).bit_length()
    spectrum = np.fft.rfft(centred, length)
    return np.fft.irfft(np.abs(spectrum) ** 2, length)[: min(lags + 1, len(values))] / len(values)


def _last_significant(correlations: np.ndarray, count: int, row: int, most: int) -> int:
    """The lag after which the next `row` autocorrelations are all within chance."""
    beyond = np.abs(correlations) >= 2 * math.sqrt(math.log10(count) / count)
    for lag in range(most):
        if not beyond[lag : lag + row].any():
            return lag
    return most
