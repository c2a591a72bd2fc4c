"""Verdicts on two measurements: right on what is the same, awake to what is not, paid for."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.measuring import differences
from profiler.measuring.compared import METRICS
from profiler.measuring.comparison import compare
from profiler.measuring.unlike import Measured, unlike
from profiler.noise_floor import relative_differences
from tests.compared_runs import run_of

SHOWN = ("better", "worse")


def shown(comparison) -> bool:
    return any(item.verdict in SHOWN for item in comparison.metrics)


# ---- mathematics ---------------------------------------------------------------------------


def test_welch_is_its_textbook_formula() -> None:
    """Variances of the means 0.04 on 9 and 0.09 on 4: df = 0.13^2 / (0.04^2/9 + 0.09^2/4)."""
    found = differences.welch(
        1.0, differences.Spread(0.04, 9, 0.4), differences.Spread(0.09, 4, 0.45)
    )
    assert found.error == pytest.approx(math.sqrt(0.13))
    assert found.freedom == pytest.approx(0.0169 / (0.0016 / 9 + 0.0081 / 4))


def test_pairs_are_the_paired_t_test() -> None:
    found = differences.of_pairs(np.array([0.1, 0.3, 0.2, 0.4]))
    assert found.value == pytest.approx(0.25)
    assert found.error == pytest.approx(0.0645497)
    # t = 3.873 at 3 degrees: p = 0.0305 (tables).
    assert found.p_value == pytest.approx(0.0305, abs=2e-4)


def test_the_quantile_between_whole_degrees_lies_between_theirs() -> None:
    assert differences.t_quantile(0.975, 4) == pytest.approx(2.776, abs=1e-3)
    assert 2.571 < differences.t_quantile(0.975, 4.4) < 2.776


def test_correlated_windows_get_a_larger_error_than_independent_ones() -> None:
    rising = np.arange(30.0)
    independent = rising.var(ddof=1) / len(rising)
    assert differences.of_windows(rising).variance > 5 * independent


@pytest.mark.parametrize(
    ("p_values", "fallen"),
    [
        ((0.01, 0.04), [True, True]),  # 0.01 <= 0.025, then 0.04 <= 0.05
        ((0.03, 0.04), [False, False]),  # the smallest is over its half: all stand
        ((0.20, 0.001), [False, True]),
    ],
)
def test_holms_procedure_by_hand(p_values: tuple, fallen: list) -> None:
    assert differences.weighted_holm(p_values, (0.5, 0.5), 0.05) == fallen


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_never_does_worse_than_dividing_evenly(p_values: list[float]) -> None:
    count = len(p_values)
    fallen = differences.weighted_holm(p_values, [1 / count] * count, 0.05)
    for p, is_fallen in zip(p_values, fallen, strict=True):
        assert is_fallen or p > 0.05 / count - 1e-12


def test_units_needed_is_the_formula_for_many_units() -> None:
    """2 x 0.01 x ((2.2414 + 1.2816) / 0.0488)^2 = 104, normal quantiles of 2.5 % and 90 %."""
    needed = differences.units_needed(0.01, math.log(1.05), alpha=0.025, power=0.9, unit="runs")
    assert 104 <= needed <= 112


@pytest.mark.parametrize("unit", ["runs", "pairs"])
def test_so_many_units_find_it_as_often_as_they_say(unit) -> None:
    """Of few pairs only one series varies, so more of them are needed than of runs."""
    rng, trials, luck, wanted = np.random.default_rng(20), 2000, 0.02, math.log(1.05)
    count = differences.units_needed(luck**2, wanted, alpha=0.025, power=0.9, unit=unit)
    found = 0
    for base, new in zip(*rng.normal(0, luck, (2, trials, count)), strict=True):
        slower = new + wanted
        difference = (
            differences.of_pairs(slower - base)
            if unit == "pairs"
            else differences.of_sides(float(slower.mean() - base.mean()), base, slower)
        )
        found += difference.p_value <= 0.025
    assert 0.87 <= found / trials <= 0.97


# ---- verdicts ------------------------------------------------------------------------------


@pytest.mark.parametrize("rho", [0.0, 0.5])
def test_the_same_service_is_seldom_called_different(rho: float) -> None:
    """At most 5 % over all metrics together; docs/comparing.md has the long simulation."""
    rng = np.random.default_rng(11)
    told = [compare([run_of(rng, rho=rho)], [run_of(rng, rho=rho)]) for _ in range(60)]
    assert sum(map(shown, told)) <= 6


def test_a_slower_service_is_worse_and_a_faster_one_better() -> None:
    rng = np.random.default_rng(2)
    base, slower = run_of(rng, requests=200), run_of(rng, requests=200, slower=1.3)
    worse, better = compare([base], [slower]), compare([slower], [base])
    assert (worse.verdict, better.verdict) == ("worse", "better")
    assert worse.of("latency_p95_ms").low > 0.1
    assert worse.of("cpu_seconds_per_request").verdict == "worse"
    assert worse.of("achieved_rps").verdict == "no difference shown"


def test_twenty_pairs_find_five_percent_that_runs_own_luck_would_hide() -> None:
    rng = np.random.default_rng(3)
    found = 0
    for _ in range(20):
        base, new = (
            [
                run_of(rng, windows=4, requests=500, slower=slower, shift=rng.normal() * 0.03)
                for _ in range(20)
            ]
            for slower in (1.0, 1.05)
        )
        found += compare(base, new, paired=True).verdict == "worse"
    assert found >= 18


def test_runs_are_the_unit_where_runs_differ_by_luck() -> None:
    """Each run has a luck of 10 %: many windows do not make that certain, and runs tell."""
    rng = np.random.default_rng(4)
    false = 0
    for _ in range(60):
        sides = [[run_of(rng, shift=rng.normal() * 0.1) for _ in range(3)] for _ in range(2)]
        false += shown(compare(*sides))
    assert false <= 6


def floor_of(share: float, runs: int = 10) -> dict:
    return {"runs": runs, "metrics": {metric.name: share for metric in METRICS}}


def test_less_than_the_noise_floor_is_no_difference() -> None:
    rng = np.random.default_rng(5)
    base, new = (run_of(rng, windows=45, requests=200, slower=s) for s in (1.0, 1.15))
    assert compare([base], [new]).verdict == "worse"
    known = compare([base], [new], noise_floor=floor_of(0.25))
    assert known.verdict == "no difference shown"
    assert known.of("latency_p95_ms").least == pytest.approx(0.25)


def test_without_a_floor_one_run_a_side_says_what_it_cannot_tell() -> None:
    rng = np.random.default_rng(6)
    found = compare([run_of(rng)], [run_of(rng)])
    assert "No noise floor of this target is known" in found.notes[0]
    assert found.of("memory_working_set_peak_bytes").verdict == "not judged"
    known = compare([run_of(rng)], [run_of(rng)], noise_floor=floor_of(0.05))
    assert not any("No noise floor" in note for note in known.notes)
    assert known.of("memory_working_set_peak_bytes").verdict == "no difference shown"


def test_what_was_not_shown_says_how_much_more_it_needs() -> None:
    rng = np.random.default_rng(7)
    found = compare([run_of(rng, spread=0.2)], [run_of(rng, spread=0.2)])
    assert found.primary.needed["seconds"] > 45
    assert "s of load a side" in found.notes[-1]
    wide = compare([run_of(rng)], [run_of(rng)], noise_floor=floor_of(0.2))
    assert "seconds" not in wide.primary.needed  # no load helps where runs themselves differ
    assert wide.primary.needed["runs"] > 10


def test_errors_that_only_one_side_has_are_found() -> None:
    rng = np.random.default_rng(8)
    found = compare([run_of(rng, windows=45)], [run_of(rng, windows=45, error_share=0.1)]).of(
        "error_share"
    )
    assert (found.verdict, found.relative) == ("worse", None)
    assert found.absolute == pytest.approx(0.1, abs=0.03)


def test_a_constant_rate_differs_by_no_less_than_a_request() -> None:
    """Every window has as many: no spread at all, while a measurement's edges cut a request off."""
    rng = np.random.default_rng(8)
    base, new = run_of(rng, windows=5), run_of(rng, windows=5)
    for measured, rate in ((base, 40.0), (new, 40.05)):
        measured.measurement["achieved_rps"], measured.measurement["requests"] = rate, 194
        for window in measured.measurement["windows"]:
            window["achieved_rps"] = 40.0
    assert compare([base], [new]).of("achieved_rps").verdict == "no difference shown"
    new.measurement["achieved_rps"] = 38.0
    assert compare([base], [new]).of("achieved_rps").verdict == "worse"


