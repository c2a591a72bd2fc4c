"""Percentiles, binomial tails, intervals and slopes against tables and exact fractions."""

from __future__ import annotations

import math
from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.measuring.binomial import at_least, at_most
from profiler.measuring.statistics import (
    mean_interval,
    nearest_rank,
    over_share,
    percentile_interval,
    rank_of,
    requests_needed,
    slope_interval,
    student_t,
    student_t_quantile,
)


@pytest.mark.parametrize(
    ("values", "percentile", "expected"),
    [
        ([15, 20, 35, 40, 50], 5, 15),
        ([15, 20, 35, 40, 50], 30, 20),
        ([15, 20, 35, 40, 50], 40, 20),
        ([15, 20, 35, 40, 50], 50, 35),
        ([15, 20, 35, 40, 50], 100, 50),
        ([3, 1, 2], 50, 2),
        ([7], 99.9, 7),
        (range(1, 101), 99, 99),
        (range(1, 1001), 99.9, 999),
    ],
)
def test_nearest_rank_is_always_one_of_the_values(values, percentile, expected) -> None:
    assert nearest_rank(np.array(values, dtype=float), percentile) == expected


def test_nothing_has_no_percentile() -> None:
    assert nearest_rank(np.array([]), 50) is None
    assert percentile_interval(np.array([]), 50, 0.95).to_json() == [None, None]


def test_ranks_are_exact_where_floats_are_not() -> None:
    assert [rank_of(99.9, count) for count in (999, 1000, 1001, 2000)] == [999, 999, 1000, 1998]
    assert over_share(99.9) == 0.001


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60), st.integers(1, 1000))
def test_at_least_that_share_lies_at_or_below_a_percentile(values, tenths) -> None:
    found = nearest_rank(np.array(values), tenths / 10)
    assert found in values
    below = sum(value <= found for value in values)
    under = sum(value < found for value in values)
    assert Fraction(below, len(values)) >= Fraction(tenths, 1000) > Fraction(under, len(values))


# ---- the binomial, against exact fractions ----


def exact_at_most(k: int, n: int, q: Fraction) -> Fraction:
    return sum((math.comb(n, i) * q**i * (1 - q) ** (n - i) for i in range(k + 1)), Fraction(0))


@settings(max_examples=150, deadline=None)
@given(st.data())
def test_tails_equal_exact_fractions(data) -> None:
    n = data.draw(st.integers(1, 60))
    k = data.draw(st.integers(0, n))
    q = Fraction(data.draw(st.integers(1, 99)), 100)
    exact = exact_at_most(k, n, q)
    assert at_most(k, n, float(q)) == pytest.approx(float(exact), rel=1e-11, abs=1e-15)
    assert at_least(k + 1, n, float(q)) == pytest.approx(float(1 - exact), rel=1e-11, abs=1e-15)


@pytest.mark.parametrize(("k", "n"), [(0, 459), (10, 2010), (5, 13105), (40, 3000), (20, 3000)])
def test_tails_of_many_requests_equal_exact_fractions(k, n) -> None:
    q = Fraction(1, 1000) if n > 10_000 else Fraction(1, 100)
    assert at_most(k, n, float(q)) == pytest.approx(float(exact_at_most(k, n, q)), rel=1e-9)


def test_tails_at_the_edges() -> None:
    assert at_most(-1, 5, 0.5) == 0 and at_least(0, 5, 0.5) == 1
    assert at_most(5, 5, 0.5) == 1 and at_least(6, 5, 0.5) == 0
    assert at_most(0, 0, 0.5) == 1
    assert at_least(1, 5, 0.0) == 0 and at_least(5, 5, 1.0) == 1


# ---- early stopping ----

EARLY_STOPPING = {
    (90, 0.99): (44, 64, 81, 127, 197, 681),
    (95, 0.95): (59, 93, 124, 208, 336, 1260),
    (95, 0.99): (90, 130, 165, 259, 398, 1372),
    (99, 0.95): (299, 473, 628, 1049, 1693, 6323),
    (99, 0.99): (459, 662, 838, 1307, 2010, 6898),
    (99.9, 0.99): (4603, 6636, 8403, 13105, 20140, 69058),
}


