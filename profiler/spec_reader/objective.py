"""The `objective` of a spec: what is good enough; what it leaves open is its policy's."""

from __future__ import annotations

from profiler.spec import Objective
from profiler.spec_fields import Table

KEYS = tuple(Objective.__dataclass_fields__)
SHARE = "a share is a number such as 0.01, not a percentage"


def read_objective(root: Table, default: Objective, known: tuple[str, ...] = KEYS) -> Objective:
    """The objective; each key that is not given is the default's. `known` are its keys."""
    table = root.table("objective", known)
    if table is None:
        return default
    if table.has("latency_ms") and table.has("latency_ratio"):
        table.add("latency_ratio", 'has no meaning beside "latency_ms"; keep one of them')
    return Objective(
        percentile=table.number("percentile", 50, 99.99, default.percentile),
        latency_ms=table.number("latency_ms", 0.001, 3_600_000),
        max_error_rate=table.number("max_error_rate", 0, 0.5, default.max_error_rate, advice=SHARE),
        confidence=table.number("confidence", 0.5, 0.9999, default.confidence, advice=SHARE),
        latency_ratio=table.number("latency_ratio", 1, 100, default.latency_ratio),
        throughput_share=table.number(
            "throughput_share", 0.01, 1, default.throughput_share, advice=SHARE
        ),
    )
