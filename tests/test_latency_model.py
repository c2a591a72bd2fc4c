"""The model of latency: how near it comes to sizes and rates that were not measured, what it says
of itself, and when there is none.
"""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.measuring.statistics import nearest_rank
from profiler.sizing.kriging import Known, krige
from profiler.sizing.latency_fit import fit
from profiler.sizing.latency_model import LatencyModel
from profiler.sizing.quota_model import demand_of
from profiler.sizing.what_if import capacity, smallest_size
from profiler.spec import Load, Stage
from tests.served_requests import measurement_of, requests_of, served

SIZES = tuple(range(100, 1001, 100))
RATE = 50.0
OPEN = Load((Stage("open", rate_rps=RATE),))
MEASURED = (1000, 700, 400, 300, 200)


def demand():
    requests = requests_of(*served(RATE, 1000))
    return demand_of(requests, 0.005, workers=1, clients=None)


def fitted(measurements, load: Load = OPEN, of=demand) -> dict:
    return fit(of(), measurements, load=load, sizes=SIZES, service_cores=1)


@pytest.fixture(scope="module")
def measurements():
    return [measurement_of(RATE, cpu, seed=i, ordinal=i) for i, cpu in enumerate(MEASURED)]


@pytest.fixture(scope="module")
def document(measurements) -> dict:
    return fitted(measurements)


@pytest.fixture(scope="module")
def model(document) -> LatencyModel:
    return LatencyModel.from_json(json.loads(json.dumps(document)))


def truth_ms(rate_rps: float, cpu_millicores: int, percentile: float) -> float:
    """The median of five passes that the model knows nothing of."""
    passes = [served(rate_rps, cpu_millicores, count=2000, seed=seed) for seed in range(90, 95)]
    return float(np.median([nearest_rank(out - came, percentile) for came, out in passes]))


@pytest.mark.parametrize(("rate_rps", "cpu"), [(50, 500), (50, 800), (30, 400), (80, 700)])
def test_sizes_and_rates_that_were_not_measured_are_predicted(model, rate_rps, cpu) -> None:
    for name, most in (("50", 0.15), ("95", 0.2), ("99", 0.3)):
        truth = truth_ms(rate_rps, cpu, float(name))
        found = model.modelled(cpu, rate_rps, name)
        assert found.latency_ms == pytest.approx(truth, rel=most)
        assert found.low_ms <= truth <= found.high_ms


def test_what_was_measured_is_answered_with_the_measured_number(model, measurements) -> None:
    found = model.predict(400, RATE, "95")
    assert found.mark == "measured"
    assert found.latency_ms == measurements[2].latency.p95


@pytest.mark.parametrize(
    ("cpu", "rate_rps", "mark"),
    [
        (500, RATE, "interpolated"),
        (450, RATE * 1.005, "interpolated"),
        (500, RATE * 1.2, "extrapolated"),
        (150, RATE, "extrapolated"),
    ],
)
def test_every_other_answer_says_whether_it_lies_within_what_was_measured(
    model, cpu, rate_rps, mark
) -> None:
    assert model.predict(cpu, rate_rps, "95").mark == mark


def test_what_the_replay_is_off_by_where_it_was_measured_is_made_up_for(
    model, measurements
) -> None:
    """A service whose answers take 30 % longer than its cpu explains, at every size."""
    slower = [
        replace(m, latency=replace(m.latency, p50=m.latency.p50 * 1.3)) for m in measurements[:3]
    ]
    found = LatencyModel.from_json(fitted(slower)).modelled(500, RATE, "50").latency_ms
    assert found == pytest.approx(1.3 * model.modelled(500, RATE, "50").latency_ms, rel=0.08)


def test_several_rates_span_an_area(measurements) -> None:
    more = measurement_of(100.0, 1000, seed=7, ordinal=7)
    wide = LatencyModel.from_json(fitted([*measurements, more]))
    assert wide.predict(800, 65.0, "95").mark == "interpolated"
    assert wide.predict(500, 95.0, "95").mark == "extrapolated"


