"""What size is advised and how well it is known: tables that can be checked by hand."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.measuring.measurement import Measurement
from profiler.measuring.statistics import Estimate
from profiler.sizing.evidence import leaks, of_variant, outcomes
from profiler.sizing.memory import memory_advice, memory_needed
from profiler.sizing.steps import step_up
from profiler.spec import (
    AS_GIVEN,
    Environment,
    Limits,
    ScoredConfig,
    Variant,
)
from tests.measurements import (
    ADVISED_MEMORY,
    GIB,
    INVALID,
    LIMITS,
    POINTS,
    POLICY,
    REFERENCE,
    SEARCH,
    advised,
    measured,
)
from tests.raw_samples import MIB

# ---- memory ----


@pytest.mark.parametrize(
    ("startup_mib", "steady_mib", "expected_mib"),
    [
        (151, 163, 192),  # 187.45
        (163, 151, 192),
        (139, 100, 160),  # 159.85
        (140, 100, 176),  # 161.0
        (1, None, 16),
        (None, 320, 368),  # exactly 368
        (None, None, None),
        (1900, 100, 2048),  # 2185: the ceiling
    ],
)
def test_memory_is_the_larger_peak_and_a_margin_in_steps(
    startup_mib, steady_mib, expected_mib
) -> None:
    peaks = [None if mib is None else mib * MIB for mib in (startup_mib, steady_mib)]
    found = memory_advice(*peaks, ceiling_bytes=LIMITS.memory_bytes, policy=POLICY)
    assert found == (None if expected_mib is None else expected_mib * MIB)


@given(st.integers(1, 64 * GIB))
def test_memory_is_enough_and_no_step_too_much(peak) -> None:
    found = memory_advice(peak, None, ceiling_bytes=1 << 50, policy=POLICY)
    assert found % (16 * MIB) == 0
    assert 100 * found >= 115 * peak > 100 * (found - 16 * MIB)


def test_memory_comes_from_what_was_believed_and_passed() -> None:
    """Neither an overload's queue nor a noisy measurement nor the verification counts."""
    big = {"memory_steady_peak_bytes": 900 * MIB}
    others = [
        measured("sizing", 100, "failed", **big),
        measured("sizing", 400, **big, **INVALID),
        measured("verifying", 300, **big),
    ]
    assert memory_needed([*SEARCH, *others], LIMITS, POLICY) == ADVISED_MEMORY
    assert memory_needed([*SEARCH, measured("sizing", 400, **big)], LIMITS, POLICY) == 1040 * MIB
    assert memory_needed([], LIMITS, POLICY) is None


# ---- what the search and the verification ask ----


def test_the_latest_believed_outcome_of_each_size_counts() -> None:
    tried = [REFERENCE, measured("sizing", 300, "failed", **INVALID), measured("sizing", 300),
             measured("verifying", 300, "failed")]  # fmt: skip
    assert outcomes(tried) == {1000: "passed", 300: "passed"}


def test_a_step_up_is_one_grid_point_or_more_memory() -> None:
    size = Limits(300, 160 * MIB)
    assert step_up(size, POINTS, LIMITS, policy=POLICY) == Limits(400, 160 * MIB)
    assert step_up(size, POINTS, LIMITS, out_of_memory=True, policy=POLICY) == Limits(
        300, 192 * MIB
    )
    assert step_up(Limits(1000, 160 * MIB), POINTS, LIMITS, policy=POLICY) is None
    assert step_up(Limits(300, 2 * GIB), POINTS, LIMITS, out_of_memory=True, policy=POLICY) is None


# ---- verified ----


def test_a_fresh_service_at_exactly_that_size_verifies_it() -> None:
    found = advised([*SEARCH, measured("verifying", 300)])
    assert (found.standing, found.reasons) == ("verified", ())
    assert (found.cpu_millicores, found.memory_bytes) == (300, ADVISED_MEMORY)


def test_the_size_that_was_verified_is_advised_not_the_one_searched() -> None:
    found = advised([*SEARCH, measured("verifying", 300, "failed"), measured("verifying", 400)])
    assert (found.standing, found.cpu_millicores) == ("verified", 400)


