"""The truth about a load, computed from its schedule and the server's own log. Pure.

Nothing here is taken from what the driver measured, and percentiles are computed here anew: both
are what is being checked.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from profiler.arrivals.schedule import arrivals
from profiler.samples import Columns
from profiler.spec import Stage
from profiler.units import NS_PER_MS

#: The driver begins 2 ms after the command reaches it; a busy host delays that.
MOST_LEAD_NS = 100_000_000
_MAGIC = 0x4D50545255544831
_RECORD = np.dtype([(name, "<i8") for name in ("id", "arrived_ns", "read_ns", "finished_ns")])
_STALL = np.dtype([("begin_ns", "<i8"), ("end_ns", "<i8")])


@dataclass(frozen=True)
class ServerLog:
    """What the server wrote down of each request, in order of answering, and of each stall."""

    requests: np.ndarray
    stalls: np.ndarray

    def of(self, ids: np.ndarray) -> ServerLog:
        """Of these requests alone. ValueError where one of them is not in the log exactly once."""
        mine = np.isin(self.requests["id"], ids)
        if not np.array_equal(np.sort(self.requests["id"][mine]), np.sort(ids)):
            raise ValueError("requests that were told of are not in the server's log, or twice")
        return ServerLog(self.requests[mine], self.stalls)

    @property
    def from_arrival_ms(self) -> np.ndarray:
        """From the kernel's receipt of each request to its answer."""
        return (self.requests["finished_ns"] - self.requests["arrived_ns"]) / NS_PER_MS

    @property
    def service_ms(self) -> np.ndarray:
        """From when the server turned to each request to its answer: what waited before is not
        in it."""
        return (self.requests["finished_ns"] - self.requests["read_ns"]) / NS_PER_MS


def read_log(path: Path) -> ServerLog:
    """ValueError when it is not a whole log."""
    data = path.read_bytes()
    head = np.frombuffer(data, "<i8", 3) if len(data) >= 24 else (0, 0, 0)
    magic, requests, stalls = (int(number) for number in head)
    whole = 24 + requests * _RECORD.itemsize + stalls * _STALL.itemsize
    if magic != _MAGIC or len(data) != whole:
        raise ValueError(f"{path} is no whole log of the server")
    return ServerLog(
        np.frombuffer(data, _RECORD, requests, 24),
        np.frombuffer(data, _STALL, stalls, 24 + requests * _RECORD.itemsize),
    )


def percentile(values: np.ndarray, percent: float) -> float:
    """The nearest-rank percentile: value number ceil(percent/100 n) in order."""
    ordered = np.sort(values)
    return float(ordered[max(math.ceil(round(percent * len(ordered), 6) / 100), 1) - 1])


def schedule(rate_rps: float, seed: int, count: int, start_ns: int) -> np.ndarray:
    """When the first `count` requests of a Poisson load are due, from its seed alone."""
    stage = Stage("open", rate_rps=rate_rps, requests=count)
    return arrivals(stage, seed, start_ns)


def latencies_ms(due_ns: np.ndarray, log: ServerLog) -> np.ndarray:
    """What each request took, from due to answered; NaN for one that the server never answered."""
    return _since_due_ms(due_ns, log, "finished_ns")


def received_ms(due_ns: np.ndarray, log: ServerLog) -> np.ndarray:
    """How long after it was due the kernel received each request, of those that came."""
    since = _since_due_ms(due_ns, log, "arrived_ns")
    return since[~np.isnan(since)]


def _since_due_ms(due_ns: np.ndarray, log: ServerLog, clock: str) -> np.ndarray:
    """The n-th due request carries the id n, from 1."""
    at_ns = np.full(len(due_ns) + 1, np.nan)
    ids = log.requests["id"]
    known = (ids >= 1) & (ids <= len(due_ns))
    # Taken off first: a float holds only 53 bits of a time in nanoseconds.
    at_ns[ids[known]] = log.requests[clock][known] - due_ns[0]
    return (at_ns[1:] - (due_ns - due_ns[0])) / NS_PER_MS


def told_ms(columns: Columns) -> np.ndarray:
    """What the driver says each of its requests took, from when it was due."""
    return (columns["finished_ns"] - columns["scheduled_ns"]) / NS_PER_MS


def due_times(columns: Columns, rate_rps: float, seed: int, asked_ns: int) -> np.ndarray:
    """When the requests of a Poisson load were due, made anew from its seed.

    Only the load's beginning is the driver's word, and that must lie where our own clock says it
    does. ValueError where the driver kept to another schedule: then there is no truth to be had.
    """
    told_ns = columns["scheduled_ns"]
    offsets_ns = schedule(rate_rps, seed, len(told_ns), 0)
    begun_ns = int(told_ns[0] - offsets_ns[0])
    if not 0 <= begun_ns - asked_ns <= MOST_LEAD_NS:
        raise ValueError(f"the load began {(begun_ns - asked_ns) / NS_PER_MS} ms after the command")
    due_ns = begun_ns + offsets_ns
    if not np.array_equal(due_ns, told_ns):
        raise ValueError("the driver's due times are not those of its seed")
    return due_ns