def test_more_than_a_size_answers_is_said_to_overload_it(model) -> None:
    found = model.predict(500, 120.0, "95")
    assert found.overloaded
    assert found.latency_ms is None
    assert model.highest_rate(500) == pytest.approx(100, rel=0.03)  # 0.5 cores / 5 ms


def test_the_error_grows_away_from_what_was_measured(model) -> None:
    there, elsewhere = model.modelled(400, RATE, "99"), model.modelled(400, 70.0, "99")
    assert elsewhere.error > there.error


@given(
    st.floats(100, 1000), st.floats(1, 200), st.floats(1, 2), st.sampled_from(["50", "95", "99"])
)
def test_more_cpu_is_never_slower_and_more_load_never_faster(model, cpu, rate, more, name) -> None:
    here = model.modelled(cpu, rate, name)
    if not here.overloaded:
        assert here.latency_ms <= model.modelled(cpu, rate, "99").latency_ms * (1 + 1e-9)
    larger = model.modelled(min(cpu * more, 1000), rate, name)
    busier = model.modelled(cpu, rate * more, name)
    assert larger.overloaded <= here.overloaded <= busier.overloaded
    if not here.overloaded:
        assert larger.latency_ms <= here.latency_ms * (1 + 1e-9)
    if not busier.overloaded:
        assert busier.latency_ms >= here.latency_ms * (1 - 1e-9)


@given(st.floats(100, 1000), st.floats(1, 500))
def test_capacity_is_where_the_bound_is_crossed(model, cpu, bound_ms) -> None:
    found = capacity(model, cpu, "95", bound_ms)
    if found.load is None:
        assert model.modelled(cpu, model.highest_rate(cpu) / 1000, "95").latency_ms > bound_ms
        return
    assert model.modelled(cpu, found.load, "95").latency_ms <= bound_ms
    above = model.modelled(cpu, found.load * 1.01, "95")
    assert above.overloaded or above.latency_ms > bound_ms
    assert (found.low or 0) < found.load < found.high


def test_the_smallest_size_is_the_first_that_keeps_the_bound(model) -> None:
    found = smallest_size(model, SIZES, RATE, "95", 50.0)
    assert (found.cpu_millicores, found.mark) == (400, "measured")
    assert smallest_size(model, SIZES, 150.0, "95", 50.0).cpu_millicores >= 800
    assert smallest_size(model, SIZES, 300.0, "95", 50.0).cpu_millicores is None


def test_it_is_small_and_the_same_each_time(document, measurements) -> None:
    assert len(json.dumps(document)) < 10_000
    assert fitted(measurements) == document


def test_it_says_how_far_off_it_was_where_points_were_left_out(model) -> None:
    assert model.error_points == 4  # 200m was overloaded
    assert 0 < model.error["95"] < 0.2


def test_a_closed_loop_is_asked_by_concurrency() -> None:
    in_turn = [measurement_of(RATE, cpu, clients=1) for cpu in (1000, 700, 400)]
    closed = Load((Stage("closed", concurrency=1),))
    requests = requests_of(*served(RATE, 1000, clients=1))
    found = fitted(in_turn, closed, lambda: demand_of(requests, 0.005, workers=1, clients=1))
    model = LatencyModel.from_json(found)
    for clients in (2, 4):
        came_ms, answered_ms = served(RATE, 600, clients=clients, seed=9)
        truth = nearest_rank(answered_ms - came_ms, 95)
        assert model.modelled(600, clients, "95").latency_ms == pytest.approx(truth, rel=0.2)
    assert model.predict(600, 1, "95").mark == "interpolated"
    bound_ms = model.modelled(600, 4, "95").latency_ms + 0.1
    assert capacity(model, 600, "95", bound_ms).load == 4


def test_a_probe_that_was_stopped_early_is_not_taken_for_what_a_size_gives(measurements) -> None:
    """At 200m the queue grows without end; ended soon, it has not yet been found to grow."""
    early = replace(measurements[4], outcome_findings=())
    model = LatencyModel.from_json(fitted([*measurements[:3], early]))
    assert [point.overloaded for point in model.points] == [False, False, False, True]
    assert model.predict(200, RATE, "95").overloaded


