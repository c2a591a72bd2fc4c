"""A measurement from raw samples, with numbers worked out by hand."""

from __future__ import annotations

import json

import numpy as np
import pytest

from profiler.measuring.consumption import counted_between, memory_growth
from profiler.measuring.latency import latencies_ms
from profiler.measuring.measurement import Measurement, failed_to_start
from profiler.measuring.summary import summarise
from profiler.samples import OK, OUTCOMES, Columns
from tests.raw_samples import (
    ABORTED,
    CLOSED,
    ERROR,
    MIB,
    NS,
    START,
    TIMEOUT,
    back_to_back,
    bound,
    context,
    evenly,
    request_columns,
    rule_for,
    usage_columns,
)

NOTHING: Columns = usage_columns([])

#: What DESIGN section 5 promises of every measurement of a result.
PROMISED = {
    "phase", "cpu_millicores", "memory_bytes", "validity", "warnings", "outcome", "requests",
    "errors", "offered_rps", "achieved_rps", "latency_ms", "cpu_seconds_per_request",
    "cpu_millicores_used", "throttled_fraction", "memory_working_set_peak_bytes",
    "memory_kernel_peak_bytes", "startup_s",
}  # fmt: skip


def summarised(
    requests: Columns,
    duration_s: float,
    usage: Columns = NOTHING,
    startup: Columns = NOTHING,
    warmup: Columns = NOTHING,
    **others: object,
) -> Measurement:
    about = context(duration_s, **others)
    return summarise(
        requests, usage, startup, about, warmup_usage=warmup, rule=rule_for(about.bound)
    )


# ---- latency ----


def test_percentiles_of_one_to_a_hundred() -> None:
    """In mixed order: 37 steps on each time, round a clock of a hundred."""
    latency_ms = np.arange(100) * 37 % 100 + 1
    found = summarised(request_columns(evenly(100), latency_ms), 1.0)
    latency = found.latency
    assert (latency.p50, latency.p90, latency.p95, latency.p99) == (50, 90, 95, 99)
    assert (latency.p999, latency.max, latency.mean) == (100, 100, 50.5)
    assert found.latency_at_percentile_ms == 95
    assert latency.intervals["p50"].to_json() == [40, 61]


def test_intervals_are_of_95_percent_whatever_the_decision_asks_for() -> None:
    """Pages say 95 %, and what is compared must be alike."""
    latency_ms = np.arange(400) * 37 % 401 + 1.0
    requests = request_columns(evenly(400), latency_ms)
    usual, sure = (
        summarised(requests, 4.0, bound=bound(confidence=confidence)) for confidence in (0.95, 0.99)
    )
    assert usual.latency.intervals == sure.latency.intervals
    assert usual.windows == sure.windows
    for name in ("latency_at_percentile_interval_ms", "throughput_interval_rps"):
        assert getattr(usual, name) == getattr(sure, name)
    assert (usual.latency.estimates, sure.latency.estimates) == (("p999",), ("p99", "p999"))


def test_percentiles_with_too_few_requests_are_marked() -> None:
    """At 95 % confidence p95 needs 59 requests, p99 needs 299."""
    assert summarised(request_columns(evenly(58), 9), 1.0).latency.estimates == (
        "p95", "p99", "p999",
    )  # fmt: skip
    assert summarised(request_columns(evenly(59), 9), 1.0).latency.estimates == ("p99", "p999")
    assert summarised(request_columns(evenly(299), 9), 3.0).latency.estimates == ("p999",)


def test_latency_counts_from_the_schedule_and_is_shown_from_the_send_too() -> None:
    found = summarised(request_columns(evenly(100), 30, late_ms=1.2), 1.0)
    assert found.latency.p50 == 30
    assert found.latency_from_send.p50 == pytest.approx(28.8)


