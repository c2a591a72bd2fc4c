"""How far an advised size could be off, and what more data would change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.measuring.measurement import Measurement
from profiler.sizing.explanation import cpu_text
from profiler.spec import Limits

#: Requests may cost this much less than they were seen to: at a smaller size, in another minute.
CHEAPER = 0.10


@dataclass(frozen=True)
class Uncertainty:
    """The sizes that the measurements leave possible, ends included, and what would narrow them.

    The smallest cpu that keeps the objective lies within `cpu_millicores`: every smaller size of
    the grid was measured not to keep it, or is less than the load needs on average, and the upper
    end was measured to. The least memory lies
    within `memory_bytes`: the lower end was seen in use, at the upper one the service was held.
    """

    cpu_millicores: tuple[int, int]
    memory_bytes: tuple[int | None, int]
    more_data: str
    #: Where a rate was searched: the highest that was kept, the lowest above it that was not (None:
    #: none was seen to fail).
    capacity_rps: tuple[float, float | None] | None = None

    def to_json(self) -> dict:
        return {
            "cpu_millicores": list(self.cpu_millicores),
            "memory_bytes": list(self.memory_bytes),
            "more_data": self.more_data,
            "capacity_rps": self.capacity_rps and list(self.capacity_rps),
        }


def uncertainty(
    measurements: Sequence[Measurement],
    points: Sequence[int],
    size: Limits,
    *,
    is_verified: bool,
    largest: Limits,
    memory_peak_bytes: int | None,
) -> Uncertainty:
    """Of an advised size: `largest` is the run's limit, where an unproven size may have to go."""
    believed = [m for m in measurements if m.validity.valid]
    failed = [m.cpu_millicores for m in believed if m.outcome == "failed" and not m.oom_kills]
    below = [cpu for cpu in failed if cpu < size.cpu_millicores]
    needed = needed_millicores(believed) * (1 - CHEAPER)
    starved = [point for point in points if point < min(needed, size.cpu_millicores)]
    closed = max([*below, *starved], default=0)
    open_sizes = [point for point in points if closed < point < size.cpu_millicores]
    proven = size if is_verified else largest
    return Uncertainty(
        cpu_millicores=(min([*open_sizes, size.cpu_millicores]), proven.cpu_millicores),
        memory_bytes=(_least(memory_peak_bytes, proven.memory_bytes), proven.memory_bytes),
        more_data=_more_data(open_sizes, _why_closed(below, closed), is_verified),
    )


def needed_millicores(believed: Sequence[Measurement]) -> float:
    """What the load takes on average where its requests cost least; 0 where that is not known.

    The utilisation law (Denning and Buzen 1978): requests offered a second x cpu time of each. A
    size below it never catches up.
    """
    known = (m for m in believed if m.offered_rps and m.cpu_seconds_per_request)
    return min((m.offered_rps * m.cpu_seconds_per_request * 1000 for m in known), default=0.0)


def _why_closed(failed: Sequence[int], closed: int) -> str:
    """Why nothing up to that size will do."""
    if not closed:
        return "no smaller size is tried"
    if closed in failed:
        return f"{cpu_text(closed)} was measured to fail"
    return f"{cpu_text(closed)} is less than the load needs on average"


def _least(peak_bytes: int | None, proven_bytes: int) -> int | None:
    """A size that was proven below the peak: part of what was touched was not needed."""
    return None if peak_bytes is None else min(peak_bytes, proven_bytes)


def _more_data(open_sizes: Sequence[int], why_closed: str, is_verified: bool) -> str:
    """What would narrow it, in a sentence."""
    parts = []
    if not is_verified:
        parts.append("a verification at this size would prove it or take it a step up")
    if open_sizes:
        sizes = " to ".join(dict.fromkeys((cpu_text(open_sizes[0]), cpu_text(open_sizes[-1]))))
        parts.append(f"more requests at {sizes}, where nothing was decided, could lower the cpu")
    if parts:
        said = "; ".join(parts)
        return f"{said[0].upper()}{said[1:]}."
    return f"More data would not change the cpu: {why_closed}."
