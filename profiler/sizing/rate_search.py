"""Which rate to try next: the highest that a size takes, one measured probe at a time."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from profiler.measuring.statistics import Outcome

#: Rates to a decade, each 4.9 % above the one before.
PER_DECADE = 48
#: How far from its beginning the search goes, in decades, and what a load can offer at all.
DECADES = 3
LOWEST_RPS, HIGHEST_RPS = 0.01, 100_000.0


@dataclass(frozen=True)
class Capacity:
    """The highest rate that passed while the next one did not; None when none passed."""

    rate_rps: float | None


def rates(start_rps: float) -> tuple[float, ...]:
    """The rates that may be tried, rising; the one that the search begins at is among them."""
    far = range(-DECADES * PER_DECADE, DECADES * PER_DECADE + 1)
    near = (start_rps if step == 0 else _rounded(start_rps, step) for step in far)
    return tuple(rate for rate in near if LOWEST_RPS <= rate <= HIGHEST_RPS)


def _rounded(start_rps: float, step: int) -> float:
    """To four digits, as it is told."""
    return float(f"{start_rps * 10 ** (step / PER_DECADE):.4g}")


def next_rate(
    points: tuple[float, ...],
    results: Mapping[float, Outcome],
    start_rps: float,
    guess_rps: float | None = None,
    *,
    slow_alone: bool = False,
) -> float | Capacity:
    """The rate to measure next, or the answer.

    `results` are the outcomes by rate so far; undecided counts as not passed. `start_rps` comes
    first, then `guess_rps` (a point too), and from there steps of 1, 2, 4 ... points towards the
    edge until it is passed over; between two rates the middle. The answer is the highest rate that
    passed; the next above it was measured not to, unless there is none. `slow_alone`: requests that
    met no other broke the bound, so that where no rate passed yet no lower one will.
    """
    if start_rps not in results:
        return start_rps
    if slow_alone and "passed" not in results.values():
        return Capacity(None)
    places = {point: place for place, point in enumerate(points)}
    low = max((places[rate] for rate, found in results.items() if found == "passed"), default=-1)
    above = (places[rate] for rate in results if places[rate] > low)
    high = min(above, default=len(points))
    if high - low == 1:
        return Capacity(points[low] if low >= 0 else None)
    start = places[start_rps]
    return points[_between(low, high, start, places.get(guess_rps, start), len(points))]


def _between(low: int, high: int, start: int, guess: int, count: int) -> int:
    """A place between the highest known to pass and the lowest above it known not to.

    Of a side where nothing but the start was tried, the edge may be far: there the steps double.
    """
    if low < guess < high:
        return guess
    if low >= guess and high in (start, count):
        return min(low + (low - guess) + 1, high - 1)
    if high <= guess and low in (start, -1):
        return max(high - (guess - high) - 1, low + 1)
    return (low + high) // 2


def decides(points: tuple[float, ...], results: Mapping[float, Outcome], rate_rps: float) -> bool:
    """Whether the answer hangs on this rate: the next lower one passed."""
    place = points.index(rate_rps)
    return place > 0 and results.get(points[place - 1]) == "passed"


def worth_another_look(
    points: tuple[float, ...], results: Mapping[float, Outcome], start_rps: float
) -> float | None:
    """The rate above the answer where it stayed undecided: it may be the answer itself."""
    found = next_rate(points, results, start_rps)
    if not isinstance(found, Capacity) or found.rate_rps in (None, points[-1]):
        return None
    above = points[points.index(found.rate_rps) + 1]
    return above if results[above] == "undecided" else None


def nearest(points: tuple[float, ...], rate_rps: float) -> float:
    """The highest of the points up to a rate; the lowest where all are above."""
    return max((point for point in points if point <= rate_rps), default=points[0])
