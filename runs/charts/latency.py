"""Latency over time, and its distribution."""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np

from runs import formatting
from runs.charts.parts import (
    bold,
    layout,
    level_label,
    level_line,
    line,
    log_end_labels,
    log_range,
    log_ticks,
    numbers,
    text,
    tick_labels,
    time_axis,
    value_axis,
)
from runs.charts.scene import TIME, Chart, Scene, frame, shown_words
from runs.charts.series import Latencies, PerStretch, percentiles_per_second, thinned

#: About as many as a chart's width can tell apart; the browser draws each as an element of its own.
POINTS = 600
#: Failures are few, and each counts.
FAILED_POINTS = 300
#: Of a line, which is one element however many it has.
LINE_POINTS = 400
#: The finest share that a distribution is drawn to.
SMALLEST_SHARE = 1e-4


def latency(values: Latencies, scene: Scene, windows: Sequence[dict] = ()) -> Chart:
    """Every request (thinned, peaks kept), p99 and p50 of each second, and the objective.

    `windows` are the measurement's, for how late the driver was in each.
    """
    each = percentiles_per_second(values)
    values = values.within(scene.span)
    answered = ~values.failed
    x, y = thinned(values.at_s[answered], values.latency_ms[answered], POINTS)
    first_s, last_s = scene.ends(0.0, max(float(values.at_s[-1]), 1.0))
    data = [_dots(x, y, "token:p95/0.45", "request")]
    if values.failed.any():
        data.append(_crosses(values))
    yaxis = latency_axis(values.latency_ms, scene.bound_ms, _late_ms(windows))
    figure_layout = layout(time_axis(first_s, last_s, closer=scene.span is not None), yaxis)
    frame(figure_layout, scene, first_s, last_s)
    data += _late_line(windows, yaxis["range"][0])
    if len(each.start_s):
        edges = np.append(each.start_s, min(each.start_s[-1] + each.width_s, last_s))
        p99 = np.append(each.p99_ms, each.p99_ms[-1])
        steps = {"line": {"shape": "hv"}, "name": _per(each, "p99")}
        data.append(line(numbers(edges), numbers(p99), "token:p99", 2, **steps))
        middle = each.start_s + each.width_s / 2
        name = _per(each, "p50")
        data.append(line(numbers(middle), numbers(each.p50_ms), "token:p50", 1.5, name=name))
        figure_layout["annotations"] += log_end_labels(
            last_s,
            {"p99": _last(each.p99_ms), "p50": _last(each.p50_ms)},
            figure_layout["yaxis"]["range"],
            {"p99": bold("token:p99")},
        )
    if scene.bound_ms is not None:
        figure_layout["shapes"].append(level_line(scene.bound_ms))
        figure_layout["annotations"].append(
            level_label(scene.bound_label, math.log10(scene.bound_ms))
        )
    shown = shown_words(len(x), int(answered.sum()), "requests")
    return Chart(
        {"data": data, "layout": figure_layout},
        [shown, "from scheduled time", *_late_words(windows)],
        numbers(each.start_s),
        [
            f"p50 {formatting.latency(p50)}, p99 {formatting.latency(p99)}"
            if not math.isnan(p50)
            else "no answers"
            for p50, p99 in zip(each.p50_ms, each.p99_ms, strict=True)
        ],
        (TIME, "latency_ms"),
    )


def _per(each: PerStretch, percentile: str) -> str:
    return f"{percentile} of {each.width_s:g} s"


def _dots(x: np.ndarray, y: np.ndarray, colour: str, name: str) -> dict:
    return {
        "name": name,
        "type": "scatter",
        "mode": "markers",
        "x": numbers(x),
        "y": numbers(y),
        "marker": {"color": colour, "size": 3},
        "hoverinfo": "skip",
    }


def _crosses(values: Latencies) -> dict:
    x, y = thinned(values.at_s[values.failed], values.latency_ms[values.failed], FAILED_POINTS)
    marker = {"color": "token:fail", "size": 6, "symbol": "x-thin-open", "line": {"width": 1.5}}
    return {**_dots(x, np.maximum(y, 1e-3), "token:fail", "failed request"), "marker": marker}


def _last(values: np.ndarray) -> float:
    return float(values[~np.isnan(values)][-1])


def _late_ms(windows: Sequence[dict]) -> list[float]:
    """How late the driver was in each window that says so, p99 in ms."""
    return [window["late_p99_ms"] for window in windows if window.get("late_p99_ms")]