def test_the_objectives_own_percentile_decides() -> None:
    rng = np.random.default_rng(9)
    measured = run_of(rng)
    measured.measurement["bound"]["percentile"] = 99.9
    assert compare([measured], [measured]).primary.metric == "latency_p99_ms"


# ---- unlike runs ---------------------------------------------------------------------------


def test_another_cpu_is_told_first_and_not_judged() -> None:
    rng = np.random.default_rng(10)
    found = compare([run_of(rng)], [run_of(rng, slower=2.0, cpu_model="EPYC")])
    assert (found.unlike[0].what, found.unlike[0].new) == ("CPU model", "EPYC")
    assert found.verdict == "not judged"
    assert "CPU model differs" in found.summary
    assert found.of("latency_p95_ms").relative > 0.5  # shown all the same


def test_another_image_is_told_and_judged() -> None:
    rng = np.random.default_rng(12)
    found = compare([run_of(rng)], [run_of(rng, slower=2.0, image_id="sha256:" + "3" * 64)])
    assert [item.what for item in found.unlike] == ["image"]
    assert found.unlike[0].new == "3" * 12
    assert found.verdict == "worse"


def test_a_side_without_models_is_told_in_a_word() -> None:
    rng = np.random.default_rng(12)
    found = unlike([run_of(rng, models={"ridge:1": "4" * 64})], [run_of(rng, models={})])
    assert [(item.what, item.new) for item in found] == [("models", "none")]


