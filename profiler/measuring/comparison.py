"""Two sides measured the same way: is the new one better, worse, or is no difference shown.

The unit is the window where each side is one run, and the run where there are more: requests of one
window, and windows of one run, say nearly the same. docs/comparing.md has the formulae.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from profiler.measuring.compared import (
    METRICS,
    NOT_JUDGED,
    NOT_SHOWN,
    WANTED_DIFFERENCE,
    WANTED_POWER,
    Compared,
    Metric,
    Sides,
    Verdict,
    direction,
    metric_of_percentile,
    row,
)
from profiler.measuring.differences import Unit, weighted_holm
from profiler.measuring.unlike import Measured, Unlike, unlike

#: All verdicts of a comparison are right together with at least this probability.
CONFIDENCE = 0.95
#: The share of that error which the objective's own metric has to itself at first; the other
#: metrics begin with equal parts of the rest.
PRIMARY_SHARE = 0.5


@dataclass(frozen=True)
class Comparison:
    """What makes the sides unlike, each metric, and the verdict, which is the objective's own
    metric's. `unit` is what was replicated, `units` how many of it each side has.
    """

    verdict: Verdict
    summary: str
    unit: Unit
    base: tuple[str, ...]
    new: tuple[str, ...]
    units: tuple[int, int]
    unlike: tuple[Unlike, ...]
    metrics: tuple[Compared, ...]
    notes: tuple[str, ...]
    noise_floor: dict | None = None

    def of(self, metric: str) -> Compared:
        return next(item for item in self.metrics if item.metric == metric)

    @property
    def primary(self) -> Compared:
        return next(item for item in self.metrics if item.is_primary)

    def to_json(self) -> dict:
        return {
            **self.__dict__,
            "base": list(self.base),
            "new": list(self.new),
            "units": list(self.units),
            "unlike": [item.to_json() for item in self.unlike],
            "metrics": [item.to_json() for item in self.metrics],
            "notes": list(self.notes),
        }


def compare(
    base: Sequence[Measured],
    new: Sequence[Measured],
    *,
    noise_floor: dict | None = None,
    paired: bool = False,
) -> Comparison:
    """Compare `new` with `base`, each one run's measurement or several runs'.

    `noise_floor` is the target's (see profiler/noise_floor.py); `paired` says that the runs were
    taken in turns, the n-th of one side beside the n-th of the other. ValueError for an empty side
    or pairs that do not match.
    """
    if not base or not new:
        raise ValueError("each side needs a measurement")
    if paired and len(base) != len(new):
        raise ValueError(f"{len(base)} runs cannot be paired with {len(new)}")
    sides = Sides(tuple(base), tuple(new), paired, noise_floor)
    apart = unlike(base, new)
    spoilt = (
        *(f"the {item.what} differs" for item in apart if item.spoils),
        *_not_believed((*base, *new)),
    )
    primary = primary_metric(base[0].measurement)
    rows = [row(metric, sides, alpha=_alpha(metric, primary)) for metric in METRICS]
    rows = _judged(rows, primary, spoilt)
    verdict = next(item.verdict for item in rows if item.metric == primary.name)
    return Comparison(
        verdict=verdict,
        summary=_summary(rows, primary, spoilt),
        unit=sides.unit,
        base=tuple(side.name for side in base),
        new=tuple(side.name for side in new),
        units=_units(sides),
        unlike=apart,
        metrics=tuple(replace(item, is_primary=item.metric == primary.name) for item in rows),
        notes=_notes(sides, rows, primary),
        noise_floor=noise_floor,
    )


def primary_metric(measurement: dict) -> Metric:
    """The objective's metric: its percentile, or the nearest of those that windows know."""
    percentile = (measurement.get("bound") or {}).get("percentile") or 95
    name = metric_of_percentile(percentile)
    return next(metric for metric in METRICS if metric.name == name)


def _weight(metric: Metric, primary: Metric) -> float:
    if metric is primary:
        return PRIMARY_SHARE
    return (1 - PRIMARY_SHARE) / (len(METRICS) - 1)


def _alpha(metric: Metric, primary: Metric) -> float:
    """The error that a metric may use before any other has shown a difference."""
    return (1 - CONFIDENCE) * _weight(metric, primary)


