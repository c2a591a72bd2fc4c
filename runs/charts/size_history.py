"""A model's sizes over time: a step line of what its tags asked for, marks for what was advised."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from runs import formatting
from runs.charts.parts import axis, bold, end_label, layout, line, linear_ticks, value_axis
from runs.charts.scene import Chart
from runs.size_history import SizeStep

#: What is drawn, by the chart's name: of a step its value, in words, and as the axis counts it.
#: The words are short enough for a phone; the chart's title says that memory is in MiB.
VALUES = {
    "cpu": (lambda step: step.cpu_millicores, formatting.cpu, 1.0),
    "memory": (lambda step: step.memory_bytes, formatting.mebibytes, float(1 << 20)),
}
MARGIN = {"l": 52, "r": 52, "t": 12, "b": 40}
#: The marks of a single moment do not stand at the edge.
LEAST_SPAN = timedelta(minutes=2)
HEADROOM = 1.15


def draw(steps: Sequence[SizeStep], name: str, version: int, now: datetime) -> Chart | None:
    """The chart `name`, the line of `version` the strongest; None where there is nothing."""
    value, write, unit = VALUES[name]
    drawn = [step for step in steps if value(step)]
    if not drawn:
        return None
    top = max(value(step) for step in drawn) / unit * HEADROOM
    ticks = linear_ticks(top, 5)
    labels = [write(tick * unit) if tick else "0" for tick in ticks]
    yaxis = value_axis(range=[0, top], tickvals=ticks, ticktext=labels)
    figure_layout = layout(_dates(drawn[0].at, now), yaxis, margin=MARGIN)
    data = []
    for one in sorted({step.version for step in steps}, key=lambda one: (one == version, one)):
        applied = [step for step in steps if step.applied and step.version == one]
        if any(value(step) for step in applied):
            strong = one == version
            data.append(_line(applied, value, unit, now, strong))
            figure_layout["annotations"] += _end(applied[-1], value, write, unit, now, strong)
    for standing in ("verified", "provisional"):
        advised = [step for step in drawn if not step.applied and step.standing == standing]
        data.append(_marks(advised, value, unit))
    changes = sum(step.applied for step in drawn)
    footer = [f"{changes} in the tags, {len(drawn) - changes} advised", "times in UTC"]
    return Chart({"data": data, "layout": figure_layout}, footer, [], [])


def _dates(first: datetime, now: datetime) -> dict:
    span = max(now - first, LEAST_SPAN)
    ends = [_written(now - span * 1.04), _written(now + span * 0.01)]
    return axis(type="date", range=ends, nticks=6, showline=True, ticks="outside")


def _written(at: datetime) -> str:
    return at.strftime("%Y-%m-%dT%H:%M:%S")


def _line(applied: Sequence[SizeStep], value, unit: float, now: datetime, strong: bool) -> dict:
    """Drawn on to now; interrupted where the tags named no size."""
    at = [*(step.at for step in applied), now]
    values = [*(value(step) for step in applied), value(applied[-1])]
    return line(
        [_written(one) for one in at],
        [None if one is None else one / unit for one in values],
        "token:p99" if strong else "token:p50",
        2.5 if strong else 1.25,
        line={"shape": "hv"},
        connectgaps=False,
    )


def _end(last: SizeStep, value, write, unit: float, now: datetime, strong: bool) -> list[dict]:
    """What the tags ask for now, at the end of its line; nothing where they ask for nothing."""
    if value(last) is None:
        return []
    font = bold("token:p99") if strong else {"color": "token:ink-2"}
    return [end_label(write(value(last)), _written(now), value(last) / unit, font)]


def _marks(advised: Sequence[SizeStep], value, unit: float) -> dict:
    """Filled where the advice was verified, hollow where it was provisional."""
    hollow = bool(advised) and advised[0].standing != "verified"
    return {
        "type": "scatter",
        "mode": "markers",
        "x": [_written(step.at) for step in advised],
        "y": [value(step) / unit for step in advised],
        "marker": {
            "size": 9,
            "symbol": "circle-open" if hollow else "circle",
            "color": "token:pass",
            "line": {"width": 1.5, "color": "token:pass"},
        },
        "hoverinfo": "skip",
    }
