"""How much memory a service needs: peaks that were seen, plus a margin, rounded up."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.measuring.measurement import Measurement
from profiler.measuring.memory_survey import Survey
from profiler.sizing.evidence import REFERENCE, SIZING
from profiler.spec import Limits, Policy


def memory_advice(
    startup_peak_bytes: int | None,
    steady_peak_bytes: int | None,
    *,
    ceiling_bytes: int,
    policy: Policy,
) -> int | None:
    """The larger peak with its margin, at least the policy's floor and at most the ceiling.

    None where no peak is known.
    """
    peaks = [peak for peak in (startup_peak_bytes, steady_peak_bytes) if peak is not None]
    if not peaks:
        return None
    floor = policy.floors.memory_bytes or 0
    return min(max(with_margin(max(peaks), policy), floor), ceiling_bytes)


def with_margin(peak_bytes: int, policy: Policy) -> int:
    """A peak plus the policy's margin, rounded up to its step."""
    # In whole per mille, so that the rounding up cannot be off by a float's last bit.
    wanted = peak_bytes * (1000 + round(policy.memory_margin * 1000))
    steps = -(-wanted // (1000 * policy.memory_step_bytes))
    return steps * policy.memory_step_bytes


def memory_needed(
    measurements: Sequence[Measurement],
    limits: Limits,
    policy: Policy,
    survey: Survey | None = None,
) -> int | None:
    """`memory_advice` from the peaks before verification of all that is believed and passed."""
    return memory_advice(
        *peaks(measurements, survey), ceiling_bytes=limits.memory_bytes, policy=policy
    )


def gpu_memory_needed(measurements: Sequence[Measurement], policy: Policy) -> int | None:
    """The same of the peak of all that is believed and passed, at most what the GPU has.

    The verification's too, unlike the memory's: nothing held it to a smaller size.
    """
    used = [m.gpu for m in measurements if m.is_believed_pass and m.gpu is not None]
    if not used:
        return None
    peaks = [gpu.memory_peak_bytes for gpu in used if gpu.memory_peak_bytes is not None]
    has = min(gpu.memory_total_bytes for gpu in used)
    # The policy's floor is for the host's memory.
    return min(with_margin(max(peaks), policy), has) if peaks else None


def peaks(
    measurements: Sequence[Measurement], survey: Survey | None = None
) -> tuple[int | None, int | None]:
    """Start-up and load peak of the reference and the probes; a failed one's queue is no need.

    Load is also what came before the reference: each row was sent once, a rare large one perhaps
    never again; and what a survey saw of the largest rows, as many at a time as the load has.
    """
    kept = [m for m in measurements if m.phase in (REFERENCE, SIZING) and m.is_believed_pass]
    before = [m for m in measurements if m.phase == REFERENCE]
    load = (
        _peak(kept, "memory_steady_peak_bytes"),
        _peak(before, "memory_warmup_peak_bytes"),
        survey.counted_peak_bytes if survey else None,
    )
    known = [peak for peak in load if peak is not None]
    return _peak(kept, "memory_startup_peak_bytes"), max(known, default=None) if kept else None


def _peak(measurements: Sequence[Measurement], name: str) -> int | None:
    values = [getattr(measurement, name) for measurement in measurements]
    return max((value for value in values if value is not None), default=None)
