"""The charts of the compare page: what each draws of the runs' stored measurements and samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from profiler.samples import Columns
from profiler.units import MIB
from runs import formatting
from runs.charts import marks, overlay, series
from runs.charts.data import NOTHING_THEN
from runs.charts.overlay import Quantity, TimeTrace, Trace
from runs.charts.request_rates import request_rates
from runs.charts.sizes import judged_latency, one_per_size
from runs.charts.span import Span
from runs.charts.taken import REQUEST_COLUMNS, Taken
from runs.models import Measurement, ProfileRun
from runs.shown_measurement import scene_of
from runs.verdict import decisive

#: From the start of the measured time on.
ALL_MEASURED = Span(0.0, 1e9)
NOTHING = {"empty": "None of these runs has it: it was not measured, or its raw samples are gone."}


@dataclass(frozen=True)
class Metric:
    """A number of a measurement that can be drawn against another."""

    title: str
    value: Callable[[dict], float | None]
    write: Callable[[float | None], str]


METRICS = {
    "cpu": Metric("CPU", lambda data: data["cpu_millicores"], formatting.cpu),
    "cpu_used": Metric("CPU used", lambda data: data["cpu_millicores_used"], formatting.cpu),
    "p50": Metric("p50 latency", lambda data: data["latency_ms"]["p50"], formatting.latency),
    "p95": Metric("p95 latency", lambda data: data["latency_ms"]["p95"], formatting.latency),
    "p99": Metric("p99 latency", lambda data: data["latency_ms"]["p99"], formatting.latency),
    "rate": Metric("Requests answered", lambda data: data["achieved_rps"],
                   lambda value: f"{formatting.rate(value)}/s"),
    "throttled": Metric("Throttled periods", lambda data: data["throttled_fraction"],
                        formatting.percent),
    "memory": Metric("Memory peak", lambda data: data["memory_working_set_peak_bytes"],
                     formatting.memory),
    "cost": Metric("CPU per request",
                   lambda data: None if data["cpu_seconds_per_request"] is None
                   else data["cpu_seconds_per_request"] * 1000, formatting.latency),
}  # fmt: skip


def draw(
    runs: Sequence[ProfileRun], chart: str, x: str = "", y: str = "", span: Span | None = None
) -> dict | None:
    """The chart as JSON; None for a name that is none. `x` and `y` are metrics of a scatter."""
    if chart == "sizing":
        return _sizing(runs)
    if chart == "scatter":
        return _scatter(runs, x if x in METRICS else "cpu", y if y in METRICS else "p95")
    return _over_time(runs, OVER_TIME[chart], span) if chart in OVER_TIME else None


def _over_time(runs: Sequence[ProfileRun], drawn: Drawn, span: Span | None) -> dict:
    found = [_trace(place, run, drawn, span) for place, run in enumerate(runs, start=1)]
    traces = [trace for trace in found if trace is not None]
    if not traces:
        return NOTHING_THEN if span else NOTHING
    chart = overlay.over_time(traces, drawn.quantity, span)
    left_out = [run.name for run, trace in zip(runs, found, strict=True) if trace is None]
    without = [f"no samples of {', '.join(left_out)}"] if left_out else []
    return replace(chart, footer=[*chart.footer, *without]).to_json()


def _trace(place: int, run: ProfileRun, drawn: Drawn, span: Span | None) -> TimeTrace | None:
    """Of the run's decisive measurement; None where there are no samples of it."""
    row = decisive(run, list(run.measurements.all()))
    if row is None:
        return None
    taken = Taken(run, row, row.ordinal, span)
    found = None if taken.is_empty else drawn.read(taken)
    if found is None or not len(found.x):
        return None
    used = taken.columns("usage", marks.COLUMNS, span or ALL_MEASURED)
    return TimeTrace(
        place, run.name, found.x, found.y,
        caption=scene_of(run, row).caption,
        limit=drawn.limit(row),
        behind=found.behind,
        marks=marks.read(used, taken.start_ns, row.data, None),
    )  # fmt: skip


