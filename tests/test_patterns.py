"""Drift, two kinds of requests, stalls at a period: found where they are, and nowhere else."""

from __future__ import annotations

import json
from collections.abc import Callable

import numpy as np
import pytest

from profiler.measuring.consumption import memory_growth
from profiler.measuring.drift import changed, drift_per_minute, drifts
from profiler.measuring.measurement import Measurement
from profiler.measuring.modes import two_modes
from profiler.measuring.stalls import by_chance, periodic_stalls
from profiler.measuring.statistics import Estimate
from profiler.measuring.summary import summarise
from tests.queues import autoregressive, mm1, under_quota
from tests.raw_samples import (
    MIB,
    bound,
    context,
    evenly,
    request_columns,
    rule_for,
    usage_columns,
)

#: Services without any of it: a draw of so many latencies in ms.
STEADY: dict[str, Callable[[np.random.Generator, int], np.ndarray]] = {
    "lognormal, narrow": lambda random, count: random.lognormal(1, 0.3, count),
    "lognormal, wide": lambda random, count: random.lognormal(1, 1, count),
    "gamma": lambda random, count: random.gamma(0.5, 5, count),
    "shifted gamma": lambda random, count: 1 + random.gamma(2, 2, count),
    "exponential": lambda random, count: random.exponential(5, count),
    "autoregressive": lambda random, count: autoregressive(random, count, 0.8),
    "a queue": lambda random, count: 5 * mm1(random, count, 0.5),
}


def poisson(random: np.random.Generator, count: int, rate_rps: float) -> np.ndarray:
    return np.cumsum(random.exponential(1 / rate_rps, count))


@pytest.mark.parametrize("service", STEADY)
@pytest.mark.parametrize("count", [300, 2000])
def test_a_steady_service_has_no_pattern(service, count) -> None:
    """Fifty of each: of 700 in all at most one in a hundred may be a false alarm of a kind."""
    random, alarms = np.random.default_rng(31), {"modes": 0, "stalls": 0, "drift": 0}
    for trial in range(50):
        latency_ms = STEADY[service](random, count)
        at_s = poisson(random, count, 200) if trial % 2 else evenly(count, 200)
        alarms["modes"] += two_modes(latency_ms) is not None
        alarms["stalls"] += periodic_stalls(at_s, latency_ms) is not None
        alarms["drift"] += drifts(drift_per_minute(at_s, latency_ms), float(at_s[-1]))
    assert max(alarms.values()) <= 1, alarms


# ---- drift ----


def test_the_drift_of_a_steady_rise_by_hand() -> None:
    """e^0.006 a second is 36 % of itself a minute; in 20 s that is 12.7 %, in 15 s 9.4 %."""
    at_s = evenly(2000)
    found = drift_per_minute(at_s, 10 * np.exp(0.006 * at_s))
    assert found.value == pytest.approx(0.36)
    assert found.low == pytest.approx(found.high)
    assert changed(found, 20.0) == pytest.approx(np.exp(0.12) - 1)
    assert drifts(found, 20.0) and not drifts(found, 15.0)
    assert drift_per_minute(at_s[:200], np.exp(at_s[:200])) is None


def test_a_drift_of_under_ten_percent_is_not_worth_a_word() -> None:
    assert not drifts(Estimate(0.25, 0.2, 0.3), 20.0)
    assert drifts(Estimate(0.5, 0.4, 0.6), 20.0)
    assert not drifts(Estimate(0.5, -0.1, 1.2), 20.0)


def test_no_number_is_too_large_for_a_drift() -> None:
    at_s = evenly(400, 100)
    assert np.isfinite(changed(drift_per_minute(at_s, np.exp(100 * at_s)), 4.0))
    assert drifts(drift_per_minute(at_s, np.exp(-100 * at_s)), 4.0)


# ---- two kinds ----


