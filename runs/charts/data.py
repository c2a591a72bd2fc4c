"""A run's charts by name: where each gets its samples, and when it has to be drawn anew."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from profiler import errors
from profiler.samples import Columns
from profiler.units import NS
from runs.charts import (
    capacity,
    gpu,
    latency,
    marks,
    payload,
    rates,
    series,
    sizing,
    startup,
    throughput,
    usage,
)
from runs.charts.request_rates import request_rates
from runs.charts.scene import Scene
from runs.charts.span import Span
from runs.charts.taken import REQUEST_COLUMNS, Taken
from runs.models import Measurement, ProfileRun
from runs.raw_data import dropped_words
from runs.run_curves import curve_of, rates_of
from runs.shown_measurement import scene_of, shown_measurement
from runs.what_if_card import model_of

NOTHING_YET = {"empty": "Nothing was recorded for this yet."}
NOTHING_EVER = {"empty": "Nothing was recorded for this."}
NOTHING_THEN = {"empty": "Nothing was recorded in this range."}
#: Digits; the column holds no more.
LONGEST_ORDINAL = 9


@dataclass(frozen=True)
class Source:
    """`version` changes when `draw` would give something else; drawing is the dear part."""

    version: str
    draw: Callable[[], dict]


def source(
    run: ProfileRun, chart: str, wanted: str | None = None, span: Span | None = None
) -> Source | None:
    """The chart of that name, None when there is no such; `wanted` is a measurement's ordinal."""
    nothing = NOTHING_EVER if run.is_finished else NOTHING_YET
    if chart in OF_ALL:
        measurements = list(run.measurements.all())
        version = f"{chart}-{len(measurements)}-{run.state}"
        return Source(version, lambda: OF_ALL[chart](run, measurements) or nothing)
    if chart not in OF_ONE:
        return None
    row = _asked_for(run, wanted) or shown_measurement(run, list(run.measurements.all()), None)
    if dropped := dropped_words(run):
        return Source(f"dropped-{run.state}", lambda: {"empty": dropped})
    ordinal = row.ordinal if row else (run.current or {}).get("ordinal")
    if ordinal is None:
        return Source(f"none-{run.state}", lambda: nothing)
    taken = Taken(run, row, ordinal, span)
    if span:
        nothing = NOTHING_THEN
    return Source(series.version_of(run, ordinal), lambda: _drawn(taken, chart) or nothing)


def without_samples(run: ProfileRun) -> dict[str, dict]:
    """The charts of a run that are drawn from its results alone, by name; those it has.

    Drawing them takes less than asking for them, so a page brings them along.
    """
    measurements = list(run.measurements.all())
    drawn = {chart: draw(run, measurements) for chart, draw in OF_ALL.items()}
    return {chart: figure for chart, figure in drawn.items() if figure}


def _asked_for(run: ProfileRun, wanted: str | None) -> Measurement | None:
    """Read alone: a measurement is long, and a run may have many."""
    if not wanted or not wanted.isdecimal() or len(wanted) > LONGEST_ORDINAL:
        return None
    return run.measurements.filter(ordinal=int(wanted)).first()


def _drawn(taken: Taken, chart: str) -> dict | None:
    scene = scene_of(taken.run, taken.row)
    if scene is None or taken.is_empty:
        return None
    scene = replace(scene, span=taken.span)
    if chart in OVER_TIME:
        scene = replace(scene, marks=_marks(taken))
    return OF_ONE[chart](taken, scene)


def _marks(taken: Taken) -> marks.Marks:
    data = taken.row.data if taken.row else None
    used = taken.columns("usage", marks.COLUMNS, taken.span)
    found = marks.read(used, taken.start_ns, data, taken.start_up_s)
    return replace(found, oom_s=[*found.oom_s, *_last_kill(taken, found.oom_s)])


def _last_kill(taken: Taken, seen_s: Sequence[float]) -> list[float]:
    """A kill that ended the run: it was gone before another sample could be taken."""
    if taken.row or seen_s or taken.run.error_code != errors.OUT_OF_MEMORY:
        return []
    sampled = taken.columns("usage", ("at_ns",))
    return [float(sampled["at_ns"][-1] - taken.start_ns) / NS] if sampled else []


# --- Of all measurements --------------------------------------------------------------------------
def _sizing(run: ProfileRun, measurements: list[Measurement]) -> dict | None:
    curve = curve_of(run, measurements, list(run.models.all()))
    return sizing.draw(curve).to_json() if curve else None


