"""The sizing curve: latency and throttling against cpu, of every size that was measured.

Sizes stand at equal steps of the search's grid: linear to one core, coarser above.
"""

from __future__ import annotations

from runs import formatting
from runs.charts.parts import bold, end_labels, layout, level_line, line, shade, text, value_axis
from runs.charts.scale import LatencyScale
from runs.charts.scene import Chart
from runs.charts.size_marks import mark_sizes, room_above
from runs.charts.size_points import (
    footer_words,
    interval_bars,
    judged_line,
    other_points,
    outcome_words,
    points,
)
from runs.charts.sizes import Curve, judged_interval, judged_latency
from runs.models import Measurement

#: The part of the height that latency takes; throttling stands below it.
LATENCY_PART, THROTTLE_PART = [0.30, 1.0], [0.0, 0.17]
#: A throttle bar is at most this part of the width.
BAR_SHARE = 0.042
#: More sizes than this and only the measured ones are labelled.
LABELLED_SIZES = 12


def draw(curve: Curve) -> Chart:
    """The figure and its footer."""
    rows = [row for row in curve.measurements if judged_latency(row) is not None]
    places = [curve.position(row.cpu_millicores) for row in rows]
    scale = LatencyScale.of(_latencies(curve, rows))
    last = len(curve.grid) - 1
    figure_layout = layout(_size_axis(curve, last), scale.axis(domain=LATENCY_PART))
    figure_layout["yaxis2"] = _throttle_axis()
    figure_layout["margin"] = {"l": 56, "r": 84, "t": 26 + room_above(curve), "b": 44}
    data = _lines(curve, rows, places, figure_layout, scale)
    data.append(_throttle_bars(rows, places, figure_layout))
    _mark_failing_range(rows, places, figure_layout)
    mark_sizes(curve, figure_layout, LATENCY_PART[0])
    _mark_objective(curve, figure_layout, scale)
    figure_layout["annotations"] += outcome_words(curve)
    footer = [*footer_words(curve), scale.words] if rows else footer_words(curve)
    return Chart({"data": data, "layout": figure_layout}, footer, [], [], table=table(curve))


def _latencies(curve: Curve, rows: list[Measurement]) -> list[float | None]:
    """All that has to be inside the axis."""
    values = [row.data["latency_ms"][name] for row in rows for name in _others(curve)]
    for row in rows:
        intervals = row.data["latency_interval_ms"]
        values += [end for name in _others(curve) for end in intervals.get(name) or ()]
    for row in (*rows, *curve.others):
        values += [judged_latency(row), *judged_interval(row)]
    return [*values, curve.bound_ms]


def _others(curve: Curve) -> list[str]:
    """The percentiles that are drawn beside the objective's own."""
    judged = formatting.percentile_name(curve.percentile)
    return [name for name in ("p50", "p95", "p99") if name != judged]


def _throttle_axis() -> dict:
    return value_axis(
        domain=THROTTLE_PART,
        range=[0, 125],
        tickvals=[0, 50, 100],
        ticktext=["0", "50", "100 %"],
        anchor="x",
    )


def _size_axis(curve: Curve, last: int) -> dict:
    grid = curve.grid
    measured = {row.cpu_millicores for row in curve.measurements}
    labelled = [
        size
        for size in grid
        if size in measured or len(grid) <= LABELLED_SIZES or size == curve.advised_millicores
    ]
    axis = value_axis(range=[-0.45, last + 0.45], anchor="y2", ticks="outside")
    return axis | {
        "showgrid": False,
        "showline": True,
        "tickvals": [curve.position(size) for size in labelled],
        "ticktext": [formatting.cpu(size) for size in labelled],
        "narrow": {"ticktext": [formatting.cpu_parts(size)[0] for size in labelled]},
    }


#: Width, colour and marker of each percentile; the objective's own is drawn heaviest.
STYLES = {"p50": "token:p50", "p95": "token:p95", "p99": "token:p99"}


def _lines(
    curve: Curve,
    rows: list[Measurement],
    places: list[float],
    figure_layout: dict,
    scale: LatencyScale,
) -> list[dict]:
    """The percentiles, named at their ends; the objective's own last, with the points on it."""
    believed = [(row, place) for row, place in zip(rows, places, strict=True) if row.valid]
    data = [_soft_line(name, believed) for name in _others(curve)]
    judged = formatting.percentile_name(curve.percentile)
    colour = STYLES.get(judged, "token:p99")
    data += [judged_line(rows, places, colour), other_points(curve, colour)]
    data.append(points(rows, places, colour))
    if believed:
        row, place = believed[-1]
        ends = {name: row.data["latency_ms"][name] for name in _others(curve)}
        ends[judged] = judged_latency(row)
        known = {name: scale.place(value) for name, value in ends.items() if value is not None}
        fonts = {judged: bold(colour)}
        figure_layout["annotations"] += end_labels(place, known, scale.span, fonts)
    return data


