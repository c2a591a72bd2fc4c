"""Fits the model of latency to a run's measurements: a replay, corrected by what was measured.

docs/what-if.md has the formulae.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial

import numpy as np

from profiler.measuring.measurement import Measurement
from profiler.measuring.statistics import nearest_rank
from profiler.sizing.kriging import Known, krige
from profiler.sizing.latency_model import LatencyModel, Point
from profiler.sizing.quota_model import Demand, replay
from profiler.spec import Load

#: Requests of each replay: enough for a p99, few enough to be replayed a hundred times.
REQUESTS = 2000
SEED = 1
#: Sizes and levels of the table.
SIZES = 9
UTILISATIONS = (0.02, 0.2, 0.35, 0.5, 0.6, 0.7, 0.78, 0.85, 0.9, 0.94, 0.97)
CONCURRENCIES = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
PERCENTILES = (50.0, 95.0, 99.0)
#: Standard deviation of the logarithm: how far identical measurements of a shared host differ, and
#: how far the replay is off for all sizes alike and for each on its own.
HOST, OFFSET, COST = 0.06, 0.12, 0.10
#: How far, in the logarithm of cpu or load, two sizes tell of each other.
REACH = 1.0
#: What is known of a percentile whose interval has no two ends.
UNKNOWN_SPREAD = 0.35
#: The fewest sizes to fit to; a model that errs by more than this at the median answers nothing.
FEWEST_POINTS = 3
WORST_ERROR = 0.5
OVERLOADED = ("rate-not-achieved", "in-flight-growing")


def fit(
    demand: Demand | None,
    measurements: Sequence[Measurement],
    *,
    load: Load,
    sizes: Sequence[int],
    service_cores: int,
) -> dict:
    """The model as JSON, or `{"why_not": ...}`: why this run allows none.

    `demand` is what the requests at the largest size asked for, `sizes` the grid of the search.
    """
    if len(load.stages) > 1:
        return _without("The load has several stages: a rate or a concurrency does not describe it.")
    if load.stages[0].arrivals == "recorded":
        return _without("The load was recorded: a rate alone does not describe it.")
    used = [m for m in measurements if m.validity.valid and m.latency and m.latency.p50]
    if any(not m.limits_enforced for m in used):
        return _without("Limits could not be enforced: no smaller size was measured.")
    points = [_point(m) for m in used]
    steady = [point for point in points if not point.overloaded]
    places = {(point.cpu_millicores, point.load) for point in steady}
    if demand is None or len(places) < FEWEST_POINTS:
        return _without(
            f"{len(places)} sizes were measured that are fast enough for the load; "
            f"the model needs {FEWEST_POINTS}."
        )
    fitted = _Fit(demand, used, points, load, sizes, service_cores).model()
    if fitted.error["95"] > WORST_ERROR:
        return _without(
            f"The model does not describe this service: predicted without it, a measured p95 is "
            f"off by {fitted.error['95']:.0%} at the median."
        )
    return fitted.to_json()


def _without(why_not: str) -> dict:
    return {"why_not": why_not}


def name_of(percentile: float) -> str:
    return f"{percentile:g}"


def _point(measurement: Measurement) -> Point:
    summary, codes = measurement.latency, {f.code for f in measurement.outcome_findings}
    latency_ms, intervals = summary.to_json(), summary.intervals
    known = {name_of(p): f"p{p:g}" for p in PERCENTILES}
    found = Point(
        ordinal=measurement.ordinal,
        cpu_millicores=measurement.cpu_millicores,
        load=measurement.nominal_rps or measurement.concurrency,
        outcome=measurement.outcome,
        overloaded=measurement.outcome == "failed" and bool(codes & set(OVERLOADED)),
        latency_ms={name: latency_ms[key] for name, key in known.items()},
        interval_ms={
            name: (intervals[key].low, intervals[key].high) if key in intervals else (None, None)
            for name, key in known.items()
        },
    )
    if measurement.latency_at_percentile_ms and measurement.bound:
        judged = name_of(measurement.bound.percentile)
        ends = measurement.latency_at_percentile_interval_ms
        found.latency_ms[judged] = measurement.latency_at_percentile_ms
        found.interval_ms[judged] = (ends.low, ends.high)
    return found


class _Fit:
    """One fit: the costs of a request where they were measured, the replay with them, its errors."""

    def __init__(
        self,
        demand: Demand,
        measurements: Sequence[Measurement],
        points: Sequence[Point],
        load: Load,
        sizes: Sequence[int],
        service_cores: int,
    ) -> None:
        self._load = load
        self._open = load.stages[0].mode == "open"
        self._demand = _typical(demand)
        self._cores = service_cores
        self._points = points
        self._steady = [i for i, point in enumerate(points) if not point.overloaded]
        shared = set.intersection(*(set(point.latency_ms) for point in points))
        self._names = sorted(shared, key=float)
        self._mean_cpu_s = float(self._demand.cpu_s.mean())
        costs = [m.cpu_seconds_per_request or self._mean_cpu_s for m in measurements]
        self._log_costs = np.log(np.array(costs) / self._mean_cpu_s)
        self._sizes = _spaced(sizes)

    def model(self) -> LatencyModel:
        cost = partial(self._cost, range(len(self._points)))
        rates = [self._highest_rps(cpu, cost) for cpu in self._sizes]
        rates = np.maximum.accumulate(rates).tolist()
        levels = UTILISATIONS if self._open else CONCURRENCIES
        base = np.array([
            [self._replayed(cpu, level * rate if self._open else level, cost(cpu, level * rate if self._open else level)) for level in levels]
            for cpu, rate in zip(self._sizes, rates, strict=True)
        ])  # [cpu][level][percentile]
        strain = _strain(base, levels, self._sizes, self._open)
        raw = LatencyModel(
            mode="open" if self._open else "closed",
            cpu_millicores=tuple(self._sizes), levels=tuple(levels),
            highest_rps=tuple(rates), latency_ms={}, spread={}, points=tuple(self._points),
            error={}, error_points=len(self._steady),
        )
        latency, spread, error = {}, {}, {}
        for place, name in enumerate(self._names):
            table = raw_with(raw, name, base[..., place], strain[..., place])
            corrected, spreads, error[name] = self._corrected(table, name, place, cost)
            latency[name] = np.round(_monotone(corrected), 4).tolist()
            spread[name] = np.round(spreads, 3).tolist()
        return replace(raw, latency_ms=latency, spread=spread, error=error)

    def _corrected(self, table: LatencyModel, name: str, place: int, cost):
        """The table times what measurements were off, its spread, and the error left out."""
        points = [self._points[i] for i in self._steady]
        places = np.array([self._at(p.cpu_millicores, p.load) for p in points])
        strains = np.array([_read_strain(table, p, name) for p in points])
        noise = np.array([_noise(p, name) for p in points])
        measured = np.log([p.latency_ms[name] for p in points])
        residual = measured - np.log([
            self._replayed(p.cpu_millicores, p.load, cost(p.cpu_millicores, p.load))[place]
            for p in points
        ])
        known = Known(places, strains, residual, noise)
        left_out = []
        for i, point in enumerate(points):
            others = [j for j in range(len(self._points)) if j != self._steady[i]]
            guess = self._replayed(point.cpu_millicores, point.load, self._cost(others, point.cpu_millicores, point.load))[place]
            off, sd = krige(known.without(i), places[i : i + 1], strains[i : i + 1], OFFSET, COST, REACH)
            z = measured[i] - np.log(guess) - off[0]
            left_out.append((z, z / np.hypot(sd[0], noise[i])))
        errors = np.array(left_out)
        error = float(np.median(np.abs(np.expm1(-errors[:, 0]))))
        inflate = max(1.0, float(np.sqrt(np.mean(errors[:, 1] ** 2))))
        nodes = np.array([
            self._at(cpu, level * rate if self._open else level)
            for cpu, rate in zip(table.cpu_millicores, table.highest_rps, strict=True)
            for level in table.levels
        ])
        shape = np.array(table.latency_ms[name]).shape
        off, sd = krige(known, nodes, np.array(table.spread[name]).ravel(), OFFSET, COST, REACH)
        values = np.array(table.latency_ms[name]) * np.exp(off.reshape(shape))
        return values, inflate * np.hypot(sd, HOST).reshape(shape), error

    def _at(self, cpu_millicores: float, load: float) -> tuple[float, float]:
        return np.log(cpu_millicores), np.log(load)

    def _cost(self, among: Sequence[int], cpu_millicores: float, load: float) -> float:
        """Cpu time of a request as a multiple of the demand's, from the points among."""
        chosen = [self._points[i] for i in among]
        places = np.array([self._at(p.cpu_millicores, p.load) for p in chosen])
        ones = np.ones(len(chosen))
        values = self._log_costs[list(among)]
        mean = float(values.mean())
        known = Known(places, ones, values - mean, ones * HOST)
        off, _ = krige(known, np.array([self._at(cpu_millicores, load)]), np.ones(1), 0.0, COST, REACH)
        return float(np.exp(mean + off[0]))

    def _highest_rps(self, cpu_millicores: int, cost) -> float:
        """By the cpu a request takes, or by the workers it holds."""
        demand = self._demand
        rate = 1.0
        for _ in range(3):  # the cost depends on the rate, weakly
            cpu_s = self._mean_cpu_s * cost(cpu_millicores, rate)
            usable = min(cpu_millicores / 1000, self._cores)
            held_s = cpu_s / demand.cores + float(demand.wait_s.mean())
            rate = min(usable / cpu_s, demand.workers / held_s)
        return rate

    def _replayed(self, cpu_millicores: float, load: float, cost: float) -> list[float]:
        """Percentiles in ms of a replay; the same random numbers in each."""
        demand = replace(
            self._demand,
            cpu_s=self._demand.cpu_s * cost,
            due_s=self._demand.due_s / load if self._open else self._demand.due_s,
            clients=None if self._open else int(round(load)),
        )
        if self._load.stages[0].arrivals == "constant":
            demand = replace(demand, due_s=np.arange(REQUESTS) / load)
        latency_s = replay(demand, cpu_millicores / 1000, self._cores)
        return [nearest_rank(latency_s, float(name)) * 1000 for name in self._names]


