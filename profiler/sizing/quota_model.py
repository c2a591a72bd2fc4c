"""What a smaller cpu quota would do to the requests that were measured at the largest size.

A replay of the same arrivals through a model of the kernel's bandwidth control
(Documentation/scheduler/sched-bwc.rst): in each period of 100 ms a service may use quota x 100 ms
of cpu; when that is used up it stands still until the next period. A guess to begin the search
with, never a proof: docs/sizing.md says how far off it is.
"""

from __future__ import annotations

import heapq
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from math import inf

import numpy as np

from profiler.measuring.objective import Bound
from profiler.measuring.statistics import nearest_rank
from profiler.samples import OK, Columns
from profiler.units import NS

PERIOD_S = 0.1
#: Less than this is no time at all: floats leave such remainders.
NOTHING_S = 1e-9
#: More requests say little more about a percentile, and cost time.
MOST_REQUESTS = 2000


@dataclass(frozen=True)
class Demand:
    """What requests ask of a service, in order of their due times, all in seconds.

    `due_s` counts from the first; `cpu_s` is cpu time, of which a request uses `cores` at once (1
    unless it computes in parallel); `wait_s` holds a worker but no cpu. `clients` is None in open
    loop; in closed loop so many clients each send when their last request was answered.
    """

    due_s: np.ndarray
    cpu_s: np.ndarray
    wait_s: np.ndarray
    cores: float
    workers: int
    clients: int | None

    @property
    def is_in_turn(self) -> bool:
        """One request is in work at a time, in the order of due times that are known."""
        return self.workers == 1 and self.clients is None


def demand_of(
    requests: Columns, cpu_seconds_per_request: float, *, workers: int, clients: int | None
) -> Demand | None:
    """The demand of measured requests (samples.REQUEST_COLUMNS); None when none succeeded.

    A request's service time runs from when it was sent, or a worker was free for it, to its end.
    It is split into cpu and waiting by the mean cpu time of a request; where that exceeds the mean
    service time, the rest was computed beside it, in parallel.
    """
    good = requests["outcome"] == OK
    kept = {name: requests[name][good][:MOST_REQUESTS] for name in
            ("scheduled_ns", "sent_ns", "finished_ns")}  # fmt: skip
    if not len(kept["sent_ns"]):
        return None
    first_ns = int(kept["scheduled_ns"][0])
    service_s = _service_times(kept, workers)
    share = cpu_seconds_per_request / max(float(service_s.mean()), NOTHING_S)
    return Demand(
        due_s=(kept["scheduled_ns"] - first_ns) / NS,
        cpu_s=service_s * share,
        wait_s=service_s * max(1 - share, 0.0),
        cores=max(share, 1.0),
        workers=workers,
        clients=clients,
    )


def _service_times(requests: Columns, workers: int) -> np.ndarray:
    """Seconds from when a worker took each request, first come first served, to its end."""
    free = [0] * workers
    taken = []
    for sent, finished in zip(
        requests["sent_ns"].tolist(), requests["finished_ns"].tolist(), strict=True
    ):
        began = min(max(sent, heapq.heappop(free)), finished)
        heapq.heappush(free, finished)
        taken.append(finished - began)
    return np.array(taken) / NS


@dataclass
class _Job:
    """A request in service: cpu seconds left, then `until`, when its waiting is over."""

    number: int
    cpu_s: float
    until: float = inf


def replay(demand: Demand, quota_cores: float, service_cores: int) -> np.ndarray:
    """Latency in seconds of each request, in order, under a quota of so many cores."""
    if demand.is_in_turn:
        return _in_turn(demand, quota_cores, service_cores)
    return _Replay(demand, quota_cores, service_cores).run()


def _in_turn(demand: Demand, quota_cores: float, service_cores: int) -> np.ndarray:
    """The same where one request is in work at a time: twelve times as fast."""
    rate = min(demand.cores, service_cores)
    free, period_end, budget = 0.0, 0.0, 0.0
    latency = []
    for due, cpu_s, wait_s in zip(
        demand.due_s.tolist(), demand.cpu_s.tolist(), demand.wait_s.tolist(), strict=True
    ):
        now = max(due, free)
        while cpu_s > NOTHING_S:
            if now + NOTHING_S >= period_end:
                period_end = (int((now + NOTHING_S) / PERIOD_S) + 1) * PERIOD_S
                budget = quota_cores * PERIOD_S
            part = min(cpu_s, budget, (period_end - now) * rate)
            now, cpu_s, budget = now + part / rate, cpu_s - part, budget - part
            if budget <= NOTHING_S and cpu_s > NOTHING_S:
                now = period_end
        free = now + wait_s
        latency.append(free - due)
    return np.array(latency)