def test_only_successes_and_those_given_up_have_a_latency() -> None:
    """An aborted request slower than the bound has at least its age; a younger one says nothing."""
    outcome = [0, ERROR, TIMEOUT, ABORTED, ABORTED]
    requests = request_columns(evenly(5), [10, 20, 3000, 60, 40], outcome)
    assert latencies_ms(requests, bound(latency_ms=50)).tolist() == [10, 3000, 60]
    without = request_columns(evenly(3), [10, 9, 11], [0, ABORTED, ABORTED])
    assert latencies_ms(without, bound(latency_ms=None)).tolist() == [10, 11]


def test_no_answers_have_no_latency() -> None:
    found = summarised(request_columns(evenly(20), 5, ERROR), 1.0)
    assert found.latency is None and found.latency_at_percentile_ms is None
    assert found.to_json()["latency_ms"]["p99"] is None


# ---- counts and rates ----


def test_errors_by_kind_and_aborted_ones_apart() -> None:
    outcome = [0, 0, 0, ERROR, ERROR, TIMEOUT, ABORTED]
    found = summarised(request_columns(evenly(7), 10, outcome), 1.0)
    assert (found.requests, found.errors, found.aborted) == (6, 3, 1)
    assert found.error_counts == {"http_error": 2, "timeout": 1}
    assert set(found.error_counts) < set(OUTCOMES)


def test_offered_and_achieved_rates() -> None:
    """Of 200 due in 2 s, the last ten (from 1.9 s on) are answered after its end."""
    latency_ms = np.where(evenly(200) >= 1.9, 500, 10)
    found = summarised(request_columns(evenly(200), latency_ms), 2.0)
    assert (found.offered_rps, found.achieved_rps, found.nominal_rps) == (100, 95, 100)
    assert found.concurrency is None


def test_closed_loop_has_no_offered_rate_but_an_interval() -> None:
    found = summarised(back_to_back([20.0] * 101), 2.02, load=CLOSED)
    assert found.offered_rps is None and found.concurrency == 1
    assert found.achieved_rps == pytest.approx(50)
    assert found.throughput_interval_rps.value == pytest.approx(50)


def test_requests_outside_the_measured_time_are_left_out() -> None:
    found = summarised(request_columns(np.arange(-50, 150) / 100, 10), 1.0)
    assert found.requests == 100


# ---- windows ----


def test_windows_are_of_one_second_and_judged_each_for_itself() -> None:
    at_s = evenly(250)
    late_ms = np.where((at_s >= 1) & (at_s < 2), 3.0, 0.02)
    latency_ms = np.where(late_ms > 1, 40, 10)
    found = summarised(request_columns(at_s, latency_ms, late_ms=late_ms), 2.5)
    assert [(window.start_s, window.end_s) for window in found.windows] == [
        (0, 1),
        (1, 2),
        (2, 2.5),
    ]
    assert [window.valid for window in found.windows] == [True, False, True]
    assert [window.requests for window in found.windows] == [100, 100, 50]
    assert [window.achieved_rps for window in found.windows] == [100, 100, 100]
    assert found.windows[1].reason == "driver late: p99 3 ms, allowed 2 ms"


def test_void_windows_are_left_out_of_the_numbers() -> None:
    at_s = evenly(300)
    late_ms = np.where(at_s < 1, 3.0, 0.02)
    requests = request_columns(at_s, np.where(at_s < 1, 40, 10), late_ms=late_ms)
    found = summarised(requests, 3.0)
    assert (found.requests, found.void_requests) == (200, 100)
    assert found.latency.max == 10
    assert found.validity.valid


def test_when_every_window_is_void_all_is_shown_and_not_believed() -> None:
    found = summarised(request_columns(evenly(300), 10, late_ms=3.0), 3.0)
    assert (found.requests, found.void_requests) == (300, 0)
    assert not found.validity.valid


# ---- cpu ----


def test_cpu_is_taken_from_the_counter_at_the_very_edges() -> None:
    """One core from -0.1 s on: 2.0 s in two seconds, though no sample lies on the edges."""
    at_s = np.array([-0.1, 0.4, 1.1, 1.9, 2.3])
    usage = usage_columns(at_s, cpu_ns=(5 + at_s) * NS)
    found = summarised(request_columns(evenly(200), 10), 2.0, usage)
    assert found.cpu_millicores_used == pytest.approx(1000)
    assert found.cpu_seconds_per_request == pytest.approx(2.0 / 200)