@pytest.mark.parametrize(("share", "factor"), [(0.1, 3.0), (0.3, 2.0), (0.5, 6.0)])
def test_two_kinds_are_found_with_their_shares(share, factor) -> None:
    random = np.random.default_rng(32)
    slow = random.random(2000) < share
    found = two_modes(np.where(slow, 10 * factor, 10) * random.lognormal(0, 0.15, 2000))
    assert found.slow.share == pytest.approx(slow.mean(), abs=0.03)
    assert found.fast.latency_ms == pytest.approx(10, rel=0.05)
    assert found.slow.latency_ms == pytest.approx(10 * factor, rel=0.1)
    assert found.separation > 2


@pytest.mark.parametrize("latency_ms", [np.full(500, 10.0), np.zeros(500), np.arange(1.0, 50)])
def test_what_is_the_same_or_too_few_is_of_one_kind(latency_ms) -> None:
    assert two_modes(latency_ms) is None


# ---- stalls ----


@pytest.mark.parametrize(("period_s", "length_s"), [(0.5, 0.05), (1.0, 0.1), (0.7, 0.2)])
def test_stalls_at_a_period_are_found(period_s, length_s) -> None:
    random = np.random.default_rng(33)
    at_s = poisson(random, 3000, 150)
    left_s = np.maximum(length_s - at_s % period_s, 0)
    found = periodic_stalls(at_s, random.lognormal(1, 0.3, 3000) + 1000 * left_s)
    assert found.period_s == pytest.approx(period_s, rel=0.03)
    assert found.length_ms == pytest.approx(1000 * length_s, rel=0.3)


def test_stalls_at_random_have_no_period() -> None:
    random, told = np.random.default_rng(34), 0
    for _ in range(40):
        at_s = poisson(random, 2000, 200)
        begins = np.sort(random.uniform(0, at_s[-1], 15))
        since = at_s - begins[np.maximum(np.searchsorted(begins, at_s) - 1, 0)]
        stalled_ms = np.where(since >= 0, np.maximum(60 - 1000 * since, 0), 0)
        told += periodic_stalls(at_s, random.lognormal(1, 0.3, 2000) + stalled_ms) is not None
    assert told == 0


def test_a_quota_s_period_is_found_where_it_does_not_stall_in_each() -> None:
    random, found = np.random.default_rng(35), 0
    for _ in range(10):
        at_s, latency_ms = under_quota(random, 1500, rate_rps=130, work_ms=2, quota=0.3)
        found += periodic_stalls(at_s, latency_ms, known_s=0.1) is not None
    assert found >= 9


def test_phases_that_agree_by_chance() -> None:
    """Two random phases agree to R = 1 never, to R >= 0 always."""
    assert by_chance(0.0, 10) == pytest.approx(1.0, abs=0.02)
    assert by_chance(1.0, 10) < 1e-5
    random = np.random.default_rng(36)
    phases = random.uniform(0, 2 * np.pi, (20_000, 10))
    concentration = np.hypot(np.cos(phases).mean(axis=1), np.sin(phases).mean(axis=1))
    assert (concentration >= 0.55).mean() == pytest.approx(by_chance(0.55, 10), rel=0.15)


# ---- in a measurement ----


def measured(requests, usage=None, **others: object) -> Measurement:
    about = context(20.0, **others)
    none = usage_columns([])
    return summarise(requests, usage or none, none, about, rule=rule_for(about.bound))


def test_a_measurement_tells_what_it_saw_with_the_likely_cause() -> None:
    """Every fourth row takes 40 ms in place of 10, rows 1 to 40 in turn."""
    random = np.random.default_rng(37)
    row = np.arange(2000) % 40 + 1
    latency_ms = np.where(row % 4 == 0, 40, 10) * random.lognormal(0, 0.05, 2000)
    found = measured(request_columns(evenly(2000), latency_ms) | {"row": row.astype("i4")})
    (warning,) = [w for w in found.warning_findings if w.code == "two-kinds-of-requests"]
    assert warning.text.startswith("Requests are of two kinds: 75% take about 9.98 ms, 25% ")
    assert "It is the dataset's rows" in warning.text
    assert found.to_json()["patterns"]["modes"]["because"] == "rows"


