"""Requests a second over time, counted from a measurement's requests."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from profiler.samples import ABORTED, OK, Columns
from profiler.units import NS
from runs.charts.series import MOST_STRETCHES
from runs.charts.span import Span

#: Looked at closer than this, rates are counted in tenths of a second.
CLOSE_S = 10.0


@dataclass(frozen=True)
class RequestRates:
    """Requests due, answered well and failed, a second, in equal stretches of time."""

    start_s: np.ndarray
    width_s: float
    offered: np.ndarray
    answered: np.ndarray
    failed: np.ndarray
    requests: int


def request_rates(
    columns: Columns, start_ns: int, end_ns: int | None, span: Span | None
) -> RequestRates | None:
    """Answers count when they came; the last stretch may be shorter, and its rates are of that."""
    due_s = (columns["scheduled_ns"] - start_ns) / NS
    came_s = (columns["finished_ns"] - start_ns) / NS
    last_s = float(due_s.max()) if end_ns is None else (end_ns - start_ns) / NS
    first_s = 0.0
    if span is not None:
        first_s, last_s = max(span.from_s, 0.0), min(span.to_s, last_s)
    if last_s <= first_s:
        return None
    width_s = float(max(np.ceil((last_s - first_s) / MOST_STRETCHES), 1.0))
    if span is not None and last_s - first_s < CLOSE_S:
        width_s = 0.1
    first_s = math.floor(first_s / width_s) * width_s
    edges = np.append(np.arange(first_s, last_s - width_s * 1e-6, width_s), last_s)
    ended = columns["outcome"] != ABORTED
    good = columns["outcome"] == OK

    def each(at_s: np.ndarray) -> np.ndarray:
        return np.histogram(at_s, edges)[0] / np.diff(edges)

    seen = (due_s >= edges[0]) & (due_s < edges[-1])
    return RequestRates(
        edges[:-1], width_s, each(due_s), each(came_s[good]), each(came_s[ended & ~good]),
        int(seen.sum()),
    )  # fmt: skip