def test_what_one_side_does_not_know_is_no_difference() -> None:
    rng = np.random.default_rng(13)
    known = run_of(rng)
    assert unlike([known], [Measured("b", known.measurement, {})]) == ()


def test_sizes_of_memory_are_told_in_mebibytes() -> None:
    one, other = (Measured("a", {"memory_bytes": size << 20}, {}) for size in (160, 18064))
    assert [(it.what, it.base, it.new) for it in unlike([one], [other])] == [
        ("memory size, MiB", "160", "18064")
    ]


def test_what_may_not_be_believed_is_not_judged() -> None:
    rng = np.random.default_rng(14)
    bad = run_of(rng, slower=2.0)
    data = {**bad.measurement, "validity": {"valid": False, "reasons": ["The host was noisy."]}}
    found = compare([run_of(rng)], [replace(bad, measurement=data)])
    assert found.verdict == "not judged"
    assert "The host was noisy" in found.summary


# ---- the noise floor -----------------------------------------------------------------------


def test_two_identical_runs_stay_under_the_floor_in_95_of_100_cases() -> None:
    rng = np.random.default_rng(15)

    def runs(count: int) -> list[Measured]:
        return [run_of(rng, windows=2, requests=20, shift=rng.normal() * 0.1) for _ in range(count)]

    over = 0
    for _ in range(150):
        *seen, one, other = runs(8)
        floor = relative_differences(seen)["latency_p50_ms"]
        ratio = one.measurement["latency_ms"]["p50"] / other.measurement["latency_ms"]["p50"]
        over += abs(math.log(ratio)) > math.log1p(floor)
    assert over <= 15
