"""What a re-measured fix gains where a rate was searched: the same size, one setting changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiler.measuring.measurement import Measurement
from profiler.sizing.choice import variant_text
from profiler.sizing.diagnosing.diagnosis import Diagnosis
from profiler.sizing.diagnosing.fixes import (
    WORTH_SHARE,
    beside,
    less,
    numbers_of,
    refuted,
    shares_saved,
)
from profiler.sizing.explanation import memory_text, rate_text, size_of
from profiler.spec import Variant

#: What is less with a fix, at the same rate.
LESS = ("latency_at_percentile_ms", "throttled_fraction", "cpu_seconds_per_request")


@dataclass(frozen=True)
class TriedRate:
    """A variant and the highest rate at which a probe kept the objective; None where none did.

    `not_searched` is why nothing is known of its rate; "" where something is.
    """

    variant: Variant
    rate_rps: float | None
    not_searched: str = ""


def with_more_rate(
    diagnosis: Diagnosis,
    tried: TriedRate,
    given: Sequence[Measurement],
    given_rps: float | None,
    fixed: Sequence[Measurement],
) -> Diagnosis | None:
    """The diagnosis with what its fix was measured to gain; None where that has refuted it.

    `given` are the measurements without the fix, whose highest rate was `given_rps`; `fixed` those
    with it, the first of them at that rate, or where the search without it had begun.
    """
    with_fix = variant_text(diagnosis.fix)
    if tried.not_searched or not fixed:
        why = tried.not_searched or "nothing was answered"
        return replace(diagnosis, gain=f"The fix, {with_fix}, was not measured: {why}.")
    at_rps = fixed[0].nominal_rps
    before, after = _latest_at(given, at_rps), _latest_at(fixed, at_rps)
    if before is None:
        return replace(diagnosis, gain=f"The fix, {with_fix}, was not measured at the same rate.")
    saving = _saving(before, after, given_rps, tried.rate_rps)
    if not _is_worth_it(diagnosis.code, saving, before, given_rps):
        return refuted(diagnosis, before, after, with_fix)
    at_fixed = _latest_at(fixed, tried.rate_rps) or after
    return replace(
        diagnosis,
        remeasured=numbers_of(at_fixed, size_of(at_fixed)) | {"capacity_rps": tried.rate_rps},
        saving=saving,
        gain=_gain_sentence(with_fix, before, after, given_rps, tried.rate_rps),
    )


def _latest_at(measurements: Sequence[Measurement], rate_rps: float | None) -> Measurement | None:
    """The latest measurement at a rate: a believed one, or else any."""
    found = [m for m in measurements if m.nominal_rps == rate_rps]
    valid = [m for m in found if m.validity.valid]
    return next(reversed(valid or found), None)


def _saving(
    before: Measurement, after: Measurement, given_rps: float | None, fixed_rps: float | None
) -> dict:
    """What is less with the fix, negative where more; None where one of the two is not known.

    Rates as found for each; all else at the same rate, memory as it was in use there.
    """
    return {
        "cpu_millicores": None,
        "memory_bytes": less(
            before.memory_working_set_peak_bytes, after.memory_working_set_peak_bytes
        ),
        "capacity_rps": less(given_rps, fixed_rps),
        **{name: less(getattr(before, name), getattr(after, name)) for name in LESS},
        "makes_possible": given_rps is None and fixed_rps is not None,
    }


def _is_worth_it(code: str, saving: dict, before: Measurement, given_rps: float | None) -> bool:
    """Whether it makes a rate possible or clearly higher, or the same rate clearly better."""
    if saving["makes_possible"]:
        return True
    if saving["capacity_rps"] is None or saving["capacity_rps"] > 0:
        return False
    if -saving["capacity_rps"] > WORTH_SHARE * given_rps:
        return True
    shares = shares_saved(saving, before)
    if code == "workers-over-quota":
        shares.append((saving["memory_bytes"] or 0) / (before.memory_working_set_peak_bytes or 1))
    return max(shares) > WORTH_SHARE


def _gain_sentence(
    with_fix: str,
    before: Measurement,
    after: Measurement,
    given_rps: float | None,
    fixed_rps: float | None,
) -> str:
    said = f"Measured again with {with_fix}: "
    if given_rps is None:
        said += f"{rate_text(fixed_rps)} keep the objective, where no rate did"
    elif fixed_rps != given_rps:
        said += f"{rate_text(fixed_rps)} keep the objective in place of {given_rps:g}"
    else:
        said += "the same rate"
    beside_it = [beside(before, after)]
    used, used_before = after.memory_working_set_peak_bytes, before.memory_working_set_peak_bytes
    if used and used_before and used < used_before * (1 - WORTH_SHARE):
        beside_it.append(f"memory in use {memory_text(used)}, not {memory_text(used_before)}")
    at = rate_text(after.nominal_rps)
    return f"{said}; at {at} {', '.join(beside_it)}. Measured, not verified."
