"""Which cpu size to try next: a bisection of a fixed grid, one measured probe at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import pairwise

from profiler.measuring.statistics import Outcome
from profiler.spec import STANDARD, Grid, Policy


@dataclass(frozen=True)
class Answer:
    """The smallest size that passes while its lower neighbour does not; None when none passes."""

    cpu_millicores: int | None


def grid(max_millicores: int, policy: Policy = STANDARD) -> tuple[int, ...]:
    """The sizes that are tried: a policy's steps, each end included; the limit is the last.

    Below the first step only the limit itself is left. The policy's floor stands in for what is
    below it; it may not be above the limit.
    """
    floor = policy.floors.cpu_millicores or 0
    points, at = [], 0
    while at < max_millicores:
        at = min(_next_size(at, policy.grid), max_millicores)
        points.append(max(at, floor))
    return tuple(dict.fromkeys(points))


def _next_size(at: int, steps: Grid) -> int:
    """The size above `at`, in millicores."""
    for step, end in steps.steps_millicores:
        if at < end:
            return min(at + step, end)
    return at + steps.step_above_millicores


def next_probe(
    points: tuple[int, ...],
    results: Mapping[int, Outcome],
    guess: int | None = None,
    needs_millicores: float = 0.0,
) -> int | Answer:
    """The size to measure next, or the answer.

    `results` are the outcomes by cpu size so far; undecided counts as not passed. The largest size
    comes first, then `guess`, and from there steps of 1, 2, 4 ... points towards the edge until it
    is passed over; between two sizes the middle. Of sizes below what requests need on average, only
    the largest is tried: it will fail, as would the others. An answer's lower neighbour has failed
    by measurement, unless the answer is the smallest size of the grid.
    """
    largest = len(points) - 1
    if points[largest] not in results:
        return points[largest]
    passed = [i for i, point in enumerate(points) if results.get(point) == "passed"]
    if not passed:
        return Answer(None)
    high = min(passed)
    low = max((i for i in range(high) if points[i] in results), default=-1)
    if high - low == 1:
        return Answer(points[high])
    too_small = sum(point < needs_millicores for point in points) - 1
    step = _between(low, high, largest, _place(points, guess))
    return points[max(step, min(too_small, high - 1))]


def decides(points: tuple[int, ...], results: Mapping[int, Outcome], point: int) -> bool:
    """Whether the answer hangs on this point, smaller than the largest: the next larger passed."""
    return results.get(points[points.index(point) + 1]) == "passed"


def worth_another_look(points: tuple[int, ...], results: Mapping[int, Outcome]) -> int | None:
    """The lower neighbour of the answer where it stayed undecided: it may be the answer itself."""
    found = next_probe(points, results)
    if not isinstance(found, Answer) or found.cpu_millicores in (None, points[0]):
        return None
    below = points[points.index(found.cpu_millicores) - 1]
    return below if results[below] == "undecided" else None


def next_of_curve(points: tuple[int, ...], results: Mapping[int, Outcome]) -> int | None:
    """The size to measure next where all are wanted; None when none is left.

    The largest, then the middle of the widest stretch between those that were measured (of several
    the one of the smallest sizes), so that the curve is even whenever it ends.
    """
    known = [-1, *(i for i, point in enumerate(points) if point in results)]
    if known[-1] != len(points) - 1:
        return points[-1]
    width, low = max(((high - low, -low) for low, high in pairwise(known)), default=(0, 0))
    return points[-low + width // 2] if width > 1 else None


def _place(points: tuple[int, ...], guess: int | None) -> int | None:
    """Where in the grid the guess is; None without one."""
    return points.index(guess) if guess in points else None


def _between(low: int, high: int, largest: int, guess: int | None) -> int:
    """A place between the largest known not to pass and the smallest known to pass."""
    if guess is not None:
        if low < guess < high:
            return guess
        if low < 0 and high <= guess:  # it passed, and so did all below it so far
            return max(high - (guess - high) - 1, 0)
        if low >= guess and high == largest:  # it did not, nor did any above it so far
            return min(low + (low - guess) + 1, high - 1)
    return (low + high) // 2
