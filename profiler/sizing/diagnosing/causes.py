"""Every cause that a run's measurements show: docs/diagnosis.md says rule and source of each."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.measuring.measurement import Measurement
from profiler.sizing.diagnosing import surroundings, threads
from profiler.sizing.diagnosing.case import Case
from profiler.sizing.diagnosing.diagnosis import Diagnosis
from profiler.spec import Limits, Spec


def diagnose(
    measurements: Sequence[Measurement], spec: Spec, size: Limits | None
) -> tuple[Diagnosis, ...]:
    """Every cause that the measurements of one variant show; `spec` is of that variant.

    `size` is the one found for it; None where none kept the objective. What a fix saves is measured
    afterwards, never guessed: fixes.py.
    """
    if not measurements:
        return ()
    case = Case(measurements, spec, (size or spec.limits).cpu_millicores)
    return (*threads.causes(case), *surroundings.causes(case))
