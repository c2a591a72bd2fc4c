"""Simulated services with known truth: queues whose waiting times hang together."""

from __future__ import annotations

import math
from itertools import accumulate
from statistics import NormalDist

import numpy as np

#: Requests that come before the queue is in its steady state.
SETTLING = 3000


def waiting(service: np.ndarray, gaps: np.ndarray) -> np.ndarray:
    """Lindley's recursion: how long each request of a single server with a queue waits."""
    steps = np.concatenate([[0.0], service[:-1] - gaps[1:]])
    level = np.cumsum(steps)
    return level - np.minimum.accumulate(level)


def mm1(random: np.random.Generator, count: int, load: float) -> np.ndarray:
    """Times in an M/M/1 system of mean service 1; exponential of mean 1 / (1 - load)."""
    service = random.exponential(1.0, count + SETTLING)
    gaps = random.exponential(1 / load, count + SETTLING)
    return (waiting(service, gaps) + service)[SETTLING:]


def mm1_percentile(percentile: float, load: float) -> float:
    return -math.log(1 - percentile / 100) / (1 - load)


def md1(random: np.random.Generator, count: int, load: float) -> np.ndarray:
    """Times in an M/D/1 system of service 1: Poisson arrivals, always the same work."""
    service = np.ones(count + SETTLING)
    return (waiting(service, random.exponential(1 / load, count + SETTLING)) + 1)[SETTLING:]


def autoregressive(random: np.random.Generator, count: int, phi: float) -> np.ndarray:
    """Lognormal values (of sigma 1) whose logarithms are AR(1)."""
    noise = random.standard_normal(count + SETTLING)
    values = np.array(list(accumulate(noise, lambda last, new: phi * last + new)))
    return np.exp(values[SETTLING:] * math.sqrt(1 - phi**2))


def lognormal_percentile(percentile: float) -> float:
    return math.exp(NormalDist().inv_cdf(percentile / 100))


def under_quota(
    random: np.random.Generator,
    count: int,
    *,
    rate_rps: float,
    work_ms: float,
    quota: float,
    period_ms: float = 100.0,
) -> tuple[np.ndarray, np.ndarray]:
    """Arrivals in s and latencies in ms of one FIFO worker that may run quota x period in each.

    The kernel's bandwidth control (CFS): what is used up waits for the next period.
    """
    at_ms = np.cumsum(random.exponential(1000 / rate_rps, count))
    clock, period, left = 0.0, 0, quota * period_ms
    latency = np.empty(count)
    for index, arrival in enumerate(at_ms):
        clock, need = max(clock, arrival), work_ms
        while True:
            if clock >= (period + 1) * period_ms:
                period = int(clock // period_ms)
                left = quota * period_ms
            ran = min(need, left, (period + 1) * period_ms - clock)
            need, left, clock = need - ran, left - ran, clock + ran
            if need <= 1e-9:
                break
            clock = (period + 1) * period_ms
        latency[index] = clock - arrival
    return at_ms / 1000, latency
