"""How fast the machine was: the cpu time of a request against that of the same ones at other times.

A core is not as fast in one minute as in the next: its frequency changes, and neighbours that no
counter of the kernel tells of share its caches and memory. The same requests at the same size cost
the same instructions, so what differs is the machine.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median

from profiler.measuring.findings import Finding
from profiler.measuring.measurement import Measurement
from profiler.measuring.paging import waits_for_memory

#: From this share on it is told: it moves the smallest size that is enough by a step of the grid.
PACE_LIMIT = 0.10
#: Of fewer requests the cost is chance.
FEWEST_REQUESTS = 100


def pace(measurement: Measurement, others: Sequence[Measurement]) -> Finding | None:
    """That the machine was slower or faster than when others measured the same; None if it was not.

    The same is: the same variant, size and load, believed. How much cpu a request takes may well
    change with the size, so nothing is said of a size that was measured once; nor of one that had
    too little memory for its files, which cost cpu to read again.
    """
    costs = [one.cpu_seconds_per_request for one in others if _is_same(one, measurement)]
    if not costs or not _is_known(measurement):
        return None
    usual = median(costs)
    change = measurement.cpu_seconds_per_request / usual - 1
    if abs(change) < PACE_LIMIT:
        return None
    word, more = ("slower", "more") if change > 0 else ("faster", "less")
    times = "once" if len(costs) == 1 else f"{len(costs)} times, the median"
    return Finding(
        f"machine-{word}",
        f"The machine was {word} than before: a request cost "
        f"{measurement.cpu_seconds_per_request * 1000:.3g} ms of cpu, {abs(change):.0%} {more} "
        f"than the {usual * 1000:.3g} ms that it had cost at this size ({times}).",
    )


def _is_known(one: Measurement) -> bool:
    known = one.cpu_seconds_per_request is not None and one.requests >= FEWEST_REQUESTS
    return known and not waits_for_memory(one)


def _is_same(one: Measurement, other: Measurement) -> bool:
    what = [(m.variant, m.cpu_millicores, m.nominal_rps, m.concurrency) for m in (one, other)]
    return one.validity.valid and _is_known(one) and what[0] == what[1]
