"""The scale of a latency axis: logarithmic where the values span it, else linear from zero."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from runs.charts.parts import linear_ticks, log_range, log_ticks, value_axis

#: The highest value over the lowest from which a logarithmic axis shows more than it hides.
SPAN_OF_LOG = 10


@dataclass(frozen=True)
class LatencyScale:
    """From `low_ms` to `high_ms`, the ends of the axis."""

    low_ms: float
    high_ms: float
    is_log: bool

    @classmethod
    def of(cls, values_ms: Iterable[float | None]) -> LatencyScale:
        """Wide enough for all the values with some room; what is unknown or 0 takes none."""
        known = [value for value in values_ms if value]
        if not known:
            return cls(1.0, 10.0, True)
        low, high = min(known), max(known)
        if high >= SPAN_OF_LOG * low:
            return cls(low / 1.5, high * 1.6, True)
        return cls(0.0, high * 1.15, False)

    @property
    def words(self) -> str:
        return "latency on a log scale" if self.is_log else "latency on a linear scale"

    @property
    def span(self) -> list[float]:
        """The axis' range as plotly has it."""
        return log_range(self.low_ms, self.high_ms) if self.is_log else [self.low_ms, self.high_ms]

    def place(self, value_ms: float) -> float:
        """Where an annotation at this value stands: on a log axis plotly wants its logarithm."""
        return math.log10(max(value_ms, 1e-3)) if self.is_log else value_ms

    def axis(self, **options: object) -> dict:
        low, high = self.low_ms, self.high_ms
        ticks = log_ticks(low, high) if self.is_log else linear_ticks(high)
        short = [_tick(tick, " ms" if tick == ticks[-1] else "") for tick in ticks]
        return value_axis(
            type="log" if self.is_log else "linear",
            range=self.span,
            tickvals=ticks,
            ticktext=[_tick(tick, " ms") for tick in ticks],
            narrow={"ticktext": short},
            **options,
        )


def _tick(latency_ms: float, unit: str) -> str:
    return f"{latency_ms / 1000:g} s" if latency_ms >= 1000 else f"{latency_ms:g}{unit}"
