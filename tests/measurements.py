"""Measurements as a search takes them, and what is advised by them."""

from __future__ import annotations

from profiler.measuring.findings import Finding
from profiler.measuring.latency import LatencySummary
from profiler.measuring.measurement import Measurement
from profiler.measuring.validity import Validity
from profiler.sizing.advice import Advice, advise
from profiler.sizing.search import grid
from profiler.spec import (
    Limits,
    Objective,
    Policy,
)
from tests.raw_samples import MIB, OPEN, bound

GIB = 1024 * MIB
LIMITS = Limits(1000, 2 * GIB)
POINTS = grid(1000)
POLICY = Policy()
OBJECTIVE = Objective(percentile=99, latency_ms=50)
#: Peak 163 MiB and 15 % of it are 187.45 MiB: 192 MiB in steps of 16.
ADVISED_MEMORY = 192 * MIB


def latency(p50: float) -> LatencySummary:
    """The same for each percentile, in milliseconds."""
    return LatencySummary(p50, p50, p50, p50, p50, p50, p50)


def measured(phase: str, cpu: int, outcome: str = "passed", **others: object) -> Measurement:
    """A believed measurement with peaks of 151 MiB at start and 163 MiB under load."""
    values = {
        "ordinal": 0,
        "phase": phase,
        "cpu_millicores": cpu,
        "memory_bytes": ADVISED_MEMORY if phase == "verifying" else LIMITS.memory_bytes,
        "limits_enforced": True,
        "validity": Validity(True),
        "outcome": outcome,
        "outcome_findings": ()
        if outcome == "passed"
        else (Finding("percentile-over-bound", f"{outcome} at {cpu}"),),
        "bound": bound(99, 50),
        "requests": 1000,
        "offered_rps": 50.0,
        "achieved_rps": 50.0,
        "latency_at_percentile_ms": 8000 / cpu,
        "cpu_seconds_per_request": 0.002,
        "startup_s": 1.0,
        "memory_startup_peak_bytes": 151 * MIB,
        "memory_steady_peak_bytes": 163 * MIB,
    }
    return Measurement(**values | others)


REFERENCE = measured("measuring", 1000)
SEARCH = [
    REFERENCE,
    measured("sizing", 500),
    measured("sizing", 200, "failed"),
    measured("sizing", 300),
]
INVALID = {"validity": Validity(False, (Finding("host-busy", "The host was noisy."),))}
UNSTEADY = {"validity": Validity(False, (Finding("windows-not-steady", "It rose and fell."),))}


def advised(measurements: list[Measurement], **others: object) -> Advice:
    values = {
        "points": POINTS, "limits": LIMITS, "objective": OBJECTIVE, "load": OPEN,
        "limits_enforced": True, "policy": POLICY,
    }  # fmt: skip
    return advise(measurements, **values | others)
