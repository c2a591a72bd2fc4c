"""When a measurement may not be believed, when it may after all, and what it warns of."""

from __future__ import annotations

import numpy as np
import pytest

from profiler.measuring import validity
from profiler.measuring.findings import texts
from profiler.measuring.measurement import Measurement
from profiler.measuring.statistics import Estimate
from profiler.measuring.summary import summarise
from profiler.samples import Columns
from tests.raw_samples import (
    CLOSED,
    MIB,
    back_to_back,
    bound,
    context,
    evenly,
    request_columns,
    rule_for,
    usage_columns,
)


def measured(requests: Columns, duration_s: float, **others: object) -> Measurement:
    about = context(duration_s, **others)
    return summarise(
        requests, usage_columns([]), usage_columns([]), about, rule=rule_for(about.bound)
    )


def test_a_quiet_measurement_is_believed() -> None:
    found = measured(request_columns(evenly(400), 10), 4.0)
    assert found.validity.valid and found.validity.reasons == () and found.warnings == ()


# ---- too few ----


def test_too_few_requests_prove_no_percentile() -> None:
    found = measured(request_columns(evenly(58), 10), 0.6)
    assert found.validity.reasons == (
        "Only 58 requests were counted; p95 at 95% confidence needs at least 59.",
    )


def test_few_requests_are_enough_to_fail() -> None:
    found = measured(request_columns(evenly(45), 80), 0.45)
    assert found.outcome == "failed" and found.validity.valid


# ---- steadiness ----


def in_seconds(*medians_ms: float, spread_ms: float = 1.0) -> Columns:
    """A hundred requests in each second, spread evenly around its median, in mixed order."""
    around = np.linspace(-1, 1, 100)[np.arange(100) * 37 % 100]
    latency_ms = np.concatenate([median + spread_ms * around for median in medians_ms])
    return request_columns(evenly(len(latency_ms)), latency_ms)


def test_windows_that_drift_apart_are_not_believed() -> None:
    found = measured(in_seconds(20, 20, 24, 30), 4.0)
    assert found.validity.reasons == (
        "The last 3 windows are not steady: their median latency went from 20 to 30 ms, "
        "more than 10% of the bound apart.",
    )


def test_a_drift_that_is_small_beside_the_bound_decides_nothing() -> None:
    """From 2 to 3 ms under a bound of 50; a reference without a bound has to be steadier."""
    assert measured(in_seconds(2, 2.5, 3, spread_ms=0.1), 3.0).validity.valid
    reference = measured(in_seconds(2, 2.5, 3, spread_ms=0.1), 3.0, bound=bound(latency_ms=None))
    assert reference.validity.reasons[0].endswith("more than 10% of the median apart.")


def test_only_the_last_three_windows_must_be_steady() -> None:
    assert measured(in_seconds(40, 20, 20, 20), 4.0).validity.valid


def test_less_than_ten_percent_of_the_bound_apart_is_steady() -> None:
    assert measured(in_seconds(20, 22, 24.9), 3.0).validity.valid


def test_windows_that_differ_by_chance_are_steady() -> None:
    """Medians of 28 and 34 ms, but each known only to about 3 ms; to 0.2 ms they are not."""
    by_chance = measured(in_seconds(28, 34, 32, spread_ms=15.9), 3.0)
    assert by_chance.outcome == "passed" and by_chance.validity.valid
    assert not measured(in_seconds(28, 34, 32, spread_ms=1), 3.0).validity.valid


def test_an_overloaded_service_need_not_be_steady() -> None:
    at_s = evenly(400)
    found = measured(request_columns(at_s, 60 + at_s * 300), 4.0)
    assert found.outcome == "failed" and found.validity.valid


def test_two_windows_are_too_few_to_ask() -> None:
    assert measured(in_seconds(20, 30), 2.0).validity.valid


# ---- the driver ----


def test_a_driver_late_in_most_windows_is_not_believed() -> None:
    at_s = evenly(300)
    late_ms = np.where(at_s < 2, 4.0, 0.02)
    found = measured(request_columns(at_s, np.where(at_s < 2, 20, 20), late_ms=late_ms), 3.0)
    assert found.validity.reasons[0].startswith(
        "The driver was late: 2 of 3 windows are void (p99 of its lateness up to 4 ms"
    )


def test_a_saturated_driver_is_not_believed() -> None:
    found = measured(request_columns(evenly(300), 10), 3.0, driver={"busy_fraction": 0.97})
    assert "saturated: it was busy 97%" in found.validity.reasons[0]
    busy = measured(request_columns(evenly(300), 10), 3.0, driver={"busy_fraction": 0.5})
    assert busy.validity.valid


# ---- the host ----

NOISES = [{"steal_fraction": 0.2}, {"outside_busy_fraction": 0.4}]


@pytest.mark.parametrize("noise", NOISES)
def test_a_failure_on_a_noisy_host_is_not_believed(noise) -> None:
    found = measured(request_columns(evenly(300), 80), 3.0, noise=noise)
    assert found.outcome == "failed"
    assert found.validity.reasons[0].startswith("The host was noisy")


