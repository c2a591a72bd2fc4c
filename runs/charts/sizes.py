"""What the sizing curve is drawn from: one measurement for each size that was tried."""

from __future__ import annotations

import bisect
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.sizing import search
from profiler.spec import STANDARD, Policy
from runs.models import Measurement
from runs.tagged_sizes import TaggedSize


@dataclass(frozen=True)
class Curve:
    """What the curve is drawn from: one measurement a size, smallest first.

    `percentile` is the objective's and `bound_ms` its bound; None where it is not known. `others`
    are the measurements of the same sizes that do not stand for them. `tagged` is what the models'
    tags ask for now, by the models' names.
    """

    measurements: Sequence[Measurement]
    largest_millicores: int
    percentile: float
    bound_ms: float | None
    advised_millicores: int | None = None
    advised_standing: str = ""
    others: Sequence[Measurement] = ()
    tagged: Sequence[TaggedSize] = ()
    policy: Policy = STANDARD

    @property
    def grid(self) -> tuple[int, ...]:
        """The sizes that the search could try."""
        return search.grid(self.largest_millicores, self.policy)

    def position(self, cpu_millicores: int) -> float:
        """Where a size stands: its index in the grid, in between for one that is not in it."""
        grid = self.grid
        place = bisect.bisect_left(grid, cpu_millicores)
        if place == len(grid):
            return float(place - 1)
        if grid[place] == cpu_millicores or place == 0:
            return float(place)
        step = grid[place] - grid[place - 1]
        return place - 1 + (cpu_millicores - grid[place - 1]) / step


def one_per_size(measurements: Sequence[Measurement]) -> list[Measurement]:
    """The measurement that counts for each size, smallest first.

    A search's own probe stands for its size (it was taken like its neighbours); a verification
    only where no probe was; of several the last, and a valid one before any that is not.
    """
    best: dict[int, Measurement] = {}
    for row in measurements:
        known = best.get(row.cpu_millicores)
        if known is None or _rank(row) >= _rank(known):
            best[row.cpu_millicores] = row
    return [best[size] for size in sorted(best)]


def _rank(row: Measurement) -> tuple[bool, bool]:
    return row.valid, row.phase != "verifying"


def judged_latency(row: Measurement) -> float | None:
    """The latency at the objective's percentile, in ms."""
    return row.data["latency_at_percentile_ms"]


def judged_interval(row: Measurement) -> tuple[float | None, float | None]:
    """Its interval in ms; None for an end that the data do not bound."""
    return tuple(row.data["latency_at_percentile_interval_ms"])
