"""What a fitted model of latency says of other loads, sizes and bounds. docs/what-if.md."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from profiler.sizing.latency_model import LatencyModel, Mark, Prediction

#: Halvings of a bisection: a thousandth of the range.
HALVINGS = 20
#: The least load that is looked at, as a share of the highest rate; concurrency begins at 1.
LEAST_SHARE = 0.001


@dataclass(frozen=True)
class HighestLoad:
    """The highest load (requests/s, or concurrency) that keeps a bound; None where none does.

    `low` and `high` are what it is if latency is at the upper, and at the lower, end of its 95 %
    interval; of a rate, no nearer than the highest rate that the size answers may be off.
    """

    mark: Mark
    load: float | None
    low: float | None
    high: float | None


@dataclass(frozen=True)
class Size:
    """The smallest size that keeps a bound, with what is predicted there; None where none does.

    `mark` is measured only where both it and the next smaller size were.
    """

    mark: Mark
    cpu_millicores: int | None
    prediction: Prediction | None


def capacity(
    model: LatencyModel, cpu_millicores: float, percentile: str, latency_ms: float
) -> HighestLoad:
    """The highest load at a size that keeps the percentile within the bound, as predicted."""

    def keeps(end: str) -> Callable[[float], bool]:
        def kept(load: float) -> bool:
            found = model.modelled(cpu_millicores, load, percentile)
            return not found.overloaded and getattr(found, end) <= latency_ms

        return kept

    loads = [
        _highest(model, cpu_millicores, keeps(end)) for end in ("latency_ms", "high_ms", "low_ms")
    ]
    found, low, high = loads
    if model.mode == "open" and found:
        factor = model.rate_factor(cpu_millicores)
        low, high = low and min(low, found / factor), max(high, found * factor)
    mark = model.mark(cpu_millicores, found) if found else "extrapolated"
    return HighestLoad(mark, found, low, high)


def _highest(
    model: LatencyModel, cpu_millicores: float, kept: Callable[[float], bool]
) -> float | None:
    """The highest load for which `kept` holds (up to it, not beyond); None where for none."""
    if model.mode == "closed":
        clients = [load for load in range(1, int(model.levels[-1]) + 1) if kept(load)]
        return float(clients[-1]) if clients else None
    rate = model.highest_rate(cpu_millicores)
    low, high = LEAST_SHARE * rate, model.levels[-1] * rate
    if not kept(low):
        return None
    if kept(high):
        return high
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if kept(middle) else (low, middle)
    return low


def smallest_size(
    model: LatencyModel, points: Sequence[int], load: float, percentile: str, latency_ms: float
) -> Size:
    """The first of the sizes (rising) that keeps the bound at a load, measured where it was."""
    below: Prediction | None = None
    for cpu_millicores in points:
        found = model.predict(cpu_millicores, load, percentile)
        if not found.overloaded and found.latency_ms <= latency_ms:
            marks = {found.mark} | ({below.mark} if below else set())
            mark = next(m for m in ("extrapolated", "interpolated", "measured") if m in marks)
            return Size(mark, cpu_millicores, found)
        below = found
    return Size(below.mark if below else "extrapolated", None, None)
