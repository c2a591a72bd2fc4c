"""Capacity against cpu: the highest load that keeps the objective, predicted and measured."""

from __future__ import annotations

from profiler.sizing.latency_model import LatencyModel, Point
from profiler.sizing.what_if import HighestLoad, capacity
from runs import formatting
from runs.charts.parts import (
    axis,
    bold,
    layout,
    level_line,
    line,
    linear_ticks,
    text,
    value_axis,
)
from runs.charts.scene import Chart
from runs.charts.size_points import KINDS
from runs.charts.sizes import Curve

NOT_PREDICTED = "The model predicts no {percentile}, which the objective is about."


def draw(model: LatencyModel, curve: Curve) -> dict:
    """The chart as JSON."""
    percentile = f"{curve.percentile:g}"
    if percentile not in model.percentiles or curve.bound_ms is None:
        name = formatting.percentile_name(curve.percentile)
        return {"empty": NOT_PREDICTED.format(percentile=name)}
    sizes = list(model.cpu_millicores)
    found = [capacity(model, cpu, percentile, curve.bound_ms) for cpu in sizes]
    tops = [one.high or 0.0 for one in found] + [point.load for point in model.points]
    figure_layout = layout(_cpu_axis(model), _load_axis(model, max(tops) * 1.08))
    figure_layout["margin"] = {"l": 64, "r": 24, "t": 26, "b": 40}
    data = [*_predicted(sizes, found), _measured(model.points)]
    _mark(model, curve, figure_layout)
    units = ("cpu_millicores", "requests_per_s" if model.mode == "open" else "under_way")
    return Chart({"data": data, "layout": figure_layout}, _footer(curve), [], [], units).to_json()


def _predicted(sizes: list[int], found: list[HighestLoad]) -> list[dict]:
    """The band between the pessimistic and the optimistic end, and the curve."""
    ends = {name: [getattr(one, name) or 0.0 for one in found] for name in ("low", "high", "load")}
    band = {"width": 0}
    return [
        line(sizes, ends["high"], "token:p95", 0, line=band, name="predicted, at most"),
        line(sizes, ends["low"], "token:p95", 0, line=band, fill="tonexty",
             fillcolor="token:p95/0.18", name="predicted, at least"),
        line(sizes, ends["load"], "token:p99", 2.25, name="predicted"),
    ]  # fmt: skip


def _measured(points: tuple[Point, ...]) -> dict:
    """Sizes and loads that were measured, by what came of the objective there."""
    kinds = [KINDS[point.outcome] for point in points]
    colours = [kind.colour or "token:p99" for kind in kinds]
    marker = {
        "size": 10,
        "symbol": [kind.symbol for kind in kinds],
        "color": colours,
        "line": {"color": colours, "width": 2},
    }
    sizes, loads = [p.cpu_millicores for p in points], [p.load for p in points]
    return line(sizes, loads, "token:p99", 0, mode="markers", marker=marker, name="measured")


def _cpu_axis(model: LatencyModel) -> dict:
    top = model.cpu_millicores[-1]
    ticks = [tick for tick in linear_ticks(top, 6) if tick]
    return axis(
        range=[0, top * 1.04],
        tickvals=ticks,
        ticktext=[formatting.cpu(tick) for tick in ticks],
        ticks="outside",
        showline=True,
    )


def _load_axis(model: LatencyModel, top: float) -> dict:
    unit = "requests/s" if model.mode == "open" else "under way"
    ticks = linear_ticks(top, 5)
    return value_axis(
        range=[0, max(top, ticks[-1])],
        tickvals=ticks,
        ticktext=[f"{tick:g}" for tick in ticks],
        title={"text": unit, "standoff": 4},
    )


def _mark(model: LatencyModel, curve: Curve, figure_layout: dict) -> None:
    """The load of the run across the plot, and the advised size upright."""
    load = model.points[0].load
    figure_layout["shapes"].append(level_line(load))
    name = f"{formatting.rate(load)}{' requests/s' if model.mode == 'open' else ' under way'} asked"
    place = {"xref": "paper", "xanchor": "right", "yanchor": "bottom", "xshift": -4, "yshift": 6}
    figure_layout["annotations"].append(text(name, 1, load, font=bold(), **place))
    if curve.advised_millicores:
        upright = {"color": "token:pass", "width": 2}
        at = {"x0": curve.advised_millicores, "x1": curve.advised_millicores}
        figure_layout["shapes"].append(
            {"type": "line", "xref": "x", **at, "yref": "paper", "y0": 0, "y1": 1,
             "layer": "below", "line": upright}
        )  # fmt: skip
        above = {"yref": "paper", "yanchor": "bottom", "yshift": 4, "font": bold("token:pass")}
        words = f"Advised {formatting.cpu(curve.advised_millicores)}"
        figure_layout["annotations"].append(text(words, curve.advised_millicores, 1, **above))


def _footer(curve: Curve) -> list[str]:
    name = formatting.percentile_name(curve.percentile)
    return [
        f"the highest load with {name} ≤ {formatting.bound(curve.bound_ms)} ms",
        "the band is the 95 % interval",
    ]
