"""Tails of the binomial distribution, summed exactly in logarithms; no statistics package."""

from __future__ import annotations

import math


def at_most(k: int, n: int, q: float) -> float:
    """P[Binomial(n, q) <= k]."""
    if k < 0:
        return 0.0
    if k >= n:
        return 1.0
    if k + 1 > n * q:
        return 1.0 - _tail_from(k + 1, n, q)
    # The lower tail of k successes is the upper tail of n - k failures.
    return _tail_from(n - k, n, 1 - q)


def at_least(k: int, n: int, q: float) -> float:
    """P[Binomial(n, q) >= k]."""
    if k <= 0:
        return 1.0
    if k > n:
        return 0.0
    if k < n * q:
        return 1.0 - _tail_from(n - k + 1, n, 1 - q)
    return _tail_from(k, n, q)


def _tail_from(k: int, n: int, q: float) -> float:
    """P[Binomial(n, q) >= k] for k at or above the mean, where the terms only shrink."""
    if q <= 0:
        return 0.0
    if q >= 1:
        return 1.0
    log_term = (
        math.lgamma(n + 1) - math.lgamma(k + 1) - math.lgamma(n - k + 1)
        + k * math.log(q) + (n - k) * math.log1p(-q)
    )  # fmt: skip
    term = math.exp(log_term)
    total, odds = 0.0, q / (1 - q)
    for i in range(k, n + 1):
        total += term
        if term < total * 1e-17:
            break
        term *= (n - i) / (i + 1) * odds
    return min(total, 1.0)