@pytest.mark.parametrize("noise", NOISES)
def test_a_service_held_back_by_its_own_quota_fails_whatever_the_noise(noise) -> None:
    limit, none = bound(), usage_columns([])
    about = context(3.0, noise=noise, bound=limit)
    requests = request_columns(evenly(300), 80)
    for throttled, valid in ((30, True), (27, True), (26, False)):
        usage = usage_columns([0, 3], periods=[0, 30], throttled_periods=[0, throttled])
        found = summarise(requests, usage, none, about, rule=rule_for(limit))
        assert found.outcome == "failed" and found.validity.valid == valid
        used_up = "The service had used up its own quota all the same."
        assert any(warning.endswith(used_up) for warning in found.warnings) == valid


@pytest.mark.parametrize("noise", NOISES)
def test_a_bound_kept_in_spite_of_noise_is_kept(noise) -> None:
    found = measured(request_columns(evenly(300), 10), 3.0, noise=noise)
    assert found.is_believed_pass
    assert found.warnings[0].endswith("The bound was kept in spite of it.")


@pytest.mark.parametrize("noise", NOISES)
def test_a_noisy_reference_would_set_too_wide_a_bound(noise) -> None:
    found = measured(
        back_to_back([10.0] * 300), 3.0, load=CLOSED, bound=bound(latency_ms=None), noise=noise
    )
    assert found.outcome == "passed" and not found.validity.valid


def test_unknown_noise_is_no_noise() -> None:
    noise = {"steal_fraction": None, "outside_busy_fraction": None}
    assert measured(request_columns(evenly(300), 80), 3.0, noise=noise).validity.valid


def test_all_reasons_are_told_at_once() -> None:
    found = measured(
        request_columns(evenly(20), 10), 0.2, driver={"busy_fraction": 1.0},
        noise={"steal_fraction": 0.5, "outside_busy_fraction": 0.5},
    )  # fmt: skip
    assert len(found.validity.reasons) == 4


# ---- warnings ----


def warned(**others: object) -> tuple[str, ...]:
    values = {
        "outcome": "passed", "bound": bound(), "noise": {}, "distinct_rows": 200, "growth": None,
        "leaks": False, "duration_s": 5.0, "startup_s": 1.5, "cpu_millicores": 500,
        "threads_max": 4, "throttled_fraction": 0.0, "suspicious_rows": (),
    }  # fmt: skip
    return texts(validity.warnings(**values | others))


def test_nothing_to_warn_of() -> None:
    assert warned() == ()
    assert warned(
        distinct_rows=None, startup_s=None, threads_max=None, throttled_fraction=None,
        suspicious_rows=(),
    ) == ()  # fmt: skip


@pytest.mark.parametrize(
    ("others", "beginning"),
    [
        ({"distinct_rows": 1}, "All requests are the same"),
        (
            {"suspicious_rows": range(2, 9)},
            "Rows answered with a success status by what looks like an error: 7 (2, 3, 4, 5, 6, ",
        ),
        ({"startup_s": 45.2}, "Starting took 45 s"),
        ({"threads_max": 16, "throttled_fraction": 0.4}, "16 threads share a quota of 500"),
        ({"growth": Estimate(2 * MIB, MIB, 3 * MIB)}, "Memory was still growing: by 7,200 MiB"),
        ({"growth": Estimate(2 * MIB, MIB, 3 * MIB), "leaks": True}, "Memory leaks: by 7,200 MiB"),
    ],
)
def test_each_warning_has_its_numbers(others, beginning) -> None:
    (warning,) = warned(**others)
    assert warning.startswith(beginning)


@pytest.mark.parametrize(
    "others",
    [
        {"threads_max": 16, "throttled_fraction": 0.01},
        {"threads_max": 5, "throttled_fraction": 0.9},
        {"growth": Estimate(2 * MIB, -MIB, 5 * MIB)},
        {"growth": Estimate(1000.0, 900.0, 1100.0)},
    ],
)
def test_what_is_not_worth_a_warning(others) -> None:
    assert warned(**others) == ()


# ---- what identical runs differ by ----


def floor(**metrics: float) -> dict:
    return {"runs": 10, "metrics": {f"latency_{name}_ms": share for name, share in metrics.items()}}


def test_a_bound_kept_by_less_than_identical_runs_differ_is_told() -> None:
    requests = request_columns(evenly(400), 49)  # the bound is 50 ms: kept by 2 %
    found = measured(requests, 4.0, noise_floor=floor(p95=0.04))
    assert found.outcome == "passed" and found.validity.valid
    assert found.warnings == (
        "p95 kept its bound by 2.0%, less than the 4.0% by which identical runs differ on this "
        "target.",
    )
    assert measured(requests, 4.0, noise_floor=floor(p95=0.01)).warnings == ()
    assert measured(requests, 4.0).warnings == ()


def test_windows_may_differ_by_as_much_as_identical_runs_do_but_not_by_any_amount() -> None:
    drifting = in_seconds(40, 40, 40, 47)  # 7 ms: over 10 % of the bound of 50 ms
    assert not measured(drifting, 4.0).validity.valid
    assert measured(drifting, 4.0, noise_floor=floor(p50=0.2)).validity.valid
    wild = in_seconds(20, 20, 20, 40)
    assert not measured(wild, 4.0, noise_floor=floor(p50=9.0)).validity.valid
