"""A service's measured requests replayed at other loads, sizes and costs of a request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from profiler.arrivals.schedule import arrivals
from profiler.measuring.statistics import nearest_rank
from profiler.sizing.quota_model import Demand, replay
from profiler.spec import Load
from profiler.units import NS

#: Enough requests for a p99, few enough to be replayed a hundred times.
REQUESTS = 2000
#: Each percentile is a mean of so many draws of arrivals of this seed.
DRAWS, SEED = 5, 1


class LoadReplay:
    """The same random numbers in each replay, so that two differ by their load and size alone.

    `is_open`: loads are requests a second; else clients. Costs are multiples of the cpu time that
    the measured requests took.
    """

    def __init__(self, demand: Demand, load: Load, service_cores: int) -> None:
        self._stage = load.stages[0]
        self.is_open = self._stage.mode == "open"
        self.cpu_s = float(demand.cpu_s.mean())
        self._cores = service_cores
        self._demand = demand
        # Where a replay takes long there is one.
        draws = DRAWS if demand.is_in_turn else 1
        self._usual = [self._usually(number) for number in range(draws)]

    def percentiles_ms(
        self, names: Sequence[str], cpu_millicores: float, load: float, cost: float
    ) -> list[float]:
        """The geometric means over the draws."""
        clients = None if self.is_open else round(load)
        found = []
        for usual in self._usual:
            demand = replace(
                usual, cpu_s=usual.cpu_s * cost, due_s=usual.due_s / load, clients=clients
            )
            latency_s = replay(demand, cpu_millicores / 1000, self._cores)
            found.append([nearest_rank(latency_s, float(name)) * 1000 for name in names])
        return np.exp(np.log(found).mean(axis=0)).tolist()

    def highest_rps(self, cpu_millicores: float, cost: float) -> float:
        """What the quota pays for, or the workers have time for, whichever is less."""
        demand, cpu_s = self._demand, self.cpu_s * cost
        usable = min(cpu_millicores / 1000, self._cores)
        held_s = cpu_s / demand.cores + float(demand.wait_s.mean())
        return min(usable / cpu_s, demand.workers / held_s)

    def _usually(self, number: int) -> Demand:
        """Requests as they are replayed, one a second: quantiles of those measured, shuffled."""
        stage = replace(self._stage, rate_rps=1.0, duration_s=None, requests=REQUESTS)
        due_ns = arrivals(stage, SEED, 0, draw=(number,)) if self.is_open else np.arange(REQUESTS)
        by_cpu = np.argsort(self._demand.cpu_s)
        shares = (np.arange(REQUESTS) + 0.5) / REQUESTS
        which = by_cpu[(shares * len(by_cpu)).astype(int)]
        which = np.random.default_rng([SEED, number]).permutation(which)
        return replace(
            self._demand,
            due_s=(due_ns - due_ns[0]) / NS,
            cpu_s=self._demand.cpu_s[which],
            wait_s=self._demand.wait_s[which],
        )