@pytest.mark.parametrize(("percentile", "confidence"), EARLY_STOPPING)
def test_early_stopping_needs_what_mlperf_says(percentile, confidence) -> None:
    found = tuple(requests_needed(percentile, confidence, over) for over in (0, 1, 2, 5, 10, 50))
    assert found == EARLY_STOPPING[percentile, confidence]


@pytest.mark.parametrize("over", [0, 3, 7])
def test_one_request_fewer_is_not_enough(over) -> None:
    needed = requests_needed(95, 0.95, over)
    assert exact_at_most(over, needed, Fraction(1, 20)) <= Fraction(1, 20)
    assert exact_at_most(over, needed - 1, Fraction(1, 20)) > Fraction(1, 20)


# ---- intervals ----


def test_interval_of_a_median_is_the_textbook_s() -> None:
    """Of ten values the 2nd and 9th enclose the median with 97.9 %; of five, none do with 95 %."""
    assert percentile_interval(np.arange(1.0, 11), 50, 0.95).to_json() == [2, 9]
    assert percentile_interval(np.arange(1.0, 7), 50, 0.95).to_json() == [1, 6]
    assert percentile_interval(np.arange(1.0, 6), 50, 0.95).to_json() == [None, None]


def test_a_tail_is_open_above_until_there_are_enough_requests() -> None:
    few, many = np.arange(300.0), np.arange(2000.0)
    assert percentile_interval(few, 99, 0.95).high is None
    assert percentile_interval(few, 99, 0.95).low is not None
    assert percentile_interval(many, 99, 0.95).high is not None


def test_intervals_cover_as_often_as_they_say() -> None:
    random = np.random.default_rng(3)
    true_p90 = -math.log(0.1)
    inside = 0
    for _ in range(600):
        found = percentile_interval(random.exponential(size=120), 90, 0.95)
        inside += found.low <= true_p90 and (found.high is None or true_p90 <= found.high)
    assert inside / 600 >= 0.95


def test_clumping_widens_an_interval() -> None:
    values = np.arange(1000.0)
    plain, wide = (percentile_interval(values, 50, 0.95, clumping) for clumping in (1.0, 4.0))
    assert wide.low < plain.low < 500 < plain.high < wide.high
    assert percentile_interval(values, 50, 0.95, 2000.0).to_json() == [None, None]


@pytest.mark.parametrize(
    ("freedom", "table"),
    [(1, 12.706), (2, 4.303), (3, 3.182), (8, 2.306), (9, 2.262), (10, 2.228), (30, 2.042)],
)
def test_student_s_t_is_the_table_s(freedom, table) -> None:
    assert student_t_quantile(0.975, freedom) == pytest.approx(table, abs=5e-4)
    assert student_t(table, freedom) == pytest.approx(0.975, abs=5e-5)


def test_batch_means_by_hand() -> None:
    """Mean 5, standard deviation 2, four blocks: 5 +- 3.182 * 2 / 2."""
    blocks = np.array([5 - math.sqrt(6), 5.0, 5.0, 5 + math.sqrt(6)])
    found = mean_interval(blocks, 0.95)
    assert found.value == pytest.approx(5)
    assert (found.low, found.high) == pytest.approx((5 - 3.182, 5 + 3.182), abs=1e-3)
    assert mean_interval(blocks[:1], 0.95) is None


def test_slope_by_hand() -> None:
    """Points (0,0) (1,2) (2,1) (3,3): slope 0.8, residual variance 0.9, error sqrt(0.18)."""
    found = slope_interval(np.arange(4), np.array([0, 2, 1, 3]), 0.95, blocks=4)
    assert found.value == pytest.approx(0.8)
    assert found.high - found.value == pytest.approx(4.303 * math.sqrt(0.18), abs=1e-3)


def test_a_slope_needs_three_points_that_move() -> None:
    assert slope_interval(np.arange(2), np.arange(2), 0.95) is None
    assert slope_interval(np.ones(20), np.arange(20), 0.95) is None


def test_neighbouring_samples_do_not_narrow_a_slope() -> None:
    """The same ten values, each sampled once or fifty times over, say the same."""
    y = np.array([3.0, 1, 4, 1, 5, 9, 2, 6, 5, 3])
    once = slope_interval(np.arange(10.0), y, 0.95)
    often = slope_interval(np.repeat(np.arange(10.0), 50), np.repeat(y, 50), 0.95)
    assert often.low == pytest.approx(once.low) and often.high == pytest.approx(once.high)