def _startup(run: ProfileRun, measurements: list[Measurement]) -> dict | None:
    found = (run.result or {}).get("startup")
    return startup.draw(found).to_json() if found else None


def _rates(run: ProfileRun, measurements: list[Measurement]) -> dict | None:
    found = rates_of(run, measurements)
    return rates.draw(found).to_json() if found else None


def _capacity(run: ProfileRun, measurements: list[Measurement]) -> dict | None:
    model, curve = model_of(run), curve_of(run, measurements, list(run.models.all()))
    return capacity.draw(model, curve) if model and curve else None


# --- Of one ---------------------------------------------------------------------------------------
def _latency(taken: Taken, scene: Scene) -> dict | None:
    values = taken.latencies()
    if values is None or not len(values.within(taken.span).at_s):
        return None
    windows = taken.row.data["windows"] if taken.row else []
    return latency.latency(values, scene, windows).to_json()


def _throughput(taken: Taken, scene: Scene) -> dict | None:
    """Of all requests: an answer may come long after its request was due."""
    columns = taken.columns("requests", REQUEST_COLUMNS)
    if not columns:
        return None
    end_ns = taken.row.data["ended_ns"] if taken.row else None
    found = request_rates(columns, taken.start_ns, end_ns, taken.span)
    is_open = taken.row is None or taken.row.data["offered_rps"] is not None
    return throughput.throughput(found, scene, is_open=is_open).to_json() if found else None


def _distribution(taken: Taken, scene: Scene) -> dict | None:
    values = taken.latencies()
    if values is None or values.failed.all():
        return None
    return latency.distribution(values, scene).to_json()


def _cpu(taken: Taken, scene: Scene) -> dict | None:
    columns = taken.usage(series.CPU_COLUMNS)
    use = series.cpu_use(columns, taken.start_ns) if columns else None
    return usage.cpu(use, scene).to_json() if use else None


def _memory(taken: Taken, scene: Scene) -> dict | None:
    columns = taken.usage(series.MEMORY_COLUMNS)
    use = series.memory_use(columns, taken.start_ns) if columns else None
    return usage.memory(use, scene).to_json() if use else None


def _gpu(taken: Taken) -> Columns:
    columns = taken.usage(name="gpu")
    return columns if columns and len(columns["at_ns"]) else {}


def _gpu_utilisation(taken: Taken, scene: Scene) -> dict | None:
    columns = _gpu(taken)
    busy = series.gpu_traces(columns, "utilisation_percent", taken.start_ns)
    if not busy:
        return None
    at_work = series.gpu_traces(columns, "memory_utilisation_percent", taken.start_ns)
    held_s = series.throttled_seconds(columns, taken.start_ns)
    return gpu.utilisation(busy, at_work, held_s, _of_gpu(scene)).to_json()


def _gpu_memory(taken: Taken, scene: Scene) -> dict | None:
    columns = _gpu(taken)
    used = series.gpu_traces(columns, "memory_used_bytes", taken.start_ns)
    own = series.gpu_traces(columns, "memory_own_bytes", taken.start_ns)
    if not used and not own:
        return None
    return gpu.memory(used, own, _gpu_has_bytes(taken.run), _of_gpu(scene)).to_json()


def _gpu_has_bytes(run: ProfileRun) -> int | None:
    gpus = (run.circumstances or {}).get("gpus") or []
    return min((one["memory_bytes"] for one in gpus), default=None)


def _gpu_power(taken: Taken, scene: Scene) -> dict | None:
    drawn = series.gpu_traces(_gpu(taken), "power_mw", taken.start_ns)
    return gpu.power(drawn, _of_gpu(scene)).to_json() if drawn else None


def _of_gpu(scene: Scene) -> Scene:
    """Amber means clocks that were held down there, not CPU that was throttled."""
    return replace(scene, marks=replace(scene.marks, throttled=()))


def _payload(taken: Taken, scene: Scene) -> dict | None:
    values = taken.latencies("row")
    facts = series.read_columns(taken.run, 0, "rows", ("row", "body_bytes"))
    if values is None or not facts:
        return None
    return payload.payload(payload.sized(values, facts), scene).to_json()


OF_ALL = {"sizing": _sizing, "startup": _startup, "rates": _rates, "capacity": _capacity}
OVER_TIME = {
    "latency": _latency,
    "throughput": _throughput,
    "cpu": _cpu,
    "memory": _memory,
    "gpu-utilisation": _gpu_utilisation,
    "gpu-memory": _gpu_memory,
    "gpu-power": _gpu_power,
}
OF_ONE = {**OVER_TIME, "distribution": _distribution, "payload": _payload}