def _not_believed(sides: Sequence[Measured]) -> list[str]:
    told = []
    for side in sides:
        validity = side.measurement["validity"]
        if not validity["valid"]:
            reasons = " ".join(validity["reasons"]).removesuffix(".")
            told.append(f"{side.name} may not be believed ({reasons})")
    return told


def _units(sides: Sides) -> tuple[int, int]:
    if sides.unit != "windows":
        return len(sides.base), len(sides.new)
    return tuple(len(side[0].whole_windows) for side in (sides.base, sides.new))


# ---- verdicts --------------------------------------------------------------------------------


def _judged(rows: list[Compared], primary: Metric, spoilt: Sequence[str]) -> list[Compared]:
    """Every row with its verdict, all of them paid for together."""
    if spoilt:
        # Why is said once, in the summary.
        return [replace(item, verdict=NOT_JUDGED, needed=None) for item in rows]
    tested = [index for index, item in enumerate(rows) if item.p_value is not None]
    weights = [_weight(METRICS[index], primary) for index in tested]
    p_values = [rows[index].p_value for index in tested]
    shown = weighted_holm(p_values, weights, 1 - CONFIDENCE)
    judged = list(rows)
    for index, is_shown in zip(tested, shown, strict=True):
        judged[index] = _with_verdict(rows[index], is_shown)
    return judged


def _with_verdict(item: Compared, is_shown: bool) -> Compared:
    if is_shown:
        return replace(item, verdict=direction(item), needed=None)
    if item.low is not None and item.high is not None and (item.low > 0 or item.high < 0):
        several = f"sure at {CONFIDENCE:.0%} alone, but not as one of {len(METRICS)} metrics"
        return replace(item, verdict=NOT_SHOWN, reason=several)
    return replace(item, verdict=NOT_SHOWN)


def _summary(rows: Sequence[Compared], primary: Metric, spoilt: Sequence[str]) -> str:
    """The verdict in a sentence, and in another one what else was shown."""
    own = next(item for item in rows if item.metric == primary.name)
    if spoilt:
        return f"Not judged: {'; '.join(spoilt)}."
    if own.verdict == NOT_JUDGED:
        first = f"{own.label} is not judged: {own.reason}."
    elif own.verdict == NOT_SHOWN:
        first = f"No difference shown in {own.label}."
    else:
        first = f"{own.label} is {own.verdict}: {_change(own)}."
    others = [
        f"{item.label} is {item.verdict} ({_change(item)})"
        for item in rows
        if item.metric != primary.name and item.verdict in ("better", "worse")
    ]
    return f"{first} {'; '.join(others)}.".strip() if others else first


def _change(item: Compared) -> str:
    if item.relative is None:
        return f"{100 * item.absolute:+.3g} points"
    percent = 100 * item.relative
    return f"{percent:+,.0f} %" if abs(percent) >= 1000 else f"{percent:+.3g} %"


def _notes(sides: Sides, rows: Sequence[Compared], primary: Metric) -> tuple[str, ...]:
    """What a reader must know of how far these verdicts reach."""
    notes = []
    if sides.unit == "windows" and sides.noise_floor is None:
        notes.append(
            "No noise floor of this target is known: one run a side cannot tell a real difference "
            "from the one between two runs of the same service (memory placement, neighbours). "
            "Measure the floor (python -m profiler aa), or compare several runs a side."
        )
    own = next(item for item in rows if item.metric == primary.name)
    if own.needed and own.verdict == NOT_SHOWN:
        notes.append(_needed_text(own))
    return tuple(notes)


def _needed_text(item: Compared) -> str:
    goal = (
        f"To find a difference of {WANTED_DIFFERENCE:.0%} in {item.label} with "
        f"{WANTED_POWER:.0%} power"
    )
    repeats, seconds = item.needed.get("runs"), item.needed.get("seconds")
    parts = []
    if seconds is not None:
        parts.append(f"about {seconds:.0f} s of load a side")
    if repeats is not None:
        parts.append(f"about {repeats} runs a side")
    return f"{goal}: {', or '.join(parts) or 'more than can be measured'}."
