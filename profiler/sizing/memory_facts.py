"""What a run found out about memory: its RESULT's `memory`. docs/memory.md explains each number."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.measuring.growth import seconds_until
from profiler.measuring.measurement import Measurement
from profiler.measuring.memory_survey import Survey
from profiler.sizing.evidence import REFERENCE, leaks
from profiler.sizing.memory import peaks
from profiler.sizing.pressure import Pressure
from profiler.spec import Policy


def memory_facts(
    measurements: Sequence[Measurement],
    survey: Survey | None,
    policy: Policy,
    pressure: Pressure | None = None,
) -> dict | None:
    """Peaks by period, by row and by concurrency, growth, margin; None before the reference."""
    reference = next((m for m in reversed(measurements) if m.phase == REFERENCE), None)
    if reference is None:
        return None
    start, load = peaks(measurements, survey)
    return {
        "start": _start(reference),
        "load": _load(reference),
        "counted": {"start_peak_bytes": start, "load_peak_bytes": load},
        "margin": policy.memory_margin,
        "step_bytes": policy.memory_step_bytes,
        "concurrency_reached": survey.reached if survey else None,
        "by_concurrency": [sent.to_json() for sent in survey.by_concurrency] if survey else [],
        "largest_rows": [{"row": sent.rows[0], **sent.to_json()} for sent in survey.by_row]
        if survey
        else [],
        "missing": list(survey.missing) if survey else ["The largest rows were not sent apart."],
        "anon_peak_bytes": _most(
            reference.memory_startup_anon_peak_bytes, reference.memory_steady_anon_peak_bytes
        ),
        "file_peak_bytes": _most(
            reference.memory_startup_file_peak_bytes, reference.memory_steady_file_peak_bytes
        ),
        "touched_bytes": pressure.touched_bytes if pressure else _most(load),
        "needed_bytes": pressure.needed_bytes if pressure else None,
        "pressure": pressure.to_json() if pressure else None,
        "growth": _growth(next(reversed(leaks(measurements)), reference)),
    }


def _start(reference: Measurement) -> dict:
    return {
        "peak_bytes": reference.memory_startup_peak_bytes,
        "kernel_peak_bytes": reference.memory_startup_kernel_peak_bytes,
        "anon_peak_bytes": reference.memory_startup_anon_peak_bytes,
        "file_peak_bytes": reference.memory_startup_file_peak_bytes,
    }


def _load(reference: Measurement) -> dict:
    """Under the measured load; `before` it each row was sent once, and the load to warm up."""
    return {
        "peak_bytes": reference.memory_steady_peak_bytes,
        "before_peak_bytes": reference.memory_warmup_peak_bytes,
        "kernel_peak_bytes": reference.memory_steady_kernel_peak_bytes,
        "anon_peak_bytes": reference.memory_steady_anon_peak_bytes,
        "file_peak_bytes": reference.memory_steady_file_peak_bytes,
    }


def _most(*values: int | None) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _growth(measurement: Measurement) -> dict | None:
    """Of memory that cannot be dropped, in the measurement that leaks, or else the reference."""
    slope, used = measurement.memory_slope_bytes_per_s, measurement.memory_steady_peak_bytes
    if slope is None:
        return None
    meets = measurement.memory_leaks and measurement.limits_enforced and used is not None
    until = seconds_until(measurement.memory_bytes, used, slope) if meets else None
    return {
        "bytes_per_s": slope.to_json(),
        "leaks": measurement.memory_leaks,
        "over_s": measurement.duration_s,
        "limit_bytes": measurement.memory_bytes,
        "seconds_until_limit": until.to_json() if until else None,
    }
