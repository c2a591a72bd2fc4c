"""One metric of two sides: values, difference, interval, and what it would take to show more."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Literal

import numpy as np

from profiler.measuring import differences
from profiler.measuring.differences import Difference, Unit, t_quantile
from profiler.measuring.unlike import Measured

Verdict = Literal["better", "worse", "no difference shown", "not judged"]
NOT_SHOWN, NOT_JUDGED = "no difference shown", "not judged"
#: Each interval's own confidence.
CONFIDENCE = 0.95
#: What "how much more would be needed" is said for.
WANTED_DIFFERENCE, WANTED_POWER = 0.05, 0.90


@dataclass(frozen=True)
class Metric:
    """Something compared, read from a measurement's JSON and from a window's. Shares are compared
    by subtraction, all else by the logarithm of its ratio.
    """

    name: str
    label: str
    unit: str
    better: Literal["lower", "higher"]
    of_run: Callable[[dict], float | None]
    of_window: Callable[[dict], float | None]
    is_share: bool = False
    #: The least standard error of the difference of two measurements, on the scale of comparison:
    #: windows that are all the same have no spread, and yet are not known for sure.
    least_error: Callable[[Sequence[dict]], float] | None = None

    def scaled(self, values: Sequence[float | None]) -> np.ndarray | None:
        """The values on the scale of comparison; None where one is unknown or has no logarithm."""
        if any(value is None or (value <= 0 and not self.is_share) for value in values):
            return None
        return np.array(values, dtype=float) if self.is_share else np.log(values)

    def unscaled(self, value: float) -> float:
        return value if self.is_share else math.exp(value)

    def relative(self, difference: float) -> float:
        """A difference on the scale of comparison, as a share of the base (shares: as it is)."""
        return difference if self.is_share else math.expm1(difference)


def _latency(key: str, label: str) -> Metric:
    return Metric(
        f"latency_{key}_ms", label, "ms", "lower",
        lambda data: data["latency_ms"].get(key),
        lambda window: window.get(f"{key}_ms"),
    )  # fmt: skip


def _cpu_of_window(window: dict) -> float | None:
    used, rate = window.get("cpu_millicores_used"), window.get("achieved_rps")
    return used / 1000 / rate if used and rate else None


def _errors_of_window(window: dict) -> float | None:
    errors, requests = window.get("errors"), window.get("requests")
    return errors / requests if errors is not None and requests else None


def _errors_of_run(data: dict) -> float | None:
    return data["errors"] / data["requests"] if data["requests"] else None


def _binomial_error(data: Sequence[dict]) -> float:
    """That of independent errors at the joint share: one may have been due where none came."""
    share = sum(one["errors"] for one in data) / sum(one["requests"] for one in data)
    return math.sqrt(share * (1 - share) * sum(1 / one["requests"] for one in data))


def _counting_error(data: Sequence[dict]) -> float:
    """A rate is known to one request: at a constant rate each window has as many."""
    return math.sqrt(sum(1 / one["requests"] ** 2 for one in data))


METRICS = (
    _latency("p50", "p50 latency"),
    _latency("p95", "p95 latency"),
    _latency("p99", "p99 latency"),
    _latency("mean", "mean latency"),
    Metric("cpu_seconds_per_request", "CPU per request", "s", "lower",
           lambda data: data.get("cpu_seconds_per_request"), _cpu_of_window),
    Metric("achieved_rps", "requests answered", "requests/s", "higher",
           lambda data: data.get("achieved_rps"), lambda window: window.get("achieved_rps"),
           least_error=_counting_error),
    Metric("memory_working_set_peak_bytes", "memory peak", "bytes", "lower",
           lambda data: data.get("memory_working_set_peak_bytes"), lambda window: None),
    Metric("error_share", "error share", "share", "lower",
           _errors_of_run, _errors_of_window, is_share=True, least_error=_binomial_error),
)  # fmt: skip


#: Percentiles that each window knows, and a noise floor is measured of.
PERCENTILES = (50, 95, 99)


def metric_of_percentile(percentile: float) -> str:
    """The name of the latency metric at this percentile, or at the nearest of those known."""
    nearest = min(PERCENTILES, key=lambda known: abs(known - percentile))
    return f"latency_p{nearest}_ms"


def floor_share(noise_floor: dict | None, percentile: float) -> float | None:
    """The relative difference of identical runs at this percentile; None where not measured."""
    return (noise_floor or {}).get("metrics", {}).get(metric_of_percentile(percentile))


@dataclass(frozen=True)
class Sides:
    """What is compared with what, and what is known of the noise between identical runs."""

    base: tuple[Measured, ...]
    new: tuple[Measured, ...]
    paired: bool = False
    noise_floor: dict | None = None

    @property
    def unit(self) -> Unit:
        if len(self.base) + len(self.new) == 2:
            return "windows"
        return "pairs" if self.paired else "runs"

    def floor(self, metric: Metric) -> Difference | None:
        """The noise floor as the difference that chance makes between sides of so many runs."""
        share = (self.noise_floor or {}).get("metrics", {}).get(metric.name)
        if share is None or metric.is_share:
            return None
        freedom = max(self.noise_floor["runs"] - 1, 1)
        fewer = math.sqrt((1 / len(self.base) + 1 / len(self.new)) / 2)
        error = math.log1p(share) / t_quantile((1 + CONFIDENCE) / 2, freedom)
        return Difference(0.0, error * fewer, freedom, error**2 / 2)


@dataclass(frozen=True)
class Compared:
    """One metric of both sides.

    `relative`, `low` and `high` (its 95 % interval) are shares of the base; None for the error
    share, whose `absolute` difference and interval are in shares of all requests. `least` is the
    relative difference that the noise floor asks for. `needed` says what would find 5 %.
    """

    metric: str
    label: str
    unit: str
    better: str
    base: float | None
    new: float | None
    absolute: float | None = None
    relative: float | None = None
    low: float | None = None
    high: float | None = None
    p_value: float | None = None
    least: float | None = None
    verdict: Verdict = NOT_JUDGED
    reason: str = ""
    needed: dict | None = None
    is_primary: bool = False

    def to_json(self) -> dict:
        return asdict(self)


def direction(item: Compared) -> Verdict:
    """What a difference that was shown means."""
    return "better" if (item.absolute < 0) == (item.better == "lower") else "worse"


def row(metric: Metric, sides: Sides, *, alpha: float) -> Compared:
    """A metric's values, difference, interval and p-value; its verdict is given with all others'.

    `alpha` is the error of a false verdict that `needed` is worked out for.
    """
    values = [
        metric.scaled([metric.of_run(one.measurement) for one in side])
        for side in (sides.base, sides.new)
    ]
    means = [None if side is None else float(np.mean(side)) for side in values]
    base, new = (None if mean is None else metric.unscaled(mean) for mean in means)
    found = Compared(metric.name, metric.label, metric.unit, metric.better, base, new)
    if base is None or new is None:
        return replace(found, reason="not known on both sides")
    value = means[1] - means[0]
    apart = {
        "absolute": new - base,
        "relative": None if metric.is_share else metric.relative(value),
    }
    seen, floor = _difference(metric, sides, values, value), sides.floor(metric)
    if seen is None and floor is None:
        return replace(
            found,
            **apart,
            reason="one value a run: several runs a side, or the target's noise floor, would tell",
        )
    return replace(
        found,
        **apart,
        **_interval(metric, value, seen, floor),
        needed=None if metric.is_share else _needed(seen, floor, sides.unit, alpha),
    )


def _interval(
    metric: Metric, value: float, seen: Difference | None, floor: Difference | None
) -> dict[str, float | None]:
    """The wider interval and the larger p-value of what was seen and of the noise floor."""
    known = [difference for difference in (seen, floor) if difference is not None]
    half = max(difference.half_width(CONFIDENCE) for difference in known)
    return {
        "low": metric.relative(value - half),
        "high": metric.relative(value + half),
        "p_value": max(replace(difference, value=value).p_value for difference in known),
        "least": metric.relative(floor.half_width(CONFIDENCE)) if floor else None,
    }


# ---- what was seen -----------------------------------------------------------------------------


def _difference(
    metric: Metric, sides: Sides, values: list[np.ndarray], value: float
) -> Difference | None:
    """The difference with the spread of the units seen; None where they are too few."""
    if sides.unit == "pairs":
        return differences.of_pairs(values[1] - values[0])
    if sides.unit == "runs":
        return differences.of_sides(value, values[0], values[1])
    series = [_of_windows(metric, side[0]) for side in (sides.base, sides.new)]
    if None in series:
        return None
    found = differences.welch(value, *series)
    if metric.least_error is None:
        return found
    error = metric.least_error([side[0].measurement for side in (sides.base, sides.new)])
    if found.error >= error:
        return found
    return replace(found, error=error, freedom=differences.MOST_FREEDOM)


def _of_windows(metric: Metric, side: Measured) -> differences.Spread | None:
    values = [metric.of_window(window) for window in side.whole_windows]
    scaled = metric.scaled(values) if values else None
    return None if scaled is None else differences.of_windows(scaled)


# ---- what would be needed ----------------------------------------------------------------------


def _needed(seen: Difference | None, floor: Difference | None, unit: Unit, alpha: float) -> dict:
    """Load or runs a side that find a difference of 5 % with 90 % power, from the variance seen.

    No length of load helps where the floor between two runs is wider than what is looked for.
    """
    goal = {"alpha": alpha, "power": WANTED_POWER, "difference": math.log1p(WANTED_DIFFERENCE)}
    needed: dict = {"difference": WANTED_DIFFERENCE, "power": WANTED_POWER}
    if unit != "windows":
        runs = differences.units_needed(seen.unit_variance, unit=unit, **goal)
        return needed | {"runs": runs}
    floor_half = floor.half_width(CONFIDENCE) if floor else 0.0
    if seen is not None and floor_half < goal["difference"]:
        needed["seconds"] = differences.units_needed(seen.unit_variance, unit="windows", **goal)
    if floor is not None:
        needed["runs"] = differences.units_needed(floor.unit_variance, unit="runs", **goal)
    return needed
