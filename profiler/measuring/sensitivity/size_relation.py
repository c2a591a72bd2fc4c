"""Whether latency depends on the size of the body, and by how much."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from profiler.measuring.dependence import BLOCKS
from profiler.measuring.sensitivity.classes import SAME_SIZE
from profiler.measuring.statistics import Estimate, mean_interval, nearest_rank

KIB = 1024
#: Requests of like sizes are taken together, in as many groups as have enough requests each.
GROUPS = (10, 8, 6, 5, 4, 3, 2)
#: The percentiles tried in this order, and the requests that each needs in a group of a block.
NEEDED = {95: 20, 50: 5}
#: A change over all sizes of less than this share of the latency is hardly one.
HARDLY = 0.05
#: What a slope is told per, in bytes.
STEPS = {
    "10 MiB": 10 << 20, "MiB": 1 << 20, "100 KiB": 100 << 10, "10 KiB": 10 << 10, "KiB": 1 << 10,
    "100 B": 100, "10 B": 10, "B": 1,
}  # fmt: skip


@dataclass(frozen=True)
class SizeRelation:
    """`slope` is how a percentile of latency changes, in ms per KiB of body; `rank_correlation` is
    Spearman's, of each request's latency with its body's size.

    `smallest_ms` and `largest_ms` are the percentile in the groups of the smallest and the largest
    bodies, whose mean sizes are `smallest_bytes` and `largest_bytes`.
    """

    percentile: int
    slope: Estimate
    rank_correlation: Estimate
    smallest_bytes: float
    largest_bytes: float
    smallest_ms: float
    largest_ms: float

    def to_json(self) -> dict:
        return {
            "percentile": self.percentile,
            "slope_ms_per_kib": self.slope.to_json(),
            "rank_correlation": self.rank_correlation.to_json(),
            "smallest": {"bytes": self.smallest_bytes, "latency_ms": self.smallest_ms},
            "largest": {"bytes": self.largest_bytes, "latency_ms": self.largest_ms},
        }

    @property
    def is_told_from_none(self) -> bool:
        return self.slope.low > 0 or self.slope.high < 0

    def sentence(self) -> str:
        span = self.largest_bytes - self.smallest_bytes
        unit, step = next((u, s) for u, s in STEPS.items() if s <= span or s == 1)
        value, low, high = (
            slope * step / KIB for slope in (self.slope.value, self.slope.low, self.slope.high)
        )
        name = f"p{self.percentile}"
        if not self.is_told_from_none:
            return (
                f"Latency does not depend on the body's size, as far as can be told: {name} changes"
                f" by {low:.2g} to {high:.2g} ms per {unit}."
            )
        verb = "grows" if value > 0 else "falls"
        low, high = sorted((abs(low), abs(high)))
        change = f"{verb} by {abs(value):.2g} ms per {unit} ({low:.2g} to {high:.2g})"
        if abs(self.slope.value) * span / KIB < HARDLY * min(self.smallest_ms, self.largest_ms):
            return f"Latency hardly depends on the body's size: {name} {change}."
        return f"{name} {change}."


def size_relation(
    body_bytes: np.ndarray, latency_ms: np.ndarray, confidence: float
) -> SizeRelation | None:
    """Of requests in order of time; None where sizes are about the same, or for too few requests.

    The requests are cut into 10 blocks of time. In each, the percentile of every group of sizes
    gives a slope by least squares; slope and correlation are the means of the ten with their t
    interval (batch means), so that a slow stretch of time cannot pass for an effect of size.
    """
    block = len(latency_ms) // BLOCKS
    if block < NEEDED[50] * 2 or body_bytes.max() <= SAME_SIZE * body_bytes.min():
        return None
    size = body_bytes[: block * BLOCKS].reshape(BLOCKS, block)
    latency = latency_ms[: block * BLOCKS].reshape(BLOCKS, block)
    found = _groups(size)
    if found is None:
        return None
    percentile, group = found
    count = int(group.max()) + 1
    across = np.array([float(size[group == place].mean()) for place in range(count)])
    up = np.array(
        [
            [nearest_rank(latency[row][group[row] == place], percentile) for place in range(count)]
            for row in range(BLOCKS)
        ]
    )
    spread = across - across.mean()
    slope = mean_interval(up @ spread / (spread @ spread) * KIB, confidence)
    rank = mean_interval(np.array([spearman(*pair) for pair in zip(size, latency, strict=True)]),
                         confidence)  # fmt: skip
    return SizeRelation(
        percentile=percentile,
        slope=slope,
        rank_correlation=Estimate(rank.value, max(rank.low, -1.0), min(rank.high, 1.0)),
        smallest_bytes=float(across[0]),
        largest_bytes=float(across[-1]),
        smallest_ms=float(up[:, 0].mean()),
        largest_ms=float(up[:, -1].mean()),
    )


def _groups(size: np.ndarray) -> tuple[int, np.ndarray] | None:
    """The percentile and each request's group: as many as have enough requests in each block."""
    for percentile, needed in NEEDED.items():
        for count in GROUPS:
            cuts = np.quantile(size, np.arange(1, count) / count, method="inverted_cdf")
            group = np.searchsorted(np.unique(cuts), size, side="left")
            groups = int(group.max()) + 1
            if groups > 1 and _fewest(group, groups) >= needed:
                return percentile, group
    return None


def _fewest(group: np.ndarray, groups: int) -> int:
    return min(int(np.bincount(row, minlength=groups).min()) for row in group)


def spearman(x: np.ndarray, y: np.ndarray) -> float:
    """Rank correlation, ties at their mean rank (Spearman, 1904); 0 where one does not move."""
    first, second = (_ranks(values) for values in (x, y))
    first, second = first - first.mean(), second - second.mean()
    squares = float(first @ first) * float(second @ second)
    return float(first @ second) / squares**0.5 if squares else 0.0


def _ranks(values: np.ndarray) -> np.ndarray:
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return (last - (counts - 1) / 2)[place]
