"""The charts of the compare page: what each draws of the runs' stored measurements and samples."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from runs import formatting
from runs.charts import overlay, series
from runs.charts.overlay import Trace
from runs.charts.sizes import judged_latency, one_per_size
from runs.models import Measurement, ProfileRun
from runs.verdict import decisive

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


def draw(runs: Sequence[ProfileRun], chart: str, x: str = "", y: str = "") -> dict | None:
    """The chart as JSON; None for a name that is none. `x` and `y` are metrics of a scatter."""
    if chart == "sizing":
        return _sizing(runs)
    if chart == "scatter":
        return _scatter(runs, METRICS.get(x, METRICS["cpu"]), METRICS.get(y, METRICS["p95"]))
    if chart not in OVER_TIME:
        return None
    read, write, logarithmic = OVER_TIME[chart]
    traces = []
    for place, run in enumerate(runs, start=1):
        row = decisive(run, list(run.measurements.all()))
        found = read(run, row) if row else None
        if found is not None and len(found[0]):
            traces.append(Trace(place, *found))
    if not traces:
        return NOTHING
    return overlay.over_time(traces, write, logarithmic=logarithmic).to_json()


def _sizing(runs: Sequence[ProfileRun]) -> dict:
    traces, bounds = [], set()
    for place, run in enumerate(runs, start=1):
        rows = [row for row in one_per_size(run.measurements.all()) if judged_latency(row)]
        if rows:
            x = np.array([row.cpu_millicores for row in rows], float)
            traces.append(Trace(place, x, np.array([judged_latency(row) for row in rows])))
            bounds |= {row.data["bound"]["latency_ms"] for row in rows} - {None}
    return overlay.against_cpu(traces, bounds).to_json() if traces else NOTHING


def _scatter(runs: Sequence[ProfileRun], x: Metric, y: Metric) -> dict:
    traces = []
    for place, run in enumerate(runs, start=1):
        pairs = [(x.value(row.data), y.value(row.data)) for row in run.measurements.all()]
        known = [(one, other) for one, other in pairs if one is not None and other is not None]
        if known:
            traces.append(Trace(place, *np.array(known, float).T))
    return overlay.scatter(traces, x.write, y.write).to_json() if traces else NOTHING


# --- Over time ------------------------------------------------------------------------------------
def _latency(run: ProfileRun, row: Measurement) -> tuple[np.ndarray, np.ndarray] | None:
    names = ("scheduled_ns", "finished_ns", "outcome")
    columns = series.read_columns(run, row.ordinal, "requests", names)
    if not columns:
        return None
    start_ns, end_ns = row.data["started_ns"], row.data["ended_ns"]
    each = series.percentiles_per_second(series.latencies(columns, start_ns, end_ns))
    return each.start_s + each.width_s / 2, each.p99_ms


def _cpu(run: ProfileRun, row: Measurement) -> tuple[np.ndarray, np.ndarray] | None:
    columns = _usage(run, row)
    use = series.cpu_use(columns, row.data["started_ns"]) if columns else None
    return (use.start_s + use.width_s / 2, use.used_millicores) if use else None


def _memory(run: ProfileRun, row: Measurement) -> tuple[np.ndarray, np.ndarray] | None:
    columns = _usage(run, row)
    use = series.memory_use(columns, row.data["started_ns"]) if columns else None
    return (use.at_s, use.working_set / formatting.MIB) if use else None


def _usage(run: ProfileRun, row: Measurement) -> dict | None:
    """The samples of the measured time."""
    columns = series.read_columns(run, row.ordinal, "usage")
    if not columns:
        return None
    during = columns["at_ns"] >= row.data["started_ns"]
    return {name: values[during] for name, values in columns.items()} if during.any() else None


OVER_TIME = {
    "latency": (_latency, formatting.latency, True),
    "cpu": (_cpu, formatting.cpu, False),
    "memory": (_memory, lambda mib: f"{mib:,.0f} MiB", False),
}
