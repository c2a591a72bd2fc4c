"""Latency against the size of the body: every request (thinned), and p50 and p95 along the way."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from profiler.measuring.statistics import nearest_rank
from profiler.samples import Columns
from runs import formatting
from runs.charts.latency import FAILED_POINTS, POINTS, latency_axis
from runs.charts.parts import (
    axis,
    bold,
    layout,
    level_label,
    level_line,
    line,
    log_end_labels,
    log_range,
    numbers,
)
from runs.charts.scene import Chart, Scene, shown_words
from runs.charts.series import Latencies, thinned

#: Up to so many different sizes each has its own point on the lines; more are taken together, from
#: a power of two to the next.
MOST_SIZES = 12
#: Fewer requests than this have no p95 worth drawing.
LEAST_REQUESTS = 20
#: So few requests are drawn larger.
FEW = 300
#: Fewer ticks than the first leave an axis bare, more than the second run into each other.
FEW_TICKS, MOST_TICKS = 4, 7


@dataclass(frozen=True)
class SizedLatencies:
    """Latencies in ms with their bodies' sizes in bytes, smallest body first."""

    body_bytes: np.ndarray
    latency_ms: np.ndarray
    failed: np.ndarray


def sized(values: Latencies, facts: Columns) -> SizedLatencies:
    """Latencies with their rows, and the run's series "rows"."""
    size = np.zeros(int(facts["row"].max()) + 1, dtype="i8")
    size[facts["row"]] = facts["body_bytes"]
    # An empty body has its place on a logarithmic axis too.
    body_bytes = np.maximum(size[values.row], 1)
    order = np.argsort(body_bytes, kind="stable")
    return SizedLatencies(body_bytes[order], values.latency_ms[order], values.failed[order])


def payload(values: SizedLatencies, scene: Scene) -> Chart:
    """Both axes logarithmic; failed requests as crosses; the objective inside the range."""
    answered = ~values.failed
    x, y = thinned(values.body_bytes[answered], values.latency_ms[answered], POINTS)
    xaxis = _size_axis(values.body_bytes)
    figure_layout = layout(xaxis, latency_axis(values.latency_ms, scene.bound_ms))
    dot = {"color": "token:p95/0.45", "size": 3 if len(x) > FEW else 5}
    data = [_markers(x, y, dot, "request")]
    if values.failed.any():
        cross = {"color": "token:fail", "size": 6, "symbol": "x-thin-open", "line": {"width": 1.5}}
        failed = thinned(
            values.body_bytes[values.failed], values.latency_ms[values.failed], FAILED_POINTS
        )
        data.append(_markers(failed[0], np.maximum(failed[1], 1e-3), cross, "failed request"))
    sizes, p50, p95 = _levels(values.body_bytes[answered], values.latency_ms[answered])
    if len(sizes) > 1:
        data += [
            _level(sizes, p95, "token:p99", 2, "p95"),
            _level(sizes, p50, "token:p50", 1.5, "p50"),
        ]
        figure_layout["annotations"] += log_end_labels(
            xaxis["range"][1],
            {"p95": float(p95[-1]), "p50": float(p50[-1])},
            figure_layout["yaxis"]["range"],
            {"p95": bold("token:p99")},
        )
    if scene.bound_ms is not None:
        figure_layout["shapes"].append(level_line(scene.bound_ms))
        figure_layout["annotations"].append(
            level_label(scene.bound_label, math.log10(scene.bound_ms))
        )
    footer = [shown_words(len(x), int(answered.sum()), "requests"), "both axes logarithmic"]
    units = ("body_bytes", "latency_ms")
    return Chart({"data": data, "layout": figure_layout}, footer, [], [], units)


def _markers(x: np.ndarray, y: np.ndarray, marker: dict, name: str) -> dict:
    return {
        "name": name,
        "type": "scatter", "mode": "markers", "x": numbers(x), "y": numbers(y), "marker": marker,
        "hoverinfo": "skip",
    }  # fmt: skip


def _level(sizes: np.ndarray, levels: np.ndarray, colour: str, width: float, name: str) -> dict:
    marks = {"mode": "lines+markers", "marker": {"color": colour, "size": 5}, "name": name}
    return line(numbers(sizes), numbers(levels), colour, width, **marks)


def _levels(
    body_bytes: np.ndarray, latency_ms: np.ndarray
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Median size, p50 and p95 of each group of sizes with enough requests."""
    different = np.unique(body_bytes)
    group = (
        np.searchsorted(different, body_bytes)
        if len(different) <= MOST_SIZES
        else np.floor(np.log2(body_bytes)).astype(int)
    )
    found = [
        (nearest_rank(body_bytes[mine], 50), nearest_rank(latency_ms[mine], 50),
         nearest_rank(latency_ms[mine], 95))
        for mine in (group == number for number in np.unique(group))
        if mine.sum() >= LEAST_REQUESTS
    ]  # fmt: skip
    sizes, p50, p95 = np.array(found).T if found else np.empty((3, 0))
    return sizes, p50, p95


def _size_axis(body_bytes: np.ndarray) -> dict:
    """From a little under the smallest to a little over the largest; at least a doubling."""
    low, high = float(body_bytes.min()), float(body_bytes.max())
    room = max(math.sqrt(2 * low / high), (high / low) ** 0.04)
    low, high = low / room, high * room
    ticks = _size_ticks(low, high)
    return axis(
        type="log",
        range=log_range(low, high),
        tickvals=ticks,
        ticktext=[formatting.file_size(tick).replace(".0", "") for tick in ticks],
        ticks="outside",
        showline=True,
    )


def _size_ticks(low: float, high: float) -> list[int]:
    """Powers of two, as many of them as there is room for; with one between where they are few."""
    powers = range(math.ceil(math.log2(low)), math.floor(math.log2(high)) + 1)
    step = next(step for step in (1, 2, 5, 10) if len(powers) <= step * MOST_TICKS)
    ticks = [1 << max(power, 0) for power in powers if power % step == 0]
    if len(ticks) < FEW_TICKS:
        between = (3 << (power - 1) for power in range(1, 40))
        ticks = sorted({*ticks, *(tick for tick in between if low <= tick <= high)})
    return ticks
