"""The table below the sizing curve: every size measured, to be chosen where it may be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs import choosing, formatting
from runs.applying import ApplyRefused, review_is_required
from runs.charts.sizes import Curve, judged_interval, judged_latency
from runs.models import Measurement, ProfileRun
from runs.run_costs import RunCosts


@dataclass(frozen=True)
class SizeRow:
    """A size, the measurement that stands for it, and the others that were taken at it.

    `memory_bytes` is what the size would have; None where it cannot be chosen, which `refused` says
    why.
    """

    measurement: Measurement
    latency_ms: float | None
    interval: str
    others: list[Measurement]
    is_advised: bool
    tags_of: str
    memory_bytes: int | None
    refused: str
    cost_per_hour: str
    cost_per_1000: str


@dataclass(frozen=True)
class SizeTable:
    """`leads_to` is the page where a size is applied or proposed; empty where there is none."""

    percentile: str
    rows: list[SizeRow]
    has_costs: bool
    leads_to: str


def size_table(run: ProfileRun, curve: Curve) -> SizeTable:
    costs = RunCosts.of(run)
    return SizeTable(
        percentile=formatting.percentile_name(curve.percentile),
        rows=[_row(run, curve, row, costs) for row in curve.measurements],
        has_costs=costs.why_none is None,
        leads_to=_leads_to(run),
    )


def _leads_to(run: ProfileRun) -> str:
    if choosing.why_no_sizes(run):
        return ""
    return "run_propose" if review_is_required() else "run_apply"


def _row(run: ProfileRun, curve: Curve, row: Measurement, costs: RunCosts) -> SizeRow:
    cpu = row.cpu_millicores
    memory_bytes, refused = _memory(run, [*curve.measurements, *curve.others], row)
    tagged = [ref for size in curve.tagged if size.cpu_millicores == cpu for ref in size.models]
    return SizeRow(
        measurement=row,
        latency_ms=judged_latency(row),
        interval=formatting.interval_ms(*judged_interval(row)),
        others=[other for other in curve.others if other.cpu_millicores == cpu],
        is_advised=cpu == curve.advised_millicores,
        tags_of=", ".join(tagged),
        memory_bytes=memory_bytes,
        refused=refused,
        cost_per_hour=costs.written(costs.per_hour(cpu, memory_bytes)),
        cost_per_1000=costs.written(costs.per_1000(cpu, memory_bytes, row)),
    )


def _memory(
    run: ProfileRun, measurements: Sequence[Measurement], row: Measurement
) -> tuple[int | None, str]:
    """What the size would have, or why it cannot be chosen."""
    try:
        return choosing.choice_among(run, measurements, row.ordinal).memory_bytes, ""
    except ApplyRefused as refusal:
        return None, str(refusal)
