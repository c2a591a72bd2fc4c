"""What a re-measured fix saves: the same service, the same load, one setting changed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from profiler.measuring.measurement import Measurement
from profiler.sizing.choice import Tried, variant_text
from profiler.sizing.diagnosing.diagnosis import Diagnosis
from profiler.sizing.evidence import latest_at
from profiler.sizing.explanation import cpu_text, size_text
from profiler.spec import Limits

#: Less of a saved latency or cpu time than this may be chance.
WORTH_SHARE = 0.05


def with_gain(
    diagnosis: Diagnosis,
    tried: Tried,
    given: Sequence[Measurement],
    given_size: Limits | None,
    fixed: Sequence[Measurement],
) -> Diagnosis | None:
    """The diagnosis with what its fix was measured to save; None where that has refuted it.

    `given` are the measurements without the fix, `fixed` those with it; both were measured at the
    size found without it, or at the largest where none was found.
    """
    with_fix = variant_text(diagnosis.fix)
    if tried.not_searched:
        return replace(
            diagnosis, gain=f"The fix, {with_fix}, was not measured: {tried.not_searched}."
        )
    at = given_size.cpu_millicores if given_size else max(m.cpu_millicores for m in given)
    before, after = latest_at(given, at, believed=False), latest_at(fixed, at, believed=False)
    if before is None or after is None:
        gain = f"The fix, {with_fix}, was not measured at {cpu_text(at)} cpu."
        return replace(diagnosis, gain=gain)
    saving = _saving(before, after, given_size, tried.size)
    if not _is_worth_it(diagnosis.code, saving, before):
        return refuted(diagnosis, before, after, with_fix)
    at_fixed = latest_at(fixed, tried.size.cpu_millicores) if tried.size else after
    return replace(
        diagnosis,
        remeasured=numbers_of(at_fixed or after, tried.size) | {"capacity_rps": None},
        saving=saving,
        gain=_gain_sentence(with_fix, at, before, after, given_size, tried.size),
    )


def numbers_of(measured: Measurement, size: Limits | None) -> dict:
    """Of the fix at its own size, which is measured and not verified."""
    return {
        "ordinal": measured.ordinal,
        "cpu_millicores": size.cpu_millicores if size else None,
        "memory_bytes": size.memory_bytes if size else None,
        "outcome": measured.outcome,
        "latency_at_percentile_ms": measured.latency_at_percentile_ms,
        "throttled_fraction": measured.throttled_fraction,
        "cpu_seconds_per_request": measured.cpu_seconds_per_request,
        "threads_max": measured.threads_max,
    }


def _saving(
    before: Measurement, after: Measurement, given: Limits | None, fixed: Limits | None
) -> dict:
    """What is less with the fix, negative where more; None where one of the two is not known.

    Sizes as found for each; all else at the same cpu.
    """
    names = ("latency_at_percentile_ms", "throttled_fraction", "cpu_seconds_per_request")
    both = given and fixed
    return {
        "cpu_millicores": given.cpu_millicores - fixed.cpu_millicores if both else None,
        "memory_bytes": given.memory_bytes - fixed.memory_bytes if both else None,
        "capacity_rps": None,
        **{name: less(getattr(before, name), getattr(after, name)) for name in names},
        "makes_possible": given is None and fixed is not None,
    }


def less(before: float | None, after: float | None) -> float | None:
    return None if before is None or after is None else before - after


def _is_worth_it(code: str, saving: dict, before: Measurement) -> bool:
    """Whether it makes a size possible or smaller, or the same size clearly better."""
    if saving["makes_possible"] or (saving["cpu_millicores"] or 0) > 0:
        return True
    if code == "workers-over-quota" and (saving["memory_bytes"] or 0) > 0:
        return True
    if saving["cpu_millicores"] is None:
        return False
    return max(shares_saved(saving, before)) > WORTH_SHARE


def shares_saved(saving: dict, before: Measurement) -> list[float]:
    """Of the latency at the percentile and of a request's cpu; 0 where one is not known."""
    names = ("latency_at_percentile_ms", "cpu_seconds_per_request")
    return [(saving[name] or 0) / (getattr(before, name) or 1) for name in names]


def refuted(
    diagnosis: Diagnosis, before: Measurement, after: Measurement, with_fix: str
) -> Diagnosis | None:
    """Where the fix has changed the threads and nothing got better, they were not the cause."""
    is_about_threads = diagnosis.code == "threads-over-quota"
    if not is_about_threads or (after.threads_max or 0) < (before.threads_max or 0):
        return None
    return replace(
        diagnosis,
        fix=None,
        gain=f"Variables do not change it: with {with_fix} there were still {after.threads_max} "
        "threads, so the number has to be set in the code.",
    )


def _gain_sentence(
    with_fix: str,
    at: int,
    before: Measurement,
    after: Measurement,
    given: Limits | None,
    fixed: Limits | None,
) -> str:
    said = f"Measured again with {with_fix}: "
    if given is None:
        said += f"{size_text(fixed)} keeps the objective, where no size did"
    elif fixed is not None and fixed != given:
        said += f"{size_text(fixed)} keeps the objective in place of {size_text(given)}"
    else:
        said += "the same size"
    return f"{said}; at {cpu_text(at)} cpu {beside(before, after)}. Measured, not verified."


def beside(before: Measurement, after: Measurement) -> str:
    """The percentile, the cost of a request and throttling, with the fix and without."""
    parts = []
    if before.latency_at_percentile_ms and after.latency_at_percentile_ms:
        parts.append(
            f"p{before.bound.percentile:g} is {after.latency_at_percentile_ms:.4g} ms, not "
            f"{before.latency_at_percentile_ms:.4g}"
        )
    if before.cpu_seconds_per_request and after.cpu_seconds_per_request:
        parts.append(
            f"a request costs {after.cpu_seconds_per_request * 1000:.3g} ms of cpu, not "
            f"{before.cpu_seconds_per_request * 1000:.3g}"
        )
    if before.throttled_fraction and after.throttled_fraction is not None:
        parts.append(
            f"{after.throttled_fraction:.0%} of periods are throttled, not "
            f"{before.throttled_fraction:.0%}"
        )
    return ", ".join(parts) or "nothing else was known"
