"""What a measurement says of its rows: by class, by row, by size, and in one sentence or two."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import NormalDist

import numpy as np

from profiler.measuring.latency import has_latency, interval
from profiler.measuring.objective import Bound
from profiler.measuring.sensitivity.classes import Kind, RowClasses, RowFacts, classify
from profiler.measuring.sensitivity.cpu_costs import CpuCosts, NotTold, cpu_costs
from profiler.measuring.sensitivity.size_relation import SizeRelation, size_relation
from profiler.measuring.sensitivity.words import sentence
from profiler.measuring.sensitivity.worst_rows import WorstRow, worst_rows
from profiler.measuring.statistics import (
    TOLD_CONFIDENCE,
    Estimate,
    Interval,
    nearest_rank,
    requests_needed,
)
from profiler.samples import ABORTED, OK, Columns
from profiler.units import NS_PER_MS

PERCENTILES = {"p50": 50.0, "p95": 95.0, "p99": 99.0}
UNKNOWN = Interval(None, None)


@dataclass(frozen=True)
class ClassResult:
    """One class of rows. `rows` are those of it that were sent; None is what is not known.

    `over_bound_share` counts errors and what took longer than the bound, of the requests that are
    settled. `at_percentile_ms` is the objective's percentile within the class.
    """

    name: str
    rows: int
    requests: int
    request_share: float
    errors: int
    error_interval: Interval
    latency_ms: dict[str, float | None]
    latency_interval_ms: dict[str, Interval]
    latency_estimates: tuple[str, ...]
    at_percentile_ms: float | None
    at_percentile_interval_ms: Interval
    over_bound_share: float | None
    cpu_seconds_per_request: Estimate | None = None
    cpu_share: Estimate | None = None

    def to_json(self) -> dict:
        intervals = {name: one.to_json() for name, one in self.latency_interval_ms.items()}
        return {
            **self.__dict__,
            "error_interval": self.error_interval.to_json(),
            "latency_interval_ms": intervals,
            "latency_estimates": list(self.latency_estimates),
            "at_percentile_interval_ms": self.at_percentile_interval_ms.to_json(),
            "cpu_seconds_per_request": _json(self.cpu_seconds_per_request),
            "cpu_share": _json(self.cpu_share),
        }


@dataclass(frozen=True)
class Payload:
    """Sizes are of the rows that were sent; `labels` is how many different ones the dataset has.

    `cpu_not_told` says why there is no CPU by class; "" where there is.
    """

    kind: Kind
    bytes_min: int
    bytes_max: int
    labels: int
    classes: tuple[ClassResult, ...]
    cpu_not_told: str
    background_millicores: float | None
    worst_rows: tuple[WorstRow, ...]
    size_relation: SizeRelation | None

    def to_json(self) -> dict:
        return {
            "kind": self.kind,
            "bytes_min": self.bytes_min,
            "bytes_max": self.bytes_max,
            "labels": self.labels,
            "classes": [one.to_json() for one in self.classes],
            "cpu_not_told": self.cpu_not_told,
            "background_millicores": self.background_millicores,
            "worst_rows": [row.to_json() for row in self.worst_rows],
            "size_relation": _json(self.size_relation),
            "sentence": sentence(self),
        }


def _json(value: Estimate | SizeRelation | None) -> dict | None:
    return None if value is None else value.to_json()


def payload_of(
    requests: Columns,
    counted: Columns,
    usage: Columns,
    facts: RowFacts,
    *,
    bound: Bound,
    start_ns: int,
    end_ns: int,
) -> Payload | None:
    """What `counted` requests say of their rows; None when there are none.

    `requests` are all that were in service in the period: they share the CPU of `usage`.
    """
    settled = (counted["outcome"] != ABORTED) | has_latency(counted, bound)
    requests_of_row = np.bincount(counted["row"][settled] - 1, minlength=len(facts.body_bytes))
    sent = np.flatnonzero(requests_of_row)
    if not len(sent):
        return None
    classes = classify(facts, requests_of_row)
    costs, why_not = _costs(requests, classes, usage, start_ns, end_ns)
    timed = has_latency(counted, bound)
    row, latency_ms = counted["row"][timed], _taken_ms(counted)[timed]
    body_bytes = facts.body_bytes[row - 1]
    return Payload(
        kind=classes.kind,
        bytes_min=int(facts.body_bytes[sent].min()),
        bytes_max=int(facts.body_bytes[sent].max()),
        labels=len(facts.labels),
        classes=_results(counted, classes, requests_of_row, bound, costs),
        cpu_not_told=why_not,
        background_millicores=costs.background_millicores if costs else None,
        worst_rows=worst_rows(
            row, latency_ms, counted["row"][_failed(counted)], requests_of_row, classes, facts,
            bound.confidence,
        ),
        size_relation=size_relation(body_bytes, latency_ms, TOLD_CONFIDENCE),
    )  # fmt: skip


def _taken_ms(requests: Columns) -> np.ndarray:
    return (requests["finished_ns"] - requests["scheduled_ns"]) / NS_PER_MS


def _failed(requests: Columns) -> np.ndarray:
    return (requests["outcome"] != OK) & (requests["outcome"] != ABORTED)


def _costs(
    requests: Columns,
    classes: RowClasses,
    usage: Columns,
    start_ns: int,
    end_ns: int,
) -> tuple[CpuCosts | None, str]:
    if len(classes) < 2:
        return None, ""
    of_request = classes.of_row[requests["row"] - 1]
    try:
        told = cpu_costs(
            requests, of_request, len(classes), usage, start_ns, end_ns, TOLD_CONFIDENCE
        )
    except NotTold as reason:
        return None, str(reason)
    return told, ""


def _results(
    counted: Columns,
    classes: RowClasses,
    requests_of_row: np.ndarray,
    bound: Bound,
    costs: CpuCosts | None,
) -> tuple[ClassResult, ...]:
    """The classes that were sent, in their own order."""
    timed, taken_ms = has_latency(counted, bound), _taken_ms(counted)
    answered, failed = counted["outcome"] != ABORTED, _failed(counted)
    over = failed | (timed & (taken_ms > bound.latency_ms)) if bound.latency_ms else None
    of_request, all_answered = classes.of_row[counted["row"] - 1], max(int(answered.sum()), 1)
    results = []
    for place, name in enumerate(classes.names):
        mine = of_request == place
        values = taken_ms[mine & timed]
        count, errors = int((mine & answered).sum()), int((mine & failed).sum())
        settled = int((mine & (answered | timed)).sum())
        levels = {name: interval(values, p, TOLD_CONFIDENCE) for name, p in PERCENTILES.items()}
        results.append(
            ClassResult(
                name=name,
                rows=int((requests_of_row[classes.of_row == place] > 0).sum()),
                requests=count,
                request_share=count / all_answered,
                errors=errors,
                error_interval=share_interval(errors, count, TOLD_CONFIDENCE),
                latency_ms={name: nearest_rank(values, p) for name, p in PERCENTILES.items()},
                latency_interval_ms=levels,
                latency_estimates=tuple(
                    name
                    for name, p in PERCENTILES.items()
                    if len(values) < requests_needed(p, bound.confidence, 0)
                ),
                at_percentile_ms=nearest_rank(values, bound.percentile),
                at_percentile_interval_ms=interval(values, bound.percentile, TOLD_CONFIDENCE),
                over_bound_share=int((mine & over).sum()) / settled
                if over is not None and settled
                else None,
                cpu_seconds_per_request=costs.seconds[place] if costs else None,
                cpu_share=costs.shares[place] if costs else None,
            )
        )
    return tuple(results)


def share_interval(count: int, of: int, confidence: float) -> Interval:
    """Wilson's score interval (1927) of a share: sensible for none, and for all, of a few."""
    if of == 0:
        return UNKNOWN
    z = NormalDist().inv_cdf((1 + confidence) / 2)
    share, spread = count / of, z * z / of
    middle = (share + spread / 2) / (1 + spread)
    half = (spread * share * (1 - share) + spread * spread / 4) ** 0.5 / (1 + spread)
    return Interval(
        0.0 if count == 0 else max(middle - half, 0.0),
        1.0 if count == of else min(middle + half, 1.0),
    )
