"""Time to ready against cpu: what was measured, and what the model says of the other sizes.

Sizes stand at equal steps of the search's grid, as on the sizing curve.
"""

from __future__ import annotations

from profiler.sizing.startup import StartModel
from runs import formatting
from runs.charts.parts import (
    bold,
    layout,
    line,
    linear_ticks,
    numbers,
    text,
    tick_labels,
    value_axis,
)
from runs.charts.scene import Chart

#: More sizes than this and only every other one is labelled, and so on.
LABELLED_SIZES = 6


def draw(startup: dict) -> Chart:
    """A line through the model's sizes, filled marks where a start was measured."""
    points = startup["points"]
    sizes = sorted({point["cpu_millicores"] for point in points})
    top = max(point["seconds"] for point in points) * 1.12
    ticks = linear_ticks(top, 5)
    yaxis = value_axis(
        range=[0, top], tickvals=ticks, ticktext=tick_labels(ticks, lambda tick: f"{tick:g}", "s")
    )
    figure_layout = layout(_size_axis(sizes), yaxis)
    figure_layout["annotations"] += [
        text(
            formatting.duration(point["seconds"]), place, point["seconds"],
            font=bold(), xanchor="left", yanchor="bottom", xshift=5, yshift=2,
        )
        for point in points
        if point["measured"] for place in [sizes.index(point["cpu_millicores"])]
    ]  # fmt: skip
    data = [*_model_line(startup["model"], sizes), _measured_marks(points, sizes, startup)]
    measured = sum(point["measured"] for point in points)
    footer = [f"{measured} start{'' if measured == 1 else 's'} measured"]
    columns = ["cpu_millicores", "seconds", "measured"]
    table = [columns, *([point[name] for name in columns] for point in points)]
    return Chart({"data": data, "layout": figure_layout}, footer, [], [], table=table)


def _size_axis(sizes: list[int]) -> dict:
    step = -(-len(sizes) // LABELLED_SIZES)
    # From the largest down, which is always labelled.
    shown = [place for place in range(len(sizes)) if (len(sizes) - 1 - place) % step == 0]
    axis = value_axis(range=[-0.45, len(sizes) - 0.55], ticks="outside")
    return axis | {
        "showgrid": False,
        "showline": True,
        "tickvals": shown,
        "ticktext": [formatting.cpu(sizes[place]) for place in shown],
    }


def _model_line(model: dict | None, sizes: list[int]) -> list[dict]:
    """What the model says of every size, measured ones too; nothing without one."""
    if model is None:
        return []
    seconds = [StartModel(**model).seconds(size) for size in sizes]
    return [line(list(range(len(sizes))), numbers(seconds), "token:p50", 1.25)]


def _measured_marks(points: list[dict], sizes: list[int], startup: dict) -> dict:
    """The advised size in the accent colour."""
    measured = [point for point in points if point["measured"]]
    advised = startup["advised_millicores"]
    colours = [
        "token:accent" if point["cpu_millicores"] == advised else "token:p99" for point in measured
    ]
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [sizes.index(point["cpu_millicores"]) for point in measured],
        "y": numbers([point["seconds"] for point in measured]),
        "marker": {"size": 9, "color": colours},
        "hoverinfo": "skip",
    }
