"""A service of one worker under a CPU quota, simulated tick by tick: known truth for predictions.

Another kind of simulation than the engine's own replay, which goes from event to event.
"""

from __future__ import annotations

from collections import deque

import numpy as np

from profiler.measuring.findings import Finding
from profiler.measuring.latency import summarise_latencies
from profiler.measuring.measurement import Measurement
from profiler.measuring.objective import Bound
from profiler.measuring.statistics import nearest_rank
from profiler.measuring.validity import Validity
from profiler.samples import OK, Columns

MS = 1_000_000
PERIOD_MS = 100
#: Cpu of the requests by turns, in ms: 5 on average.
COSTS_MS = (2, 3, 4, 5, 6, 10)


def served(
    rate_rps: float,
    cpu_millicores: int,
    *,
    clients: int | None = None,
    count: int = 1200,
    seed: int = 0,
) -> tuple[np.ndarray, np.ndarray]:
    """When requests came and when they were answered, in ms; one is worked on at a time.

    Poisson arrivals, or those of so many clients that send again when they have been answered.
    """
    rng = np.random.default_rng(seed)
    came = np.cumsum(rng.exponential(1000 / rate_rps, count)) // 1
    if clients:
        came = np.where(np.arange(count) < clients, 0, np.inf)
    costs = rng.permutation(np.resize(COSTS_MS, count))
    answered = np.zeros(count)
    waiting: deque[int] = deque()
    next_one, left, budget, at, begun = 0, 0, 0, 0, clients or count
    while next_one < count or waiting:
        if at % PERIOD_MS == 0:
            budget = cpu_millicores // 10
        while next_one < count and came[next_one] <= at:
            waiting.append(next_one)
            next_one += 1
        if waiting and budget:
            left = left or costs[waiting[0]]
            left, budget = left - 1, budget - 1
            if not left:
                answered[waiting.popleft()] = at + 1
                came[begun : begun + 1] = np.minimum(came[begun : begun + 1], at + 1)
                begun += 1
        at += 1
    return came, answered


def requests_of(came_ms: np.ndarray, answered_ms: np.ndarray) -> Columns:
    due = (came_ms * MS).astype("i8")
    return {
        "scheduled_ns": due,
        "sent_ns": due,
        "finished_ns": (answered_ms * MS).astype("i8"),
        "outcome": np.full(len(due), OK, "u1"),
    }


def measurement_of(
    rate_rps: float,
    cpu_millicores: int,
    *,
    clients: int | None = None,
    seed: int = 0,
    ordinal: int = 0,
) -> Measurement:
    """What a run would have measured of it; p95 at most 50 ms is the objective."""
    came_ms, answered_ms = served(rate_rps, cpu_millicores, clients=clients, seed=seed)
    taken_ms = answered_ms - came_ms
    overloaded = not clients and rate_rps * np.mean(COSTS_MS) > cpu_millicores
    judged = nearest_rank(taken_ms, 95)
    return Measurement(
        ordinal=ordinal,
        phase="sizing",
        cpu_millicores=cpu_millicores,
        memory_bytes=1 << 28,
        limits_enforced=True,
        validity=Validity(True),
        outcome="passed" if judged <= 50 else "failed",
        outcome_findings=(Finding("in-flight-growing", "too slow"),) if overloaded else (),
        bound=Bound(95, 50.0, None, 0.0, 0.95),
        requests=len(taken_ms),
        nominal_rps=None if clients else rate_rps,
        concurrency=clients,
        latency=summarise_latencies(taken_ms, 0.95),
        latency_at_percentile_ms=judged,
        cpu_seconds_per_request=float(np.mean(COSTS_MS)) / 1000,
    )