def _soft_line(name: str, believed: list[tuple[Measurement, float]]) -> dict:
    """A percentile that is not judged: soft, wide intervals keep it in the background."""
    values = [row.data["latency_ms"][name] for row, _ in believed]
    intervals = [row.data["latency_interval_ms"].get(name) or (None, None) for row, _ in believed]
    stroke = {"color": f"{STYLES[name]}/0.3", "thickness": 5, "width": 0}
    style = {"mode": "lines+markers", "marker": {"color": STYLES[name], "size": 4}}
    bars = interval_bars(values, intervals, stroke)
    return line([place for _, place in believed], values, STYLES[name], 1.25, error_y=bars, **style)


def _throttle_bars(rows: list[Measurement], places: list[float], figure_layout: dict) -> dict:
    shares = [row.data.get("throttled_fraction") for row in rows]
    for place, share in zip(places, shares, strict=True):
        if share is not None:
            above = {"yref": "y2", "yanchor": "bottom", "yshift": 1}
            written = formatting.percent(share).removesuffix(" %")
            label = text(written, place, share * 100, font={"color": "token:ink-2"}, **above)
            figure_layout["annotations"].append(label)
    return {
        "type": "bar",
        "x": places,
        "y": [None if share is None else round(share * 100, 2) for share in shares],
        "yaxis": "y2",
        "width": min(0.42, BAR_SHARE * (figure_layout["xaxis"]["range"][1] + 0.45)),
        "marker": {"color": "token:throttled", "line": {"width": 0}},
        "hoverinfo": "skip",
    }


def _mark_failing_range(rows: list[Measurement], places: list[float], figure_layout: dict) -> None:
    """Grey where the objective fails: up to halfway between the last failure and what kept it."""
    believed = [(row, place) for row, place in zip(rows, places, strict=True) if row.valid]
    kept = [(place, row.cpu_millicores) for row, place in believed if row.outcome == "passed"]
    below = [
        (row, place)
        for row, place in believed
        if row.outcome != "passed" and (not kept or place < min(kept)[0])
    ]
    failing = [place for _, place in below]
    if not failing:
        return
    edge = (max(failing) + min(kept)[0]) / 2 if kept else max(failing) + 0.45
    figure_layout["shapes"].append(shade(-0.45, edge))
    if kept:
        place = {"yref": "paper", "xanchor": "left", "yanchor": "top", "yshift": -4}
        known = all(row.outcome == "failed" for row, _ in below)
        what = "not kept" if known else "not shown to be kept"
        words = f"{what} below {formatting.cpu(min(kept)[1])}"
        figure_layout["annotations"].append(text(words, -0.35, LATENCY_PART[0], **place))


def _mark_objective(curve: Curve, figure_layout: dict, scale: LatencyScale) -> None:
    """Named beside the plot; on a narrow screen above the line's end."""
    if curve.bound_ms is None:
        return
    name = formatting.percentile_name(curve.percentile)
    figure_layout["shapes"].append(level_line(curve.bound_ms))
    beside = {"xref": "paper", "xanchor": "left", "xshift": 4, "font": bold()}
    above = {"xanchor": "right", "yanchor": "bottom", "xshift": 0}
    words = f"{name} ≤ {formatting.bound(curve.bound_ms)} ms"
    figure_layout["annotations"].append(
        text(words, 1, scale.place(curve.bound_ms), narrow=above, **beside)
    )


#: What a file says of each measurement, by column; percentiles are in ms.
TABLE = {
    "phase": lambda row: row.phase,
    "cpu_millicores": lambda row: row.cpu_millicores,
    "memory_bytes": lambda row: row.memory_bytes,
    "outcome": lambda row: row.outcome,
    "valid": lambda row: row.valid,
    "requests": lambda row: row.requests,
    **{
        f"{name}_ms": lambda row, name=name: row.data["latency_ms"][name]
        for name in ("p50", "p95", "p99")
    },
    "throttled_fraction": lambda row: row.data.get("throttled_fraction"),
}


def table(curve: Curve) -> list[list]:
    """The measurements behind the curve, smallest size first; the file has no grid positions."""
    rows = sorted([*curve.measurements, *curve.others], key=lambda row: row.cpu_millicores)
    return [list(TABLE), *([read(row) for read in TABLE.values()] for row in rows)]
