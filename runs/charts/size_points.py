"""The measured points of the sizing curve: shape and colour say what came of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from runs import formatting
from runs.charts.parts import line, text
from runs.charts.sizes import Curve, judged_interval, judged_latency
from runs.models import Measurement

#: How far from its size's own point another measurement of that size stands, in grid steps.
BESIDE = 0.24


@dataclass(frozen=True)
class Kind:
    """What came of a measurement: its marker, and the words under its size.

    `sign` stands for the words on a narrow screen; `symbol` is plotly's name of the marker.
    """

    name: str
    symbol: str
    colour: str
    word: str
    sign: str
    ink: str


KINDS = {
    kind.name: kind
    for kind in (
        Kind("passed", "circle", "", "✓ kept", "✓", "token:pass"),
        Kind("failed", "circle-x-open", "token:fail", "✕ fails", "✕", "token:fail"),
        Kind("undecided", "diamond-open", "token:warn", "? undecided", "?", "token:warn"),
        Kind("invalid", "square-open", "token:ink-3", "! not valid", "!", "token:ink-3"),
    )
}


def kind_of(row: Measurement) -> Kind:
    return KINDS.get(row.outcome, KINDS["undecided"]) if row.valid else KINDS["invalid"]


def kinds_shown(curve: Curve) -> list[tuple[str, str]]:
    """All kinds that the curve has points of, each with its words in the legend."""
    rows = [*curve.measurements, *curve.others]
    answered = [row for row in rows if judged_latency(row) is not None]
    found = {kind_of(row).name for row in answered}
    shown = [(name, kind.word[2:]) for name, kind in KINDS.items() if name in found]
    if any(row.phase == "verifying" for row in answered):
        shown.append(("verification", "verification, in a fresh service"))
    return shown


def judged_line(rows: Sequence[Measurement], places: Sequence[float], colour: str) -> dict:
    """Through what may be believed: nothing is said between sizes by a point that may not."""
    believed = [(row, place) for row, place in zip(rows, places, strict=True) if row.valid]
    values = [judged_latency(row) for row, _ in believed]
    return line([place for _, place in believed], values, colour, 2.25)


def points(rows: Sequence[Measurement], places: Sequence[float], colour: str) -> dict:
    """The points that stand for their sizes, with their intervals."""
    return _markers(rows, places, colour, size=10)


def other_points(curve: Curve, colour: str) -> dict:
    """Further measurements of the same sizes, smaller: a verification right of its size's point,
    repeats left of it.
    """
    rows = [row for row in curve.others if judged_latency(row) is not None]
    places = [
        curve.position(row.cpu_millicores) + (BESIDE if row.phase == "verifying" else -BESIDE)
        for row in rows
    ]
    return _markers(rows, places, colour, size=8)


def _markers(rows: Sequence[Measurement], places: Sequence[float], colour: str, size: int) -> dict:
    kinds = [kind_of(row) for row in rows]
    colours = [kind.colour or colour for kind in kinds]
    marker = {
        "size": [size + 4 if row.phase == "verifying" else size for row in rows],
        "symbol": [_symbol(row, kind) for row, kind in zip(rows, kinds, strict=True)],
        "color": colours,
        "line": {"color": colours, "width": 2},
    }
    values = [judged_latency(row) for row in rows]
    bars = interval_bars(
        values, [judged_interval(row) for row in rows],
        {"color": colour, "thickness": 1.5, "width": 4},
    )  # fmt: skip
    return line(
        list(places), values, colour, 0, mode="markers", marker=marker, error_y=bars
    )  # fmt: skip


def _symbol(row: Measurement, kind: Kind) -> str:
    """A verification is a star, filled where the objective was kept."""
    if row.phase != "verifying":
        return kind.symbol
    return "star" if kind.name == "passed" else "star-open"


def interval_bars(values: Sequence, intervals: Sequence, stroke: dict) -> dict:
    """Error bars from each value to the ends of its interval."""
    pairs = list(zip(values, intervals, strict=True))
    return {
        "type": "data",
        "symmetric": False,
        "array": [_distance(value, high) for value, (_, high) in pairs],
        "arrayminus": [_distance(low, value) for value, (low, _) in pairs],
        **stroke,
    }


def _distance(low: float | None, high: float | None) -> float:
    """The length of a bar; none where an end is not known."""
    return 0.0 if low is None or high is None else max(high - low, 0.0)


def outcome_words(curve: Curve) -> list[dict]:
    """The outcome in words below each size, of those that answered nothing too."""
    return [_outcome_word(row, curve.position(row.cpu_millicores)) for row in curve.measurements]


def _outcome_word(row: Measurement, place: float) -> dict:
    kind = kind_of(row)
    word = kind.word
    if judged_latency(row) is None:
        word = f"{kind.sign} no answers"
    below = {"yref": "paper", "yanchor": "top", "yshift": -20}
    narrow = {"text": kind.sign}
    return text(word, place, 0, font={"color": kind.ink}, narrow=narrow, **below)


def footer_words(curve: Curve) -> list[str]:
    """How many sizes and requests are behind it, and what of the tags could not be shown."""
    counts = [row.requests for row in curve.measurements]
    if not counts:
        return []
    most, least = formatting.count(max(counts)), formatting.count(min(counts))
    each = f"{most} requests a size" if most == least else f"{least} to {most} requests a size"
    sizes = f"{len(counts)} size{'' if len(counts) == 1 else 's'} measured"
    beyond = [size for size in curve.tagged if size.cpu_millicores > curve.largest_millicores]
    tags = [
        f"tag of {size.models[0]}, {formatting.cpu(size.cpu_millicores)}, beyond what was measured"
        for size in beyond
    ]
    return [sizes, each, "bars are 95 % intervals", *tags]
