"""What all charts are built of: the plotly layout of the house, lines with labels, ticks.

Colours are written as `token:<name>` or `token:<name>/<opacity>` after static/css/tokens.css and
filled in by the page's script, so that a chart follows the theme.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numpy as np

Figure = dict[str, list | dict]

FONT = {"family": "Inter, system-ui, sans-serif", "size": 11, "color": "token:ink-3"}
MARGIN = {"l": 52, "r": 72, "t": 22, "b": 28}
#: An axis or annotation may say what it changes on a narrow screen, under this key.
NARROW = "narrow"


def axis(**options: object) -> dict:
    """An axis without a grid, ticks outside; nothing can be dragged (pages scroll by touch)."""
    return {
        "fixedrange": True,
        "showgrid": False,
        "zeroline": False,
        "linecolor": "token:line",
        "linewidth": 1,
        "tickcolor": "token:line",
        "ticks": "",
        "ticklen": 4,
        "automargin": False,
        **options,
    }


def value_axis(**options: object) -> dict:
    """A vertical axis: horizontal grid only."""
    return axis(showgrid=True, gridcolor="token:line-soft", showline=False, **options)


def layout(xaxis: dict, yaxis: dict, **options: object) -> dict:
    return {
        "font": FONT,
        "margin": MARGIN,
        "paper_bgcolor": "rgba(0,0,0,0)",
        "plot_bgcolor": "rgba(0,0,0,0)",
        "showlegend": False,
        "hovermode": False,
        "dragmode": False,
        "xaxis": xaxis,
        "yaxis": yaxis,
        "shapes": [],
        "annotations": [],
        **options,
    }


def split_narrow(figure_layout: dict) -> tuple[dict, dict]:
    """The layout as plotly knows it, and what changes in it on a narrow screen."""
    wide, narrow = dict(figure_layout), {}
    for name, part in figure_layout.items():
        if isinstance(part, dict) and NARROW in part:
            wide[name] = {key: value for key, value in part.items() if key != NARROW}
            narrow[name] = part[NARROW]
    wide["annotations"], narrow["annotations"] = [], {}
    for place, annotation in enumerate(figure_layout["annotations"]):
        wide["annotations"].append({k: v for k, v in annotation.items() if k != NARROW})
        if NARROW in annotation:
            narrow["annotations"][place] = annotation[NARROW]
    return wide, narrow


def numbers(values: np.ndarray | Sequence[float], digits: int = 3) -> list[float | None]:
    """Rounded for the wire; NaN (a gap) becomes null, which JSON has and NaN it has not."""
    return [None if math.isnan(value) else round(float(value), digits) for value in values]


def line(x: list, y: list, colour: str, width: float, **options: object) -> dict:
    return {
        "type": "scatter",
        "mode": "lines",
        "x": x,
        "y": y,
        "line": {"color": colour, "width": width, **options.pop("line", {})},
        "hoverinfo": "skip",
        **options,
    }


def text(content: str, x: object, y: object, **options: object) -> dict:
    """An annotation without an arrow. On a log axis `y` is the logarithm (as plotly wants it)."""
    options = {"font": {"color": "token:ink-3", "size": 11, **options.pop("font", {})}, **options}
    return {"text": content, "x": x, "y": y, "showarrow": False, **options}


def bold(colour: str = "token:ink-1") -> dict:
    return {"color": colour, "weight": 600}


def level_line(y: float, axis_name: str = "y", dash: str = "5px,3px") -> dict:
    """A limit or objective across the whole plot."""
    return {
        "type": "line",
        "xref": "paper",
        "x0": 0,
        "x1": 1,
        "yref": axis_name,
        "y0": y,
        "y1": y,
        "line": {"color": "token:ink-1", "width": 1.25, "dash": dash},
    }


def level_label(content: str, y: float) -> dict:
    """The name of a level line, above its right end. On a log axis `y` is the logarithm."""
    place = {"xref": "paper", "yref": "y", "xanchor": "right", "yanchor": "bottom"}
    return text(content, 1, y, font=bold(), bgcolor="token:card/0.8", borderpad=0, **place)


def end_label(content: str, x: float, y: float, font: dict, **options: object) -> dict:
    """The name of a series at the end of its line. On a log axis `y` is the logarithm."""
    place = {"xanchor": "left", "yanchor": "middle", "xshift": 6}
    return text(content, x, y, font=font, **place, **options)


#: The least distance of two labels one above the other, as a share of a plot's height.
LABEL_GAP = 0.06


def log_end_labels(
    x: float, ends: dict[str, float], log_span: list[float], fonts: dict[str, dict]
) -> list[dict]:
    """`end_labels` on a log axis; `ends` are the lines' last values by name."""
    places = {name: math.log10(max(value, 1e-3)) for name, value in ends.items()}
    return end_labels(x, places, log_span, fonts)


