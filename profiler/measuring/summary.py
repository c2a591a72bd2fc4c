"""From raw samples to a measurement; every formula is in docs/how-numbers-are-computed.md."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from profiler.measuring import consumption, sensitivity
from profiler.measuring.decision import PASS_AFTER_S, Decision, decide, is_open
from profiler.measuring.due_requests import (
    WINDOW_S,
    due_requests,
    lateness_ms,
    throughput,
    void_windows,
)
from profiler.measuring.gpu import NO_GPU, GpuRecord, gpu_use
from profiler.measuring.judging import judged
from profiler.measuring.latency import interval, latencies_ms, summarise_latencies
from profiler.measuring.measurement import Measurement, MeasurementContext, Window
from profiler.measuring.memory_peaks import peak_of_period, peak_of_start
from profiler.measuring.objective import Bound
from profiler.measuring.patterns import patterns_of
from profiler.measuring.statistics import (
    TOLD_CONFIDENCE,
    SequentialRule,
    nearest_rank,
    percentile_interval,
)
from profiler.measuring.validity import Validity
from profiler.measuring.warmup import still_warming
from profiler.samples import ABORTED, OK, OUTCOMES, Columns, between
from profiler.units import NS


def summarise(
    requests: Columns,
    usage: Columns,
    startup_usage: Columns,
    context: MeasurementContext,
    *,
    warmup_usage: Columns | None = None,
    rule: SequentialRule,
    decision: Decision | None = None,
    at_least_s: float = PASS_AFTER_S,
    gpu: GpuRecord = NO_GPU,
) -> Measurement:
    """Everything a measurement says, from its raw samples.

    `requests` are those scheduled in the measured period (finished, or aborted by us); `usage` its
    samples, begun by the last before it; `startup_usage` everything sampled until the service was
    ready; `warmup_usage` what lies between the period and the measurement (or start) before it,
    begun by the last sample of that. `decision` is the one the engine stopped on; without it the
    same rule is asked again. `gpu` holds the samples of its GPUs since its start, if it has any.
    """
    in_service = requests  # those sent just before share the CPU of the period too
    requests = between(requests, "scheduled_ns", context.start_ns, context.end_ns)
    decision = decision or decide(
        rule, requests, context.bound, load=context.load, start_ns=context.start_ns,
        now_ns=context.end_ns, at_least_s=at_least_s,
    )  # fmt: skip
    counted, windows = _counted(requests, usage, context)
    measured = Measurement(
        ordinal=context.ordinal,
        phase=context.phase,
        cpu_millicores=context.cpu_millicores,
        memory_bytes=context.memory_bytes,
        limits_enforced=context.limits_enforced,
        validity=Validity(True),
        outcome=decision.outcome,
        outcome_findings=decision.findings,
        bound=context.bound,
        started_ns=context.start_ns,
        ended_ns=context.end_ns,
        duration_s=context.duration_s,
        decided_at_requests=decision.requests,
        over_bound=decision.over,
        windows=windows,
        distinct_rows=context.distinct_rows,
        first_bad=context.first_bad,
        arrivals_draw=context.arrivals_draw,
        startup_s=context.startup_s,
        startup_cpu_s=consumption.cpu_seconds_so_far(startup_usage),
        sample_interval_s=context.sample_interval_s,
        answers=context.answers,
        variant=context.variant,
        driver=dict(context.driver),
        noise=dict(context.noise),
        **_counts(requests, counted),
        **_rates(requests, context),
        **_latencies(counted, context.bound),
        **_cpu(requests, usage, context),
        **_memory(usage, startup_usage, warmup_usage or {}),
        **consumption.pressures(usage, context.start_ns, context.end_ns),
        **consumption.rises(usage, context.start_ns, context.end_ns),
        sampler=consumption.sampler_report(
            usage, context.sample_interval_s, context.start_ns, context.end_ns
        ),
        warmup=context.warmup,
        gpu=gpu_use(gpu, context.start_ns, context.end_ns, _ended_in_period(requests, context)),
    )
    measured = replace(measured, patterns=patterns_of(counted, measured.throttled_fraction))
    if context.rows is not None:
        payload = sensitivity.payload_of(
            in_service, counted, usage, context.rows, bound=context.bound,
            start_ns=context.start_ns, end_ns=context.end_ns,
        )  # fmt: skip
        measured = replace(measured, payload=payload)
    beginning = still_warming(latencies_ms(counted, context.bound))
    return judged(measured, context, beginning)


# ---- requests ------------------------------------------------------------------------------


def _counts(requests: Columns, counted: Columns) -> dict:
    outcomes = np.bincount(counted["outcome"], minlength=len(OUTCOMES))
    answered = len(counted["outcome"]) - int(outcomes[ABORTED])
    errors = {
        name: int(outcomes[index])
        for index, name in enumerate(OUTCOMES)
        if index not in (OK, ABORTED) and outcomes[index]
    }
    return {
        "requests": answered,
        "errors": sum(errors.values()),
        "error_counts": errors,
        "aborted": int(outcomes[ABORTED]),
        "void_requests": len(requests["outcome"]) - len(counted["outcome"]),
    }


def _rates(requests: Columns, context: MeasurementContext) -> dict:
    """Offered: due in the period. Achieved: of those, answered by its end. Per second."""
    answered = _answered(requests) & (requests["finished_ns"] <= context.end_ns)
    duration_s, stages = context.duration_s, context.load.stages
    rates = {"achieved_rps": int(answered.sum()) / duration_s if duration_s else None}
    if is_open(context.load):
        rates["offered_rps"] = len(answered) / duration_s if duration_s else None
        rates["nominal_rps"] = context.load.nominal_rps
        return rates
    rates["concurrency"] = stages[0].concurrency if len(stages) == 1 else None
    due = due_requests(requests, context.bound, context.start_ns, context.end_ns)
    due = due.where(~due.void)
    if len(due):
        rates["throughput_interval_rps"] = throughput(due, context.start_ns, TOLD_CONFIDENCE)
    return rates


def _counted(
    requests: Columns, usage: Columns, context: MeasurementContext
) -> tuple[Columns, tuple[Window, ...]]:
    """The requests of valid windows, and all windows; all requests where every window is void."""
    void = void_windows(requests, context.start_ns, context.end_ns)
    width = int(WINDOW_S * NS)
    index = np.minimum((requests["scheduled_ns"] - context.start_ns) // width, len(void) - 1)
    windows = tuple(
        _window(number, bool(void[number]), _where(requests, index == number), usage, context)
        for number in range(len(void))
    )
    return (requests if void.all() else _where(requests, ~void[index])), windows


def _window(
    number: int, is_void: bool, requests: Columns, usage: Columns, context: MeasurementContext
) -> Window:
    start_ns = context.start_ns + int(number * WINDOW_S * NS)
    end_ns = min(start_ns + int(WINDOW_S * NS), context.end_ns)
    latencies = latencies_ms(requests, context.bound)
    late_ms, allowed_ms = lateness_ms(requests)
    reason = f"driver late: p99 {late_ms:.3g} ms, allowed {allowed_ms:.3g} ms" if is_void else ""
    answered = int(_answered(requests).sum())
    return Window(
        start_s=(start_ns - context.start_ns) / NS,
        end_s=(end_ns - context.start_ns) / NS,
        valid=not is_void,
        reason=reason,
        requests=answered,
        achieved_rps=answered / ((end_ns - start_ns) / NS),
        p50_ms=nearest_rank(latencies, 50),
        p95_ms=nearest_rank(latencies, 95),
        p99_ms=nearest_rank(latencies, 99),
        p50_interval_ms=percentile_interval(latencies, 50, TOLD_CONFIDENCE),
        late_p99_ms=late_ms,
        cpu_millicores_used=consumption.millicores(usage, start_ns, end_ns),
        throttled_fraction=consumption.throttled_fraction(usage, start_ns, end_ns),
        mean_ms=float(latencies.mean()) if len(latencies) else None,
        errors=answered - int((requests["outcome"] == OK).sum()),
    )


def _answered(requests: Columns) -> np.ndarray:
    """Which requests ended of themselves, well or not."""
    return requests["outcome"] != ABORTED


def _where(columns: Columns, keep: np.ndarray) -> Columns:
    return {name: values[keep] for name, values in columns.items()}


def _latencies(counted: Columns, bound: Bound) -> dict:
    values = latencies_ms(counted, bound)
    at_bound = nearest_rank(values, bound.percentile)
    return {
        "latency": summarise_latencies(values, bound.confidence),
        "latency_from_send": summarise_latencies(
            latencies_ms(counted, bound, "sent_ns"), bound.confidence
        ),
        "latency_at_percentile_ms": at_bound,
        "latency_at_percentile_interval_ms": interval(values, bound.percentile, TOLD_CONFIDENCE),
    }


def _ended_in_period(requests: Columns, context: MeasurementContext) -> int:
    return int((_answered(requests) & (requests["finished_ns"] <= context.end_ns)).sum())


# ---- usage ---------------------------------------------------------------------------------


def _cpu(requests: Columns, usage: Columns, context: MeasurementContext) -> dict:
    """CPU from the kernel's counters over the period; per request over those answered in it."""
    start_ns, end_ns = context.start_ns, context.end_ns
    throttled_ns = consumption.counted_between(usage, "throttled_ns", start_ns, end_ns)
    answered = _ended_in_period(requests, context)

    def seconds_per_request(counter: str) -> float | None:
        cpu_ns = consumption.counted_between(usage, counter, start_ns, end_ns)
        return cpu_ns / NS / answered if cpu_ns is not None and answered else None

    return {
        "cpu_seconds_per_request": seconds_per_request("cpu_ns"),
        "cpu_user_seconds_per_request": seconds_per_request("cpu_user_ns"),
        "cpu_system_seconds_per_request": seconds_per_request("cpu_system_ns"),
        "cpu_millicores_used": consumption.millicores(usage, start_ns, end_ns),
        "cpu_millicores_used_max": consumption.most_millicores(usage, start_ns, end_ns),
        "throttled_fraction": consumption.throttled_fraction(usage, start_ns, end_ns),
        "throttled_s": None if throttled_ns is None else throttled_ns / NS,
    }


