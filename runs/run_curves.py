"""What was measured of a run as the curves of its page, and what they say."""

from __future__ import annotations

from collections.abc import Sequence

from profiler.sizing.evidence import VERIFYING
from runs import formatting
from runs.charts.rates import Rates, one_per_rate
from runs.charts.sizes import Curve, one_per_size
from runs.models import Measurement, ProfileRun, RegisteredModel
from runs.tagged_sizes import tagged_sizes
from runs.variants import of_the_advised


def curve_of(
    run: ProfileRun, measurements: Sequence[Measurement], models: Sequence[RegisteredModel]
) -> Curve | None:
    """What the sizing curve is drawn from; None before anything was measured."""
    measurements = of_the_advised(run, measurements)
    if not measurements or run.question == ProfileRun.Question.RATE:
        return None
    bound, advice = _last_bound(measurements), run.advice or {}
    standing_for = one_per_size(measurements)
    return Curve(
        measurements=standing_for,
        largest_millicores=max(row.cpu_millicores for row in measurements),
        percentile=bound.get("percentile", 95.0),
        bound_ms=bound.get("latency_ms"),
        advised_millicores=advice.get("cpu_millicores"),
        advised_standing=advice.get("standing", ""),
        others=[row for row in measurements if row not in standing_for],
        tagged=tagged_sizes(models),
        policy=run.followed_policy,
    )


def rates_of(run: ProfileRun, measurements: Sequence[Measurement]) -> Rates | None:
    """What latency against rate is drawn from; None for a run that did not search a rate."""
    if not measurements or run.question != ProfileRun.Question.RATE:
        return None
    bound = _last_bound(measurements)
    return Rates(
        measurements=one_per_rate(measurements),
        percentile=bound.get("percentile", 95.0),
        bound_ms=bound.get("latency_ms"),
        capacity_rps=(run.advice or {}).get("capacity_rps"),
        standing=(run.advice or {}).get("standing", ""),
    )


def _last_bound(measurements: Sequence[Measurement]) -> dict:
    """The objective's numbers; a relative one has them only after its reference was measured."""
    known = [row.data["bound"] for row in measurements if row.data["bound"]]
    return next((bound for bound in reversed(known) if bound["latency_ms"]), known[-1] if known
                else {})  # fmt: skip


def curve_finding(curve: Curve) -> str:
    """What the curve says, in words."""
    advised = curve.advised_millicores
    kept = [row for row in curve.measurements if row.outcome == "passed" and row.valid]
    below = [row for row in curve.measurements if advised and row.cpu_millicores < advised]
    if not kept:
        return "no size that was measured keeps the objective"
    if not advised:
        return f"{len(kept)} of {len(curve.measurements)} sizes keep the objective"
    size = formatting.cpu(advised)
    if not below:
        return f"{size} keeps the objective, and is the smallest size that was measured"
    next_below = formatting.cpu(below[-1].cpu_millicores)
    if not (below[-1].valid and below[-1].outcome == "passed"):
        what = f"{next_below} {_unkept_words(below[-1])}"
        return f"{size} is the smallest size that keeps the objective; {what}"
    if _proof_failed(curve, below[-1].cpu_millicores):
        what = f"{next_below} did in the search, and not when it was verified"
        return f"{size} keeps the objective; {what}"
    return f"{size} is advised; {next_below} keeps the objective too"


def _unkept_words(row: Measurement) -> str:
    if not row.valid:
        return "could not be judged"
    return "does not" if row.outcome == "failed" else "is undecided"


def _proof_failed(curve: Curve, cpu_millicores: int) -> bool:
    return any(
        row.phase == VERIFYING and not (row.valid and row.outcome == "passed")
        for row in curve.others
        if row.cpu_millicores == cpu_millicores
    )


def neighbours(curve: Curve) -> list[tuple[Measurement, Measurement | None]]:
    """The advised size between the sizes measured next to it, each with its last verification."""
    sizes = [row.cpu_millicores for row in curve.measurements]
    if curve.advised_millicores not in sizes:
        return []
    place = sizes.index(curve.advised_millicores)
    proofs = {
        row.cpu_millicores: row
        for row in sorted([*curve.measurements, *curve.others], key=lambda row: row.ordinal)
        if row.phase == VERIFYING
    }
    around = curve.measurements[max(place - 1, 0) : place + 2]
    return [(row, proofs.get(row.cpu_millicores)) for row in around]
