"""Charts over time of one measurement, and its distribution, as plotly figures.

Each function takes reduced samples (runs/series.py) and gives a payload: the figure, the lines of
its footer, and the readings of the cursor. Nothing here reads the database.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from runs import formatting
from runs.chart_parts import (
    Figure,
    bold,
    end_label,
    layout,
    level_label,
    level_line,
    line,
    linear_ticks,
    log_end_labels,
    log_range,
    log_ticks,
    numbers,
    shade,
    split_narrow,
    start_line,
    text,
    tick_labels,
    time_axis,
    value_axis,
)
from runs.series import CpuUse, Latencies, MemoryUse, percentiles_per_second, thinned

#: About as many points as a chart's width can tell apart.
POINTS = 1200
MIB = formatting.MIB
#: Where the name of a series goes when there is no room beside its end.
INSIDE = {"xanchor": "right", "xshift": -6}
#: The share of a chart's width that the word over its start-up takes.
ROOM_FOR_A_WORD = 0.06
#: The finest share that a distribution is drawn to.
SMALLEST_SHARE = 1e-4


@dataclass(frozen=True)
class Scene:
    """What a measurement's charts have in common.

    `caption` says what was measured ("verifying at 500m, 160 MiB"); `percentile` and `bound_ms`
    are the objective's, `bound_ms` None while it is not known.
    """

    caption: str
    cpu_millicores: int
    memory_bytes: int
    percentile: float
    bound_ms: float | None
    limits_enforced: bool = True

    @property
    def bound_label(self) -> str:
        name = formatting.percentile_name(self.percentile)
        return f"{name} ≤ {formatting.bound(self.bound_ms)} ms"


@dataclass(frozen=True)
class Chart:
    """What the page's script draws. `readings` are texts for the cursor, at `cursor_s`."""

    figure: Figure
    footer: list[str]
    cursor_s: list[float]
    readings: list[str]

    def to_json(self) -> dict:
        wide, narrow = split_narrow(self.figure["layout"])
        return {
            "figure": {**self.figure, "layout": wide},
            "narrow": narrow,
            "footer": self.footer,
            "cursor": {"at_s": self.cursor_s, "readings": self.readings},
        }


def _frame(figure_layout: dict, scene: Scene, first_s: float, last_s: float) -> None:
    """Start-up to the left of zero, shaded; what was measured above the plot."""
    captions = figure_layout["annotations"]
    if first_s >= 0:
        captions.append(_above(scene.caption, first_s))
        return
    figure_layout["shapes"] += [shade(first_s, 0), start_line()]
    if -first_s > ROOM_FOR_A_WORD * (last_s - first_s):
        captions.append(_above("start", first_s, narrow={"visible": False}))
    captions.append(_above(scene.caption, 0))


def _above(content: str, x: float, **options: object) -> dict:
    place = {"yref": "paper", "xanchor": "left", "yanchor": "bottom", "yshift": 2}
    return text(content, x, 1, **place, **options)


# --- Latency ------------------------------------------------------------------------------------
def latency(values: Latencies, scene: Scene) -> Chart:
    """Every request (thinned, peaks kept), p99 and p50 of each second, and the objective."""
    each = percentiles_per_second(values)
    answered = ~values.failed
    x, y = thinned(values.at_s[answered], values.latency_ms[answered], POINTS)
    last_s = max(float(values.at_s[-1]), 1.0)
    data = [_dots(x, y, "token:p95/0.45")]
    if values.failed.any():
        data.append(_crosses(values))
    figure_layout = layout(time_axis(0.0, last_s), _latency_axis(values.latency_ms, scene.bound_ms))
    _frame(figure_layout, scene, 0.0, last_s)
    if len(each.start_s):
        edges = np.append(each.start_s, min(each.start_s[-1] + each.width_s, last_s))
        p99 = np.append(each.p99_ms, each.p99_ms[-1])
        data.append(line(numbers(edges), numbers(p99), "token:p99", 2, line={"shape": "hv"}))
        middle = each.start_s + each.width_s / 2
        data.append(line(numbers(middle), numbers(each.p50_ms), "token:p50", 1.5))
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
    shown = f"{len(x):,} of {int(answered.sum()):,} requests shown, peaks kept"
    if len(x) == int(answered.sum()):
        shown = f"all {len(x):,} requests shown"
    return Chart(
        {"data": data, "layout": figure_layout},
        [shown, "from scheduled time"],
        numbers(each.start_s),
        [
            f"p50 {formatting.latency(p50)}, p99 {formatting.latency(p99)}"
            if not math.isnan(p50)
            else "no answers"
            for p50, p99 in zip(each.p50_ms, each.p99_ms, strict=True)
        ],
    )