def test_requests_that_waited_for_others_are_told_to_have_waited() -> None:
    """In pairs 2 ms apart, each served for 10 ms by the one worker: the second waits for 8."""
    pairs = np.repeat(evenly(500, 40), 2) + np.tile([0, 0.002], 500)
    found = measured(request_columns(pairs, np.tile([10.0, 18.0], 500)))
    assert found.to_json()["patterns"]["modes"]["because"] == "queue"


def test_stalls_of_the_quota_and_a_used_up_quota_are_warned_of() -> None:
    random = np.random.default_rng(38)
    at_s, latency_ms = under_quota(random, 2400, rate_rps=130, work_ms=2, quota=0.3)
    usage = usage_columns(
        [0, 20], cpu_ns=[0, int(0.29 * 20e9)], periods=[0, 200], throttled_periods=[0, 60]
    )
    found = measured(
        request_columns(at_s, latency_ms), usage, cpu_millicores=300, bound=bound(latency_ms=500.0)
    )
    codes = {warning.code: warning.text for warning in found.warning_findings}
    assert "It is the cpu quota: 30% of its periods" in codes["periodic-stalls"]
    assert codes["cpu-saturated"].startswith("The service used 97% of its 300 millicores")


def test_slow_rows_that_come_round_at_a_period_are_no_stalls() -> None:
    """One row of twenty takes 60 ms: at 100 requests/s every 200 ms."""
    row = np.arange(2000) % 20 + 1
    latency_ms = np.random.default_rng(43).lognormal(2, 0.2, 2000) + 60 * (row == 5)
    assert periodic_stalls(evenly(2000), latency_ms).period_s == pytest.approx(0.2, rel=0.01)
    found = measured(request_columns(evenly(2000), latency_ms) | {"row": row.astype("i4")})
    assert found.patterns.stalls is None


def test_a_quiet_measurement_has_empty_patterns_that_are_json() -> None:
    data = measured(request_columns(evenly(2000), 10)).to_json()
    assert data["patterns"]["modes"] is None and data["patterns"]["stalls"] is None
    json.dumps(data, allow_nan=False)
    assert measured(request_columns([], [])).to_json()["patterns"]["drift_per_minute"] is None


# ---- a leak, or a collector's saw-tooth ----


def saw_tooth(random: np.random.Generator, seconds: float, period_s: float, mib: float):
    """Memory sampled each 20 ms that rises by so many MiB and falls back, at jittered periods."""
    at_s = np.arange(0, seconds, 0.02)
    steps = period_s * np.maximum(
        0.2, 1 + 0.2 * random.standard_normal(int(seconds / period_s) + 4)
    )
    edges = np.cumsum(steps) - random.random() * period_s - period_s
    edges = np.append(edges, edges[-1] + 10 * period_s)
    last = np.searchsorted(edges, at_s, "right") - 1
    since = (at_s - edges[last]) / np.diff(edges)[last]
    noise = random.normal(0, 0.05 * MIB, len(at_s))
    return usage_columns(
        at_s, memory_anon_bytes=(150 * MIB + mib * MIB * since + noise).astype("i8")
    )


@pytest.mark.parametrize(("seconds", "period_s"), [(5, 0.2), (5, 1), (10, 3), (20, 8)])
def test_garbage_that_is_collected_is_no_leak(seconds, period_s) -> None:
    """Periods of half the time measured or less; longer ones cannot be told from leaks."""
    random = np.random.default_rng(39)
    assert not any(memory_growth(saw_tooth(random, seconds, period_s, 10))[1] for _ in range(50))


def test_a_leak_under_a_saw_tooth_is_found() -> None:
    random = np.random.default_rng(40)
    for _ in range(10):
        usage = saw_tooth(random, 20, 0.5, 5)
        since_s = (usage["at_ns"] - usage["at_ns"][0]) / 1e9
        usage["memory_anon_bytes"] = usage["memory_anon_bytes"] + (2 * MIB * since_s).astype("i8")
        assert memory_growth(usage)[1]
