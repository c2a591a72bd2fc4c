"""What a service's GPUs did over time: busy, memory against what there is, power."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from profiler.units import GIB
from runs import formatting
from runs.charts.parts import (
    LABEL_GAP,
    bold,
    end_label,
    layout,
    level_label,
    level_line,
    line,
    linear_ticks,
    numbers,
    tick_labels,
    time_axis,
    value_axis,
)
from runs.charts.scene import TIME, Chart, Scene, frame, shown_words
from runs.charts.series import GpuTrace

#: The colours of several GPUs in turn; of one GPU the first is its own, the second what is beside.
COLOURS = ("token:p99", "token:p50", "token:p95", "token:throttled")
MARGIN = {"l": 60, "r": 76, "t": 22, "b": 28}


def utilisation(
    busy: Sequence[GpuTrace], memory: Sequence[GpuTrace], throttled_s: np.ndarray, scene: Scene
) -> Chart:
    """Share of the time a kernel ran; of one GPU also that its memory was at work.

    Amber marks where heat or power held the clocks down.
    """
    lines = _named(busy, "busy")
    if len(busy) == 1 and memory:
        lines["mem"] = memory[0]
    ticks = [0, 25, 50, 75, 100]
    labels = tick_labels(ticks, lambda tick: f"{tick:g}", "%")
    chart = _chart(lines, scene, 106, ticks, labels, lambda value: f"{value:.0f} %", "percent")
    if len(throttled_s):
        chart.figure["data"].insert(0, _throttle_marks(throttled_s))
    return chart


def memory(
    used: Sequence[GpuTrace], own: Sequence[GpuTrace], total_bytes: int | None, scene: Scene
) -> Chart:
    """The service's own memory where it is known, else all in use, against what there is."""
    lines = _named(_in(own or used, GIB), "own" if own else "used")
    if len(own) == 1 and used:
        lines["all"] = _in(used, GIB)[0]
    highest = max(float(trace.values.max()) for trace in lines.values())
    top = max((total_bytes or 0) / GIB * 1.12, highest * 1.06, 0.1)
    ticks = linear_ticks(top)
    labels = tick_labels(ticks, lambda tick: f"{tick:g}", "GiB")
    chart = _chart(lines, scene, top, ticks, labels, lambda value: f"{value:.2f} GiB", "memory_gib")
    if total_bytes:
        figure_layout = chart.figure["layout"]
        figure_layout["shapes"].append(level_line(total_bytes / GIB))
        figure_layout["annotations"].append(
            level_label(f"GPU has {total_bytes / GIB:.3g} GiB", total_bytes / GIB)
        )
    return chart


def power(drawn: Sequence[GpuTrace], scene: Scene) -> Chart:
    """What each GPU's board draws."""
    lines = _named(_in(drawn, 1000), "power")
    top = max(max(float(trace.values.max()) for trace in lines.values()) * 1.12, 1.0)
    ticks = linear_ticks(top)
    labels = tick_labels(ticks, lambda tick: f"{tick:,g}", "W")
    return _chart(lines, scene, top, ticks, labels, formatting.power, "power_w")


def _in(traces: Sequence[GpuTrace], unit: float) -> list[GpuTrace]:
    return [replace(trace, values=trace.values / unit) for trace in traces]


def _named(traces: Sequence[GpuTrace], alone: str) -> dict[str, GpuTrace]:
    """By what is written at the line's end: of several GPUs, which it is."""
    if len(traces) == 1:
        return {alone: traces[0]}
    return {f"GPU {trace.gpu}": trace for trace in traces}


def _chart(
    lines: dict[str, GpuTrace],
    scene: Scene,
    top: float,
    ticks: list[float],
    labels: list[str],
    write: Callable[[float], str],
    unit: str,
) -> Chart:
    first = next(iter(lines.values()))
    begin_s, end_s = scene.ends(float(first.at_s[0]), float(first.at_s[-1]))
    yaxis = value_axis(range=[0, top], tickvals=ticks, ticktext=labels)
    xaxis = time_axis(begin_s, end_s, closer=scene.span is not None)
    figure_layout = layout(xaxis, yaxis, margin=MARGIN)
    frame(figure_layout, scene, begin_s, end_s)
    data = []
    for place, (name, trace) in enumerate(lines.items()):
        colour = COLOURS[place % len(COLOURS)]
        width = 1.25 if place else 2
        data.append(line(numbers(trace.at_s), numbers(trace.values, 2), colour, width, name=name))
    figure_layout["annotations"] += _end_labels(lines, end_s, top)
    return Chart(
        {"data": data, "layout": figure_layout},
        [shown_words(len(first.at_s), first.samples, "samples")],
        numbers(first.at_s),
        [_reading(lines, place, write) for place in range(len(first.at_s))],
        (TIME, unit),
    )


def _end_labels(lines: dict[str, GpuTrace], end_s: float, top: float) -> list[dict]:
    """Names where the lines end, short for narrow cards, apart where they end close together."""
    labels, lowest = [], 0.0
    for name, trace in sorted(lines.items(), key=lambda item: float(item[1].values[-1])):
        lowest = max(float(trace.values[-1]), lowest)
        colour = COLOURS[list(lines).index(name) % len(COLOURS)]
        labels.append(end_label(name, end_s, lowest, bold(colour), narrow={"xshift": 2}))
        lowest += LABEL_GAP * top
    return labels


def _reading(lines: dict[str, GpuTrace], place: int, write: Callable[[float], str]) -> str:
    """The values at one instant; GPUs are read one after another, within a millisecond or so."""
    return ", ".join(
        f"{name} {write(float(trace.values[min(place, len(trace.values) - 1)]))}"
        for name, trace in lines.items()
    )


def _throttle_marks(at_s: np.ndarray) -> dict:
    return {
        "type": "bar",
        "x": numbers(at_s),
        "y": [4.5] * len(at_s),
        "width": 0.1,
        "marker": {"color": "token:throttled", "line": {"width": 0}},
        "hoverinfo": "skip",
    }
