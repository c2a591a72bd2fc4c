"""Where the search of a rate begins: the same replay as for sizes, at other rates."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from profiler.measuring.objective import Bound
from profiler.measuring.statistics import nearest_rank
from profiler.sizing.quota_model import Demand, replay

#: A p99 has ten of them above it; more take longer and say little more.
REPLAYED = 1000


@dataclass(frozen=True)
class RateEstimate:
    """The highest rate at which the replay keeps the bound, and what it predicts there."""

    rate_rps: float
    latency_ms: float

    def to_json(self) -> dict:
        return dict(self.__dict__)


def at_rate(
    demand: Demand, rate_rps: float, *, is_poisson: bool, count: int = REPLAYED, seed: int = 0
) -> Demand:
    """The same requests, over and over in their order, due at this rate from now on."""
    if is_poisson:
        gaps_s = np.random.default_rng(seed).exponential(1 / rate_rps, count)
    else:
        gaps_s = np.full(count, 1 / rate_rps)
    return replace(
        demand,
        due_s=np.cumsum(gaps_s) - gaps_s[0],
        cpu_s=np.resize(demand.cpu_s, count),
        wait_s=np.resize(demand.wait_s, count),
        clients=None,
    )


def estimate_rate(
    demand: Demand,
    points: Sequence[float],
    bound: Bound,
    *,
    quota_cores: float,
    service_cores: int,
    is_poisson: bool,
) -> RateEstimate | None:
    """The highest of the rates (rising) whose replay keeps the bound; None if none does.

    No rate is above what the quota pays for: cores / mean cpu time of a request.
    """
    most_rps = quota_cores / max(float(demand.cpu_s.mean()), 1e-9)
    payable = [rate for rate in points if rate <= most_rps]

    def latency_ms(rate_rps: float) -> float:
        asked = at_rate(demand, rate_rps, is_poisson=is_poisson)
        latency_s = replay(asked, quota_cores, service_cores)
        return nearest_rank(latency_s, bound.percentile) * 1000

    edge = bisect_left(payable, True, key=lambda rate: latency_ms(rate) > bound.latency_ms)
    if not edge:
        return None
    return RateEstimate(payable[edge - 1], latency_ms(payable[edge - 1]))