STAGES = Load((Stage("open", rate_rps=5, duration_s=1), Stage("open", rate_rps=9, duration_s=1)))
RECORDED = Load((Stage("open", rate_rps=5, arrivals="recorded", times_s=(0.0, 0.1)),))


def test_without_enough_or_for_another_kind_of_load_there_is_none(measurements) -> None:
    for document, words in (
        (fitted(measurements[:1]), "this run has 1"),
        (fitted([measurements[0], measurements[4]]), "this run has 1"),
        (fitted(measurements, STAGES), "several stages"),
        (fitted(measurements, RECORDED), "recording"),
        (fitted([replace(m, limits_enforced=False) for m in measurements]), "enforced"),
        (fitted(measurements, of=lambda: None), "could not be measured"),
    ):
        assert words in document["why_not"]
        assert LatencyModel.from_json(document) is None


def test_a_service_that_follows_no_such_curve_gets_no_answers(measurements) -> None:
    wild = [
        replace(m, latency=replace(m.latency, p95=p95), bound=None)
        for m, p95 in zip(measurements[:4], (10.0, 400.0, 3.0, 900.0), strict=True)
    ]
    why_not = fitted(wild)["why_not"]
    assert "does not describe this service" in why_not and "asks for the whole curve" in why_not


def test_a_service_that_keeps_more_than_its_cpu_could_answer_gets_no_answers(measurements) -> None:
    """As where threads spin: the cpu that a request takes is what there is, not what it needs."""
    spinning = [
        replace(m, cpu_seconds_per_request=1.01 * m.cpu_millicores / 1000 / RATE)
        for m in measurements[:3]
    ]
    assert all(m.outcome == "passed" for m in spinning)
    why_not = fitted(spinning)["why_not"]
    assert "does not describe this service" in why_not and "spin" in why_not


def test_a_service_that_uses_cpu_while_no_request_is_at_work_gets_no_answers(measurements) -> None:
    """A request is answered in 5 ms at the largest size, so of one core it can use no more."""
    reference = replace(measurements[0], phase="measuring", achieved_rps=RATE)
    cost_s = 1.6 * reference.latency.p50 / 1000
    spinning = [replace(reference, cpu_seconds_per_request=cost_s), *measurements[1:]]
    why_not = fitted(spinning)["why_not"]
    assert "while no request is at work" in why_not and "spin" in why_not
    less = [replace(reference, cpu_seconds_per_request=0.9 * cost_s), *measurements[1:]]
    assert fitted(less)["why_not"] is None


def test_a_service_that_is_far_faster_than_its_cpu_time_lets_it_be_gets_no_answers(
    measurements,
) -> None:
    """Two threads that wait for each other by spinning use nearly the whole of any size, and their
    requests hardly queue: those that need that much of a quota would take many times as long.
    """
    there = [measurements[0], measurement_of(RATE, 900, seed=8, ordinal=8)]
    spinning = [
        replace(
            m,
            cpu_seconds_per_request=0.93 * m.cpu_millicores / 1000 / RATE,
            latency=replace(measurements[0].latency, p50=15.0),
        )
        for m in there
    ]
    why_not = fitted(spinning)["why_not"]
    assert "half of them would be answered within" in why_not
    assert "at 1000m, and they were within 15 ms" in why_not and "spin" in why_not


def known(values: list[float], noise: float) -> Known:
    ones = np.ones(len(values))
    return Known(np.zeros((len(values), 2)), ones, np.array(values), noise * ones)


def test_noisy_values_are_weighed_against_what_is_expected() -> None:
    here, far = np.zeros((1, 2)), np.full((1, 2), 100.0)
    mean, spread = krige(known([1.0], 0.0), here, np.ones(1), 0.0, 1.0)
    assert (mean[0], spread[0]) == pytest.approx((1.0, 0.0), abs=1e-7)
    # As much noise as the process itself has: half of it is believed.
    mean, spread = krige(known([1.0], 1.0), here, np.ones(1), 0.0, 1.0)
    assert (mean[0], spread[0]) == pytest.approx((0.5, 0.5**0.5))
    mean, spread = krige(known([1.0], 0.0), far, np.ones(1), 0.0, 1.0)
    assert (mean[0], spread[0]) == pytest.approx((0.0, 1.0))
