"""A measurement's numbers judged: its validity, its warnings, and what its outcome comes to."""

from __future__ import annotations

from dataclasses import replace

from profiler.measuring import patterns, sensitivity, validity
from profiler.measuring.answers_found import AnswersFound, first_bad_text
from profiler.measuring.compared import floor_share
from profiler.measuring.findings import Finding
from profiler.measuring.measurement import Measurement, MeasurementContext
from profiler.measuring.warmup import Beginning

#: As much of a bad answer is told in a sentence.
ANSWER_CHARACTERS = 100


def judged(
    measured: Measurement, context: MeasurementContext, beginning: Beginning | None
) -> Measurement:
    """The measurement with its validity and warnings; killed for memory means failed."""
    outcome = measured.outcome
    reasons = tuple(_with_example(found, context.first_bad) for found in measured.outcome_findings)
    if measured.oom_kills:
        outcome = "failed"
        killed = Finding("killed-for-memory", f"killed for memory {measured.oom_kills} times")
        reasons = (killed, *reasons)
    found = context.answers or AnswersFound()
    reasons += found.reasons()
    believed = validity.judge(
        outcome=outcome, bound=context.bound, requests=measured.requests,
        windows=measured.windows, driver=context.driver, noise=context.noise,
        throttled_fraction=measured.throttled_fraction, gpu=measured.gpu,
        floor_share=floor_share(context.noise_floor, 50), beginning=beginning,
    )  # fmt: skip
    warnings = validity.warnings(
        outcome=outcome,
        bound=context.bound,
        noise=context.noise,
        distinct_rows=context.distinct_rows,
        growth=measured.memory_slope_bytes_per_s,
        leaks=measured.memory_leaks,
        duration_s=context.duration_s,
        startup_s=context.startup_s,
        cpu_millicores=context.cpu_millicores,
        threads_max=measured.threads_max,
        throttled_fraction=measured.throttled_fraction,
        suspicious_rows=context.suspicious_rows,
        gpu=measured.gpu,
        at_percentile_ms=measured.latency_at_percentile_ms,
        floor_share=floor_share(context.noise_floor, context.bound.percentile),
        warmup=context.warmup,
        own_pressure=measured.cpu_pressure_some_fraction,
        beginning=beginning,
    )
    warnings += patterns.findings(
        measured.patterns,
        duration_s=context.duration_s,
        cpu_millicores=context.cpu_millicores,
        cpu_millicores_used=measured.cpu_millicores_used,
        throttled_fraction=measured.throttled_fraction,
    )
    warnings += found.warnings()
    if measured.payload is not None:
        warnings += sensitivity.findings(measured.payload, context.bound)
    return replace(
        measured,
        outcome=outcome,
        outcome_findings=reasons,
        validity=believed,
        warning_findings=warnings,
    )


def _with_example(reason: Finding, bad: dict | None) -> Finding:
    """Errors with the first of them; a wrong answer is told in a reason of its own."""
    if reason.code != "errors-over-budget" or bad is None or bad["why"]:
        return reason
    return replace(
        reason, text=f"{reason.text}; the first is {first_bad_text(bad, ANSWER_CHARACTERS)}"
    )
