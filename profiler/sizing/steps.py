"""Where to go after a failed verification."""

from __future__ import annotations

from profiler.sizing.memory import memory_advice
from profiler.spec import Limits, Policy


def step_up(
    size: Limits,
    points: tuple[int, ...],
    limits: Limits,
    *,
    out_of_memory: bool = False,
    policy: Policy,
) -> Limits | None:
    """The next larger size after a failed verification; None where the limits forbid one.

    One point of the grid more cpu; more memory (by the margin) where memory was what failed.
    """
    if out_of_memory:
        more = memory_advice(
            size.memory_bytes, None, ceiling_bytes=limits.memory_bytes, policy=policy
        )
        return Limits(size.cpu_millicores, more) if more > size.memory_bytes else None
    larger = [point for point in points if point > size.cpu_millicores]
    return Limits(larger[0], size.memory_bytes) if larger else None
