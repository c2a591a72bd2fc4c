"""Requests a second over time: due, answered well, and failed."""

from __future__ import annotations

import numpy as np

from runs import formatting
from runs.charts.parts import (
    bold,
    end_labels,
    layout,
    line,
    linear_ticks,
    numbers,
    tick_labels,
    time_axis,
    value_axis,
)
from runs.charts.request_rates import RequestRates
from runs.charts.scene import TIME, Chart, Scene, frame


def throughput(rates: RequestRates, scene: Scene, *, is_open: bool) -> Chart:
    """What was due is drawn of open loops alone: a closed one asks as it is answered."""
    last_s = float(rates.start_s[-1] + rates.width_s)
    first_s, last_s = scene.ends(0.0, last_s)
    shown = _shown(rates, is_open=is_open)
    top = max(*(float(values.max()) for values, _, _ in shown.values()), 1.0) * 1.12
    ticks = linear_ticks(top, 5)
    labels = tick_labels(ticks, lambda tick: f"{tick:g}", "/s")
    yaxis = value_axis(range=[0, top], tickvals=ticks, ticktext=labels)
    figure_layout = layout(time_axis(first_s, last_s, closer=scene.span is not None), yaxis)
    frame(figure_layout, scene, first_s, last_s)
    middle = rates.start_s + rates.width_s / 2
    data = [
        line(numbers(middle), numbers(values), colour, width, name=name)
        for name, (values, colour, width) in shown.items()
    ]
    ends = {name: float(values[-1]) for name, (values, _, _) in shown.items()}
    fonts = {name: bold(colour) for name, (_, colour, _) in shown.items()}
    figure_layout["annotations"] += end_labels(last_s, ends, [0, top], fonts)
    width = formatting.duration(rates.width_s)
    footer = f"all {rates.requests:,} requests, in {len(middle)} stretches of {width}"
    readings = [_reading(shown, place) for place in range(len(middle))]
    return Chart(
        {"data": data, "layout": figure_layout}, [footer], numbers(middle), readings,
        (TIME, "requests_per_s"),
    )  # fmt: skip


def _shown(rates: RequestRates, *, is_open: bool) -> dict[str, tuple[np.ndarray, str, float]]:
    """Values, colour and width by name; failures where there are any."""
    shown = {"due": (rates.offered, "token:p50", 1.25)} if is_open else {}
    shown["answered"] = (rates.answered, "token:p99", 2)
    if rates.failed.any():
        shown["failed"] = (rates.failed, "token:fail", 1.75)
    return shown


def _reading(shown: dict[str, tuple[np.ndarray, str, float]], place: int) -> str:
    return ", ".join(
        f"{name} {formatting.rate(float(values[place]))}/s"
        for name, (values, _, _) in shown.items()
    )