def test_cpu_per_request_counts_those_answered_within_the_time() -> None:
    usage = usage_columns([-1, 3], cpu_ns=[0, 4 * NS])
    latency_ms = np.where(evenly(200) >= 1.9, 500, 10)
    found = summarised(request_columns(evenly(200), latency_ms), 2.0, usage)
    assert found.cpu_seconds_per_request == pytest.approx(2.0 / 190)


def test_the_most_cpu_of_any_window() -> None:
    usage = usage_columns([-1, 0, 1, 2, 3], cpu_ns=np.array([0, 0, 0.2, 1.0, 1.0]) * NS)
    found = summarised(request_columns(evenly(200), 10), 2.0, usage)
    assert found.cpu_millicores_used == pytest.approx(500)
    assert found.cpu_millicores_used_max == pytest.approx(800)
    assert [window.cpu_millicores_used for window in found.windows] == pytest.approx([200, 800])


def test_throttled_periods_of_those_that_began() -> None:
    usage = usage_columns(
        [-1, 0, 2, 3], periods=[90, 100, 120, 130], throttled_periods=[7, 7, 12, 12],
        throttled_ns=[0, 0, NS // 2, NS // 2],
    )  # fmt: skip
    found = summarised(request_columns(evenly(200), 10), 2.0, usage)
    assert found.throttled_fraction == pytest.approx(0.25)
    assert found.throttled_s == pytest.approx(0.5)


def test_counters_of_a_long_lived_service_lose_no_nanosecond() -> None:
    usage = usage_columns([0, 1], cpu_ns=[2**60, 2**60 + 7])
    assert counted_between(usage, "cpu_ns", START, START + NS) == 7


def test_what_was_not_sampled_is_unknown_not_zero() -> None:
    found = summarised(request_columns(evenly(100), 10), 1.0)
    for name in ("cpu_seconds_per_request", "cpu_millicores_used", "throttled_fraction",
                 "memory_working_set_peak_bytes", "memory_kernel_peak_bytes", "oom_kills",
                 "threads_max", "memory_slope_bytes_per_s", "throttled_s"):  # fmt: skip
        assert getattr(found, name) is None
    idle = usage_columns([0, 1], periods=5, throttled_periods=0)
    assert summarised(request_columns(evenly(100), 10), 1.0, idle).throttled_fraction is None


# ---- memory ----


def growth_of(held: np.ndarray, name: str = "memory_anon_bytes"):
    random = np.random.default_rng(5)
    noisy = held + random.normal(0, 8 * 1024, len(held))
    return memory_growth(usage_columns(np.arange(len(held)) / 50, **{name: noisy.astype("i8")}))


SECONDS_5 = np.arange(250) / 50
BASE = 160.0 * MIB


def test_memory_that_grows_all_the_time_leaks() -> None:
    slope, leaks = growth_of(BASE + 2 * MIB * SECONDS_5)
    assert leaks
    assert slope.value == pytest.approx(2 * MIB, rel=0.01)
    assert slope.low <= 2 * MIB <= slope.high


@pytest.mark.parametrize(
    "held",
    [
        np.full(250, BASE),
        BASE - 2 * MIB * SECONDS_5,
        BASE + np.where(SECONDS_5 > 2, 20 * MIB, 0),
        BASE + 20 * MIB * np.minimum(SECONDS_5, 1.5),
        BASE + 0.1 * MIB * SECONDS_5,
        BASE + 8 * MIB * (np.arange(250) % 50) / 50,
    ],
    ids=["level", "shrinks", "one step", "fills once", "hardly", "rises and is collected"],
)
def test_memory_that_does_otherwise_does_not_leak(held) -> None:
    assert not growth_of(held)[1]


def test_page_cache_is_no_leak() -> None:
    usage = usage_columns(
        SECONDS_5, memory_working_set_bytes=(BASE + 3 * MIB * SECONDS_5).astype("i8"),
        memory_anon_bytes=int(BASE), memory_shmem_bytes=0,
    )  # fmt: skip
    assert not memory_growth(usage)[1]
    del usage["memory_anon_bytes"]
    assert memory_growth(usage)[1]


def test_shared_memory_leaks_too() -> None:
    usage = usage_columns(
        SECONDS_5, memory_anon_bytes=int(BASE),
        memory_shmem_bytes=(3 * MIB * SECONDS_5).astype("i8"),
    )  # fmt: skip
    assert memory_growth(usage)[1]


def test_growing_memory_is_warned_of() -> None:
    usage = usage_columns(
        SECONDS_5, memory_anon_bytes=(BASE + np.where(SECONDS_5 > 2, 20 * MIB, 0)).astype("i8")
    )
    found = summarised(request_columns(evenly(500), 10), 5.0, usage)
    assert not found.memory_leaks
    assert any(warning.startswith("Memory was still growing") for warning in found.warnings)


def test_a_kill_for_memory_fails_whatever_the_latency() -> None:
    usage = usage_columns([0, 1, 2], oom_kills=[0, 0, 2])
    found = summarised(request_columns(evenly(200), 10), 2.0, usage)
    assert found.outcome == "failed"
    assert found.outcome_reasons == ("killed for memory 2 times",)


# ---- the whole ----


def test_the_outcome_is_the_rule_s() -> None:
    assert summarised(request_columns(evenly(200), 10), 2.0).is_believed_pass
    failed = summarised(request_columns(evenly(200), 80), 2.0)
    assert (failed.outcome, failed.decided_at_requests, failed.over_bound) == ("failed", 43, 43)
    assert failed.validity.valid
    assert failed.outcome_reasons[0].startswith("p95: 43 of 43 requests")


def test_the_json_is_json_and_holds_what_is_promised() -> None:
    usage = usage_columns([0, 1, 2], cpu_ns=[0, NS, 2 * NS], memory_working_set_bytes=MIB)
    found = summarised(request_columns(evenly(200), 10), 2.0, usage, startup_s=1.5)
    data = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert data.keys() >= PROMISED
    assert data["schema_version"] == 1
    assert data["latency_ms"].keys() == {"mean", "p50", "p90", "p95", "p99", "p999", "max"}
    assert data["validity"] == {"valid": True, "reasons": [], "findings": []}
    assert data["latency_interval_ms"]["p50"] == [10, 10]
    assert data["bound"]["latency_ms"] == 50
    assert data["windows"][0]["p99_ms"] == 10
    assert data["memory_working_set_peak_bytes"] == MIB


def test_a_service_that_never_started_is_a_failed_measurement() -> None:
    found = failed_to_start(context(0.0, phase="verifying"), "OutOfMemory: peak 250 of 256 MiB")
    assert (found.phase, found.outcome, found.requests) == ("verifying", "failed", 0)
    assert found.validity.valid and not found.is_believed_pass
    json.dumps(found.to_json(), allow_nan=False)


# ---- errors ----


@pytest.mark.parametrize(
    ("bad", "said"),
    [
        (
            ("reset", 200, "abc", ""),
            "reset: the connection ended before the answer did, answer: abc",
        ),
        (("connect_failed", 0, "", ""), "connect failed: no connection came about"),
        (("timeout", 0, "", ""), "timeout: no whole answer came in time"),
        (("malformed", 0, "junk", ""), "malformed: what came is no HTTP, answer: junk"),
        (("http_error", 500, "no\n model", ""), "HTTP 500, answer: no model"),
    ],
)
def test_errors_over_the_budget_name_the_first(bad, said) -> None:
    outcome, status, answer, why = bad
    first = {"row": 3, "status": status, "outcome": outcome, "answer": answer, "why": why}
    requests = request_columns(evenly(10), 5, [OK] * 9 + [ERROR])
    (reason,) = summarised(requests, 0.1, first_bad=first).outcome_reasons
    assert reason == (
        f"1 of 10 requests failed, where none may; the first is row 3 of the dataset: {said}"
    )
