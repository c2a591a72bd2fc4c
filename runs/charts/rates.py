"""Latency against the rate that was offered, of a run that searched the highest rate of a size."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

from profiler.sizing.evidence import VERIFYING
from runs import formatting
from runs.charts.parts import (
    axis,
    bold,
    layout,
    level_label,
    level_line,
    line,
    log_range,
    log_ticks,
    text,
    value_axis,
)
from runs.charts.scene import Chart
from runs.charts.size_points import interval_bars
from runs.charts.sizes import judged_interval, judged_latency
from runs.models import Measurement

WORDS = {"passed": "kept", "failed": "not kept", "undecided": "undecided"}
#: Rates closer together than this many decades share a label's place.
LABEL_DECADES = 0.04


@dataclass(frozen=True)
class Rates:
    """One measurement a rate, the lowest first; `percentile` and `bound_ms` are the objective's.

    `capacity_rps` is what was found, None before that, and `standing` its advice's.
    """

    measurements: Sequence[Measurement]
    percentile: float
    bound_ms: float | None
    capacity_rps: float | None
    standing: str = ""

    @property
    def is_verified(self) -> bool:
        return self.standing == "verified"

    @property
    def finding(self) -> str:
        tried = len(self.measurements)
        if self.capacity_rps is None:
            return f"{tried} rate{'' if tried == 1 else 's'} tried so far"
        said = f"{formatting.rate(self.capacity_rps)} requests/s is the highest that was kept"
        higher = [row for row in self.measurements if offered(row) > self.capacity_rps]
        return f"{said}; {formatting.rate(offered(higher[0]))} is not" if higher else said


def offered(row: Measurement) -> float:
    return row.data["nominal_rps"]


def one_per_rate(measurements: Sequence[Measurement]) -> list[Measurement]:
    """The last measurement of each rate, a valid one before any that is not, lowest rate first."""
    best: dict[float, Measurement] = {}
    for row in measurements:
        rate = offered(row)
        if rate is not None and (rate not in best or row.valid >= best[rate].valid):
            best[rate] = row
    return [best[rate] for rate in sorted(best)]


def draw(rates: Rates) -> Chart:
    """Filled: kept; hollow: not, or nobody knows. Bars are the intervals."""
    rows = [row for row in rates.measurements if judged_latency(row) is not None]
    figure = layout(_rate_axis(rows), _latency_axis(rates, rows))
    figure["margin"] = {"l": 56, "r": 24, "t": 26, "b": 44}
    if rates.bound_ms is not None:
        name = formatting.percentile_name(rates.percentile)
        figure["shapes"].append(level_line(rates.bound_ms))
        words = f"{name} ≤ {formatting.bound(rates.bound_ms)} ms"
        figure["annotations"].append(level_label(words, math.log10(rates.bound_ms)))
    if rates.capacity_rps is not None:
        _mark_capacity(rates, figure)
    units = ("requests_per_s", "latency_ms")
    return Chart({"data": [_line(rows)], "layout": figure}, _footer(rows), [], [], units)


def _line(rows: Sequence[Measurement]) -> dict:
    values = [judged_latency(row) for row in rows]
    ends = [judged_interval(row) for row in rows]
    kept = [row.outcome == "passed" and row.valid for row in rows]
    colour = "token:p99"
    return line(
        [offered(row) for row in rows], values, colour, 2.25, mode="lines+markers",
        name="latency at the objective's percentile",
        marker={"size": [14 if row.phase == VERIFYING else 9 for row in rows],
                "symbol": ["star" if row.phase == VERIFYING else "circle" for row in rows],
                "color": [colour if good else "token:card" for good in kept],
                "line": {"color": colour, "width": 2}},
        error_y=interval_bars(values, ends, {"color": colour, "thickness": 1.5, "width": 4}),
    )  # fmt: skip


def _rate_axis(rows: Sequence[Measurement]) -> dict:
    """Logarithmic, as the rates are that are tried; labelled where there is room."""
    known = [offered(row) for row in rows] or [1.0]
    labelled: list[float] = []
    for rate in known:
        if not labelled or math.log10(rate / labelled[-1]) >= LABEL_DECADES:
            labelled.append(rate)
    last = len(labelled) - 1
    return axis(
        type="log",
        range=log_range(min(known) / 1.1, max(known) * 1.1),
        tickvals=labelled,
        ticktext=[
            formatting.rate(rate) + (" requests/s" if place == last else "")
            for place, rate in enumerate(labelled)
        ],
        ticks="outside",
        showline=True,
        narrow={
            "tickvals": labelled[:: max(last, 1)],
            "ticktext": [f"{formatting.rate(rate)}/s" for rate in labelled[:: max(last, 1)]],
        },
    )


def _latency_axis(rates: Rates, rows: Sequence[Measurement]) -> dict:
    values = [value for row in rows for value in (judged_latency(row), *judged_interval(row))]
    known = [value for value in [*values, rates.bound_ms] if value] or [1.0, 10.0]
    low, high = min(known) / 1.5, max(known) * 1.6
    ticks = log_ticks(low, high)
    return value_axis(
        type="log",
        range=log_range(low, high),
        tickvals=ticks,
        ticktext=[f"{tick / 1000:g} s" if tick >= 1000 else f"{tick:g} ms" for tick in ticks],
    )


def _mark_capacity(rates: Rates, figure: dict) -> None:
    """Green and solid once a fresh service took the rate, else amber and dashed."""
    ink, dash = ("token:pass", "solid") if rates.is_verified else ("token:warn", "dash")
    line_ = {"color": ink, "width": 2, "dash": dash}
    figure["shapes"].append(
        {
            "type": "line", "xref": "x", "x0": rates.capacity_rps, "x1": rates.capacity_rps,
            "yref": "paper", "y0": 0, "y1": 1, "layer": "below", "line": line_,
        }
    )  # fmt: skip
    above = {"yref": "paper", "yanchor": "bottom", "yshift": 4, "font": bold(ink)}
    words = f"Capacity {formatting.rate(rates.capacity_rps)}"
    long = f"✓ {words}, verified" if rates.is_verified else f"{words}, {rates.standing}"
    narrow = {"text": f"✓ {words}" if rates.is_verified else words}
    badge = {"bgcolor": f"{ink}-tint", "borderpad": 1}
    at = math.log10(rates.capacity_rps)
    figure["annotations"].append(text(long, at, 1, narrow=narrow, **above, **badge))


def _footer(rows: Sequence[Measurement]) -> list[str]:
    counts = [f"{sum(row.outcome == key for row in rows)} {word}" for key, word in WORDS.items()
              if any(row.outcome == key for row in rows)]  # fmt: skip
    return [f"{len(rows)} rates measured", *counts, "bars are 95 % intervals", "both on log scales"]
