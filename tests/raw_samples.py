"""Raw columns for tests of the pure modules: requests and usage with chosen numbers, in seconds."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from profiler.measuring.measurement import MeasurementContext
from profiler.measuring.objective import Bound
from profiler.measuring.statistics import SequentialRule, preset_looks
from profiler.samples import OK, OUTCOMES, Columns
from profiler.spec import Load, Stage

NS = 1_000_000_000
MS = 1_000_000
MIB = 1 << 20
#: A monotonic clock that has run for eleven days: nothing may depend on starting at zero.
START = 1_000_000 * NS

OPEN = Load((Stage("open", rate_rps=100.0),))
CLOSED = Load((Stage("closed", concurrency=1),))
ERROR, TIMEOUT, ABORTED = (OUTCOMES.index(name) for name in ("http_error", "timeout", "aborted"))


def request_columns(
    scheduled_s: Sequence[float],
    latency_ms: Sequence[float] | float,
    outcome: Sequence[int] | int = OK,
    late_ms: Sequence[float] | float = 0.0,
) -> Columns:
    """Requests scheduled at these seconds after START, answered after these milliseconds."""
    scheduled = START + np.round(np.asarray(scheduled_s, dtype=float) * NS).astype("i8")
    count = len(scheduled)

    def each(values: Sequence[float] | float, unit: int, kind: str) -> np.ndarray:
        return np.round(np.broadcast_to(values, count) * np.float64(unit)).astype(kind)

    return {
        "scheduled_ns": scheduled,
        "sent_ns": scheduled + each(late_ms, MS, "i8"),
        "finished_ns": scheduled + each(latency_ms, MS, "i8"),
        "status": np.full(count, 200, "i2"),
        "outcome": each(outcome, 1, "u1"),
        "bytes_sent": np.full(count, 100, "i8"),
        "bytes_received": np.full(count, 50, "i8"),
        "row": np.arange(1, count + 1, dtype="i4"),
        "stage": np.zeros(count, "i2"),
    }


def evenly(count: int, rate_rps: float = 100.0) -> np.ndarray:
    """Scheduled seconds of `count` requests at a constant rate, the first at 0."""
    return np.arange(count) / rate_rps


def back_to_back(latency_ms: Sequence[float], **others: object) -> Columns:
    """Closed loop with one client: each request begins when the one before has ended."""
    latency_ms = np.asarray(latency_ms, dtype=float)
    return request_columns((np.cumsum(latency_ms) - latency_ms) / 1000, latency_ms, **others)


def usage_columns(at_s: Sequence[float], **columns: Sequence[int] | int) -> Columns:
    """Usage samples at these seconds after START; a single number holds for all of them."""
    at_ns = START + np.round(np.asarray(at_s, dtype=float) * NS).astype("i8")
    return {"at_ns": at_ns} | {
        name: np.array(np.broadcast_to(values, len(at_ns)), dtype="i8")
        for name, values in columns.items()
    }


def bound(percentile: float = 95.0, latency_ms: float | None = 50.0, **others: float) -> Bound:
    """By default p95 at most 50 ms, no errors, 95 % confidence."""
    values = {"min_throughput_rps": None, "max_error_rate": 0.0, "confidence": 0.95} | others
    return Bound(percentile, latency_ms, **values)


def rule_for(limit: Bound, least: int = 0) -> SequentialRule:
    looks = preset_looks(limit.percentile, limit.confidence, least)
    return SequentialRule(limit.percentile, limit.confidence, looks)


def context(duration_s: float, **others: object) -> MeasurementContext:
    """A believed measurement of 500m and 256 MiB under 100 requests/s, but for what is said."""
    values = {
        "ordinal": 1,
        "phase": "sizing",
        "cpu_millicores": 500,
        "memory_bytes": 256 * MIB,
        "limits_enforced": True,
        "load": OPEN,
        "bound": bound(),
        "start_ns": START,
        "end_ns": START + round(duration_s * NS),
    }
    return MeasurementContext(**values | others)
