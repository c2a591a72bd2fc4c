"""A service with its whole truth and the runs that were kept of it. Pure, but for reading files."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from bench.kit.report import Report
from bench.sizing import runs
from bench.sizing.catalogue import inputs_of, spec_of
from bench.sizing.truth_file import REPEATS, Truth
from profiler.sizing.search import grid

#: The share of the offered rate that is answered where a service keeps up.
KEPT_UP = 0.99


@dataclass(frozen=True)
class Case:
    """A service with its whole truth and its runs."""

    name: str
    truth: Truth
    runs: list[dict]
    grid: tuple[int, ...]
    margin: float
    rps: float

    @property
    def once(self) -> int:
        return self.truth.passes_once_millicores

    @property
    def always(self) -> int:
        return self.truth.passes_always_millicores

    @property
    def advised(self) -> list[dict]:
        return [run for run in self.runs if run["cpu_millicores"] is not None]

    def is_within(self, run: dict) -> bool:
        """Not below what passes once, and at most a step above what passes always."""
        advised = run["cpu_millicores"]
        if advised is None:
            return False
        above = self.grid[min(self.grid.index(self.always) + 1, len(self.grid) - 1)]
        return self.once <= advised <= above

    def keeps_up(self, cpu_millicores: int) -> list[dict]:
        """The repetitions at a size that answered the load as fast as it came; none unless all."""
        taken = self.truth.counts(cpu_millicores)
        return taken if all(_kept_up(one) for one in taken) else []

    @property
    def brute_requests(self) -> int:
        """Of brute force that ends nothing early."""
        return len(self.grid) * REPEATS * self.truth.requests

    @property
    def brute_s(self) -> float:
        """What it takes to send these, and nothing else."""
        return self.brute_requests / self.rps

    @property
    def counted_requests(self) -> int:
        """Of the truth as it was taken, which ends what piles up."""
        return sum(one["counted"] for cpu in self.grid for one in self.truth.counts(cpu))


def _kept_up(repetition: dict) -> bool:
    """Not ended early for a queue that grew, and answered as many requests as were sent."""
    if repetition["piled_up"]:
        return False
    return repetition["achieved_rps"] >= KEPT_UP * repetition["offered_rps"]


def case_of(name: str, report: Report, truths: Path, kept: Path) -> Case | None:
    path, spec = truths / f"{name}.json", spec_of(name)
    points = grid(spec.limits.cpu_millicores)
    truth = Truth.read(path) if path.exists() else None
    if truth is None or truth.inputs != inputs_of(name) or not truth.is_whole(points):
        report.note(f"Not measured: {name}: its truth is not whole yet.")
        return None
    taken = runs.kept(name, kept)["runs"]
    if not taken:
        report.note(f"Not measured: {name}: there are no runs yet.")
        return None
    if truth.passes_always_millicores is None:
        report.note(f"Not measured: {name}: no size passes in all repetitions.")
        return None
    return Case(name, truth, taken, points, spec.policy.memory_margin, spec.load.nominal_rps)
