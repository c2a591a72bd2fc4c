"""The rate that a size takes, how well it is known, and how many replicas a peak needs."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from profiler.measuring.measurement import Measurement
from profiler.measuring.memory_survey import Peaks, Sent, Survey
from profiler.sizing.advice import Advice
from profiler.sizing.capacity import advise_capacity, outcomes_by_rate, replicas_for
from profiler.sizing.quota_model import Demand
from profiler.sizing.rate_estimate import at_rate, estimate_rate
from profiler.sizing.rate_search import rates
from profiler.spec import Limits, Load, Objective, Policy, Stage
from tests.measurements import INVALID, measured
from tests.raw_samples import MIB, bound

SIZE = Limits(500, 512 * MIB)
RATES = rates(50.0)
START = RATES.index(50.0)


def probe(phase: str, step: int, outcome: str = "passed", **others: object) -> Measurement:
    """At so many steps from the rate that the search begins with."""
    rate = RATES[START + step]
    values = {"memory_bytes": SIZE.memory_bytes, "nominal_rps": rate} | others
    return measured(phase, SIZE.cpu_millicores, outcome, **values)


REFERENCE = probe("measuring", 0)
SEARCH = [REFERENCE, probe("sizing", 10), probe("sizing", 12, "failed"), probe("sizing", 11)]
CAPACITY = RATES[START + 11]


def advised(measurements: list[Measurement], **others: object) -> Advice:
    values = {
        "points": RATES, "limits": SIZE, "objective": Objective(percentile=99, latency_ms=50),
        "load": Load((Stage("open", rate_rps=50.0),)), "peak_rps": None, "limits_enforced": True,
        "policy": Policy(),
    }  # fmt: skip
    return advise_capacity(measurements, **values | others)


def test_a_fresh_service_of_that_size_at_that_rate_verifies_it() -> None:
    found = advised([*SEARCH, probe("verifying", 11)])
    assert (found.standing, found.reasons) == ("verified", ())
    assert (found.cpu_millicores, found.memory_bytes) == (500, 512 * MIB)
    assert found.capacity_rps == CAPACITY == 84.75
    assert found.uncertainty.capacity_rps == (84.75, 88.91)
    assert found.uncertainty.more_data.endswith("88.91 requests/s was measured to fail.")


@pytest.mark.parametrize(
    "spoilt",
    [
        INVALID,
        {"outcome": "failed"},
        {"outcome": "undecided"},
        {"limits_enforced": False},
        {"cpu_millicores": 600},
        {"memory_bytes": 1024 * MIB},
        {"phase": "sizing"},
        {"startup_s": None},
        {"oom_kills": 1},
    ],
)
def test_nothing_less_verifies(spoilt) -> None:
    verifying = replace(probe("verifying", 11), **spoilt)
    assert advised([*SEARCH, verifying]).standing != "verified"
    assert advised([*SEARCH, verifying], budget_ended=True).standing != "verified"


def test_a_step_down_that_was_verified_is_what_is_advised() -> None:
    found = advised([*SEARCH, probe("verifying", 11, "failed"), probe("verifying", 10)])
    assert (found.standing, found.capacity_rps) == ("verified", RATES[START + 10])
    assert "a probe did, but no fresh service" in found.explanation


def test_without_enforced_limits_it_is_provisional() -> None:
    found = advised(SEARCH, limits_enforced=False)
    assert (found.standing, found.capacity_rps) == ("provisional", CAPACITY)
    assert found.reasons[0].startswith("Limits could not be enforced")


def test_memory_stays_as_given_and_what_was_in_use_of_it_is_said() -> None:
    found = advised([*SEARCH, probe("verifying", 11)])
    assert "Memory stays as given: up to 163 MiB of 512 MiB was in use." in found.explanation
    assert found.uncertainty.memory_bytes == (163 * MIB, 512 * MIB)


def test_what_the_largest_rows_took_is_in_use_too() -> None:
    peaks = Peaks(300 * MIB, None, None, None)
    survey = Survey(2, by_row=(Sent((3,), 9000, 1, True, 4, 0, peaks),))
    found = advised([*SEARCH, probe("verifying", 11)], survey=survey)
    assert "up to 300 MiB of 512 MiB was in use." in found.explanation
    assert found.uncertainty.memory_bytes == (300 * MIB, 512 * MIB)


def test_a_budget_that_ended_in_the_search_leaves_the_highest_rate_that_passed() -> None:
    found = advised(SEARCH[:2], budget_ended=True)
    assert (found.standing, found.capacity_rps) == ("provisional", RATES[START + 10])
    assert "the search was done: a higher rate may pass too" in found.reasons[0]
    assert found.uncertainty.capacity_rps == (RATES[START + 10], None)


@pytest.mark.parametrize(
    ("measurements", "reason"),
    [
        ([], "Nothing was measured at the rate that the search begins with."),
        ([replace(REFERENCE, **INVALID)], "The measurement at the rate that the search"),
        (
            [probe("measuring", 0, "failed"), probe("sizing", -144, "failed")],
            "No rate passes: at 0.05 requests/s, the lowest that was tried, 500m cpu and 512 MiB "
            "did not keep the objective (failed at 500).",
        ),
        (
            [*SEARCH, *(probe("verifying", step, "failed") for step in (11, 10, 9, 8))],
            "Verification did not pass at 84.75, 80.78, 77, 73.39 requests/s",
        ),
    ],
)
def test_declined_with_the_reason(measurements, reason) -> None:
    found = advised(measurements)
    assert (found.standing, found.capacity_rps, found.cpu_millicores) == ("declined", None, None)
    assert found.reasons[0].startswith(reason)


def test_the_search_may_begin_at_a_rate_that_is_too_high() -> None:
    tried = [probe("measuring", 0, "failed"), probe("sizing", -2), probe("sizing", -1, "failed")]
    found = advised([*tried, probe("verifying", -2)])
    assert (found.standing, found.capacity_rps) == ("verified", RATES[START - 2])


def test_what_failed_at_a_lower_rate_is_said() -> None:
    found = advised([*SEARCH, probe("sizing", 5, "failed"), probe("verifying", 11)])
    assert "Yet at 63.55 requests/s, which is less, the objective was not kept" in found.explanation
    assert "Yet" not in advised([*SEARCH, probe("verifying", 11)]).explanation


def test_what_stayed_undecided_is_said() -> None:
    tried = [*SEARCH[:2], probe("sizing", 11), probe("sizing", 12, "undecided")]
    found = advised([*tried, probe("sizing", 13, "failed"), probe("verifying", 11)])
    assert "it stayed undecided" in found.explanation
    assert "more requests at 88.91 requests/s, where nothing was decided" in (
        found.uncertainty.more_data.lower()
    )  # fmt: skip


def test_the_latest_believed_outcome_of_each_rate_counts() -> None:
    tried = [probe("sizing", 3, "failed"), probe("sizing", 3), probe("sizing", 3, **INVALID)]
    assert outcomes_by_rate([*tried, probe("verifying", 4)]) == {RATES[START + 3]: "passed"}


# ---- replicas ----


@pytest.mark.parametrize(
    ("peak", "capacity", "count"),
    [(1000, 180, 6), (360, 180, 2), (360.1, 180, 3), (0.3, 0.1, 3), (50, 84.75, 1)],
)
def test_replicas_are_peak_over_capacity_rounded_up(peak, capacity, count) -> None:
    assert replicas_for(peak, capacity) == count


def test_replicas_and_what_each_then_gets() -> None:
    found = advised([*SEARCH, probe("verifying", 11)], peak_rps=200.0)
    assert (found.replicas, found.rps_per_replica) == (3, pytest.approx(66.667, abs=0.001))
    assert found.explanation.endswith(
        "3 replicas take a peak of 200 requests/s (ceil(200 / 84.75)), 66.67 a second each."
    )
    assert advised([*SEARCH, probe("verifying", 11)]).replicas is None


# ---- the estimate ----


def demand(cpu_s: float) -> Demand:
    count = np.zeros(10)
    return Demand(count, count + cpu_s, count, 1.0, 1, None)


def test_the_estimate_is_what_the_quota_pays_for_where_arrivals_are_even() -> None:
    # 10 ms each: 50 a second use half a core up, with no waiting but the quota's.
    points = (20.0, 40.0, 50.0, 60.0)
    found = estimate_rate(
        demand(0.01), points, bound(95, 200), quota_cores=0.5, service_cores=1, is_poisson=False
    )
    assert found.rate_rps == 50.0


def test_the_bound_lowers_the_estimate() -> None:
    """M/D/1: at a load of 0.8, p95 is some 5 service times; at 0.3 some 2."""
    points = rates(50.0)
    found = {
        latency: estimate_rate(
            demand(0.01), points, bound(95, latency), quota_cores=1.0, service_cores=1,
            is_poisson=True,
        ).rate_rps
        for latency in (20, 60)
    }  # fmt: skip
    assert 20 < found[20] < 55 < found[60] < 100
    assert estimate_rate(
        demand(0.01), points, bound(95, 5), quota_cores=1.0, service_cores=1, is_poisson=True
    ) is None  # fmt: skip


def test_requests_come_round_again_at_another_rate() -> None:
    asked = at_rate(replace(demand(0.0), cpu_s=np.arange(10.0)), 4.0, is_poisson=False, count=25)
    assert asked.due_s[:3] == pytest.approx([0.0, 0.25, 0.5])
    assert asked.cpu_s[9:12] == pytest.approx([9.0, 0.0, 1.0])
    poisson = at_rate(demand(0.0), 4.0, is_poisson=True, count=4000)
    assert poisson.due_s[-1] == pytest.approx(1000, rel=0.1)
