"""Latency of a service by load and cpu: a table that a run's measurements corrected.

Small enough to be stored with a run, and read without a simulation. docs/what-if.md has the method.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property
from math import exp, inf, log
from typing import Literal

SCHEMA_VERSION = 2
Mark = Literal["measured", "interpolated", "extrapolated"]
#: A size between two may still answer what the smaller of them no longer does: that one's latency
#: then counts as growing with the load to this power.
GROWTH = 4.0
#: Loads that differ by less than this share are the same.
SAME_LOAD = 0.01


@dataclass(frozen=True)
class Point:
    """What was measured at a size and a load (requests/s, or concurrency in closed loop).

    `latency_ms` and `interval_ms` go by percentile, as "95"; `overloaded`: the service was slower
    than the load, so that its latency tells how long it was loaded and nothing else.
    """

    ordinal: int
    cpu_millicores: int
    load: float
    outcome: str
    overloaded: bool
    latency_ms: dict[str, float]
    interval_ms: dict[str, tuple[float | None, float | None]]

    @classmethod
    def from_json(cls, data: dict) -> Point:
        ends = {name: tuple(pair) for name, pair in data["interval_ms"].items()}
        return cls(**{**data, "interval_ms": ends})

    def is_at(self, cpu_millicores: float, load: float) -> bool:
        return self.cpu_millicores == cpu_millicores and abs(self.load / load - 1) < SAME_LOAD


@dataclass(frozen=True)
class Prediction:
    """A latency in ms with its 95 % interval; None where the load is more than the size answers."""

    mark: Mark
    latency_ms: float | None
    low_ms: float | None = None
    high_ms: float | None = None
    overloaded: bool = False

    @property
    def error(self) -> float | None:
        """Half the interval's width as a share of the latency; None where it has no two ends."""
        if not self.latency_ms or self.low_ms is None or self.high_ms is None:
            return None
        return (self.high_ms - self.low_ms) / 2 / self.latency_ms


@dataclass(frozen=True)
class LatencyModel:
    """Latencies in ms at nodes of cpu (rising) and level, and the spread of each one's logarithm.

    In open loop a level is a share of the highest rate that a size answers (`highest_rps`, by cpu;
    `rate_spread` is that of its logarithm); in closed loop it is the number of clients. A
    percentile goes by its name, as "95". `error` is by how much, at the median, a point was off
    when predicted from the others (0.1: by a tenth, up or down), `error_points` of how many.
    """

    mode: Literal["open", "closed"]
    cpu_millicores: tuple[int, ...]
    levels: tuple[float, ...]
    highest_rps: tuple[float, ...]
    rate_spread: tuple[float, ...]
    latency_ms: dict[str, list[list[float]]]
    spread: dict[str, list[list[float]]]
    points: tuple[Point, ...]
    error: dict[str, float]
    error_points: int

    @property
    def percentiles(self) -> tuple[str, ...]:
        return tuple(self.latency_ms)

    def to_json(self) -> dict:
        return {"schema_version": SCHEMA_VERSION, "why_not": None, **asdict(self)}

    @classmethod
    def from_json(cls, data: dict | None) -> LatencyModel | None:
        """The stored model; None where there is none, or one of another version."""
        if not data or data.get("why_not") or data.get("schema_version") != SCHEMA_VERSION:
            return None
        values = {field.name: data[field.name] for field in fields(cls)}
        for name in ("cpu_millicores", "levels", "highest_rps", "rate_spread"):
            values[name] = tuple(values[name])
        values["points"] = tuple(Point.from_json(point) for point in data["points"])
        return cls(**values)

    def predict(self, cpu_millicores: float, load: float, percentile: str) -> Prediction:
        """The latency at a size and load: the measured number where that was measured."""
        for point in reversed(self.points):
            if point.is_at(cpu_millicores, load) and percentile in point.latency_ms:
                low, high = point.interval_ms[percentile]
                value = point.latency_ms[percentile]
                return Prediction("measured", value, low, high, point.overloaded)
        return self.modelled(cpu_millicores, load, percentile)

    def modelled(self, cpu_millicores: float, load: float, percentile: str) -> Prediction:
        """What the table says, whether or not that was measured."""
        mark = self.mark(cpu_millicores, load)
        if self.mode == "open" and load > self.levels[-1] * self.highest_rate(cpu_millicores):
            return Prediction(mark, None, overloaded=True)
        log_ms, spread = self._interpolated(cpu_millicores, load, percentile)
        latency_ms, factor = exp(log_ms), exp(1.96 * spread)
        return Prediction(mark, latency_ms, latency_ms / factor, latency_ms * factor)

    def highest_rate(self, cpu_millicores: float) -> float:
        """Requests per second that a size answers at most; none beyond the largest size's."""
        row, share = self._row(cpu_millicores)
        above = self.highest_rps[min(row + 1, len(self.highest_rps) - 1)]
        rate = exp((1 - share) * log(self.highest_rps[row]) + share * log(above))
        return rate * min(cpu_millicores / self.cpu_millicores[0], 1)

    def rate_factor(self, cpu_millicores: float) -> float:
        """By what factor the highest rate may be off, up or down, in 95 % of cases."""
        row, share = self._row(cpu_millicores)
        below, above = (self.rate_spread[row:] * 2)[:2]
        return exp(1.96 * ((1 - share) * below + share * above))

    def _interpolated(self, cpu_millicores: float, load: float, percentile: str) -> tuple:
        """Logarithm of the latency and its spread, linear in the logarithms of cpu and load.

        A larger size is never slower at the same load: what one says holds for all below it.
        """
        row, share = self._row(cpu_millicores)
        slowest, found = -inf, []
        for place in reversed(range(row, len(self.cpu_millicores))):
            log_ms, spread = self._along(place, load, percentile)
            slowest = max(slowest, log_ms)
            found.append((slowest, spread))
        below, above = found[-1], found[-2:][0]
        return tuple((1 - share) * a + share * b for a, b in zip(below, above, strict=True))

    def _along(self, row: int, load: float, percentile: str) -> tuple[float, float]:
        """The same of a size in the table, and beyond its highest level by the power GROWTH."""
        level = log(load / self.highest_rps[row] if self.mode == "open" else load)
        at, share = _place(self._log_levels, level)
        spreads = self.spread[percentile][row]
        spread = (1 - share) * spreads[at] + share * spreads[at + 1]
        below, above = self.latency_ms[percentile][row][at : at + 2]
        log_ms = (1 - share) * log(below) + share * log(above)
        return log_ms + GROWTH * max(level - self._log_levels[-1], 0.0), spread

    @cached_property
    def _log_levels(self) -> list[float]:
        return [log(level) for level in self.levels]

    def _row(self, cpu_millicores: float) -> tuple[int, float]:
        return _place([log(cpu) for cpu in self.cpu_millicores], log(cpu_millicores))

    def mark(self, cpu_millicores: float, load: float) -> Mark:
        """Interpolated within the hull of what was measured, extrapolated outside."""
        corners = [(log(point.cpu_millicores), log(point.load)) for point in self.points]
        inside = _in_hull((log(cpu_millicores), log(load)), corners)
        return "interpolated" if inside else "extrapolated"


