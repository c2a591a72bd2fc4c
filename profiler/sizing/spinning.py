"""Cpu that is used while no request is at work, as by threads that spin while they wait."""

from __future__ import annotations

from math import ceil

from profiler.measuring.measurement import Measurement

#: Requests cost so many times the cpu time that they can have used themselves, and what is beyond
#: it is no trifle.
TIMES, LEAST_MILLICORES = 1.5, 100


def spinning_millicores(measured: Measurement) -> float | None:
    """What is used beside requests at this rate; None where it is little, or not known.

    A request can use no more than its own time (here the median latency) on each core there is.
    """
    cost_s, rate = measured.cpu_seconds_per_request, measured.achieved_rps
    if not (measured.latency and measured.latency.p50 and cost_s and rate):
        return None
    most_ms = measured.latency.p50 * ceil(measured.cpu_millicores / 1000)
    beyond = (cost_s * 1000 - most_ms) * rate
    return beyond if cost_s * 1000 >= TIMES * most_ms and beyond >= LEAST_MILLICORES else None