class _Replay:
    """One pass over time, from event to event: an arrival, an end, a period's beginning."""

    def __init__(self, demand: Demand, quota_cores: float, service_cores: int) -> None:
        self._demand = demand
        self._budget_per_period = quota_cores * PERIOD_S
        self._service_cores = service_cores
        self._cpu_s, self._wait_s = demand.cpu_s.tolist(), demand.wait_s.tolist()
        count = len(self._cpu_s)
        first = count if demand.clients is None else min(demand.clients, count)
        #: Due times; in closed loop a request's is known only when one before it has ended.
        self._due = deque(
            zip(demand.due_s.tolist(), range(first), strict=False)
            if demand.clients is None
            else ((0.0, number) for number in range(first))
        )
        self._begun = first
        self._due_of = [0.0] * count
        self._latency = np.zeros(count)
        self._now = 0.0
        self._period = 0
        self._budget = self._budget_per_period
        self._computing: list[_Job] = []
        self._waiting: list[_Job] = []

    def run(self) -> np.ndarray:
        while self._due or self._computing or self._waiting:
            self._admit()
            self._advance()
        return self._latency

    def _admit(self) -> None:
        """Give free workers the requests that are due."""
        free = self._demand.workers - len(self._computing) - len(self._waiting)
        while free and self._due and self._due[0][0] <= self._now + NOTHING_S:
            due, number = self._due.popleft()
            self._due_of[number] = due
            self._computing.append(_Job(number, self._cpu_s[number]))
            free -= 1

    def _advance(self) -> None:
        """Go to the next thing that happens, and let it happen."""
        rate = self._rate()
        steps = [self._next_arrival() - self._now]
        if self._computing:
            # Only with work to do does it matter that a period ends.
            steps.append((self._period + 1) * PERIOD_S - self._now)
            if rate:
                steps.append(self._budget / (rate * len(self._computing)))
                steps.append(min(job.cpu_s for job in self._computing) / rate)
        if self._waiting:
            steps.append(min(job.until for job in self._waiting) - self._now)
        step = max(min(steps), 0.0)
        self._now += step
        for job in self._computing:
            job.cpu_s -= step * rate
        self._budget -= step * rate * len(self._computing)
        self._end_periods()
        self._end_jobs()

    def _rate(self) -> float:
        """Cpu seconds that each computing request gets per second."""
        if not self._computing or self._budget <= NOTHING_S:
            return 0.0
        return min(self._demand.cores, self._service_cores / len(self._computing))

    def _next_arrival(self) -> float:
        busy = len(self._computing) + len(self._waiting) >= self._demand.workers
        return inf if busy or not self._due else self._due[0][0]

    def _end_periods(self) -> None:
        period = int((self._now + NOTHING_S) / PERIOD_S)
        if period > self._period:
            self._period, self._budget = period, self._budget_per_period

    def _end_jobs(self) -> None:
        for job in [job for job in self._computing if job.cpu_s <= NOTHING_S]:
            self._computing.remove(job)
            job.until = self._now + self._wait_s[job.number]
            self._waiting.append(job)
        for job in [job for job in self._waiting if job.until <= self._now + NOTHING_S]:
            self._waiting.remove(job)
            self._latency[job.number] = self._now - self._due_of[job.number]
            self._next_of_client()

    def _next_of_client(self) -> None:
        if self._demand.clients is not None and self._begun < len(self._cpu_s):
            self._due.append((self._now, self._begun))
            self._begun += 1


@dataclass(frozen=True)
class Estimate:
    """The smallest size at which the replay keeps the bound, with what it predicts there."""

    cpu_millicores: int
    latency_ms: float
    rps: float

    def to_json(self) -> dict:
        return dict(self.__dict__)


def estimate(
    demand: Demand, points: Sequence[int], bound: Bound, service_cores: int
) -> Estimate | None:
    """The first of the sizes (millicores, rising) whose replay keeps the bound; None if none does.

    A predicted latency has no spread of its own: the bound is held against its nearest-rank
    percentile, and the throughput against the mean rate of answers.
    """
    for cpu_millicores in points:
        latency_s = replay(demand, cpu_millicores / 1000, service_cores)
        found = Estimate(
            cpu_millicores,
            latency_ms=nearest_rank(latency_s, bound.percentile) * 1000,
            rps=rps_of(demand, latency_s),
        )
        if _keeps(found, bound):
            return found
    return None


def rps_of(demand: Demand, latency_s: np.ndarray) -> float:
    """The mean rate of answers, where the requests took so long."""
    ended_s = latency_s + demand.due_s if demand.clients is None else np.cumsum(latency_s)
    return len(latency_s) * (demand.clients or 1) / max(float(ended_s.max()), NOTHING_S)


def _keeps(found: Estimate, bound: Bound) -> bool:
    in_time = bound.latency_ms is None or found.latency_ms <= bound.latency_ms
    return in_time and (bound.min_throughput_rps or 0.0) <= found.rps
