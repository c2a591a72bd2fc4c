"""A first estimate within seconds of load: of few requests, and before any bound was measured."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from profiler.measuring.objective import Bound, resolve_bound
from profiler.measuring.statistics import nearest_rank
from profiler.sizing.quota_model import Demand, replay, rps_of
from profiler.sizing.rate_estimate import at_rate
from profiler.spec import Load, Objective

#: Requests that are replayed: few, since the service is being measured meanwhile.
REPLAYED = 400


def under_load(demand: Demand, load: Load) -> Demand:
    """The requests seen so far, over and over in their order, as this load of one stage sends them.

    A low rate has shown few, and those that were sent alone did not come at its rate at all.
    """
    (stage,) = load.stages
    if stage.times_s is not None:
        due_s = np.array(stage.times_s[:REPLAYED])
        return _again(replace(demand, clients=None), len(due_s), due_s)
    if stage.mode == "open":
        is_poisson = stage.arrivals == "poisson"
        return at_rate(demand, stage.rate_rps, is_poisson=is_poisson, count=REPLAYED)
    return _again(replace(demand, clients=stage.concurrency), REPLAYED, np.zeros(REPLAYED))


def _again(demand: Demand, count: int, due_s: np.ndarray) -> Demand:
    return replace(
        demand,
        due_s=due_s,
        cpu_s=np.resize(demand.cpu_s, count),
        wait_s=np.resize(demand.wait_s, count),
    )


def bound_by_replay(
    objective: Objective, demand: Demand, quota_cores: float, service_cores: int
) -> Bound:
    """The objective's bound; of a relative one against a replay at the largest size."""
    bound = resolve_bound(objective, None)
    if bound.latency_ms is not None:
        return bound
    latency_s = replay(demand, quota_cores, service_cores)
    least_rps = objective.throughput_share * rps_of(demand, latency_s)
    return replace(
        bound,
        latency_ms=objective.latency_ratio * nearest_rank(latency_s, bound.percentile) * 1000,
        min_throughput_rps=None if demand.clients is None else least_rps,
    )
