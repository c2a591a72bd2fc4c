"""Memory that is needed, told from memory that was touched: by a limit that is lowered by steps.

docs/memory.md has the method. What is done to the service is in running/memory_pressure.py.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.measuring.measurement import Measurement
from profiler.measuring.objective import Bound
from profiler.measuring.paging import (
    MAJOR_FAULTS_PER_S,
    WAITING_SHARE,
    faults_more,
    major_faults_per_s,
    waits_more,
)
from profiler.sizing.memory import memory_advice, with_margin
from profiler.spec import Policy
from profiler.units import MIB

STEP_BYTES = 16 * MIB
#: The most that a request may wait for memory on average, as a share of the bound on its latency.
WAIT_SHARE = 0.01


@dataclass(frozen=True)
class Under:
    """A short load under a limit; numbers that are not known are None."""

    memory_bytes: int
    seconds: float
    requests: int
    errors: int
    latency_ms: float | None
    major_faults_per_s: float | None
    pressure_share: float | None
    limit_hits: int | None

    @classmethod
    def of(cls, measurement: Measurement) -> Under:
        """What a measurement was under its own limit."""
        return cls(
            memory_bytes=measurement.memory_bytes,
            seconds=measurement.duration_s,
            requests=measurement.requests,
            errors=measurement.errors,
            latency_ms=measurement.latency_at_percentile_ms,
            major_faults_per_s=major_faults_per_s(measurement),
            pressure_share=measurement.memory_pressure_some_fraction,
            limit_hits=measurement.memory_limit_hits,
        )


@dataclass(frozen=True)
class Step:
    """A limit that was tried: kept where `reason` is empty. `under` is None where it never ran."""

    memory_bytes: int
    reason: str = ""
    under: Under | None = None

    @property
    def kept(self) -> bool:
        return not self.reason

    def to_json(self) -> dict:
        loaded = vars(self.under) if self.under else {}
        return {**loaded, "memory_bytes": self.memory_bytes, "kept": self.kept,
                "reason": self.reason}  # fmt: skip


@dataclass(frozen=True)
class Pressure:
    """What the probe found: `touched_bytes` is the load's peak, a look's also that of starting,
    rounded up to whole steps.

    `ended` says why it ended before the answer was known to one step; empty otherwise. Of a look
    `held_bytes` are known: with the margin they are the last limit tried. They cannot be dropped,
    or where `with_mapped` are that and what is mapped. `next_bytes` is then a larger limit that a
    look would have tried next.
    """

    touched_bytes: int
    steps: tuple[Step, ...] = ()
    ended: str = ""
    held_bytes: int | None = None
    with_mapped: bool = False
    next_bytes: int | None = None

    @property
    def needed_bytes(self) -> int | None:
        """The smallest limit that did not hurt; None where each did."""
        return min((step.memory_bytes for step in self.steps if step.kept), default=None)

    def to_verify_bytes(self, policy: Policy) -> tuple[int, ...]:
        """What is tried first by the verification, in order; nothing where each limit hurt."""
        needed = self.needed_bytes
        if needed is None:
            return ()
        if self.held_bytes is not None:
            return (needed, self.next_bytes) if self.next_bytes else (needed,)
        return (max(with_margin(needed, policy), policy.floors.memory_bytes or 0),)

    def to_json(self) -> dict:
        return {
            "touched_bytes": self.touched_bytes,
            "needed_bytes": self.needed_bytes,
            "step_bytes": STEP_BYTES,
            "steps": [step.to_json() for step in self.steps],
            "ended": self.ended,
            "held_bytes": self.held_bytes,
            "with_mapped": self.with_mapped,
        }


def next_limit(touched_bytes: int, held_bytes: int, steps: Sequence[Step]) -> int | None:
    """The limit to try next, a multiple of the step; None once it is known to one step.

    First what was touched; if that is kept, the middle between the smallest that was kept and the
    largest that was not. Memory that cannot be dropped (`held_bytes`) needs no trying.
    """
    if not steps:
        return touched_bytes
    kept = [step.memory_bytes for step in steps if step.kept]
    if not kept:
        return None
    high = min(kept) // STEP_BYTES
    hurt = [step.memory_bytes for step in steps if not step.kept]
    low = max([held_bytes, *hurt]) // STEP_BYTES
    return None if high - low <= 1 else (low + high) // 2 * STEP_BYTES


def without_files(held_bytes: int, advised_bytes: int, policy: Policy) -> int | None:
    """The advice where the kernel drops all that it can; None where that is no less."""
    limit = memory_advice(held_bytes, None, ceiling_bytes=advised_bytes, policy=policy)
    return limit if limit < advised_bytes else None


def whole_steps(memory_bytes: int) -> int:
    """Rounded up to the step."""
    return -(-memory_bytes // STEP_BYTES) * STEP_BYTES


def hurts(now: Under, before: Under, bound: Bound) -> str:
    """Why a limit hurts, against the same load `before` it was lowered; empty where it does not.

    Hits of the limit alone do not: every read of a file hits a limit that its cache has filled.
    """
    if not now.requests:
        return "no request was answered"
    if now.errors > bound.max_error_rate * now.requests and now.errors > before.errors:
        return f"{now.errors} of {now.requests} requests failed"
    if bound.latency_ms is not None and (now.latency_ms or 0.0) > bound.latency_ms:
        return f"p{bound.percentile:g} was {now.latency_ms:.4g} ms"
    faults = _risen(now.major_faults_per_s, before.major_faults_per_s)
    if faults > MAJOR_FAULTS_PER_S:
        return f"{faults:.0f} more page faults a second had to read from a disk"
    return _waits(now, _risen(now.pressure_share, before.pressure_share), bound)


def _waits(now: Under, share: float, bound: Bound) -> str:
    """How requests wait for what was dropped, in so much more of the time; empty where little."""
    if share > WAITING_SHARE:  # what waits also takes cpu, to drop and to read again
        return f"something waited for memory in {share:.1%} more of the time"
    if bound.latency_ms is None:
        return ""
    waited_ms = share * now.seconds * 1000 / now.requests
    if waited_ms <= WAIT_SHARE * bound.latency_ms:
        return ""
    return f"a request waited {waited_ms:.2g} ms more for memory on average"


def lacks_memory(found: Measurement, before: Measurement) -> bool:
    """Whether memory may be what a fresh service failed of, and not cpu alone."""
    return not found.requests or needs_memory(found, before) or waits_more(found, before)


def needs_memory(found: Measurement, before: Measurement) -> bool:
    """Whether what a service lacks is memory: it was killed, or reads its code again."""
    return bool(found.oom_kills) or faults_more(found, before)


def _risen(now: float | None, before: float | None) -> float:
    return (now or 0.0) - (before or 0.0)