def test_more_memory_after_a_kill_is_verified_too() -> None:
    killed = measured("verifying", 300, "failed", oom_kills=2)
    more = measured("verifying", 300, memory_bytes=224 * MIB)
    found = advised([*SEARCH, killed, more])
    assert (found.standing, found.memory_bytes) == ("verified", 224 * MIB)
    assert "what was tried and is advised is 224 MiB" in found.explanation


@pytest.mark.parametrize(
    "spoilt",
    [
        INVALID,
        {"outcome": "failed"},
        {"outcome": "undecided"},
        {"limits_enforced": False},
        {"phase": "sizing"},
        {"phase": "measuring"},
        {"startup_s": None},  # not of a service that was started for it
        {"oom_kills": 1},
        {"cpu_millicores": 1100},  # over the run's limits
        {"memory_bytes": 4 * GIB},
    ],
)
def test_nothing_less_verifies(spoilt) -> None:
    verifying = replace(measured("verifying", 300), **spoilt)
    assert advised([*SEARCH, verifying]).standing != "verified"
    assert advised([*SEARCH, verifying], budget_ended=True).standing != "verified"


def test_no_verification_without_enforced_limits() -> None:
    found = advised([*SEARCH, measured("verifying", 300)], limits_enforced=False)
    assert found.standing == "provisional"


def test_a_size_below_that_could_not_be_believed_is_said_to_be_unknown() -> None:
    noisy = measured("sizing", 200, "failed", **INVALID)
    found = advised([REFERENCE, noisy, measured("sizing", 300), measured("verifying", 300)])
    assert found.standing == "verified"
    assert "at 200m, the size below, no measurement could be believed" in found.explanation


# ---- provisional ----


def test_limits_that_cannot_be_enforced_make_it_provisional() -> None:
    reference = measured("measuring", 1000, limits_enforced=False)
    found = advised([reference], limits_enforced=False)
    assert found.standing == "provisional"
    assert found.reasons[0].startswith("Limits could not be enforced on this target")
    assert (found.cpu_millicores, found.memory_bytes) == (1000, ADVISED_MEMORY)


def test_where_no_quota_can_be_tried_the_cpu_is_what_was_used_and_a_margin() -> None:
    # 175m x 1.15 = 201.25m: 300m is the first size over it; 173m x 1.15 = 198.95m stays under 200m.
    for used, expected in ((175.0, 300), (173.0, 200), (1900.0, 1000)):
        reference = measured("measuring", 1000, limits_enforced=False, cpu_millicores_used_max=used)
        found = advised([reference], limits_enforced=False)
        assert found.cpu_millicores == expected
        assert f"the most used in any second, {used:.0f}m, plus 15%" in found.explanation


@pytest.mark.parametrize(
    ("measurements", "cpu", "missing"),
    [
        (SEARCH[:1], 1000, "the search was done (next would have been 500m)"),
        (SEARCH[:2], 500, "the search was done (next would have been 200m)"),
        (SEARCH, 300, "a fresh service at this size had kept the objective"),
        (
            [*SEARCH, measured("verifying", 300, "undecided")],
            300,
            "a fresh service at this size had kept the objective",
        ),
        (
            [*SEARCH, measured("verifying", 300, "failed")],
            400,
            "this size could be verified, after verification failed at 300m cpu and 192 MiB",
        ),
    ],
)
def test_a_budget_that_ended_makes_it_provisional(measurements, cpu, missing) -> None:
    found = advised(measurements, budget_ended=True)
    assert found.standing == "provisional"
    assert (found.cpu_millicores, found.memory_bytes) == (cpu, ADVISED_MEMORY)
    assert found.reasons == (f"The run's budget ended before {missing}.",)


# ---- declined ----


def leaking(phase: str, cpu: int, outcome: str = "passed") -> Measurement:
    slope = Estimate(2.0 * MIB, 1.5 * MIB, 2.5 * MIB)
    return measured(phase, cpu, outcome, memory_leaks=True, memory_slope_bytes_per_s=slope)


