"""A service's measured requests replayed at other loads, sizes and costs of a request."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from profiler.measuring.statistics import nearest_rank
from profiler.sizing.quota_model import Demand, replay
from profiler.spec import Load

#: Enough requests for a p99, few enough to be replayed a hundred times.
REQUESTS = 2000
SEED = 1


class LoadReplay:
    """The same random numbers in each replay, so that two differ by their load and size alone.

    `is_open`: loads are requests a second; else clients. Costs are multiples of the cpu time that
    the measured requests took.
    """

    def __init__(self, demand: Demand, load: Load, service_cores: int) -> None:
        stage = load.stages[0]
        self.is_open = stage.mode == "open"
        self.cpu_s = float(demand.cpu_s.mean())
        self._cores = service_cores
        self._demand = _typical(demand, evenly=stage.arrivals == "constant")

    def percentiles_ms(
        self, names: list[str], cpu_millicores: float, load: float, cost: float
    ) -> list[float]:
        demand = replace(
            self._demand,
            cpu_s=self._demand.cpu_s * cost,
            due_s=self._demand.due_s / load,
            clients=None if self.is_open else round(load),
        )
        latency_s = replay(demand, cpu_millicores / 1000, self._cores)
        return [nearest_rank(latency_s, float(name)) * 1000 for name in names]

    def highest_rps(self, cpu_millicores: float, cost: float) -> float:
        """What the quota pays for, or the workers have time for, whichever is less."""
        demand, cpu_s = self._demand, self.cpu_s * cost
        usable = min(cpu_millicores / 1000, self._cores)
        held_s = cpu_s / demand.cores + float(demand.wait_s.mean())
        return min(usable / cpu_s, demand.workers / held_s)


def _typical(demand: Demand, *, evenly: bool) -> Demand:
    """As many requests as are replayed, one a second: quantiles of those measured, shuffled."""
    rng = np.random.default_rng(SEED)
    shares = (np.arange(REQUESTS) + 0.5) / REQUESTS
    gaps_s = np.ones(REQUESTS) if evenly else rng.permutation(-np.log1p(-shares))
    by_cpu = np.argsort(demand.cpu_s)
    which = rng.permutation(by_cpu[(shares * len(by_cpu)).astype(int)])
    return replace(
        demand,
        due_s=np.cumsum(gaps_s) - gaps_s[0],
        cpu_s=demand.cpu_s[which],
        wait_s=demand.wait_s[which],
    )
