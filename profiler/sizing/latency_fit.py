"""Fits the model of latency to a run's measurements: a replay, corrected by what was measured.

docs/what-if.md has the formulae.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from profiler.measuring.latency import LatencySummary
from profiler.measuring.measurement import Measurement
from profiler.sizing.evidence import REFERENCE, SIZING, VERIFYING
from profiler.sizing.kriging import Known, krige
from profiler.sizing.latency_model import LatencyModel, Point
from profiler.sizing.load_replay import LoadReplay
from profiler.sizing.quota_model import Demand
from profiler.sizing.spinning import spinning_millicores
from profiler.spec import Load

#: The percentiles of every model, beside the objective's own.
PERCENTILES = ("50", "95", "99")
#: Most sizes of the table; and its levels: shares of the highest rate, or clients.
SIZES = 12
SHARES = (0.02, 0.2, 0.35, 0.5, 0.6, 0.7, 0.78, 0.85, 0.9, 0.94, 0.97)
CLIENTS = (1, 2, 3, 4, 6, 8, 12, 16, 24, 32)
#: Standard deviations of logarithms: of identical measurements on a shared host; of what the replay
#: is off by everywhere alike; and of a request's cost from one size and load to another.
HOST, OFFSET, COST = 0.06, 0.12, 0.10
#: What is taken for the spread of a measured percentile whose interval lacks an end.
UNKNOWN_SPREAD = 0.35
#: By how much a request is made dearer to see what that does, and the most that counts of it: how
#: many percent a latency grows when a request costs one percent more.
NUDGE, MOST_STRAIN = 0.05, 8.0
#: With fewer sizes and loads nothing can be checked against what was left out.
FEWEST = 2
#: A model whose p95 is off by so many times what its own spreads allow for answers nothing.
WORST_SURPRISE = 5.0
#: Nor one whose replay has half of the requests take so many times what they took where there is
#: most cpu for the load, or so many times less.
UNLIKE_TIMES = 3.0
#: The findings of a measurement whose service was slower than its load.
OVERLOADED = {"rate-not-achieved", "in-flight-growing"}


def fit(
    demand: Demand | None,
    measurements: Sequence[Measurement],
    *,
    load: Load,
    sizes: Sequence[int],
    service_cores: int,
) -> dict:
    """The model as JSON, or `{"why_not": ...}` where these measurements allow none.

    `demand` is what the requests at the largest size asked for, `sizes` the grid of the search.
    """
    believed = [
        m for m in measurements
        if m.phase in (REFERENCE, SIZING, VERIFYING) and m.validity.valid and _is_known(m.latency)
    ]  # fmt: skip
    why_not = _refusal(demand, believed, load)
    if why_not:
        return {"why_not": why_not}
    replayed = LoadReplay(demand, load, service_cores)
    points = [_point(m, replayed) for m in believed]
    steady = [
        (point, m.cpu_seconds_per_request or replayed.cpu_s)
        for point, m in zip(points, believed, strict=True) if not point.overloaded
    ]  # fmt: skip
    places = {(point.cpu_millicores, point.load) for point, _ in steady}
    if len(places) < FEWEST:
        return {
            "why_not": f"Too little was measured: the model needs {FEWEST} sizes or rates that the "
            f"service keeps up with, and this run has {len(places)}."
        }
    fitting = _Fit(replayed, steady)
    model = replace(fitting.model(_spaced(sizes, points)), points=tuple(points))
    why_not = _refuted(model) or fitting.unlike() or _surprised(fitting.surprise("95"))
    return {"why_not": why_not} if why_not else model.to_json()


def _is_known(summary: LatencySummary | None) -> bool:
    return summary is not None and all(summary.to_json()[f"p{name}"] for name in PERCENTILES)


def _refusal(demand: Demand | None, believed: Sequence[Measurement], load: Load) -> str:
    if len(load.stages) > 1:
        return "The load has several stages, which no single rate or concurrency describes."
    if load.stages[0].arrivals == "recorded":
        return "The load is a recording, which no single rate describes."
    if not all(m.limits_enforced for m in believed):
        return "Limits could not be enforced on this target, so no smaller size was measured."
    if demand is None:
        return "What a request costs could not be measured."
    return _spins(next((m for m in believed if m.phase == REFERENCE), None))


def _spins(reference: Measurement | None) -> str:
    """Cpu that no request used, where there is much: of less cpu that takes less."""
    millicores = spinning_millicores(reference) if reference else None
    if millicores is None:
        return ""
    return (
        f"At the largest size a request cost {reference.cpu_seconds_per_request * 1000:.3g} ms of "
        f"cpu and was answered in {reference.latency.p50:.3g} ms (median): about "
        f"{millicores:.0f}m are used while no request is at work, as by threads that spin, and how "
        "much of that a smaller size would do without is not known."
    )


def _refuted(model: LatencyModel) -> str:
    """What was measured that cannot be, by the model: a size kept more than it answers at most."""
    passed = (p for p in model.points if model.mode == "open" and p.outcome == "passed")
    for point in passed:
        highest = model.highest_rate(point.cpu_millicores)
        if point.load > highest:
            return (
                "The model does not describe this service: by the cpu time that a request costs, "
                f"{point.cpu_millicores}m would answer {highest:.3g} requests/s at most, and it "
                f"kept {point.load:.3g}. Threads that spin while they wait use what cpu they get."
            )
    return ""


def _surprised(surprise: float) -> str:
    """What speaks against a model that is so many times as far off as its spreads allow for."""
    if surprise <= WORST_SURPRISE:
        return ""
    return (
        "The model does not describe this service: predicted from the others, a p95 that was "
        f"measured is {surprise:.2g} times as far off as the model allows for near and away from "
        "the limit. A run that asks for the whole curve has more sizes to go by."
    )


def _point(measurement: Measurement, replayed: LoadReplay) -> Point:
    summary = measurement.latency
    unknown = (None, None)
    ends = {name: summary.intervals.get(f"p{name}") for name in PERCENTILES}
    point = Point(
        ordinal=measurement.ordinal,
        cpu_millicores=measurement.cpu_millicores,
        load=measurement.nominal_rps or measurement.concurrency,
        outcome=measurement.outcome,
        overloaded=_is_overloaded(measurement, replayed),
        latency_ms={name: summary.to_json()[f"p{name}"] for name in PERCENTILES},
        interval_ms={name: (end.low, end.high) if end else unknown for name, end in ends.items()},
    )
    if measurement.bound and measurement.latency_at_percentile_ms:
        judged = f"{measurement.bound.percentile:g}"
        end = measurement.latency_at_percentile_interval_ms
        point.latency_ms[judged] = measurement.latency_at_percentile_ms
        point.interval_ms[judged] = (end.low, end.high)
    return point


def _is_overloaded(measurement: Measurement, replayed: LoadReplay) -> bool:
    """Found to be slower than its load, or stopped before that was found although it had to be."""
    if measurement.outcome != "failed":
        return False
    if OVERLOADED & {finding.code for finding in measurement.outcome_findings}:
        return True
    rate_rps = measurement.nominal_rps or 0.0
    return rate_rps > replayed.highest_rps(measurement.cpu_millicores, cost=1.0)


class _Fit:
    """What a request costs by size and load, the replay at that cost, and how far that is off.

    Made of points that are not overloaded, with the cpu seconds of a request at each. Arrays by
    point have a column for each percentile; latencies are logarithms of ms.
    """

    def __init__(self, replayed: LoadReplay, steady: Sequence[tuple[Point, float]]) -> None:
        self._replay = replayed
        self._points = [point for point, _ in steady]
        self._places = np.log([[point.cpu_millicores, point.load] for point in self._points])
        self._log_cost = np.log([cost_s / replayed.cpu_s for _, cost_s in steady])
        self._names = sorted(
            set.intersection(*(set(p.latency_ms) for p in self._points)), key=float
        )
        all_of_them = list(range(len(steady)))
        self._measured = np.log([[p.latency_ms[n] for n in self._names] for p in self._points])
        self._replayed = np.array([self._log_ms_at(i, all_of_them) for i in all_of_them])
        dearer = np.array([self._log_ms_at(i, all_of_them, 1 + NUDGE) for i in all_of_them])
        self._strain = np.clip((dearer - self._replayed) / np.log1p(NUDGE), 1.0, MOST_STRAIN)
        self._left_out = np.array(
            [self._log_ms_at(i, [j for j in all_of_them if j != i]) for i in all_of_them]
        )

    def unlike(self) -> str:
        """What speaks against a replay that is far off the measured median where queues matter
        least; "" where it is near.
        """
        roomiest = max(
            range(len(self._points)),
            key=lambda i: self._points[i].cpu_millicores / self._points[i].load,
        )
        column = self._names.index("50")
        off = self._replayed[roomiest, column] - self._measured[roomiest, column]
        if abs(off) <= np.log(UNLIKE_TIMES):
            return ""
        point = self._points[roomiest]
        measured_ms = point.latency_ms["50"]
        return (
            "The model does not describe this service: by the cpu time that requests cost, half of "
            f"them would be answered within {np.exp(off) * measured_ms:.3g} ms at "
            f"{point.cpu_millicores}m, and they were within {measured_ms:.3g} ms. Threads that "
            "spin while they wait use what cpu they get."
        )

    def surprise(self, name: str) -> float:
        """Of points left out, how many times their spread they were off: the root mean square."""
        column = self._names.index(name)
        _, scores = self._errors_left_out(self._known(column), column)
        return float(np.sqrt(np.mean(np.square(scores))))

    def model(self, sizes: Sequence[int]) -> LatencyModel:
        levels = SHARES if self._replay.is_open else CLIENTS
        rates = np.maximum.accumulate([self._highest_rps(size) for size in sizes])
        per_level = rates if self._replay.is_open else np.ones(len(sizes))
        nodes = [[(size, level * rate) for level in levels]
                 for size, rate in zip(sizes, per_level, strict=True)]  # fmt: skip
        # By size, level and percentile.
        base = np.array([[self._log_ms(*node, self._cost(*node)) for node in row] for row in nodes])
        strain = self._strain_of(base, sizes, levels)
        tables = [
            self._corrected(column, base[..., column], np.log(nodes), strain[..., column])
            for column in range(len(self._names))
        ]
        # More load is never faster, nor is a higher percentile.
        log_ms = np.maximum.accumulate(np.stack([table[0] for table in tables], axis=2), axis=1)
        latency_ms = np.exp(np.maximum.accumulate(log_ms, axis=2)).round(3)
        return LatencyModel(
            mode="open" if self._replay.is_open else "closed",
            cpu_millicores=tuple(sizes),
            levels=levels,
            highest_rps=tuple(rates.round(3).tolist()),
            rate_spread=tuple(
                round(float(np.hypot(self._cost_at(size, rate)[1], HOST)), 3)
                for size, rate in zip(sizes, rates, strict=True)
            ),
            latency_ms={n: latency_ms[..., i].tolist() for i, n in enumerate(self._names)},
            spread={n: tables[i][1].round(3).tolist() for i, n in enumerate(self._names)},
            points=tuple(self._points),
            error={n: round(tables[i][2], 4) for i, n in enumerate(self._names)},
            error_points=len(self._points),
        )

    def _strain_of(
        self, base: np.ndarray, sizes: Sequence[int], levels: Sequence[float]
    ) -> np.ndarray:
        """By how many percent a latency grows when a request costs one percent more."""
        if self._replay.is_open:
            strain = 1 + np.gradient(base, np.log(levels), axis=1)
        else:
            strain = -np.gradient(base, np.log(sizes), axis=0)
        return np.clip(strain, 1.0, MOST_STRAIN)

    def _corrected(
        self, column: int, base: np.ndarray, nodes: np.ndarray, strain: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, float]:
        """A percentile's latencies, their spreads, and by how much a point left out was off."""
        known = self._known(column)
        errors, _ = self._errors_left_out(known, column)
        off, spread = krige(known, nodes.reshape(-1, 2), strain.ravel(), OFFSET, COST)
        # Where points lie further off than their spread allows, all of it is widened.
        wider = max(1.0, self.surprise(self._names[column]))
        spread = wider * np.hypot(spread, HOST).reshape(base.shape)
        error = float(np.expm1(np.median(np.abs(errors))))
        return base + off.reshape(base.shape), spread, error

    def _known(self, column: int) -> Known:
        """How far the replay is off at each point, for a percentile."""
        return Known(
            places=self._places,
            strains=self._strain[:, column],
            values=self._measured[:, column] - self._replayed[:, column],
            noise=np.array([_noise(point, self._names[column]) for point in self._points]),
        )

    def _errors_left_out(self, known: Known, column: int) -> tuple[list[float], list[float]]:
        """Of each point, predicted from the others: ln(predicted / measured); and by its spread."""
        errors, scores = [], []
        for place in range(len(self._points)):
            at = known.places[place : place + 1], known.strains[place : place + 1]
            off, spread = krige(known.without(place), *at, OFFSET, COST)
            predicted = self._left_out[place, column] + off[0]
            errors.append(float(predicted - self._measured[place, column]))
            scores.append(errors[-1] / float(np.hypot(spread[0], known.noise[place])))
        return errors, scores

    def _log_ms_at(self, index: int, among: Sequence[int], times: float = 1.0) -> np.ndarray:
        """The replay of a point, with the cost that the points among tell, so many times."""
        point = self._points[index]
        cost = self._cost(point.cpu_millicores, point.load, among)
        return self._log_ms(point.cpu_millicores, point.load, cost * times)

    def _log_ms(self, cpu_millicores: float, load: float, cost: float) -> np.ndarray:
        return np.log(self._replay.percentiles_ms(self._names, cpu_millicores, load, cost))

    def _cost(
        self, cpu_millicores: float, load: float, among: Sequence[int] | None = None
    ) -> float:
        return self._cost_at(cpu_millicores, load, among)[0]

    def _cost_at(
        self, cpu_millicores: float, load: float, among: Sequence[int] | None = None
    ) -> tuple[float, float]:
        """Cpu time of a request, as a multiple of what was replayed, by the points among; and the
        spread of its logarithm.
        """
        chosen = slice(None) if among is None else list(among)
        values = self._log_cost[chosen]
        known = Known(
            places=self._places[chosen],
            strains=np.ones(len(values)),
            values=values - values.mean(),
            noise=np.full(len(values), HOST),
        )
        off, spread = krige(known, np.log([[cpu_millicores, load]]), np.ones(1), 0.0, COST)
        return float(np.exp(values.mean() + off[0])), float(spread[0])

    def _highest_rps(self, cpu_millicores: int) -> float:
        """At the cost of about that rate."""
        rate = float(np.mean([point.load for point in self._points]))
        for _ in range(3 if self._replay.is_open else 1):
            rate = self._replay.highest_rps(cpu_millicores, self._cost(cpu_millicores, rate))
        return rate


def _noise(point: Point, name: str) -> float:
    """Spread of a measured percentile's logarithm: of its requests, and of the host."""
    low, high = point.interval_ms[name]
    sampling = np.log(high / low) / (2 * 1.96) if low and high else UNKNOWN_SPREAD
    return float(np.hypot(sampling, HOST))


def _spaced(sizes: Sequence[int], points: Sequence[Point]) -> list[int]:
    """The measured sizes and, up to SIZES in all, others evenly spaced by ratio, with both ends."""
    chosen = {sizes[0], sizes[-1], *(point.cpu_millicores for point in points)}
    wanted = np.geomspace(sizes[0], sizes[-1], SIZES) if len(sizes) > SIZES else sizes
    for want in wanted:
        if len(chosen) < SIZES:
            chosen.add(min(sizes, key=lambda size: abs(np.log(size / want))))
    return sorted(chosen)
