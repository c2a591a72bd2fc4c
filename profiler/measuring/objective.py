"""What "good enough" means in numbers: the resolved bound that measurements are judged against."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from profiler.spec import Objective

if TYPE_CHECKING:
    from profiler.measuring.measurement import Measurement


@dataclass(frozen=True)
class Bound:
    """An objective with its numbers filled in.

    `latency_ms` is None only for the reference of a relative objective, which sets it;
    `min_throughput_rps` is None in open loop and where the objective is absolute.
    """

    percentile: float
    latency_ms: float | None
    min_throughput_rps: float | None
    max_error_rate: float
    confidence: float

    def to_json(self) -> dict:
        return asdict(self)


def resolve_bound(objective: Objective, reference: Measurement | None) -> Bound:
    """The bound of an absolute objective, or of a relative one against the reference measurement.

    The reference is the measurement at the largest size; without it a relative objective has no
    latency bound yet. Throughput keeps its share only in closed loop: in open loop the rate is
    given, and must be achieved.
    """
    latency_ms, throughput_rps = objective.latency_ms, None
    if latency_ms is None and reference is not None:
        measured_ms = reference.latency_at_percentile_ms
        latency_ms = None if measured_ms is None else objective.latency_ratio * measured_ms
        if reference.offered_rps is None and reference.achieved_rps is not None:
            throughput_rps = objective.throughput_share * reference.achieved_rps
    return Bound(
        objective.percentile,
        latency_ms,
        throughput_rps,
        objective.max_error_rate,
        objective.confidence,
    )


def describe(objective: Objective) -> str:
    """The objective as its owner would say it: goes into tags and explanations."""
    errors = f"errors at most {objective.max_error_rate * 100:g} %"
    if objective.latency_ms is not None:
        latency = f"p{objective.percentile:g} at most {objective.latency_ms:g} ms"
    else:
        latency = (
            f"p{objective.percentile:g} at most {objective.latency_ratio:g} times, and throughput "
            f"at least {objective.throughput_share * 100:g} % of, what the largest size gives"
        )
    return f"{latency}, {errors}, {objective.confidence * 100:g} % confidence"