FOUR_FAILED = [measured("verifying", cpu, "failed") for cpu in (300, 400, 500, 600)]


@pytest.mark.parametrize(
    ("measurements", "reason"),
    [
        ([], "Nothing was measured at the largest size."),
        ([replace(REFERENCE, **INVALID)], "The measurement at the largest size is invalid."),
        (
            [measured("measuring", 1000, "failed")],
            "No size passes: 1 cpu and 2 GiB, the largest allowed, did not keep the objective "
            "(failed at 1000).",
        ),
        (
            [measured("measuring", 1000, "undecided")],
            "No size passes: 1 cpu and 2 GiB, the largest allowed, was not proven to keep the "
            "objective (undecided at 1000).",
        ),
        (
            [leaking("measuring", 1000)],
            "Memory leaks: it grew by 7,200 MiB per hour (5,400 to 9,000 with 95 % confidence) at "
            "1 cpu and 2 GiB; from 163 MiB it meets that limit after 15.7 min (12.6 to 20.9), so "
            "no size is enough for long.",
        ),
        (
            [*SEARCH, *FOUR_FAILED],
            "Verification did not pass at 300m cpu and 192 MiB, 400m cpu and 192 MiB, 500m cpu "
            "and 192 MiB, 600m cpu and 192 MiB (at the last: failed at 600).",
        ),
        (
            [*SEARCH, measured("verifying", 300, **INVALID)],
            "The verifying measurement is invalid.",
        ),
        (
            [measured("measuring", 1000, memory_startup_peak_bytes=None,
                      memory_steady_peak_bytes=None)],
            "The memory in use could not be measured.",
        ),
    ],
)  # fmt: skip
def test_declined_with_the_reason(measurements, reason) -> None:
    found = advised(measurements)
    assert found.standing == "declined"
    assert found.reasons[0] == reason
    assert (found.cpu_millicores, found.memory_bytes) == (None, None)
    assert found.explanation.startswith(reason)


def test_three_steps_up_are_the_most() -> None:
    three = advised([*SEARCH, *FOUR_FAILED[:3]], budget_ended=True)
    assert (three.standing, three.cpu_millicores) == ("provisional", 600)