def end_labels(
    x: float, ends: dict[str, float], span: list[float], fonts: dict[str, dict]
) -> list[dict]:
    """Names at the ends of lines, moved apart where the lines end close together.

    `ends` are places on the axis by name, logarithms on a log axis, and `span` its range.
    """
    low, high = span
    gap = LABEL_GAP * (high - low)
    names = sorted(ends, key=ends.get)
    places, below = [], -math.inf
    for name in names:
        below = max(ends[name], below + gap)
        places.append(below)
    # What was pushed out at the top comes back in, and pushes the others down.
    above = high + gap / 2
    for place in reversed(range(len(places))):
        places[place] = above = min(places[place], above - gap)
    quiet = {"color": "token:ink-2"}
    return [
        end_label(name, x, at, fonts.get(name, quiet))
        for name, at in zip(names, places, strict=True)
    ]


def shade(x0: float, x1: float) -> dict:
    return {
        "type": "rect",
        "xref": "x",
        "x0": x0,
        "x1": x1,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "fillcolor": "token:shade",
        "line": {"width": 0},
        "layer": "below",
    }


def upright(x: float) -> dict:
    """Where one phase ends and the next begins."""
    return {
        "type": "line",
        "xref": "x",
        "x0": x,
        "x1": x,
        "yref": "paper",
        "y0": 0,
        "y1": 1,
        "line": {"color": "token:line", "width": 1},
        "layer": "below",
    }


def nice_step(span: float, most: int) -> float:
    """The step of 1, 2 or 5 times a power of ten that cuts `span` into at most `most` parts."""
    if span <= 0:
        return 1.0
    power = 10 ** math.floor(math.log10(span / most))
    return next(s * power for s in (1, 2, 5, 10) if span / (s * power) <= most)


def linear_ticks(top: float, most: int = 6) -> list[float]:
    step = nice_step(top, most)
    return [round(step * i, 6) for i in range(int(top / step + 1e-9) + 1)]


def log_ticks(low: float, high: float) -> list[float]:
    """1, 2, 5 of each decade; only 1 when there are more than three decades."""
    steps = (1, 2, 5) if math.log10(high / low) <= 2.6 else (1,)
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    ticks = [step * 10.0**decade for decade in decades for step in steps]
    return [tick for tick in ticks if low <= tick <= high]


def tick_labels(ticks: list[float], label: Callable[[float], str], unit: str) -> list[str]:
    """The unit stands at the highest tick only."""
    return [label(tick) + (f" {unit}" if tick == ticks[-1] else "") for tick in ticks]


def log_range(low: float, high: float) -> list[float]:
    """A plotly range of a log axis: logarithms."""
    return [math.log10(low), math.log10(high)]


def time_axis(first_s: float, last_s: float, *, closer: bool = False) -> dict:
    """Seconds from the start of the measured time; the unit at the last tick.

    What is before zero has no ticks, unless a part of the time is looked at closer.
    """
    begin_s = first_s if closer else max(first_s, 0.0)
    step = nice_step(max(last_s - begin_s, 1e-3), 6)
    # The last request comes a little before the end: its tick belongs there all the same.
    end = last_s / step + (0 if closer else 0.05)
    ticks = [round(step * i, 6) for i in range(math.ceil(begin_s / step), math.floor(end) + 1)]
    return axis(
        range=[first_s, last_s if closer else max([last_s, *ticks[-1:]])],
        tickvals=ticks,
        ticktext=tick_labels(ticks, lambda tick: f"{tick:g}", "s"),
        ticks="outside",
        showline=True,
    )
