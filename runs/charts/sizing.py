"""The sizing curve: latency and throttling against cpu, of every size that was measured.

Sizes stand at equal steps of the search's grid: linear to one core, coarser above.
"""

from __future__ import annotations

import math

from runs import formatting
from runs.charts.parts import (
    bold,
    layout,
    level_line,
    line,
    log_end_labels,
    log_range,
    log_ticks,
    shade,
    text,
    value_axis,
)
from runs.charts.scene import Chart
from runs.charts.sizes import Curve, judged_interval, judged_latency
from runs.models import Measurement

#: The part of the height that latency takes; throttling stands below it.
LATENCY_PART, THROTTLE_PART = [0.30, 1.0], [0.0, 0.17]
#: A throttle bar is at most this part of the width.
BAR_SHARE = 0.042
#: More sizes than this and only the measured ones are labelled.
LABELLED_SIZES = 12
WORDS = {
    "passed": ("✓ kept", "token:pass"),
    "failed": ("✕ fails", "token:fail"),
    "undecided": ("undecided", "token:warn"),
}
NOT_VALID = ("not valid", "token:warn")


def draw(curve: Curve) -> Chart:
    """The figure and its footer."""
    rows = [row for row in curve.measurements if row.data["latency_ms"]["p50"] is not None]
    places = [curve.position(row.cpu_millicores) for row in rows]
    low, high = _latency_range(curve, rows)
    last = len(curve.grid) - 1
    figure_layout = layout(_size_axis(curve, rows, last), _latency_axis(low, high))
    figure_layout["yaxis2"] = _throttle_axis()
    figure_layout["margin"] = {"l": 56, "r": 84, "t": 26, "b": 44}
    data = _lines(curve, rows, places, figure_layout)
    data.append(_throttle_bars(rows, places, figure_layout))
    _mark_failing_range(curve, rows, places, figure_layout)
    _mark_sizes(curve, figure_layout)
    _mark_objective(curve, figure_layout)
    figure_layout["annotations"] += [
        _verdict_word(row, place) for row, place in zip(rows, places, strict=True)
    ]
    return Chart({"data": data, "layout": figure_layout}, _footer(rows), [], [])


def _footer(rows: list[Measurement]) -> list[str]:
    counts = [row.requests for row in rows]
    if not counts:
        return []
    most, least = formatting.count(max(counts)), formatting.count(min(counts))
    each = f"{most} requests a size" if most == least else f"{least} to {most} requests a size"
    return [
        f"{len(rows)} size{'' if len(rows) == 1 else 's'} measured",
        each,
        "bars are 95 % intervals",
        "latency on a log scale",
    ]


def _latency_range(curve: Curve, rows: list[Measurement]) -> tuple[float, float]:
    values = [row.data["latency_ms"][name] for row in rows for name in _others(curve)]
    values += [end for row in rows for end in (judged_latency(row), *judged_interval(row))]
    known = [value for value in [*values, curve.bound_ms] if value]
    if not known:
        return 1.0, 10.0
    return min(known) / 1.5, max(known) * 1.6


def _others(curve: Curve) -> list[str]:
    """The percentiles that are drawn beside the objective's own."""
    judged = formatting.percentile_name(curve.percentile)
    return [name for name in ("p50", "p95", "p99") if name != judged]


def _latency_axis(low: float, high: float) -> dict:
    ticks = log_ticks(low, high)
    return value_axis(
        type="log",
        range=log_range(low, high),
        domain=LATENCY_PART,
        tickvals=ticks,
        ticktext=[_tick(tick, " ms") for tick in ticks],
        narrow={"ticktext": [_tick(tick, " ms" if tick == ticks[0] else "") for tick in ticks]},
    )


def _tick(latency_ms: float, unit: str) -> str:
    return f"{latency_ms / 1000:g} s" if latency_ms >= 1000 else f"{latency_ms:g}{unit}"


def _throttle_axis() -> dict:
    return value_axis(
        domain=THROTTLE_PART,
        range=[0, 125],
        tickvals=[0, 50, 100],
        ticktext=["0", "50", "100 %"],
        anchor="x",
    )


def _size_axis(curve: Curve, rows: list[Measurement], last: int) -> dict:
    grid = curve.grid
    measured = {row.cpu_millicores for row in rows}
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
    curve: Curve, rows: list[Measurement], places: list[float], figure_layout: dict
) -> list[dict]:
    drawn, ends = [], {}
    for name in _others(curve):
        values = [row.data["latency_ms"][name] for row in rows]
        intervals = [row.data["latency_interval_ms"].get(name) or (None, None) for row in rows]
        # A soft, wide stroke: what is not judged stays in the background.
        stroke = {"color": f"{STYLES[name]}/0.3", "thickness": 5, "width": 0}
        style = {"mode": "lines+markers", "marker": {"color": STYLES[name], "size": 4}}
        bars = _interval_bars(values, intervals, stroke)
        drawn.append(line(places, values, STYLES[name], 1.25, error_y=bars, **style))
        ends[name] = values[-1] if values else None
    judged = formatting.percentile_name(curve.percentile)
    colour = STYLES.get(judged, "token:p99")
    drawn.append(_judged_line(rows, places, colour))
    ends[judged] = judged_latency(rows[-1]) if rows else None
    known = {name: value for name, value in ends.items() if value is not None}
    span, fonts = figure_layout["yaxis"]["range"], {judged: bold(colour)}
    if rows:
        figure_layout["annotations"] += log_end_labels(places[-1], known, span, fonts)
    return drawn


