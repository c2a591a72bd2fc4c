"""How long a run will take, from what runs took before and what its search needs at least.

Always a range, and always with what it rests on; docs/registering.md tells the formula.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from django.core.cache import cache

from profiler.measuring.statistics import PASSING_LOOKS, preset_looks
from profiler.measuring.warmup import LEAST_S as WARM_UP_S
from profiler.sizing.search import grid
from profiler.spec import Budget
from profiler.spec_reader.policy import policy_of
from runs import formatting
from runs.run_words import objective_of

if TYPE_CHECKING:
    from runs.models import ProfileRun

BUILDING = "building"
#: The shortest probe that passes, that fails, and the shortest proof (profiler/running).
PASSED_S, GIVEN_UP_S, PROVEN_S = 1.0, 0.6, 4.0
#: Runs of the same kind differ: a range reaches so many times beyond those that were seen.
SPREAD = 1.25
#: As many of the newest like runs are counted.
LIKE = 5
#: How long what is expected of an unfinished run is remembered.
REMEMBERED_S = 60


@dataclass(frozen=True)
class Part:
    """A stretch of a run, in seconds at least and at most, and what that rests on."""

    label: str
    low_s: float
    high_s: float
    basis: str

    @property
    def words(self) -> str:
        return range_words(self.low_s, self.high_s)


@dataclass(frozen=True)
class Expected:
    parts: tuple[Part, ...]

    @property
    def low_s(self) -> float:
        return sum(part.low_s for part in self.parts)

    @property
    def high_s(self) -> float:
        return sum(part.high_s for part in self.parts)

    @property
    def words(self) -> str:
        return range_words(self.low_s, self.high_s)


def range_words(low_s: float, high_s: float) -> str:
    low, high = rough(low_s), rough(high_s)
    if high == 0:
        return "none"
    if low == 0:
        return f"up to {formatting.duration(high)}"
    if low == high:
        return f"about {formatting.duration(low)}"
    return f"about {formatting.duration(low)} to {formatting.duration(high)}"


def rough(seconds: float) -> int:
    """To 5 s under two minutes, to half a minute under ten, to minutes above."""
    step = 5 if seconds < 120 else 30 if seconds < 600 else 60
    return round(seconds / step) * step


def expected(run: ProfileRun, past: Sequence[ProfileRun]) -> Expected:
    """How long a run takes from when a worker begins it; `past` are the target's newest runs."""
    return Expected((_building(run, past), _measuring(run, past)))


def waiting(run: ProfileRun, ahead: Mapping[ProfileRun, Expected]) -> Part:
    """How long the runs before it take, one after another; each is given with the whole of it."""
    low_s = high_s = 0.0
    for other, whole in ahead.items():
        left = left_of(other, whole) if other.started_at else whole
        low_s, high_s = low_s + left.low_s, high_s + left.high_s
    runs = "nothing is" if not ahead else "one run is" if len(ahead) == 1 else f"{len(ahead)} are"
    return Part("Waiting", low_s, high_s, f"{runs} before it on {run.target.name}")


def left_of(run: ProfileRun, expected: Expected) -> Part:
    """How much longer a running run takes, of what was expected of it as a whole."""
    building, whole = expected.parts
    budget_s, elapsed_s = run.budget.get("duration_s", Budget().duration_s), run.elapsed_s or 0.0
    built_s = _seconds(run, building=True)
    is_building = run.phase in ("", BUILDING)
    if is_building:
        low_s = max(building.low_s - elapsed_s, 0.0) + whole.low_s
        high_s = max(building.high_s - elapsed_s, 0.0) + whole.high_s
        return Part("Left", low_s, high_s, f"{building.basis}; {whole.basis}")
    measured_s = elapsed_s - built_s
    left_s = max(budget_s - measured_s, 0.0)
    if measured_s > whole.high_s and whole.high_s < budget_s:
        return Part("Left", 0.0, left_s, "longer than earlier runs already; what its budget leaves")
    low_s, high_s = max(whole.low_s - measured_s, 0.0), max(whole.high_s - measured_s, 0.0)
    return Part("Left", low_s, min(high_s, left_s), whole.basis)


def _building(run: ProfileRun, past: Sequence[ProfileRun]) -> Part:
    """What was built is kept: the next time takes no longer, and mostly far less."""
    built = [(other, _seconds(other, building=True)) for other in past]
    own = [seconds for other, seconds in built if other.config_id == run.config_id and seconds]
    if own := own[:LIKE]:
        times = "once" if len(own) == 1 else f"{len(own)} times"
        low_s = 0.0 if len(own) == 1 else min(own)
        return Part("Building", low_s, max(own), f"made here {times} before, in {_took(own)}")
    most_s = run.budget.get("build_s", Budget().build_s)
    if others := [seconds for _, seconds in built if seconds]:
        basis = f"never made here; that of other configs took {_took(others)}"
        return Part("Building", min(min(others), most_s), min(max(others), most_s), basis)
    return Part("Building", 0.0, most_s, "never made here; at most what the budget allows")


