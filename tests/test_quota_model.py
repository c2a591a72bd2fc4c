"""The replay of measured requests under a smaller quota, checked by hand."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from profiler.measuring.objective import Bound
from profiler.samples import OUTCOMES
from profiler.sizing import quota_model
from profiler.sizing.quota_model import Demand, demand_of, estimate, replay


def demand(
    due_s: list[float],
    cpu_s: float | list[float],
    *,
    wait_s: float = 0.0,
    cores: float = 1.0,
    workers: int = 1,
    clients: int | None = None,
) -> Demand:
    count = len(due_s)
    return Demand(
        np.array(due_s, dtype=float), np.broadcast_to(cpu_s, count).astype(float),
        np.full(count, wait_s), cores, workers, clients,
    )  # fmt: skip


def test_a_request_stands_still_whenever_its_period_is_used_up() -> None:
    # 50 ms of cpu at 0.2 cores: 20 ms in each of two periods, 10 ms in the third.
    assert replay(demand([0.0], 0.05), 0.2, 1) == pytest.approx([0.21])


def test_a_request_within_the_quota_is_not_slowed() -> None:
    assert replay(demand([0.03], 0.015), 0.2, 1) == pytest.approx([0.015])


def test_what_was_not_used_is_not_carried_over() -> None:
    # Due at the end of an idle period: 20 ms may be used in it, and 20 more from 200 ms on.
    assert replay(demand([0.18], 0.03), 0.2, 1) == pytest.approx([0.03])
    assert replay(demand([0.1], 0.03), 0.2, 1) == pytest.approx([0.11])


def test_requests_wait_for_the_one_worker() -> None:
    assert replay(demand([0.0, 0.0, 0.01], 0.02), 1.0, 1) == pytest.approx([0.02, 0.04, 0.05])


def test_workers_share_cores_and_budget() -> None:
    two = demand([0.0, 0.0], 0.02, workers=2)
    assert replay(two, 2.0, 2) == pytest.approx([0.02, 0.02])
    assert replay(two, 1.0, 1) == pytest.approx([0.04, 0.04])  # one core between them
    # 30 ms a period for both: 15 ms each, then still until 100 ms, and 5 ms more each.
    assert replay(two, 0.3, 2) == pytest.approx([0.105, 0.105])


@given(
    st.lists(
        st.tuples(st.floats(0, 0.3), st.floats(1e-4, 0.2), st.floats(0, 0.05)),
        min_size=1,
        max_size=9,
    ),
    st.floats(0.05, 2.0),
    st.sampled_from([(1.0, 1), (1.0, 2), (1.7, 1), (1.7, 2)]),
)
def test_one_after_the_other_is_what_the_general_replay_gives(requests, quota, cores) -> None:
    """One worker has a loop of its own, for its speed."""
    gaps_s, cpu_s, wait_s = (np.array(column) for column in zip(*requests, strict=True))
    asked = Demand(np.cumsum(gaps_s), cpu_s, wait_s, cores[0], 1, None)
    assert asked.is_in_turn
    general = quota_model._Replay(asked, quota, cores[1]).run()
    assert replay(asked, quota, cores[1]) == pytest.approx(general, abs=1e-6)


def test_waiting_holds_the_worker_but_uses_no_budget() -> None:
    slow = demand([0.0, 0.0], 0.01, wait_s=0.05)
    assert replay(slow, 0.1, 1) == pytest.approx([0.06, 0.16])


def test_parallel_work_uses_the_budget_up_sooner() -> None:
    # 40 ms of cpu on two cores at once: at 0.2 cores 10 ms, still, 10 ms more from 100 ms.
    assert replay(demand([0.0], 0.04, cores=2.0), 2.0, 2) == pytest.approx([0.02])
    assert replay(demand([0.0], 0.04, cores=2.0), 0.2, 2) == pytest.approx([0.11])


def test_in_closed_loop_a_client_waits_for_its_answer() -> None:
    latency_s = replay(demand([0.0] * 4, 0.01, clients=1), 1.0, 1)
    assert latency_s == pytest.approx([0.01] * 4)
    assert replay(demand([0.0] * 4, 0.01, clients=2), 1.0, 1) == pytest.approx(
        [0.01, 0.02, 0.02, 0.02]
    )


@given(
    st.lists(st.tuples(st.floats(0, 0.5), st.floats(0, 0.05)), min_size=1, max_size=30),
    st.integers(1, 3),
)
def test_the_whole_core_gives_the_latencies_of_a_plain_queue(arrivals, workers) -> None:
    arrivals = sorted(arrivals)
    many = demand([at for at, _ in arrivals], [cpu for _, cpu in arrivals], workers=workers)
    free = [0.0] * workers
    expected = []
    for at, cpu in arrivals:
        begins = max(at, min(free))
        free[free.index(min(free))] = begins + cpu
        expected.append(begins + cpu - at)
    assert replay(many, float(workers), workers) == pytest.approx(expected, abs=1e-6)


def measured(due_s: list[float], latency_s: list[float]) -> dict[str, np.ndarray]:
    due_ns = (np.array(due_s) * 1e9).astype(np.int64) + 5_000_000_000
    return {
        "scheduled_ns": due_ns,
        "sent_ns": due_ns,
        "finished_ns": due_ns + (np.array(latency_s) * 1e9).astype(np.int64),
        "outcome": np.full(len(due_s), OUTCOMES.index("ok"), dtype=np.uint8),
    }


def test_service_times_are_told_from_waiting_in_the_queue() -> None:
    requests = measured([0.0, 0.0, 0.1], [0.02, 0.04, 0.02])
    found = demand_of(requests, 0.02, workers=1, clients=None)
    assert found.cpu_s == pytest.approx([0.02] * 3)
    assert found.wait_s == pytest.approx([0.0] * 3)
    assert found.due_s == pytest.approx([0.0, 0.0, 0.1])


def test_cpu_and_waiting_are_split_by_the_mean_cost() -> None:
    requests = measured([0.0, 1.0], [0.01, 0.03])
    found = demand_of(requests, 0.005, workers=1, clients=None)
    assert found.cpu_s == pytest.approx([0.0025, 0.0075])
    assert found.wait_s == pytest.approx([0.0075, 0.0225])
    assert found.cores == 1.0
    parallel = demand_of(requests, 0.04, workers=1, clients=None)
    assert parallel.cores == pytest.approx(2.0)
    assert parallel.cpu_s == pytest.approx([0.02, 0.06])


def test_requests_that_failed_demand_nothing() -> None:
    requests = measured([0.0], [0.01])
    requests["outcome"][:] = OUTCOMES.index("timeout")
    assert demand_of(requests, 0.01, workers=1, clients=None) is None


def bound(latency_ms: float | None, min_rps: float | None = None) -> Bound:
    return Bound(95.0, latency_ms, min_rps, 0.0, 0.95)


def test_the_estimate_is_the_first_size_that_keeps_the_bound() -> None:
    # 20 ms of cpu each, one at the beginning of every period: 0.2 cores never stand still.
    steady = demand([period * 0.1 for period in range(40)], 0.02)
    found = estimate(steady, (100, 200, 300), bound(25.0), service_cores=1)
    assert found.cpu_millicores == 200
    assert found.latency_ms == pytest.approx(20.0, abs=0.01)
    assert estimate(steady, (100, 200, 300), bound(10.0), service_cores=1) is None


def test_the_estimate_keeps_the_throughput_in_closed_loop() -> None:
    busy = demand([0.0] * 100, 0.01, clients=1)
    found = estimate(busy, (250, 500, 750, 1000), bound(1000.0, 70.0), service_cores=1)
    assert found.cpu_millicores == 750
    assert found.rps == pytest.approx(75, rel=0.05)