def _late_line(windows: Sequence[dict], log_floor: float) -> list[dict]:
    """A step for each window; none where it is below the axis, which the words below tell."""
    drawn = [
        window for window in windows
        if window.get("late_p99_ms") and window["late_p99_ms"] >= 10**log_floor
    ]  # fmt: skip
    x, y = [], []
    for window in drawn:
        x += [window["start_s"], window["end_s"], None]
        y += [round(window["late_p99_ms"], 4)] * 2 + [None]
    style = {"line": {"dash": "dot"}, "connectgaps": False, "name": "driver late, p99 of a window"}
    return [line(x, y, "token:ink-3/0.7", 1.25, **style)] if drawn else []


def _late_words(windows: Sequence[dict]) -> list[str]:
    late = _late_ms(windows)
    if not late:
        return []
    most = formatting.latency(max(late)) if max(late) >= 0.01 else "less than 0.01 ms"
    return [f"driver late by {most} at most (p99)"]


def latency_axis(
    latency_ms: np.ndarray, bound_ms: float | None, late_ms: Sequence[float] = ()
) -> dict:
    """Logarithmic; the objective is always inside the range.

    `late_ms`, mostly far below, take a decade of it at most: latencies are what is looked at.
    """
    values = latency_ms[latency_ms > 0]
    low, high = (values.min(), values.max()) if len(values) else (1.0, 10.0)
    if bound_ms is not None:
        low, high = min(low, bound_ms), max(high, bound_ms * 1.25)
    low = max(min(low, *late_ms), low / 10) if len(late_ms) else low
    low, high = float(low) * 0.85, float(high) * 1.25
    ticks = log_ticks(low, high)
    return value_axis(
        type="log",
        range=log_range(low, high),
        tickvals=ticks,
        ticktext=tick_labels(ticks, lambda tick: f"{tick:g}", "ms"),
    )


def distribution(values: Latencies, scene: Scene) -> Chart:
    """The share of requests slower than each latency: percentiles can be read off at 1 %, 5 %."""
    ordered = np.sort(values.latency_ms[~values.failed])
    share = 1 - np.arange(len(ordered)) / max(len(ordered), 1)
    x, y = _thinned_tail(ordered, share)
    ticks = log_ticks(*(bounds := _latency_range(ordered, scene.bound_ms)))
    xaxis = value_axis(type="log", range=log_range(*bounds), ticks="outside")
    xaxis |= {
        "showgrid": False,
        "showline": True,
        "tickvals": ticks,
        "ticktext": tick_labels(ticks, lambda tick: f"{tick:g}", "ms"),
    }
    floor = max(float(y[-1]) / 1.5 if len(y) else SMALLEST_SHARE, SMALLEST_SHARE)
    shares = [1, 0.1, 0.01, 0.001, 0.0001]
    yaxis = value_axis(type="log", range=log_range(floor, 1.15), tickvals=shares)
    yaxis["ticktext"] = ["all", "10 %", "1 %", "0.1 %", "0.01 %"]
    figure_layout = layout(xaxis, yaxis, margin={"l": 52, "r": 20, "t": 22, "b": 28})
    if scene.bound_ms is not None:
        at = math.log10(scene.bound_ms)
        figure_layout["shapes"].append(_upright(scene.bound_ms))
        figure_layout["annotations"].append(
            text(scene.bound_label, at, 1, yref="paper", yanchor="bottom", xanchor="right",
                 xshift=8, font=bold())
        )  # fmt: skip
    curve = line(numbers(x), numbers(y, 6), "token:p99", 2, name="share of requests slower")
    return Chart(
        {"data": [curve], "layout": figure_layout},
        [shown_words(len(x), len(ordered), "requests"), "both axes logarithmic"],
        [],
        [],
        ("latency_ms", "share"),
    )


def _latency_range(ordered: np.ndarray, bound_ms: float | None) -> tuple[float, float]:
    low, high = (ordered[0], ordered[-1]) if len(ordered) else (1.0, 10.0)
    if bound_ms is not None:
        low, high = min(low, bound_ms), max(high, bound_ms)
    return float(max(low, 1e-3)) * 0.9, float(high) * 1.2


def _upright(x: float) -> dict:
    dashed = level_line(0)["line"]
    return {
        "type": "line", "xref": "x", "x0": x, "x1": x, "yref": "paper", "y0": 0, "y1": 1,
        "line": dashed,
    }  # fmt: skip


def _thinned_tail(ordered: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points at equal steps of the logarithm of the share: the tail keeps every request."""
    if len(ordered) <= LINE_POINTS:
        return ordered, share
    steps = np.unique(
        len(ordered) - np.round(np.geomspace(1, len(ordered), LINE_POINTS)).astype(int)
    )
    return ordered[steps], share[steps]