@pytest.mark.parametrize(
    ("waited", "then", "due"),
    [
        (0.05, [], (300, 192)),  # memory may be why: the size by the peaks is due
        (0.0, [], (400, 144)),  # cpu is all that it lacked
        (0.05, FOUR_FAILED[:3], (600, 192)),  # not one of the three steps
    ],
)
def test_less_memory_is_tried_beside_the_steps(waited, then, due) -> None:
    smaller = measured("verifying", 300, "failed", memory_bytes=144 * MIB,
                       memory_pressure_some_fraction=waited)  # fmt: skip
    found = advised([*SEARCH, smaller, *then], budget_ended=True)
    assert (found.cpu_millicores, found.memory_bytes // MIB) == due


def test_at_the_largest_size_there_is_no_step_up() -> None:
    failed = [measured("verifying", cpu, "failed") for cpu in (900, 1000)]
    assert advised([*SEARCH, *failed], budget_ended=True).standing == "declined"


def test_four_failures_decline_whether_or_not_the_budget_ended() -> None:
    assert advised([*SEARCH, *FOUR_FAILED], budget_ended=True).standing == "declined"


def test_a_leak_seen_in_verification_declines_too() -> None:
    assert advised([*SEARCH, leaking("verifying", 300)]).standing == "declined"


def test_an_overload_s_backlog_is_no_leak() -> None:
    probes = [*SEARCH, leaking("sizing", 100, "failed")]
    assert leaks(probes) == []
    assert advised([*probes, measured("verifying", 300)]).standing == "verified"


def test_a_repeated_reference_replaces_the_invalid_one() -> None:
    tried = [replace(REFERENCE, **INVALID), *SEARCH, measured("verifying", 300)]
    assert advised(tried).standing == "verified"


# ---- in words ----


def test_the_explanation_has_the_formula_s_own_numbers() -> None:
    assert advised([*SEARCH, measured("verifying", 300)]).explanation == (
        "The objective under 100 requests/s (poisson arrivals): p99 at most 50 ms, errors at most "
        "0 %, 95 % confidence. At the largest size, 1 cpu and 2 GiB, p99 was 8 ms over 1000 "
        "requests; a request cost 2 ms of cpu, so 50 requests/s need 100m on average. At 300m a "
        "probe kept the objective (p99 was 26.67 ms); at 200m, the size below, it did not (failed "
        "at 200). Memory: the larger of 151 MiB at the peak of starting and 163 MiB under load, "
        "plus 15%, rounded up to 16 MiB (policy standard), is 192 MiB. A fresh service at exactly "
        "300m cpu and 192 MiB then kept the objective: p99 was 26.67 ms over 1000 requests, with "
        "no errors."
    )


def test_the_smallest_size_has_no_lower_neighbour() -> None:
    tried = [REFERENCE, *(measured("sizing", cpu) for cpu in (500, 200, 100))]
    text = advised([*tried, measured("verifying", 100)]).explanation
    assert "At 100m a probe kept the objective (p99 was 80 ms); it is the smallest size" in text


def test_an_advice_is_json() -> None:
    found = advised(SEARCH, budget_ended=True).to_json()
    assert found.keys() == {
        *("standing", "reasons", "explanation"),
        *("cpu_millicores", "memory_bytes", "gpu_memory_bytes", "uncertainty"),
        *("capacity_rps", "replicas", "rps_per_replica"),
        *("workers", "threads", "variant"),
    }
    assert isinstance(found["reasons"], list)


def test_a_large_row_seen_only_before_the_measured_load_needs_its_memory() -> None:
    before = measured("measuring", 1000, memory_warmup_peak_bytes=400 * MIB)
    unbelieved = replace(before, **INVALID)
    # 400 MiB and 15 % are 460: 464 in steps of 16.
    assert memory_needed([before], LIMITS, POLICY) == 464 * MIB
    assert memory_needed([unbelieved, REFERENCE], LIMITS, POLICY) == 464 * MIB
    after_a_failure = measured("sizing", 300, memory_warmup_peak_bytes=900 * MIB)
    assert memory_needed([REFERENCE, after_a_failure], LIMITS, POLICY) == ADVISED_MEMORY


def test_a_variant_of_the_config_is_judged_by_its_own_measurements():
    config = ScoredConfig("score.py", Path("."), Environment(), env={"A": "1", "B": "1"})
    two_workers = Variant(workers=2, env={"B": "2"})
    assert two_workers.of(config) == replace(config, workers=2, env={"A": "1", "B": "2"})
    assert AS_GIVEN.of(config) == config
    assert (AS_GIVEN.to_json(), two_workers.to_json()) == (
        {},
        {"workers": 2, "env": {"B": "2"}},
    )
    mixed = [
        measured("measuring", 1000),
        measured("sizing", 500, "failed"),
        measured("measuring", 1000, variant=two_workers),
        measured("sizing", 500, variant=two_workers),
    ]
    assert outcomes(of_variant(mixed, AS_GIVEN)) == {1000: "passed", 500: "failed"}
    assert outcomes(of_variant(mixed, two_workers)) == {1000: "passed", 500: "passed"}


# ---- what is said of a curve that is not as curves are -----------------------------------------


def test_a_neighbour_that_stayed_undecided_is_said_to_be_unknown() -> None:
    search = [REFERENCE, measured("sizing", 200, "undecided"), measured("sizing", 300)]
    text = advised([*search, measured("verifying", 300)]).explanation
    assert "at 200m, the size below, it stayed undecided (undecided at 200), so it may do" in text


def test_a_larger_size_that_failed_is_said() -> None:
    odd = [*SEARCH, measured("sizing", 400, "failed"), measured("sizing", 600, "failed")]
    text = advised([*odd, measured("verifying", 300)]).explanation
    assert "Yet at 400m, 600m, which is more than 300m, the objective was not kept" in text
    assert "Yet" not in advised([*SEARCH, measured("verifying", 300)]).explanation