def _memory(usage: Columns, startup_usage: Columns, warmup_usage: Columns) -> dict:
    """Peaks of the three periods; their sampling error is that of start-up and measured load."""
    startup, steady = peak_of_start(startup_usage), peak_of_period(usage)
    warmup = peak_of_period(warmup_usage)
    peak = consumption.largest(startup.working_set, steady.working_set)
    at_most = consumption.largest(startup.at_most, steady.at_most)
    slope, leaks = consumption.memory_growth(usage)
    return {
        "memory_startup_peak_bytes": startup.in_use,
        "memory_startup_kernel_peak_bytes": startup.kernel,
        "memory_warmup_peak_bytes": warmup.in_use,
        "memory_warmup_kernel_peak_bytes": warmup.kernel,
        "memory_steady_peak_bytes": steady.in_use,
        "memory_steady_kernel_peak_bytes": steady.kernel,
        "memory_working_set_peak_bytes": peak,
        "memory_sampling_error_bytes": None if peak is None else at_most - peak,
        "memory_peak_is_exact": steady.is_exact,
        "memory_kernel_peak_bytes": _ever(startup_usage, usage, "memory_kernel_peak_bytes"),
        "memory_startup_anon_peak_bytes": consumption.most(startup_usage, "memory_anon_bytes"),
        "memory_startup_file_peak_bytes": consumption.most(startup_usage, "memory_file_bytes"),
        "memory_steady_anon_peak_bytes": consumption.most(usage, "memory_anon_bytes"),
        "memory_steady_file_peak_bytes": consumption.most(usage, "memory_file_bytes"),
        "memory_slope_bytes_per_s": slope,
        "memory_leaks": leaks,
        "swap_peak_bytes": consumption.most(usage, "swap_bytes"),
        "oom_kills": _ever(startup_usage, usage, "oom_kills"),
        "processes_max": consumption.most(usage, "processes"),
        "threads_max": consumption.most(usage, "threads"),
    }


def _ever(startup_usage: Columns, usage: Columns, name: str) -> int | None:
    return consumption.largest(consumption.most(startup_usage, name), consumption.most(usage, name))