def _place(nodes: Sequence[float], value: float) -> tuple[int, float]:
    """The node below a value and how far towards the next it lies, 0 to 1; ends beyond them."""
    if len(nodes) == 1:
        return 0, 0.0
    at = min(max(bisect_right(nodes, value) - 1, 0), len(nodes) - 2)
    return at, min(max((value - nodes[at]) / (nodes[at + 1] - nodes[at]), 0.0), 1.0)


def _in_hull(at: tuple[float, float], corners: Sequence[tuple[float, float]]) -> bool:
    """Whether a point lies in the convex hull of others, which may be a line or a single point."""
    slack = SAME_LOAD
    hull = _hull(sorted(set(corners)))
    if len(hull) < 3:
        (x0, y0), (x1, y1) = hull[0], hull[-1]
        length = max(((x1 - x0) ** 2 + (y1 - y0) ** 2) ** 0.5, 1e-12)
        along = ((at[0] - x0) * (x1 - x0) + (at[1] - y0) * (y1 - y0)) / length
        aside = abs((at[0] - x0) * (y1 - y0) - (at[1] - y0) * (x1 - x0)) / length
        if (x0, y0) == (x1, y1):
            aside = max(abs(at[0] - x0), abs(at[1] - y0))
        return aside <= slack and -slack <= along <= length + slack
    return all(
        _turn(start, end, at) >= -slack * 1e-3
        for start, end in zip(hull, [*hull[1:], hull[0]], strict=True)
    )


def _hull(corners: Sequence[tuple[float, float]]) -> list[tuple[float, float]]:
    """Corners of the convex hull, counterclockwise (Andrew's monotone chain, 1979)."""
    if len(corners) < 3:
        return list(corners)
    halves = []
    for ordered in (corners, list(reversed(corners))):
        half: list[tuple[float, float]] = []
        for corner in ordered:
            while len(half) > 1 and _turn(half[-2], half[-1], corner) <= 0:
                half.pop()
            half.append(corner)
        halves.append(half[:-1])
    return halves[0] + halves[1]


def _turn(a: tuple, b: tuple, c: tuple) -> float:
    """Positive where a, b, c turn left."""
    return (b[0] - a[0]) * (c[1] - a[1]) - (b[1] - a[1]) * (c[0] - a[0])