def _judged_line(rows: list[Measurement], places: list[float], colour: str) -> dict:
    """Filled: the objective was kept; hollow: it was not, or nobody knows. Bars: the interval."""
    kept = [row.outcome == "passed" and row.valid for row in rows]
    values = [judged_latency(row) for row in rows]
    marker = {
        "size": 9,
        "color": [colour if good else "token:card" for good in kept],
        "line": {"color": colour, "width": 2},
    }
    stroke = {"color": colour, "thickness": 1.5, "width": 4}
    bars = _interval_bars(values, [judged_interval(row) for row in rows], stroke)
    return line(places, values, colour, 2.25, mode="lines+markers", marker=marker, error_y=bars)


def _interval_bars(values: list, intervals: list, stroke: dict) -> dict:
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


def _mark_failing_range(
    curve: Curve, rows: list[Measurement], places: list[float], figure_layout: dict
) -> None:
    """Grey where the objective fails: up to halfway between the last failure and what kept it."""
    kept = [place for row, place in zip(rows, places, strict=True) if row.outcome == "passed"]
    failing = [
        place
        for row, place in zip(rows, places, strict=True)
        if row.outcome != "passed" and (not kept or place < min(kept))
    ]
    if not failing:
        return
    edge = (max(failing) + min(kept)) / 2 if kept else max(failing) + 0.45
    figure_layout["shapes"].append(shade(-0.45, edge))
    if kept:
        smallest = min(row.cpu_millicores for row in rows if row.outcome == "passed")
        place = {"yref": "paper", "xanchor": "left", "yanchor": "top", "yshift": -4}
        words = f"not kept below {formatting.cpu(smallest)}"
        figure_layout["annotations"].append(text(words, -0.35, LATENCY_PART[0], **place))


def _mark_sizes(curve: Curve, figure_layout: dict) -> None:
    """The advised size, and what the tags ask for now."""
    advised, tagged = curve.advised_millicores, curve.tagged_millicores
    if advised:
        _mark_size(curve, figure_layout, advised, "Advised", "token:pass", "solid")
    if tagged and tagged <= curve.largest_millicores and tagged != advised:
        _mark_size(curve, figure_layout, tagged, "Current tag", "token:ink-3", "dot")


def _mark_size(
    curve: Curve, figure_layout: dict, size: int, name: str, colour: str, dash: str
) -> None:
    """An upright line through the latencies, named above; its size too where there is room."""
    place = curve.position(size)
    line_style = {"color": colour, "width": 2 if dash == "solid" else 1.5, "dash": dash}
    figure_layout["shapes"].append(
        {
            "type": "line",
            "xref": "x",
            "x0": place,
            "x1": place,
            "yref": "paper",
            "y0": LATENCY_PART[0],
            "y1": 1,
            "layer": "below",
            "line": line_style,
        }
    )
    above = {"yref": "paper", "yanchor": "bottom", "yshift": 4, "font": bold(colour)}
    short = {"text": name.removeprefix("Current ").capitalize()}
    written = f"{name} {formatting.cpu(size)}"
    figure_layout["annotations"].append(text(written, place, 1, narrow=short, **above))


def _mark_objective(curve: Curve, figure_layout: dict) -> None:
    """Named beside the plot; on a narrow screen above the line's end."""
    if curve.bound_ms is None:
        return
    name = formatting.percentile_name(curve.percentile)
    figure_layout["shapes"].append(level_line(curve.bound_ms))
    beside = {"xref": "paper", "xanchor": "left", "xshift": 4, "font": bold()}
    above = {"xanchor": "right", "yanchor": "bottom", "xshift": 0}
    words = f"{name} ≤ {formatting.bound(curve.bound_ms)} ms"
    figure_layout["annotations"].append(
        text(words, 1, math.log10(curve.bound_ms), narrow=above, **beside)
    )


def _verdict_word(row: Measurement, place: float) -> dict:
    """The outcome in words below the size; its sign alone on a narrow screen."""
    word, colour = WORDS.get(row.outcome, WORDS["undecided"]) if row.valid else NOT_VALID
    sign = {"text": word[0] if word[0] in "✓✕" else "?"}
    below = {"yref": "paper", "yanchor": "top", "yshift": -20}
    return text(word, place, 0, font={"color": colour}, narrow=sign, **below)
