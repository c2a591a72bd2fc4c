"""Several runs in one chart: on elapsed time, or against cpu, each in a colour of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from runs import formatting
from runs.charts.latency import latency_axis
from runs.charts.parts import (
    axis,
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
from runs.charts.scene import Chart

#: Marker shapes in the order of the run's marks on the page (static/css/compare.css).
SHAPES = ("circle", "square", "diamond", "cross", "triangle-up", "triangle-down", "star", "hexagon")
#: Room between the highest value and the edge of the plot.
HEADROOM = 1.08


@dataclass(frozen=True)
class Trace:
    """A run's values: `place` is its position among the runs compared, from 1, the base first."""

    place: int
    x: np.ndarray
    y: np.ndarray

    @property
    def colour(self) -> str:
        return f"token:run-{self.place}"


def over_time(
    traces: Sequence[Trace], write: Callable[[float], str], *, logarithmic: bool = False
) -> Chart:
    """Lines over seconds since each run's measured time began."""
    last_s = max(float(trace.x[-1]) for trace in traces)
    values = np.concatenate([trace.y[~np.isnan(trace.y)] for trace in traces])
    yaxis = latency_axis(values, None) if logarithmic else _linear_axis(values, write)
    figure_layout = layout(time_axis(0.0, max(last_s, 1.0)), yaxis, margin=_margin())
    data = [
        line(numbers(trace.x), numbers(trace.y), trace.colour, 2.5 if trace.place == 1 else 1.5)
        for trace in traces
    ]
    at_s = max((trace.x for trace in traces), key=len)
    readings = [_reading(traces, second, write) for second in at_s]
    return Chart({"data": data, "layout": figure_layout}, [], numbers(at_s), readings)


def _reading(traces: Sequence[Trace], second: float, write: Callable[[float], str]) -> str:
    values = []
    for trace in traces:
        place = int(np.argmin(np.abs(trace.x - second)))
        value = trace.y[place]
        values.append("no answers" if math.isnan(value) else write(value))
    return ", ".join(values)


def against_cpu(traces: Sequence[Trace], bounds_ms: set[float]) -> Chart:
    """Latency against cpu in millicores, markers told apart by shape as well."""
    values = np.concatenate([trace.y for trace in traces])
    top = max(float(trace.x.max()) for trace in traces)
    ticks = linear_ticks(top * 1.02)
    xaxis = axis(
        range=[0, top * 1.04], tickvals=ticks, ticks="outside", showline=True,
        ticktext=["0" if tick == 0 else formatting.cpu(tick) for tick in ticks],
    )  # fmt: skip
    bound_ms = bounds_ms.pop() if len(bounds_ms) == 1 else None
    figure_layout = layout(xaxis, latency_axis(values, bound_ms), margin=_margin())
    if bound_ms is not None:
        figure_layout["shapes"].append(level_line(bound_ms))
        label = level_label(f"≤ {formatting.bound(bound_ms)} ms", math.log10(bound_ms))
        figure_layout["annotations"].append(label)
    data = [_marked(trace, "lines+markers") for trace in traces]
    return Chart({"data": data, "layout": figure_layout}, [], [], [])


def scatter(
    traces: Sequence[Trace], write_x: Callable[[float], str], write_y: Callable[[float], str]
) -> Chart:
    """A point for each measurement of each run."""
    x = np.concatenate([trace.x for trace in traces])
    y = np.concatenate([trace.y for trace in traces])
    xaxis = _linear_axis(x, write_x) | {"showgrid": False, "showline": True, "ticks": "outside"}
    figure_layout = layout(xaxis, _linear_axis(y, write_y), margin=_margin())
    data = [_marked(trace, "markers") for trace in traces]
    return Chart({"data": data, "layout": figure_layout}, [], [], [])


def _marked(trace: Trace, mode: str) -> dict:
    marker = {"color": trace.colour, "size": 9, "symbol": SHAPES[trace.place - 1]}
    width = 2.5 if trace.place == 1 else 1.5
    return {
        **line(numbers(trace.x), numbers(trace.y), trace.colour, width),
        "mode": mode,
        "marker": marker,
    }


def _linear_axis(values: np.ndarray, write: Callable[[float], str]) -> dict:
    top = float(values.max()) * HEADROOM if len(values) and values.max() > 0 else 1.0
    ticks = linear_ticks(top, 5)
    return value_axis(
        range=[0, top], tickvals=ticks, ticktext=tick_labels(ticks, lambda t: write(t), "")
    )


def _margin() -> dict:
    return {"l": 64, "r": 16, "t": 12, "b": 28}