def _measuring(run: ProfileRun, past: Sequence[ProfileRun]) -> Part:
    most_s = run.budget.get("duration_s", Budget().duration_s)
    alike = [other for other in past if _is_like(other, run)]
    same = [other for other in alike if _asks_the_same(other, run)]
    if took := [_seconds(other, building=False) for other in (same or alike)[:LIKE]]:
        runs = "the last run" if len(took) == 1 else f"the last {len(took)} runs"
        other = "" if same else ", with another load or objective,"
        basis = f"{runs} of {run.config.name} here{other} took {_took(took)}"
        low_s, high_s = min(min(took) / SPREAD, most_s), min(max(took) * SPREAD, most_s)
        return Part("Measuring", low_s, high_s, basis)
    basis = (
        f"{run.config.name} never ran here: at least what the search needs, at most what the "
        "budget allows"
    )
    return Part("Measuring", min(least_s(run), most_s), most_s, basis)


def _is_like(past: ProfileRun, run: ProfileRun) -> bool:
    """Whether it came to an end, of any version of the same config, with the same question."""
    asked = (past.config.name, past.question) == (run.config.name, run.question)
    return asked and past.state == past.State.SUCCEEDED and bool(past.phase_times)


def _asks_the_same(past: ProfileRun, run: ProfileRun) -> bool:
    """Whether load and objective are the same; of a load in stages that is not looked at."""
    if isinstance(run.load, list):
        return False
    load = (run.load.get("mode"), run.load.get("rate_rps"), run.load.get("concurrency"))
    return past.load_key == load and past.objective == run.objective


def least_s(run: ProfileRun) -> float:
    """Warm-up, first measurement, a probe for each halving of the grid, and the proof.

    Those that pass take as many requests as their rule needs; the others are given up at once.
    """
    objective = objective_of(run)
    proof = preset_looks(objective.percentile, objective.confidence)[-PASSING_LOOKS]
    rate_rps = run.load.get("rate_rps") if isinstance(run.load, dict) else None
    enough_s = proof / rate_rps if rate_rps and rate_rps > 0 else 0.0
    passed_s = max(PASSED_S, enough_s)
    tried = probes(run)
    search_s = passed_s + GIVEN_UP_S * (tried - 1) if tried else 0.0
    return WARM_UP_S + passed_s + search_s + (max(PROVEN_S, enough_s) if tried else 0.0)


def probes(run: ProfileRun) -> int:
    """How many sizes are tried at least; a process has no quota to try."""
    if run.target.kind == run.target.Kind.PROCESS or run.question == run.Question.RATE:
        return 0
    largest = run.limits.get("cpu_millicores") or run.target.max_cpu_millicores
    sizes = len(grid(largest, policy_of(run.policy)))
    return sizes if run.question == run.Question.CURVE else math.ceil(math.log2(max(sizes, 1)))


def _seconds(run: ProfileRun, *, building: bool) -> float:
    """What its phases took: that of building, or all others."""
    return sum(
        entry["seconds"]
        for entry in run.phase_times or []
        if (entry["phase"] == BUILDING) is building
    )


def _took(seconds: Sequence[float]) -> str:
    low, high = formatting.duration(min(seconds)), formatting.duration(max(seconds))
    return low if low == high else f"{low} to {high}"


def expected_from_now(run: ProfileRun) -> Expected:
    """Of a run that waits, or is not even asked for yet."""
    past = type(run).objects.durations_on(run.target_id)
    ahead = {
        other: expected(other, past) for other in type(run).objects.ahead_of(run).for_waiting()
    }
    return Expected((waiting(run, ahead), *expected(run, past).parts))


def expected_of(runs: Sequence[ProfileRun]) -> dict[ProfileRun, Expected]:
    """How long unfinished runs of one target take, each as a whole, remembered for a minute.

    What runs took before changes only when one ends, and a live page asks every two seconds.
    """
    keys = {run: f"expected-{run.job_id}" for run in runs}
    known = cache.get_many(keys.values())
    if new := [run for run, key in keys.items() if key not in known]:
        past = type(new[0]).objects.durations_on(new[0].target_id)
        found = {keys[run]: expected(run, past) for run in new}
        cache.set_many(found, REMEMBERED_S)
        known |= found
    return {run: known[key] for run, key in keys.items()}
