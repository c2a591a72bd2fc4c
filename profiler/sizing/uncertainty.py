"""How far an advised size could be off, and what more data would change it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.measuring.measurement import Measurement
from profiler.sizing.explanation import cpu_text
from profiler.spec import Limits


@dataclass(frozen=True)
class Uncertainty:
    """The sizes that the measurements leave possible, ends included, and what would narrow them.

    The smallest cpu that keeps the objective lies within `cpu_millicores`: every smaller size of
    the grid was measured not to keep it, and the upper end was measured to. The least memory lies
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
    open_sizes = [point for point in points if max(below, default=0) < point < size.cpu_millicores]
    proven = size if is_verified else largest
    return Uncertainty(
        cpu_millicores=(min([*open_sizes, size.cpu_millicores]), proven.cpu_millicores),
        memory_bytes=(_least(memory_peak_bytes, proven.memory_bytes), proven.memory_bytes),
        more_data=_more_data(open_sizes, below, is_verified),
    )


def _least(peak_bytes: int | None, proven_bytes: int) -> int | None:
    """A size that was proven below the peak: part of what was touched was not needed."""
    return None if peak_bytes is None else min(peak_bytes, proven_bytes)


def _more_data(open_sizes: Sequence[int], below: Sequence[int], is_verified: bool) -> str:
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
    why = f"{cpu_text(max(below))} was measured to fail" if below else "no smaller size is tried"
    return f"More data would not change the cpu: {why}."
