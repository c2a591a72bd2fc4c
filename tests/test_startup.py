"""Time to ready against cpu: the model by hand, and when a start is slow for its size."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.sizing.search import grid
from profiler.sizing.startup import (
    StartModel,
    StartPoint,
    halving_size,
    is_slow,
    model_of,
    starts_of,
    startup_facts,
)
from tests.measurements import POINTS, measured


def start(phase: str, cpu: int, seconds: float, cpu_s: float | None = 2.0, **others: object):
    return measured(phase, cpu, startup_s=seconds, startup_cpu_s=cpu_s, **others)


def test_a_start_is_waiting_and_work_that_a_quota_stretches() -> None:
    # 3.0 s with 2 s of work on one core: 1 s of waiting.
    model = model_of([StartPoint(1000, 3.0, 2.0)])
    assert model == StartModel(wait_s=1.0, cpu_s=2.0, cores=1.0, error_share=None)
    assert model.seconds(200) == 11.0
    assert model.seconds(2000) == 3.0  # a second core has nothing to do


def test_several_starts_share_the_model_and_say_how_far_it_is_off() -> None:
    # Waits of 3 - 2 / 1 = 1 and 12 - 2.2 / 0.2 = 1; the mean work is 2.1 s.
    model = model_of([StartPoint(1000, 3.0, 2.0), StartPoint(200, 12.0, 2.2)])
    assert (model.wait_s, model.cpu_s) == pytest.approx((1.0, 2.1))
    assert model.error_share == pytest.approx(0.5 / 12)  # 11.5 where 12 were measured


def test_more_cores_than_one_count_where_they_were_used() -> None:
    # 6 s of work in 3 s: two cores at least.
    model = model_of([StartPoint(4000, 3.0, 6.0)])
    assert (model.cores, model.wait_s) == (2.0, 0.0)
    assert model.seconds(1000) == 6.0


def test_without_cpu_time_there_is_no_model() -> None:
    assert model_of([StartPoint(1000, 3.0, None)]) is None
    assert model_of([]) is None


@given(
    st.floats(0, 20), st.floats(0.1, 20),
    st.lists(st.sampled_from(grid(1000)), min_size=1, max_size=6),
)  # fmt: skip
def test_starts_made_by_the_model_give_it_back(wait_s, cpu_s, sizes) -> None:
    starts = [StartPoint(cpu, wait_s + cpu_s / (cpu / 1000), cpu_s) for cpu in sizes]
    model = model_of(starts)
    for cpu in grid(1000):
        assert model.seconds(cpu) == pytest.approx(wait_s + cpu_s / (cpu / 1000), rel=1e-6)


def test_a_start_is_slow_for_its_size_only_when_long_and_longer_than_at_the_largest() -> None:
    assert is_slow(8.0, 4.0)
    assert not is_slow(4.9, 1.0)  # nobody waits for it
    assert not is_slow(40.0, 30.0)  # more cpu would not help


def test_the_size_that_halves_it() -> None:
    model = StartModel(wait_s=1.0, cpu_s=2.0, cores=1.0)
    # At 200m 11 s; half of it, 5.5 s, needs 2 / 4.5 = 444m.
    here = StartPoint(200, 11.0, 2.0)
    assert halving_size(model, [], POINTS, here) == 500
    assert halving_size(StartModel(10.0, 2.0, 1.0), [], POINTS, here) is None


def test_what_was_measured_goes_before_what_the_model_says() -> None:
    here, model = StartPoint(200, 11.0, 2.0), StartModel(1.0, 2.0, 1.0)
    assert halving_size(model, [StartPoint(500, 6.0, 2.0)], POINTS, here) == 600
    assert halving_size(StartModel(9.0, 0.4, 1.0), [StartPoint(1000, 3.0, 2.0)], POINTS, here) == (
        1000
    )
    assert halving_size(None, [StartPoint(1000, 3.0, None)], POINTS, here) == 1000


def test_only_fresh_starts_are_points_and_each_once() -> None:
    measurements = [
        start("measuring", 1000, 3.0),
        start("measuring", 1000, 3.0),  # repeated in the same service
        start("sizing", 300, 3.0),
        start("verifying", 300, 8.0),
        measured("verifying", 200, "failed", startup_s=None),  # never became ready
    ]
    assert [(p.cpu_millicores, p.seconds) for p in starts_of(measurements)] == [
        (1000, 3.0), (300, 8.0),
    ]  # fmt: skip


def test_a_slow_advised_size_is_warned_of_with_the_size_that_halves_it() -> None:
    measurements = [start("measuring", 1000, 3.0), start("verifying", 200, 11.0)]
    facts = startup_facts(measurements, [], POINTS, 200)
    assert facts["warning"]["code"] == "slow-start-at-size"
    assert "11 s at 200m" in facts["warning"]["text"]
    assert facts["halving"] == {"cpu_millicores": 500, "seconds": 5.0, "measured": False}
    by_size = {point["cpu_millicores"]: point for point in facts["points"]}
    assert list(by_size) == list(POINTS)
    assert by_size[200] == {
        "cpu_millicores": 200, "seconds": 11.0, "cpu_seconds": 2.0, "measured": True,
    }  # fmt: skip
    assert (by_size[400]["seconds"], by_size[400]["measured"]) == (6.0, False)


def test_a_start_at_that_size_is_told_as_measured() -> None:
    measurements = [start("measuring", 1000, 3.0), start("verifying", 200, 11.0)]
    facts = startup_facts(measurements, [StartPoint(500, 5.2, 2.1)], POINTS, 200)
    assert facts["halving"] == {"cpu_millicores": 500, "seconds": 5.2, "measured": True}
    assert "measured" in facts["warning"]["text"]


def test_where_no_size_halves_it_the_warning_says_so() -> None:
    measurements = [start("measuring", 1000, 8.0), start("verifying", 300, 13.0)]
    facts = startup_facts(measurements, [], POINTS, 300)
    assert facts["halving"] is None
    assert "No size that is allowed would halve it" in facts["warning"]["text"]


def test_a_quick_start_is_not_warned_of_and_nothing_is_told_of_none() -> None:
    facts = startup_facts([start("measuring", 1000, 0.5, 0.4)], [], POINTS, 200)
    assert facts["warning"] is None
    assert facts["advised_s"] == pytest.approx(0.1 + 0.4 / 0.2)
    assert startup_facts([], [], POINTS, None) is None
