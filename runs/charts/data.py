"""A run's charts by name: where each gets its samples, and when it has to be drawn anew."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from profiler.samples import Columns
from runs.charts import capacity, gpu, latency, payload, rates, series, sizing, startup, usage
from runs.models import Measurement, ProfileRun
from runs.raw_data import dropped_words
from runs.run_curves import curve_of, rates_of
from runs.shown_measurement import scene_of, shown_measurement
from runs.what_if_card import model_of

REQUEST_COLUMNS = ("scheduled_ns", "finished_ns", "outcome")
NOTHING_YET = {"empty": "Nothing was recorded for this yet."}


@dataclass(frozen=True)
class Source:
    """`version` changes when `draw` would give something else; drawing is the dear part."""

    version: str
    draw: Callable[[], dict]


def source(run: ProfileRun, chart: str, wanted: str | None) -> Source | None:
    """The chart of that name, None when there is no such; `wanted` is a measurement's ordinal."""
    measurements = list(run.measurements.all())
    if chart == "sizing":
        version = f"{len(measurements)}-{run.state}"
        return Source(version, lambda: _sizing(run, measurements))
    if chart == "startup":
        return Source(f"startup-{run.state}", lambda: _startup(run))
    if chart == "rates":
        version = f"{len(measurements)}-{run.state}"
        return Source(version, lambda: _rates(run, measurements))
    if chart == "capacity":
        return Source(f"capacity-{run.state}", lambda: _capacity(run, measurements))
    if chart not in DRAWN:
        return None
    row = shown_measurement(run, measurements, wanted)
    if dropped := dropped_words(run):
        return Source(f"dropped-{run.state}", lambda: {"empty": dropped})
    ordinal = row.ordinal if row else (run.current or {}).get("ordinal")
    if ordinal is None:
        return Source(f"none-{run.state}", lambda: NOTHING_YET)
    draw = DRAWN[chart]
    return Source(series.version_of(run, ordinal), lambda: draw(run, row, ordinal))


def _sizing(run: ProfileRun, measurements: list[Measurement]) -> dict:
    curve = curve_of(run, measurements, list(run.models.all()))
    return sizing.draw(curve).to_json() if curve else NOTHING_YET


def _startup(run: ProfileRun) -> dict:
    found = (run.result or {}).get("startup")
    return startup.draw(found).to_json() if found else NOTHING_YET


def _rates(run: ProfileRun, measurements: list[Measurement]) -> dict:
    found = rates_of(run, measurements)
    return rates.draw(found).to_json() if found else NOTHING_YET


def _capacity(run: ProfileRun, measurements: list[Measurement]) -> dict:
    model, curve = model_of(run), curve_of(run, measurements, list(run.models.all()))
    return capacity.draw(model, curve) if model and curve else NOTHING_YET


def _latencies(
    run: ProfileRun, row: Measurement | None, ordinal: int, *more: str
) -> series.Latencies | None:
    columns = series.read_columns(run, ordinal, "requests", (*REQUEST_COLUMNS, *more))
    if not columns or not len(columns["scheduled_ns"]):
        return None
    start_ns = row.data["started_ns"] if row else int(columns["scheduled_ns"].min())
    values = series.latencies(columns, start_ns, row.data["ended_ns"] if row else None)
    return values if len(values.at_s) else None


def _latency(run: ProfileRun, row: Measurement | None, ordinal: int) -> dict:
    values = _latencies(run, row, ordinal)
    if values is None:
        return NOTHING_YET
    windows = row.data["windows"] if row else []
    return latency.latency(values, scene_of(run, row), windows).to_json()


def _distribution(run: ProfileRun, row: Measurement | None, ordinal: int) -> dict:
    values = _latencies(run, row, ordinal)
    if values is None or values.failed.all():
        return NOTHING_YET
    return latency.distribution(values, scene_of(run, row)).to_json()


def _usage(run: ProfileRun, row: Measurement | None, ordinal: int) -> tuple[dict, int] | None:
    """Usage columns and the start of the measured time; None when none came."""
    columns = series.read_columns(run, ordinal, "usage")
    if not columns or not len(columns["at_ns"]):
        return None
    start_ns = row.data["started_ns"] if row else int(columns["at_ns"][0])
    return series.usage_shown(columns, start_ns), start_ns


def _cpu(run: ProfileRun, row: Measurement | None, ordinal: int) -> dict:
    found = _usage(run, row, ordinal)
    use = series.cpu_use(*found) if found else None
    return usage.cpu(use, scene_of(run, row)).to_json() if use else NOTHING_YET


def _memory(run: ProfileRun, row: Measurement | None, ordinal: int) -> dict:
    found = _usage(run, row, ordinal)
    use = series.memory_use(*found) if found else None
    return usage.memory(use, scene_of(run, row)).to_json() if use else NOTHING_YET


def _gpu(run: ProfileRun, row: Measurement | None, ordinal: int) -> tuple[Columns, int] | None:
    """GPU columns and the start of the measured time; None when none came."""
    columns = series.read_columns(run, ordinal, "gpu")
    if not columns or not len(columns["at_ns"]):
        return None
    start_ns = row.data["started_ns"] if row else int(columns["at_ns"][0])
    shown = series.usage_shown(columns, start_ns)
    return (shown, start_ns) if len(shown["at_ns"]) else None


def _gpu_utilisation(run: ProfileRun, row: Measurement | None, ordinal: int) -> dict:
    found = _gpu(run, row, ordinal)
    busy = series.gpu_traces(found[0], "utilisation_percent", found[1]) if found else []
    if not busy:
        return NOTHING_YET
    at_work = series.gpu_traces(found[0], "memory_utilisation_percent", found[1])
    throttled_s = series.throttled_seconds(*found)
    return gpu.utilisation(busy, at_work, throttled_s, scene_of(run, row)).to_json()


def _gpu_memory(run: ProfileRun, row: Measurement | None, ordinal: int) -> dict:
    found = _gpu(run, row, ordinal)
    used = series.gpu_traces(found[0], "memory_used_bytes", found[1]) if found else []
    own = series.gpu_traces(found[0], "memory_own_bytes", found[1]) if found else []
    if not used and not own:
        return NOTHING_YET
    return gpu.memory(used, own, _gpu_has_bytes(run), scene_of(run, row)).to_json()


def _gpu_has_bytes(run: ProfileRun) -> int | None:
    gpus = (run.circumstances or {}).get("gpus") or []
    return min((one["memory_bytes"] for one in gpus), default=None)


def _gpu_power(run: ProfileRun, row: Measurement | None, ordinal: int) -> dict:
    found = _gpu(run, row, ordinal)
    drawn = series.gpu_traces(found[0], "power_mw", found[1]) if found else []
    return gpu.power(drawn, scene_of(run, row)).to_json() if drawn else NOTHING_YET


def _payload(run: ProfileRun, row: Measurement | None, ordinal: int) -> dict:
    values = _latencies(run, row, ordinal, "row")
    facts = series.read_columns(run, 0, "rows", ("row", "body_bytes"))
    if values is None or not facts:
        return NOTHING_YET
    return payload.payload(payload.sized(values, facts), scene_of(run, row)).to_json()


DRAWN = {
    "latency": _latency,
    "distribution": _distribution,
    "cpu": _cpu,
    "memory": _memory,
    "gpu-utilisation": _gpu_utilisation,
    "gpu-memory": _gpu_memory,
    "gpu-power": _gpu_power,
    "payload": _payload,
}
