"""CPU by class of rows: found again in counters that were made from known costs."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from profiler.measuring.sensitivity.cpu_costs import (
    SAME_MIX,
    TOO_SHORT,
    NotTold,
    cpu_costs,
    idle_share,
    nonnegative_least_squares,
    work_begun,
    work_done,
)
from tests.raw_samples import NS, START


# ---- least squares ----
def solved(matrix, wanted) -> list[float]:
    matrix, wanted = np.array(matrix, dtype=float), np.array(wanted, dtype=float)
    return nonnegative_least_squares(matrix.T @ matrix, matrix.T @ wanted).tolist()


def test_costs_that_are_positive_are_those_of_least_squares() -> None:
    assert solved([[1, 0], [0, 2], [1, 1]], [3, 8, 7]) == pytest.approx([3, 4])


def test_a_cost_that_would_be_negative_is_zero_and_the_other_fits_alone() -> None:
    """By hand: x = (b·a)/(a·a) = (1 + 2) / 2 with the second left out."""
    assert solved([[1, 1], [1, 2]], [2, 1]) == pytest.approx([1.5, 0])


@settings(max_examples=100)
@given(st.integers(0, 10_000), st.integers(1, 6))
def test_no_other_costs_that_are_not_negative_fit_better(seed: int, count: int) -> None:
    """Karush, Kuhn and Tucker: the gradient is zero where a cost is not, and never downhill."""
    random = np.random.default_rng(seed)
    matrix, wanted = random.normal(size=(20, count)), random.normal(size=20)
    found = np.array(solved(matrix, wanted))
    downhill = matrix.T @ (wanted - matrix @ found)
    assert (found >= 0).all()
    assert downhill[found > 0] == pytest.approx(0, abs=1e-6)
    assert (downhill <= 1e-6).all()


# ---- work ----
def test_a_request_counts_in_each_stretch_by_its_time_in_it() -> None:
    """One from 0 to 4 s and one from 2.5 to 3 s, in stretches of a second."""
    work = work_done(np.array([0, 2.5]), np.array([4, 3.0]), np.array([0, 1]), 2, np.arange(5.0))
    assert work[:, 0] == pytest.approx([0.25] * 4)
    assert work[:, 1] == pytest.approx([0, 0, 1, 0])


def test_requests_that_wait_for_the_one_worker_begin_when_it_is_free() -> None:
    sent, finished = np.array([0.0, 0.0, 5.0]), np.array([1.0, 3.0, 6.0])
    assert work_begun(sent, finished, 1).tolist() == [0, 1, 5]
    assert work_begun(sent, finished, 2).tolist() == [0, 0, 5]


def test_the_idle_share_is_of_time_without_any_request() -> None:
    """In service from 1 to 3 and 2 to 4 s, of 0 to 10 s."""
    assert idle_share(np.array([1.0, 2]), np.array([3.0, 4]), 0, 10) == pytest.approx(0.7)


# ---- costs ----
def served(
    seconds: float, costs, shares, *, clients=1, rate_rps=None, background=0.0, seed=1, order=None
):
    """A service with one worker, first come first served, that is nothing but CPU.

    Its counter is read up to 4 ms late, as a kernel tick does it; each request's cost varies by a
    tenth. Returns requests, their classes, usage.
    """
    random = np.random.default_rng(seed)
    free_s, sent, finished, classes, begun = 0.0, [], [], [], []
    turns = np.zeros(clients)
    arrival_s = 0.0
    while True:
        client = int(turns.argmin())
        arrival_s = arrival_s + random.exponential(1 / rate_rps) if rate_rps else turns[client]
        if arrival_s >= seconds:
            break
        kind = order[len(sent) % len(order)] if order else random.choice(len(costs), p=shares)
        begun.append(max(arrival_s, free_s))
        free_s = begun[-1] + costs[kind] * max(random.normal(1, 0.1), 0.1)
        turns[client] = free_s + 1e-4
        sent.append(arrival_s)
        finished.append(free_s)
        classes.append(kind)
    at_s = np.arange(0, seconds, 0.02)
    known_s = np.maximum(at_s - random.uniform(0, 0.004, len(at_s)), 0)
    edges = np.ravel(np.column_stack([begun, finished]))
    rises = np.cumsum(
        np.ravel(np.column_stack([np.zeros(len(sent)), np.subtract(finished, begun)]))
    )
    cpu_s = np.interp(known_s, edges, rises) + background * known_s
    requests = {"sent_ns": in_ns(sent), "finished_ns": in_ns(finished)}
    usage = {"at_ns": in_ns(at_s), "cpu_ns": (cpu_s * NS).astype("i8")}
    return requests, np.array(classes), usage


def in_ns(seconds) -> np.ndarray:
    return START + (np.asarray(seconds) * NS).astype("i8")


def costs_of(seconds: float, costs, shares, **how):
    requests, classes, usage = served(seconds, costs, shares, **how)
    end_ns = START + int(seconds * NS)
    return cpu_costs(requests, classes, len(costs), usage, START, end_ns, 0.95)


LOADS = {
    "one client": (4, {}),
    "eight clients, seven of them waiting": (4, {"clients": 8}),
    "an open loop of half the capacity": (8, {"rate_rps": 140}),
}


@pytest.mark.parametrize("load", LOADS)
def test_known_costs_are_found_within_a_tenth_and_within_their_interval(load) -> None:
    """2 and 10 ms, four cheap ones to a dear one: 44 % and 56 % of the CPU."""
    seconds, how = LOADS[load]
    told = costs_of(seconds, [0.002, 0.010], [0.8, 0.2], **how)
    for found, cost in zip(told.seconds, [0.002, 0.010], strict=True):
        assert found.value == pytest.approx(cost, rel=0.1)
        assert found.low * 0.97 < cost < found.high * 1.03
    assert told.shares[1].value == pytest.approx(0.556, abs=0.06)
    assert sum(share.value for share in told.shares) == pytest.approx(1)


def test_what_an_idle_service_uses_is_no_requests() -> None:
    told = costs_of(10, [0.002, 0.010], [0.8, 0.2], rate_rps=60, background=0.2)
    assert told.background_millicores == pytest.approx(200, rel=0.15)
    assert told.seconds[1].value == pytest.approx(0.010, rel=0.15)


def test_a_service_that_is_always_busy_does_not_show_what_it_does_of_itself() -> None:
    assert costs_of(4, [0.002, 0.010], [0.8, 0.2]).background_millicores is None


def test_intervals_hold_the_truth_about_as_often_as_they_say() -> None:
    held = []
    for seed in range(25):
        told = costs_of(3, [0.004, 0.016], [0.7, 0.3], seed=seed)
        held += [found.low <= cost <= found.high for found, cost in
                 zip(told.seconds, [0.004, 0.016], strict=True)]  # fmt: skip
    assert np.mean(held) > 0.85


def test_classes_that_always_come_together_cannot_be_told_apart() -> None:
    with pytest.raises(NotTold, match=SAME_MIX):
        costs_of(4, [0.0005, 0.0005], None, order=[0, 1])


def test_a_blink_is_too_short() -> None:
    with pytest.raises(NotTold, match=TOO_SHORT):
        costs_of(0.4, [0.002, 0.010], [0.8, 0.2])


def test_the_same_samples_give_the_same_numbers() -> None:
    assert costs_of(3, [0.002, 0.01], [0.8, 0.2]) == costs_of(3, [0.002, 0.01], [0.8, 0.2])
