"""The first estimate: of few requests, of any load of one stage, before a bound is measured."""

from __future__ import annotations

import numpy as np
import pytest

from profiler.sizing.instant import REPLAYED, bound_by_replay, under_load
from profiler.sizing.quota_model import Demand, estimate
from profiler.spec import Load, Objective, Stage


def seen(*cpu_s: float) -> Demand:
    """Requests that were sent one at a time."""
    return Demand(np.zeros(len(cpu_s)), np.array(cpu_s), np.zeros(len(cpu_s)), 1.0, 1, 1)


def test_few_requests_sent_alone_are_replayed_at_the_rate_of_the_load() -> None:
    load = Load((Stage("open", rate_rps=10.0, arrivals="constant"),))
    demand = under_load(seen(0.01, 0.03), load)
    assert len(demand.due_s) == len(demand.cpu_s) == REPLAYED
    assert np.diff(demand.due_s) == pytest.approx(np.full(REPLAYED - 1, 0.1))
    assert demand.cpu_s[:3] == pytest.approx([0.01, 0.03, 0.01])
    assert demand.clients is None
    # 20 ms on average each 100 ms: 0.2 cores; the one of 30 ms needs 0.3 to be done in its period.
    found = estimate(demand, (100, 200, 300, 400), bound_of(Objective(latency_ms=35)), 1)
    assert found.cpu_millicores == 300


def bound_of(objective: Objective):
    return bound_by_replay(objective, seen(0.01), 1.0, 1)


def test_recorded_and_closed_loads_are_replayed_as_they_are() -> None:
    times = (0.0, 0.5, 0.6)
    recorded = Load((Stage("open", rate_rps=5.0, arrivals="recorded", times_s=times),))
    assert under_load(seen(0.01), recorded).due_s == pytest.approx(times)
    closed = under_load(seen(0.01), Load((Stage("closed", concurrency=3),)))
    assert (closed.clients, len(closed.cpu_s)) == (3, REPLAYED)


def test_a_relative_objective_is_held_against_a_replay_at_the_largest_size() -> None:
    closed = under_load(seen(0.01), Load((Stage("closed", concurrency=1),)))
    bound = bound_by_replay(Objective(), closed, 1.0, 1)
    assert bound.latency_ms == pytest.approx(12.5)
    assert bound.min_throughput_rps == pytest.approx(95.0, rel=0.01)
    opened = under_load(seen(0.01), Load((Stage("open", rate_rps=5.0, arrivals="constant"),)))
    assert bound_by_replay(Objective(), opened, 1.0, 1).min_throughput_rps is None
    assert bound_of(Objective(latency_ms=7)).latency_ms == 7
