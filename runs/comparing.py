"""Stored runs against a base: what the compare page and the API show."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from profiler.comparing import RunResult, comparisons
from profiler.measuring.comparison import Comparison
from runs.models import ProfileRun

#: More than this nobody can read side by side.
MOST_RUNS = 8


class CannotCompare(Exception):
    """What was asked for names no two runs that can be compared; the text says why."""


@dataclass(frozen=True)
class Against:
    """A run against the base: a comparison by phase, or why there is none."""

    run: ProfileRun
    by_phase: dict[str, Comparison]
    why_not: str = ""


@dataclass(frozen=True)
class RunComparison:
    """A base and the runs held against it, in the order asked for."""

    base: ProfileRun
    others: list[Against]

    @property
    def runs(self) -> list[ProfileRun]:
        return [self.base, *(other.run for other in self.others)]


def compare_runs(names: Sequence[str], base_name: str = "") -> RunComparison:
    """Compare stored runs by name; the base is the first unless another is named.

    Raises CannotCompare for names that are unknown, too few or too many.
    """
    wanted = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if not 2 <= len(wanted) <= MOST_RUNS:
        raise CannotCompare(f"Name from 2 to {MOST_RUNS} runs, not {len(wanted)}.")
    base_name = base_name or wanted[0]
    if base_name not in wanted:
        raise CannotCompare(f"The base {base_name} is not among the runs.")
    found = {run.name: run for run in ProfileRun.objects.for_comparison(wanted)}
    missing = [name for name in wanted if name not in found]
    if missing:
        raise CannotCompare(f"There is no run {', '.join(missing)}.")
    base = found.pop(base_name)
    return RunComparison(base, [_against(base, found[n]) for n in wanted if n in found])


def _against(base: ProfileRun, run: ProfileRun) -> Against:
    try:
        sides = [_result(base)], [_result(run)]
    except ValueError as error:
        return Against(run, {}, str(error))
    return Against(run, dict(comparisons(*sides)))


def _result(run: ProfileRun) -> RunResult:
    taken = [row.data for row in run.compared_measurements]
    document = {
        "advice": run.advice,
        "measurements": taken,
        "circumstances": run.circumstances,
    }
    try:
        return RunResult.from_json(run.name, document)
    except ValueError as error:
        raise ValueError(f"{run.name} {error}.") from error
