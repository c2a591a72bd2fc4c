"""Several runs in one chart: on elapsed time, or against cpu, each in a colour of its own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from runs import formatting
from runs.charts import marks
from runs.charts.latency import latency_axis
from runs.charts.marks import Marks
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
from runs.charts.scene import TIME, Chart, above
from runs.charts.span import Span

#: Marker shapes in the order of the run's marks on the page (static/css/compare.css).
SHAPES = ("circle", "square", "diamond", "cross", "triangle-up", "triangle-down", "star", "hexagon")
#: Room between the highest value and the edge of the plot.
HEADROOM = 1.08


@dataclass(frozen=True)
class Trace:
    """A run's values: `place` is its position among the runs compared, from 1, the base first."""

    place: int
    name: str
    x: np.ndarray
    y: np.ndarray

    @property
    def colour(self) -> str:
        return f"token:run-{self.place}"


@dataclass(frozen=True)
class TimeTrace(Trace):
    """Values over seconds since the run's measured time began, with what is marked of it.

    `limit` is what the values are held against, in their unit; `caption` what was measured;
    `behind` how many requests or samples the values were made from.
    """

    caption: str
    limit: float | None
    behind: int
    marks: Marks


@dataclass(frozen=True)
class Quantity:
    """What a chart over time draws: `what` is counted behind it, `unit` the name in a file."""

    write: Callable[[float], str]
    limit_words: str
    what: str
    unit: str
    logarithmic: bool = False


def over_time(traces: Sequence[TimeTrace], quantity: Quantity, span: Span | None) -> Chart:
    """Lines over seconds since each run's measured time began."""
    first_s, last_s = 0.0, max(*(float(trace.x[-1]) for trace in traces), 1.0)
    if span is not None:
        first_s, last_s = span.from_s, span.to_s
    figure_layout = layout(
        time_axis(first_s, last_s, closer=span is not None),
        _value_axis(traces, quantity),
        margin=_margin() | {"t": 22},
    )
    data = [
        line(numbers(trace.x), numbers(trace.y), trace.colour, 2.5 if trace.place == 1 else 1.5,
             name=trace.name)
        for trace in traces
    ]  # fmt: skip
    _draw_limits(traces, quantity, figure_layout)
    _draw_marks(traces, figure_layout, first_s, last_s)
    at_s = max((trace.x for trace in traces), key=len)
    readings = [_reading(traces, second, quantity.write) for second in at_s]
    behind = sum(trace.behind for trace in traces)
    footer = [f"{len(at_s):,} points a line, made from {behind:,} {quantity.what}"]
    return Chart(
        {"data": data, "layout": figure_layout}, footer, numbers(at_s), readings,
        (TIME, quantity.unit),
    )  # fmt: skip


def _value_axis(traces: Sequence[TimeTrace], quantity: Quantity) -> dict:
    """A limit is always inside it."""
    values = np.concatenate([trace.y[~np.isnan(trace.y)] for trace in traces])
    limits = [trace.limit for trace in traces if trace.limit is not None]
    values = np.concatenate([values, limits])
    if quantity.logarithmic:
        return latency_axis(values, None)
    return _linear_axis(values, quantity.write)


def _draw_limits(traces: Sequence[TimeTrace], quantity: Quantity, figure_layout: dict) -> None:
    """One line where all have the same, else each in its run's colour."""
    limits = {trace.limit for trace in traces}
    shared = limits.pop() if len(limits) == 1 else None
    if shared is not None:
        at = math.log10(shared) if quantity.logarithmic else shared
        figure_layout["shapes"].append(level_line(shared))
        words = f"{quantity.limit_words} {quantity.write(shared)}"
        figure_layout["annotations"].append(level_label(words, at))
        return
    for trace in traces:
        if trace.limit is not None:
            own = level_line(trace.limit)
            own["line"] = {**own["line"], "color": trace.colour}
            figure_layout["shapes"].append(own)


def _draw_marks(
    traces: Sequence[TimeTrace], figure_layout: dict, first_s: float, last_s: float
) -> None:
    """What was measured above the plot, kills, and a strip of throttled time for each run."""
    captions = {trace.caption for trace in traces}
    words = captions.pop() if len(captions) == 1 else "the measured time of each run"
    figure_layout["annotations"].append(above(words, first_s))
    for place, trace in enumerate(traces):
        only = replace(trace.marks, void=(), oom_s=())
        marks.draw(only, figure_layout, first_s, last_s, row=place, colour=trace.colour)
        kills = Marks(oom_s=trace.marks.oom_s)
        marks.draw(kills, figure_layout, first_s, last_s, whose=f", {trace.name}")


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
    footer = [f"{sum(len(trace.x) for trace in traces)} sizes measured, all shown"]
    units = ("cpu_millicores", "latency_ms")
    return Chart({"data": data, "layout": figure_layout}, footer, [], [], units)


def scatter(
    traces: Sequence[Trace],
    write_x: Callable[[float], str],
    write_y: Callable[[float], str],
    units: tuple[str, str],
) -> Chart:
    """A point for each measurement of each run."""
    x = np.concatenate([trace.x for trace in traces])
    y = np.concatenate([trace.y for trace in traces])
    xaxis = _linear_axis(x, write_x) | {"showgrid": False, "showline": True, "ticks": "outside"}
    figure_layout = layout(xaxis, _linear_axis(y, write_y), margin=_margin())
    data = [_marked(trace, "markers") for trace in traces]
    footer = [f"{len(x)} measurements, all shown"]
    return Chart({"data": data, "layout": figure_layout}, footer, [], [], units)


def _marked(trace: Trace, mode: str) -> dict:
    marker = {"color": trace.colour, "size": 9, "symbol": SHAPES[trace.place - 1]}
    width = 2.5 if trace.place == 1 else 1.5
    return {
        **line(numbers(trace.x), numbers(trace.y), trace.colour, width),
        "mode": mode,
        "marker": marker,
        "name": trace.name,
    }


def _linear_axis(values: np.ndarray, write: Callable[[float], str]) -> dict:
    top = float(values.max()) * HEADROOM if len(values) and values.max() > 0 else 1.0
    ticks = linear_ticks(top, 5)
    return value_axis(
        range=[0, top], tickvals=ticks, ticktext=tick_labels(ticks, lambda t: write(t), "")
    )


def _margin() -> dict:
    return {"l": 64, "r": 16, "t": 12, "b": 28}