def raw_with(raw: LatencyModel, name: str, base: np.ndarray, strain: np.ndarray) -> LatencyModel:
    return replace(raw, latency_ms={name: base.tolist()}, spread={name: strain.tolist()})


def _read_strain(table: LatencyModel, point: Point, name: str) -> float:
    found = replace(table, latency_ms=table.spread).modelled(point.cpu_millicores, point.load, name)
    return found.latency_ms or max(map(max, table.spread[name]))


def _noise(point: Point, name: str) -> float:
    """Spread of a measured percentile's logarithm: of its requests, and of the host."""
    low, high = point.interval_ms.get(name, (None, None))
    sampling = UNKNOWN_SPREAD if not low or not high else np.log(high / low) / (2 * 1.96)
    return float(np.hypot(sampling, HOST))


def _typical(demand: Demand) -> Demand:
    """As many requests as a replay takes, at one a second: quantiles of those measured, shuffled."""
    rng = np.random.default_rng(SEED)
    shares = (np.arange(REQUESTS) + 0.5) / REQUESTS
    order = rng.permutation(REQUESTS)
    gaps = rng.permutation(-np.log(1 - shares))
    by_cpu = np.argsort(demand.cpu_s)
    which = by_cpu[(shares * len(by_cpu)).astype(int)][order]
    return replace(demand, due_s=np.cumsum(gaps), cpu_s=demand.cpu_s[which], wait_s=demand.wait_s[which])


def _strain(base: np.ndarray, levels, sizes, is_open: bool) -> np.ndarray:
    """By how many percent a latency grows when a request costs one percent more; 1 at least."""
    logs = np.log(base)
    if is_open:
        slopes = 1 + np.gradient(logs, np.log(levels), axis=1)
    else:
        slopes = -np.gradient(logs, np.log(sizes), axis=0)
    return np.clip(slopes, 1.0, 8.0)


def _monotone(values: np.ndarray) -> np.ndarray:
    """More load is never faster."""
    return np.maximum.accumulate(values, axis=1)


def _spaced(sizes: Sequence[int]) -> list[int]:
    """At most SIZES of them, evenly spaced by ratio, with both ends."""
    if len(sizes) <= SIZES:
        return list(sizes)
    wanted = np.geomspace(sizes[0], sizes[-1], SIZES)
    return sorted({min(sizes, key=lambda size: abs(np.log(size / want))) for want in wanted})
