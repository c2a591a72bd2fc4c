"""The rows that did worst: those with errors, those slow beyond chance, and the slowest seen."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Literal

import numpy as np

from profiler.measuring.binomial import at_least
from profiler.measuring.sensitivity.classes import RowClasses, RowFacts
from profiler.measuring.statistics import nearest_rank, over_share

#: Rows told in all, and how many of the slowest are told without a claim.
MOST_ROWS, SLOWEST_SEEN = 10, 5
#: Only the slowest by their median are put to the test; it pays for all rows all the same.
TESTED = 40
#: A row is slow when more of its requests than chance allows lie over this percentile of the
#: others of its class.
THRESHOLD = 95.0
#: And its median is this many times theirs: in a class that hardly varies, less is no news.
MUCH_SLOWER = 1.2

Standing = Literal["failing", "slow", "slowest_seen"]


@dataclass(frozen=True)
class WorstRow:
    """A row and why it is told: it failed; it is slow beyond chance; or it only was the slowest.

    `p50_ms` and `max_ms` are None when no request of it was answered.
    """

    row: int
    bytes: int
    label: str | None
    standing: Standing
    requests: int
    errors: int
    p50_ms: float | None
    max_ms: float | None

    def to_json(self) -> dict:
        return asdict(self)


@dataclass(frozen=True)
class _ByRow:
    """Latencies sorted by row and then by size: row i has places first[i] to last[i]."""

    rows: np.ndarray
    first: np.ndarray
    last: np.ndarray
    latency_ms: np.ndarray

    @classmethod
    def of(cls, row: np.ndarray, latency_ms: np.ndarray) -> _ByRow:
        order = np.lexsort((latency_ms, row))
        rows, first, counts = np.unique(row[order], return_index=True, return_counts=True)
        return cls(rows, first, first + counts, latency_ms[order])

    @property
    def p50_ms(self) -> np.ndarray:
        """Nearest-rank medians: the ceil(n / 2)-th of each."""
        return self.latency_ms[self.first + (self.last - self.first + 1) // 2 - 1]

    def of_place(self, place: int) -> np.ndarray:
        return self.latency_ms[self.first[place] : self.last[place]]


def worst_rows(
    row: np.ndarray,
    latency_ms: np.ndarray,
    failed_row: np.ndarray,
    requests_of_row: np.ndarray,
    classes: RowClasses,
    facts: RowFacts,
    confidence: float,
) -> tuple[WorstRow, ...]:
    """At most 10: failing rows first, then slow ones, then a few that only were the slowest.

    `row` and `latency_ms` are of the requests that have a latency, `failed_row` the rows of those
    that failed; `requests_of_row` counts by row, place i is row i + 1. Nothing is told of the
    slowest where only one row was sent.
    """
    failures = dict(zip(*np.unique(failed_row, return_counts=True), strict=True))
    groups = _ByRow.of(row, latency_ms)
    place_of = {int(number): place for place, number in enumerate(groups.rows)}

    def told(number: int, standing: Standing) -> WorstRow:
        place = place_of.get(number)
        values = groups.of_place(place) if place is not None else np.empty(0)
        return WorstRow(
            row=number,
            bytes=int(facts.body_bytes[number - 1]),
            label=facts.label(number),
            standing=standing,
            requests=int(requests_of_row[number - 1]),
            errors=int(failures.get(number, 0)),
            p50_ms=nearest_rank(values, 50),
            max_ms=float(values[-1]) if len(values) else None,
        )

    failing = sorted(failures, key=lambda number: (-failures[number], number))[:MOST_ROWS]
    found = [told(int(number), "failing") for number in failing]
    slow, seen = _slowest(groups, classes, confidence)
    found += [told(number, "slow") for number in slow if number not in failures]
    others = [number for number in seen if number not in failures][:SLOWEST_SEEN]
    found += [told(number, "slowest_seen") for number in others]
    return tuple(found[:MOST_ROWS])


def _slowest(groups: _ByRow, classes: RowClasses, confidence: float) -> tuple[list[int], list[int]]:
    """Rows slow beyond chance, and the other slowest; each slowest first.

    With thousands of rows one is always the slowest. So a row is called slow only when its median
    lies over the p95 of the other rows of its class and is much over their median, and when so many
    of its requests over that p95 have a probability, were it like the others, below the error
    divided by the number of rows (Bonferroni).
    """
    if len(groups.rows) < 2:
        return [], []
    slowest = np.argsort(-groups.p50_ms, kind="stable")[:TESTED]
    error = (1 - confidence) / len(groups.rows)
    class_of_latency = np.repeat(classes.of_row[groups.rows - 1], groups.last - groups.first)
    slow, seen = [], []
    for place in slowest:
        is_slow = _is_slow(groups, place, class_of_latency, error)
        (slow if is_slow else seen).append(int(groups.rows[place]))
    return slow, seen


def _is_slow(groups: _ByRow, place: int, class_of_latency: np.ndarray, error: float) -> bool:
    own = slice(groups.first[place], groups.last[place])
    count = own.stop - own.start
    share = over_share(THRESHOLD)
    if share**count > error:
        return False  # seen too seldom for any claim
    others = class_of_latency == class_of_latency[own.start]
    others[own] = False
    if not others.any():
        return False
    theirs, values = groups.latency_ms[others], groups.latency_ms[own]
    threshold_ms = nearest_rank(theirs, THRESHOLD)
    if nearest_rank(values, 50) <= max(threshold_ms, MUCH_SLOWER * nearest_rank(theirs, 50)):
        return False
    return at_least(int((values > threshold_ms).sum()), count, share) <= error
