"""How far requests hang together, and intervals of percentiles that allow for it."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.measuring.bootstrap import block_bootstrap
from profiler.measuring.dependence import (
    autocovariance,
    block_effect,
    correlation,
    design_effect,
)
from profiler.measuring.latency import (
    BLOCK_BOOTSTRAP,
    ORDER_STATISTICS,
    interval_by,
    summarise_latencies,
)
from profiler.measuring.statistics import nearest_rank, percentile_interval
from tests.queues import autoregressive, lognormal_percentile, mm1, mm1_percentile


def test_the_effect_of_blocks_by_hand() -> None:
    """Ten blocks of ten; the first is all over: counts vary by 10, independent ones by 0.9."""
    flags = np.arange(100) < 10
    assert block_effect(flags) == pytest.approx(10 / 0.9)


@pytest.mark.parametrize(
    "flags",
    [np.arange(200) % 20 == 0, np.zeros(200, bool), np.ones(200, bool), np.array([0, 1] * 3) > 0],
)
def test_no_clumps_no_effect(flags) -> None:
    assert block_effect(flags) == 1.0
    assert design_effect(flags) == 1.0


def test_autocovariances_by_hand() -> None:
    """1 2 3 4 less their mean: -1.5 -0.5 0.5 1.5; lag 1: (0.75 - 0.25 + 0.75) / 4."""
    found = autocovariance(np.array([1.0, 2, 3, 4]), 2)
    assert found == pytest.approx([1.25, 0.3125, -0.375])


@pytest.mark.parametrize("phi", [0.5, 0.8])
def test_the_effect_of_an_autoregression_is_what_theory_says(phi) -> None:
    """The long-run variance of AR(1) is (1 + phi) / (1 - phi) times its variance."""
    values = np.log(autoregressive(np.random.default_rng(3), 20_000, phi))
    assert correlation(values).effect == pytest.approx((1 + phi) / (1 - phi), rel=0.15)


def test_independent_values_have_blocks_of_one() -> None:
    random = np.random.default_rng(4)
    blocks = [correlation(random.random(2000) < 0.05).block for _ in range(100)]
    assert np.mean(np.array(blocks) > 1) <= 0.05


# ---- intervals ----


def coverage(draw: Callable[[], np.ndarray], truth: float, percentile: float, trials: int) -> float:
    held = 0
    for _ in range(trials):
        found, _method = interval_by(draw(), percentile, 0.95)
        held += (found.low or -np.inf) <= truth <= (found.high or np.inf)
    return held / trials


@pytest.mark.parametrize(
    ("load", "count", "percentile", "least"),
    [(0.5, 4000, 50, 0.9), (0.5, 4000, 95, 0.9), (0.5, 4000, 99, 0.9), (0.8, 6000, 95, 0.88)],
)
def test_intervals_cover_the_percentiles_of_a_queue(load, count, percentile, least) -> None:
    """M/M/1; plain order statistics cover the p95 of the first in half of the cases only."""
    random = np.random.default_rng(21)
    truth = mm1_percentile(percentile, load)
    assert coverage(lambda: mm1(random, count, load), truth, percentile, 60) >= least


@pytest.mark.parametrize("percentile", [50, 95])
def test_intervals_cover_the_percentiles_of_an_autoregression(percentile) -> None:
    random = np.random.default_rng(22)
    truth = lognormal_percentile(percentile)
    assert coverage(lambda: autoregressive(random, 3000, 0.8), truth, percentile, 60) >= 0.9


def test_plain_order_statistics_would_not_cover_a_queue() -> None:
    random, truth, held = np.random.default_rng(21), mm1_percentile(95, 0.5), 0
    for _ in range(60):
        found = percentile_interval(mm1(random, 4000, 0.5), 95, 0.95)
        held += found.low <= truth <= found.high
    assert held / 60 < 0.75


def test_the_method_is_order_statistics_for_independent_values_and_blocks_for_a_queue() -> None:
    random = np.random.default_rng(5)
    assert interval_by(random.exponential(size=2000), 95, 0.95)[1] == ORDER_STATISTICS
    assert interval_by(mm1(random, 2000, 0.8), 95, 0.95)[1] == BLOCK_BOOTSTRAP
    summary = summarise_latencies(mm1(random, 2000, 0.8), 0.95)
    assert summary.interval_methods["p50"] == BLOCK_BOOTSTRAP


def test_the_same_values_give_the_same_interval() -> None:
    values = mm1(np.random.default_rng(6), 2000, 0.8)
    one, other = (block_bootstrap(values, 95, 0.95, block=40, effect=10.0) for _ in range(2))
    assert one == other


@settings(max_examples=40)
@given(
    st.integers(0, 2**32 - 1),
    st.integers(20, 1500),
    st.sampled_from([50, 90, 95, 99, 99.9]),
    st.floats(0.0, 0.95),
)
def test_an_interval_holds_the_percentile_and_widens_with_confidence(
    seed, count, percentile, phi
) -> None:
    values = autoregressive(np.random.default_rng(seed), count, phi)
    found = nearest_rank(values, percentile)
    narrow, wide = (interval_by(values, percentile, c)[0] for c in (0.8, 0.99))
    for limits in (narrow, wide):
        assert (limits.low or -np.inf) <= found <= (limits.high or np.inf)
    assert wide.low is None or wide.low <= narrow.low
    assert wide.high is None or (narrow.high is not None and wide.high >= narrow.high)


# ---- what is missing ----


def test_a_percentile_without_enough_requests_says_how_many_it_takes() -> None:
    summary = summarise_latencies(np.arange(1.0, 201), 0.95)
    assert summary.needed == {
        "p99": {"requests": 299, "have": 200},
        "p999": {"requests": 2995, "have": 200},
    }
    assert summary.estimates == ("p99", "p999")
