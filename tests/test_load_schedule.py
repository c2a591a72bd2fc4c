"""When requests are due, and which rows they carry."""

from __future__ import annotations

from itertools import islice

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.arrivals.schedule import (
    BLOCK,
    arrival_blocks,
    arrivals,
    row_order,
    stage_end,
)
from profiler.spec import Stage
from profiler.units import NS

MS = 1_000_000


def constant(rate_rps: float, **ends: float) -> Stage:
    return Stage("open", rate_rps=rate_rps, arrivals="constant", **ends)


def poisson(rate_rps: float, **ends: float) -> Stage:
    return Stage("open", rate_rps=rate_rps, **ends)


def test_constant_rate_begins_at_the_start_and_keeps_its_distance():
    due = arrivals(constant(100, requests=4), seed=0, start=5 * NS)
    assert due.tolist() == [5 * NS, 5 * NS + 10 * MS, 5 * NS + 20 * MS, 5 * NS + 30 * MS]


def test_a_duration_leaves_out_what_is_due_at_its_end():
    due = arrivals(constant(10, duration_s=0.3), seed=0, start=0)
    assert due.tolist() == [0, 100 * MS, 200 * MS]


def test_constant_rate_does_not_drift_over_many_blocks():
    due = arrivals(constant(3, requests=3 * BLOCK + 1), seed=0, start=0)
    assert due[-1] == BLOCK * NS


def test_whichever_end_comes_first_ends_the_stage():
    assert len(arrivals(constant(10, duration_s=1, requests=3), 0, 0)) == 3
    assert len(arrivals(constant(10, duration_s=1, requests=30), 0, 0)) == 10


def test_poisson_gaps_have_the_mean_and_the_spread_of_an_exponential():
    due = arrivals(poisson(1000, requests=200_000), seed=7, start=0)
    gaps_ms = np.diff(due) / MS
    assert gaps_ms.mean() == pytest.approx(1.0, rel=0.02)
    assert gaps_ms.std() == pytest.approx(1.0, rel=0.02)


def test_each_draw_of_a_seed_has_arrivals_of_its_own():
    stage = poisson(100, requests=50)
    draws = [(), (1,), (2,), (2, 500), (2, 600), (2, 500, 1)]
    drawn = {tuple(arrivals(stage, seed=1, start=0, draw=draw)) for draw in draws}
    assert len(drawn) == len(draws)
    assert tuple(arrivals(stage, seed=1, start=0, draw=(2, 500))) in drawn


def test_the_seed_settles_the_arrivals_and_a_second_round_differs():
    stage = poisson(100, requests=50)
    first = arrivals(stage, seed=1, start=0).tolist()
    assert arrivals(stage, seed=1, start=0).tolist() == first
    assert arrivals(stage, seed=2, start=0).tolist() != first
    assert arrivals(stage, seed=1, start=0, ordinal=1).tolist() != first


def test_a_stage_without_an_end_goes_on_and_has_no_last_arrival():
    blocks = list(islice(arrival_blocks(poisson(1000), 0, 0), 5))
    assert sum(map(len, blocks)) == 5 * BLOCK
    assert np.all(np.diff(np.concatenate(blocks)) >= 0)
    with pytest.raises(ValueError, match="without an end"):
        arrivals(poisson(1000), 0, 0)


def test_a_short_slow_stage_may_have_no_arrival():
    assert arrivals(poisson(0.001, duration_s=0.001), seed=0, start=0).size == 0


@given(
    rate_rps=st.floats(0.5, 20_000),
    kind=st.sampled_from(["poisson", "constant"]),
    requests=st.integers(1, 3 * BLOCK),
    duration_s=st.floats(0.001, 2),
    seed=st.integers(0, 2**31),
    start=st.integers(0, 2**60),
)
def test_arrivals_are_ordered_and_within_both_ends(
    rate_rps, kind, requests, duration_s, seed, start
):
    stage = Stage(
        "open", rate_rps=rate_rps, arrivals=kind, requests=requests, duration_s=duration_s
    )
    due = arrivals(stage, seed, start)
    assert due.dtype == np.int64
    assert len(due) <= requests
    assert np.all(np.diff(due) >= 0)
    if due.size:
        assert start <= due[0]
        assert due[-1] < start + round(duration_s * NS)
        end = stage_end(stage, start, int(due[-1]), len(due))
        assert due[-1] <= end <= start + round(duration_s * NS)


def test_the_next_stage_begins_where_this_one_ends():
    assert stage_end(constant(10, duration_s=2), 0, 1900 * MS, 20) == 2 * NS
    assert stage_end(constant(10, requests=5), 0, 400 * MS, 5) == 500 * MS
    assert stage_end(poisson(10, requests=5), 0, 432 * MS, 5) == 532 * MS
    assert stage_end(poisson(10, requests=5, duration_s=3), 0, 432 * MS, 5) == 532 * MS
    assert stage_end(poisson(10, requests=50, duration_s=3), 0, 2900 * MS, 31) == 3 * NS


def test_rows_go_in_order_or_shuffled_by_the_seed():
    assert row_order(4, "sequential", seed=3).tolist() == [1, 2, 3, 4]
    shuffled = row_order(100, "shuffled", seed=3).tolist()
    assert sorted(shuffled) == list(range(1, 101))
    assert shuffled == row_order(100, "shuffled", seed=3).tolist()
    assert shuffled != row_order(100, "shuffled", seed=4).tolist()
