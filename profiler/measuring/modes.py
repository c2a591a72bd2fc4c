"""Whether latencies are of two kinds: a mixture of two, clearly apart."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

#: A mixture is fitted to this many bins of log latency, in so many steps.
BINS, STEPS = 200, 60
#: Two modes are told from this many requests on, with this share at least in each.
FEWEST, LEAST_SHARE = 100, 0.05
#: Ashman's D: over 2 the modes are clearly apart (Ashman, Bird and Zepf 1994).
LEAST_SEPARATION = 2.0
#: Between the modes the density falls below this share of the lower one, and not by chance: by
#: this many standard deviations of the counts. A skewed distribution has no such valley.
VALLEY_SHARE, VALLEY_DEVIATIONS = 0.5, 4.0
#: Modes closer than this factor are one for every practical purpose.
LEAST_FACTOR = 1.5


@dataclass(frozen=True)
class Mode:
    """A kind of requests: its typical (geometric mean) latency, and the share of all."""

    latency_ms: float
    share: float

    def to_json(self) -> dict:
        return dict(self.__dict__)


@dataclass(frozen=True)
class Modes:
    """Two kinds, the faster first, the latency between them, and how far apart they are."""

    fast: Mode
    slow: Mode
    split_ms: float
    separation: float

    def to_json(self) -> dict:
        return {
            "fast": self.fast.to_json(), "slow": self.slow.to_json(),
            "split_ms": self.split_ms, "ashman_d": self.separation,
        }  # fmt: skip


def two_modes(latency_ms: np.ndarray) -> Modes | None:
    """The two modes of log latency, None where there is one.

    A mixture of two normals by expectation and maximisation (Dempster, Laird and Rubin 1977) from
    Otsu's split (1979); two modes are told when Ashman's D, both shares and the valley between
    say so.
    """
    positive = latency_ms[latency_ms > 0]
    if len(positive) < FEWEST:
        return None
    logs = np.log(positive)
    # Few extreme values would take all of the bins.
    low, high = np.quantile(logs, [0.002, 0.998])
    if high - low < np.log(LEAST_FACTOR):
        return None
    counts, edges = np.histogram(np.clip(logs, low, high), BINS, (low, high))
    at = (edges[:-1] + edges[1:]) / 2
    share, mean, deviation = _mixture(counts, at)
    separation = float(abs(mean[1] - mean[0]) / np.sqrt((deviation**2).sum() / 2))
    apart = mean[1] - mean[0] >= np.log(LEAST_FACTOR) and separation > LEAST_SEPARATION
    if not apart or share.min() < LEAST_SHARE:
        return None
    valley = _valley(logs, mean, deviation)
    if valley is None:
        return None
    fast = float((logs <= valley).mean())
    if not LEAST_SHARE <= fast <= 1 - LEAST_SHARE:
        return None
    typical = [
        float(np.exp(logs[logs <= valley].mean())),
        float(np.exp(logs[logs > valley].mean())),
    ]
    return Modes(
        Mode(typical[0], fast), Mode(typical[1], 1 - fast), float(np.exp(valley)), separation
    )


def _mixture(counts: np.ndarray, at: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Shares, means and standard deviations of two normals, by rising mean."""
    split = _otsu(counts, at)
    member = np.stack([at <= split, at > split]).astype(float)
    width = at[1] - at[0]
    for _ in range(STEPS):
        weight = member * counts
        total = np.maximum(weight.sum(axis=1), 1e-9)
        mean = (weight * at).sum(axis=1) / total
        spread = at - mean[:, None]
        variance = (weight * spread**2).sum(axis=1) / total
        deviation = np.sqrt(np.maximum(variance, width**2))
        density = (
            total[:, None] / deviation[:, None] * np.exp(-0.5 * (spread / deviation[:, None]) ** 2)
        )
        member = density / np.maximum(density.sum(axis=0), 1e-300)
    order = np.argsort(mean)
    return (total / counts.sum())[order], mean[order], deviation[order]


def _otsu(counts: np.ndarray, at: np.ndarray) -> float:
    """The split with the largest variance between its sides."""
    below = counts.cumsum()[:-1]
    above = counts.sum() - below
    sums = (counts * at).cumsum()
    with np.errstate(divide="ignore", invalid="ignore"):
        gap = (sums[-1] - sums[:-1]) / above - sums[:-1] / below
        between = np.where((below > 0) & (above > 0), below * above * gap**2, -1.0)
    return float(at[np.argmax(between)])


def _valley(logs: np.ndarray, mean: np.ndarray, deviation: np.ndarray) -> float | None:
    """Where between the means the density is least; None where that is no valley."""
    half = min(deviation.min(), (mean[1] - mean[0]) / 6)
    ordered = np.sort(logs)

    def counted(centre: np.ndarray) -> np.ndarray:
        upper = np.searchsorted(ordered, centre + half, "right")
        return upper - np.searchsorted(ordered, centre - half, "left")

    between = np.linspace(mean[0], mean[1], 51)
    found = counted(between)
    least = int(np.argmin(found))
    peak = min(int(found[: least + 1].max()), int(found[least:].max()))
    deep = found[least] <= VALLEY_SHARE * peak
    sure = peak - found[least] >= VALLEY_DEVIATIONS * np.sqrt(peak + found[least])
    return float(between[least]) if deep and sure else None