def _sizing(runs: Sequence[ProfileRun]) -> dict:
    traces, bounds = [], set()
    for place, run in enumerate(runs, start=1):
        rows = [row for row in one_per_size(run.measurements.all()) if judged_latency(row)]
        if rows:
            x = np.array([row.cpu_millicores for row in rows], float)
            y = np.array([judged_latency(row) for row in rows])
            traces.append(Trace(place, run.name, x, y))
            bounds |= {row.data["bound"]["latency_ms"] for row in rows} - {None}
    return overlay.against_cpu(traces, bounds).to_json() if traces else NOTHING


def _scatter(runs: Sequence[ProfileRun], x_name: str, y_name: str) -> dict:
    x, y = METRICS[x_name], METRICS[y_name]
    traces = []
    for place, run in enumerate(runs, start=1):
        pairs = [(x.value(row.data), y.value(row.data)) for row in run.measurements.all()]
        known = [(one, other) for one, other in pairs if one is not None and other is not None]
        if known:
            traces.append(Trace(place, run.name, *np.array(known, float).T))
    units = (x_name, y_name)
    return overlay.scatter(traces, x.write, y.write, units).to_json() if traces else NOTHING


# --- Over time ------------------------------------------------------------------------------------
@dataclass(frozen=True)
class Values:
    """What a line is drawn of, and from how many requests or samples."""

    x: np.ndarray
    y: np.ndarray
    behind: int


@dataclass(frozen=True)
class Drawn:
    """A chart over time: where its values come from, and what they are held against."""

    read: Callable[[Taken], Values | None]
    limit: Callable[[Measurement], float | None]
    quantity: Quantity


def _latency(taken: Taken) -> Values | None:
    found = taken.latencies()
    if found is None:
        return None
    each = series.percentiles_per_second(found)
    return Values(each.start_s + each.width_s / 2, each.p99_ms, len(found.at_s))


def _throughput(taken: Taken) -> Values | None:
    columns = taken.columns("requests", REQUEST_COLUMNS)
    end_ns = taken.row.data["ended_ns"]
    found = request_rates(columns, taken.start_ns, end_ns, taken.span) if columns else None
    if found is None:
        return None
    return Values(found.start_s + found.width_s / 2, found.answered, found.requests)


def _cpu(taken: Taken) -> Values | None:
    columns = _usage(taken)
    use = series.cpu_use(columns, taken.start_ns) if columns else None
    if use is None:
        return None
    return Values(use.start_s + use.width_s / 2, use.used_millicores, use.samples)


def _memory(taken: Taken) -> Values | None:
    columns = _usage(taken)
    use = series.memory_use(columns, taken.start_ns) if columns else None
    return Values(use.at_s, use.in_use / MIB, use.samples) if use else None


def _usage(taken: Taken) -> Columns:
    """The samples of the measured time."""
    return taken.columns("usage", None, taken.span or ALL_MEASURED)


def _bound_ms(row: Measurement) -> float | None:
    return (row.data["bound"] or {}).get("latency_ms")


OVER_TIME = {
    "latency": Drawn(
        _latency, _bound_ms,
        Quantity(formatting.latency, "objective", "requests", "p99_ms", logarithmic=True),
    ),
    "throughput": Drawn(
        _throughput, lambda row: row.data["nominal_rps"],
        Quantity(lambda rate: f"{formatting.rate(rate)}/s", "due", "requests", "requests_per_s"),
    ),
    "cpu": Drawn(
        _cpu, lambda row: row.cpu_millicores,
        Quantity(formatting.cpu, "limit", "samples", "cpu_millicores"),
    ),
    "memory": Drawn(
        _memory, lambda row: row.memory_bytes / MIB,
        Quantity(lambda mib: f"{mib:,.0f} MiB", "limit", "samples", "memory_mib"),
    ),
}  # fmt: skip
