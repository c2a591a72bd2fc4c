"""Which measurement of a run its page shows, and what there is to draw of it."""

from __future__ import annotations

from collections.abc import Sequence

from runs import formatting
from runs.charts.scene import Scene
from runs.models import Measurement, ProfileRun
from runs.verdict import decisive


def shown_measurement(
    run: ProfileRun, measurements: Sequence[Measurement], wanted: str | None
) -> Measurement | None:
    """The measurement whose charts are shown: the one asked for, else the decisive one.

    None while a run is live: the one under way is shown then, once there is one.
    """
    for row in measurements:
        if wanted and wanted.isdecimal() and row.ordinal == int(wanted):
            return row
    if run.current and not run.is_finished:
        return None
    return decisive(run, measurements)


def scene_of(run: ProfileRun, row: Measurement | None) -> Scene | None:
    """What the time charts show: a measurement, or the one under way."""
    if row is not None:
        bound = row.data["bound"] or {}
        return Scene(
            caption=f"{measured_words(run, row)}, {formatting.memory(row.memory_bytes)}",
            cpu_millicores=row.cpu_millicores,
            memory_bytes=row.memory_bytes,
            percentile=bound.get("percentile", 95.0),
            bound_ms=bound.get("latency_ms"),
            limits_enforced=row.data["limits_enforced"],
        )
    if not run.current:
        return None
    now = run.current
    return Scene(
        caption=f"{now['phase']} at {_size(now['cpu_millicores'], now['memory_bytes'])}",
        cpu_millicores=now["cpu_millicores"],
        memory_bytes=now["memory_bytes"],
        percentile=run.objective.get("percentile", 95.0),
        bound_ms=run.objective.get("latency_ms"),
        limits_enforced=run.target.kind == "docker",
    )


def measured_words(run: ProfileRun, row: Measurement) -> str:
    """The measurement's phase and size; where rates were tried, the rate tells one from another."""
    rate = row.data["nominal_rps"]
    of_rates = run.question == ProfileRun.Question.RATE and rate is not None
    tried = f"{formatting.rate(rate)} requests/s, " if of_rates else ""
    return f"{row.phase} at {tried}{formatting.cpu(row.cpu_millicores)}"


def _size(cpu_millicores: int, memory_bytes: int) -> str:
    return f"{formatting.cpu(cpu_millicores)}, {formatting.memory(memory_bytes)}"


def gpu_shown(run: ProfileRun, row: Measurement | None) -> dict | None:
    """A measurement's GPU numbers; {} while one is measured of a service that has GPUs, else None.

    Measurements of before GPUs were measured have no such numbers.
    """
    if row is not None:
        return row.data.get("gpu")
    return {} if run.config.gpus else None