def _dots(x: np.ndarray, y: np.ndarray, colour: str) -> dict:
    return {
        "type": "scatter",
        "mode": "markers",
        "x": numbers(x),
        "y": numbers(y),
        "marker": {"color": colour, "size": 3},
        "hoverinfo": "skip",
    }


def _crosses(values: Latencies) -> dict:
    x, y = thinned(values.at_s[values.failed], values.latency_ms[values.failed], POINTS // 4)
    marker = {"color": "token:fail", "size": 6, "symbol": "x-thin-open", "line": {"width": 1.5}}
    return {**_dots(x, np.maximum(y, 1e-3), "token:fail"), "marker": marker}


def _last(values: np.ndarray) -> float:
    return float(values[~np.isnan(values)][-1])


def _latency_axis(latency_ms: np.ndarray, bound_ms: float | None) -> dict:
    """Logarithmic; the objective is always inside the range."""
    values = latency_ms[latency_ms > 0]
    low, high = (values.min(), values.max()) if len(values) else (1.0, 10.0)
    if bound_ms is not None:
        low, high = min(low, bound_ms), max(high, bound_ms * 1.25)
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
    curve = line(numbers(x), numbers(y, 6), "token:p99", 2)
    return Chart(
        {"data": [curve], "layout": figure_layout},
        [f"{len(ordered):,} requests, both axes logarithmic"],
        [],
        [],
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
    if len(ordered) <= POINTS // 3:
        return ordered, share
    steps = np.unique(
        len(ordered) - np.round(np.geomspace(1, len(ordered), POINTS // 3)).astype(int)
    )
    return ordered[steps], share[steps]


# --- CPU and memory -----------------------------------------------------------------------------
def cpu(use: CpuUse, scene: Scene) -> Chart:
    """CPU used against the limit; amber marks where CFS periods were throttled."""
    limit = scene.cpu_millicores
    top = max(limit * 1.12, float(use.used_millicores.max()) * 1.06)
    ticks = linear_ticks(top)
    middle = use.start_s + use.width_s / 2
    last_s = float(use.start_s[-1] + use.width_s)
    yaxis = value_axis(range=[0, top], tickvals=ticks, ticktext=[_cpu_tick(tick) for tick in ticks])
    figure_layout = layout(time_axis(float(use.start_s[0]), last_s), yaxis)
    _frame(figure_layout, scene, float(use.start_s[0]), last_s)
    data = []
    if use.throttled is not None:
        data.append(_throttle_marks(use, top))
    data.append(line(numbers(middle), numbers(use.used_millicores, 1), "token:p99", 1.75))
    figure_layout["shapes"].append(level_line(limit))
    figure_layout["annotations"] += [
        level_label(f"limit {formatting.cpu(limit)}{_not_enforced(scene)}", limit),
        end_label("used", last_s, float(use.used_millicores[-1]), bold("token:p99")),
    ]
    width = formatting.duration(use.width_s)
    return Chart(
        {"data": data, "layout": figure_layout},
        [f"{len(middle)} stretches of {width}"],
        numbers(middle),
        [_cpu_reading(use, place) for place in range(len(middle))],
    )


def _cpu_tick(tick: float) -> str:
    return "0" if tick == 0 else formatting.cpu(tick)


def _cpu_reading(use: CpuUse, place: int) -> str:
    reading = formatting.cpu(float(use.used_millicores[place]))
    if use.throttled is None or not use.throttled[place]:
        return reading
    return f"{reading}, {formatting.percent(float(use.throttled[place]))} throttled"


def _throttle_marks(use: CpuUse, top: float) -> dict:
    throttled = use.throttled > 0
    return {
        "type": "bar",
        "x": numbers((use.start_s + use.width_s / 2)[throttled]),
        "y": [round(top * 0.045, 3)] * int(throttled.sum()),
        "width": use.width_s,
        "marker": {"color": "token:throttled", "line": {"width": 0}},
        "hoverinfo": "skip",
    }


def _not_enforced(scene: Scene) -> str:
    return "" if scene.limits_enforced else ", not enforced"


def memory(use: MemoryUse, scene: Scene) -> Chart:
    """The working set and its parts against the limit; the start-up peak is marked."""
    limit = scene.memory_bytes / MIB
    working_set = use.working_set / MIB
    top = max(limit * 1.12, float(working_set.max()) * 1.06)
    ticks = linear_ticks(top)
    last_s = float(use.at_s[-1])
    yaxis = value_axis(
        range=[0, top],
        tickvals=ticks,
        ticktext=tick_labels(ticks, lambda tick: f"{tick:,g}", "MiB"),
    )
    margin = {"l": 60, "r": 76, "t": 22, "b": 28}
    figure_layout = layout(time_axis(float(use.at_s[0]), last_s), yaxis, margin=margin)
    _frame(figure_layout, scene, float(use.at_s[0]), last_s)
    data = _memory_parts(use)
    data.append(line(numbers(use.at_s), numbers(working_set, 2), "token:p99", 2))
    figure_layout["shapes"].append(level_line(limit))
    figure_layout["annotations"] += [
        level_label(f"limit {formatting.memory(scene.memory_bytes)}{_not_enforced(scene)}", limit),
        end_label(
            "working set", last_s, float(working_set[-1]), bold("token:p99"),
            narrow={**INSIDE, "yanchor": "bottom"},
        ),
    ]  # fmt: skip
    middle = float(use.anonymous[-1]) / MIB / 2 if use.anonymous is not None else 0.0
    if working_set[-1] - middle > ROOM_FOR_A_WORD * top:
        figure_layout["annotations"].append(
            end_label("anonymous", last_s, middle, {"color": "token:ink-2"}, narrow=INSIDE)
        )
    _mark_startup_peak(data, figure_layout, use)
    return Chart(
        {"data": data, "layout": figure_layout},
        [f"{len(use.at_s):,} samples shown, peaks kept"],
        numbers(use.at_s),
        [f"{value:,.0f} MiB" for value in working_set],
    )


def _memory_parts(use: MemoryUse) -> list[dict]:
    """Areas one upon another: anonymous, shared, and the rest of the working set."""
    if use.anonymous is None:
        return []
    shared = use.shared if use.shared is not None else np.zeros_like(use.anonymous)
    rest = np.maximum(use.working_set - use.anonymous - shared, 0)
    named = (
        ("anonymous", use.anonymous),
        ("shared", shared),
        ("file", rest),
    )
    return [
        line(
            numbers(use.at_s),
            numbers(part / MIB, 2),
            "rgba(0,0,0,0)",
            0,
            stackgroup="parts",
            fillcolor=f"token:memory-{name}",
        )
        for name, part in named
    ]


def _mark_startup_peak(data: list[dict], figure_layout: dict, use: MemoryUse) -> None:
    before = use.at_s < 0
    if before.sum() < 2:
        return
    place = int(np.argmax(np.where(before, use.working_set, -1)))
    x, y = float(use.at_s[place]), float(use.working_set[place]) / MIB
    marker = {"size": 7, "color": "token:card", "line": {"color": "token:ink-1", "width": 1.5}}
    data.append(
        {"type": "scatter", "mode": "markers", "x": [x], "y": [y], "marker": marker,
         "hoverinfo": "skip"}
    )  # fmt: skip
    label = f"start-up peak {y:,.0f} MiB"
    figure_layout["annotations"].append(
        text(label, x, y, xanchor="left", yanchor="bottom", xshift=7, font={"color": "token:ink-1"})
    )
