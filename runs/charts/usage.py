"""CPU and memory over time, against their limits."""

from __future__ import annotations

import numpy as np

from profiler.units import MIB
from runs import formatting
from runs.charts.marks import ROOM_FOR_A_WORD
from runs.charts.parts import (
    bold,
    end_label,
    layout,
    level_label,
    level_line,
    line,
    linear_ticks,
    numbers,
    text,
    tick_labels,
    time_axis,
    value_axis,
)
from runs.charts.scene import INSIDE, TIME, Chart, Scene, frame, shown_words
from runs.charts.series import CpuUse, MemoryUse

#: A limit this many times what was used at most is named above the chart.
FAR_ABOVE = 10


def cpu(use: CpuUse, scene: Scene) -> Chart:
    """CPU used against the limit; amber marks where CFS periods were throttled."""
    limit, most = scene.cpu_millicores, float(use.used_millicores.max())
    top = _top(limit, most)
    ticks = linear_ticks(top)
    middle = use.start_s + use.width_s / 2
    first_s, last_s = scene.ends(float(use.start_s[0]), float(use.start_s[-1] + use.width_s))
    yaxis = value_axis(range=[0, top], tickvals=ticks, ticktext=[_cpu_tick(tick) for tick in ticks])
    figure_layout = layout(time_axis(first_s, last_s, closer=scene.span is not None), yaxis)
    frame(figure_layout, scene, first_s, last_s)
    used = numbers(use.used_millicores, 1)
    data = [line(numbers(middle), used, "token:p99", 1.75, name="CPU used, millicores")]
    if use.throttled is not None:
        data.append(_throttled(middle, use.throttled))
    _draw_limit(figure_layout, f"limit {formatting.cpu(limit)}{_not_enforced(scene)}", limit)
    figure_layout["annotations"].append(
        end_label("used", last_s, float(use.used_millicores[-1]), bold("token:p99"))
    )
    width = formatting.duration(use.width_s)
    return Chart(
        {"data": data, "layout": figure_layout},
        [f"all {use.samples:,} samples, in {len(middle)} stretches of {width}"],
        numbers(middle),
        [_cpu_reading(use, place) for place in range(len(middle))],
        (TIME, "value"),
    )


def _top(limit: float, most: float) -> float:
    """Where the axis ends: above the limit, unless that would press what was used to the ground."""
    if limit > FAR_ABOVE * most > 0:
        return most * 1.25
    return max(limit * 1.12, most * 1.06)


def _draw_limit(figure_layout: dict, words: str, limit: float) -> None:
    """A line, or only its words where the axis ends below it."""
    top = figure_layout["yaxis"]["range"][1]
    if limit <= top:
        figure_layout["shapes"].append(level_line(limit))
        figure_layout["annotations"].append(level_label(words, limit))
        return
    label = level_label(f"{words}, above this chart", top)
    figure_layout["annotations"].append({**label, "yanchor": "top"})


def _cpu_tick(tick: float) -> str:
    return "0" if tick == 0 else formatting.cpu(tick)


def _cpu_reading(use: CpuUse, place: int) -> str:
    reading = formatting.cpu(float(use.used_millicores[place]))
    if use.throttled is None or not use.throttled[place]:
        return reading
    return f"{reading}, {formatting.percent(float(use.throttled[place]))} throttled"


def _throttled(middle: np.ndarray, shares: np.ndarray) -> dict:
    """For the file alone: in the chart it is the strip that all charts over time have."""
    hidden = {"visible": False, "name": "share of periods throttled"}
    return line(numbers(middle), numbers(shares, 4), "token:throttled", 0, **hidden)


def _not_enforced(scene: Scene) -> str:
    return "" if scene.limits_enforced else ", not enforced"


def memory(use: MemoryUse, scene: Scene) -> Chart:
    """What is in use and its parts against the limit; the start-up peak is marked."""
    limit = scene.memory_bytes / MIB
    in_use = use.in_use / MIB
    top = _top(limit, float(in_use.max()))
    ticks = linear_ticks(top)
    first_s, last_s = scene.ends(float(use.at_s[0]), float(use.at_s[-1]))
    yaxis = value_axis(
        range=[0, top],
        tickvals=ticks,
        ticktext=tick_labels(ticks, lambda tick: f"{tick:,g}", "MiB"),
    )
    margin = {"l": 60, "r": 76, "t": 22, "b": 28}
    xaxis = time_axis(first_s, last_s, closer=scene.span is not None)
    figure_layout = layout(xaxis, yaxis, margin=margin)
    frame(figure_layout, scene, first_s, last_s)
    data = _memory_parts(use)
    name = "in use"
    data.append(line(numbers(use.at_s), numbers(in_use, 2), "token:p99", 2, name=name))
    words = f"limit {formatting.memory(scene.memory_bytes)}{_not_enforced(scene)}"
    _draw_limit(figure_layout, words, limit)
    figure_layout["annotations"].append(
        end_label(
            "in use", last_s, float(in_use[-1]), bold("token:p99"),
            narrow={**INSIDE, "yanchor": "bottom"},
        )
    )  # fmt: skip
    middle = float(use.anonymous[-1]) / MIB / 2 if use.anonymous is not None else 0.0
    if in_use[-1] - middle > ROOM_FOR_A_WORD * top:
        figure_layout["annotations"].append(
            end_label("anonymous", last_s, middle, {"color": "token:ink-2"}, narrow=INSIDE)
        )
    _mark_startup_peak(data, figure_layout, use)
    return Chart(
        {"data": data, "layout": figure_layout},
        [shown_words(len(use.at_s), use.samples, "samples")],
        numbers(use.at_s),
        [f"{value:,.0f} MiB" for value in in_use],
        (TIME, "memory_mib"),
    )


def _memory_parts(use: MemoryUse) -> list[dict]:
    """Areas one upon another: anonymous, shared, and files, with what is the kernel's."""
    if use.anonymous is None:
        return []
    shared = use.shared if use.shared is not None else np.zeros_like(use.anonymous)
    rest = np.maximum(use.in_use - use.anonymous - shared, 0)
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
            name=name,
            stackgroup="parts",
            fillcolor=f"token:memory-{name}",
        )
        for name, part in named
    ]


def _mark_startup_peak(data: list[dict], figure_layout: dict, use: MemoryUse) -> None:
    before = use.at_s < 0
    if before.sum() < 2:
        return
    place = int(np.argmax(np.where(before, use.in_use, -1)))
    x, y = float(use.at_s[place]), float(use.in_use[place]) / MIB
    marker = {"size": 7, "color": "token:card", "line": {"color": "token:ink-1", "width": 1.5}}
    data.append(
        {"type": "scatter", "mode": "markers", "x": [x], "y": [y], "marker": marker,
         "hoverinfo": "skip"}
    )  # fmt: skip
    label = f"start-up peak {y:,.0f} MiB"
    figure_layout["annotations"].append(
        text(label, x, y, xanchor="left", yanchor="bottom", xshift=7, font={"color": "token:ink-1"})
    )
