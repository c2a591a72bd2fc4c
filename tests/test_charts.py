"""The figures of a run's charts: valid for plotly, limits in sight, named where they end."""

from __future__ import annotations

import json
import math
import re

import numpy as np
import plotly.graph_objects as go
import pytest

from runs.charts import latency, series
from runs.charts import usage as usage_charts
from runs.charts.parts import LABEL_GAP, log_end_labels, log_ticks
from runs.charts.scene import Scene
from tests.measured_runs import usage
from tests.raw_samples import ERROR, MIB, START, evenly, request_columns

SCENE = Scene("sizing at 500m, 128 MiB", 500, 128 * MIB, 95.0, 50.0)


def validated(payload: dict) -> go.Figure:
    """The figure as plotly accepts it, once colours stand in for tokens."""
    text = json.dumps(payload["figure"])
    text = re.sub(r'"token:[a-z0-9-]+(?:/([\d.]+))?"', r'"rgba(1, 2, 3, 0\1)"', text)
    return go.Figure(json.loads(text))


def labels(payload: dict) -> list[str]:
    return [one["text"] for one in payload["figure"]["layout"]["annotations"]]


def answered(latency_ms=5.0, seconds=6, **others) -> series.Latencies:
    columns = request_columns(evenly(seconds * 100), latency_ms, **others)
    return series.latencies(columns, START)


PAYLOADS = {
    "latency": lambda: latency.latency(answered(), SCENE),
    "distribution": lambda: latency.distribution(answered(), SCENE),
    "cpu": lambda: usage_charts.cpu(series.cpu_use(usage(), START), SCENE),
    "memory": lambda: usage_charts.memory(series.memory_use(usage(), START), SCENE),
}


@pytest.mark.parametrize("name", PAYLOADS)
def test_plotly_accepts_the_figure(name) -> None:
    validated(PAYLOADS[name]().to_json())


@pytest.mark.parametrize("name", PAYLOADS)
def test_the_payload_is_json_that_browsers_read(name) -> None:
    json.dumps(PAYLOADS[name]().to_json(), allow_nan=False)


def test_the_objective_is_inside_the_latency_axis_however_far_it_is() -> None:
    for bound_ms in (0.01, 50.0, 9000.0):
        scene = Scene("x", 500, MIB, 99.0, bound_ms)
        layout = latency.latency(answered(), scene).figure["layout"]
        low, high = layout["yaxis"]["range"]
        assert low < math.log10(bound_ms) < high
        assert layout["yaxis"]["type"] == "log"


def test_the_limits_are_inside_the_axes_of_cpu_and_memory() -> None:
    assert PAYLOADS["cpu"]().figure["layout"]["yaxis"]["range"][1] > 500
    assert PAYLOADS["memory"]().figure["layout"]["yaxis"]["range"][1] > 128


def test_a_limit_far_above_what_was_used_does_not_press_it_to_the_ground() -> None:
    scene = Scene("x", 64_000, 18_064 * MIB, 95.0, None)
    cpu = usage_charts.cpu(series.cpu_use(usage(), START), scene).to_json()
    memory = usage_charts.memory(series.memory_use(usage(), START), scene).to_json()
    for payload, words in ((cpu, "limit 64 cores"), (memory, "limit 18,064 MiB")):
        validated(payload)
        used = max(y for trace in payload["figure"]["data"] for y in trace["y"] if y)
        assert payload["figure"]["layout"]["yaxis"]["range"][1] < 2 * used
        assert f"{words}, above this chart" in labels(payload)


def test_lines_and_limits_are_named_on_the_chart() -> None:
    assert {"p99", "p50", "p95 ≤ 50 ms"} <= set(labels(PAYLOADS["latency"]().to_json()))
    assert {"used", "limit 500m", "start"} <= set(labels(PAYLOADS["cpu"]().to_json()))
    assert {"in use", "limit 128 MiB", "start-up peak 100 MiB"} <= set(
        labels(PAYLOADS["memory"]().to_json())
    )


def late_windows(*late_ms: float | None) -> list[dict]:
    return [
        {"start_s": 2.0 * n, "end_s": 2.0 * (n + 1), "late_p99_ms": late}
        for n, late in enumerate(late_ms)
    ]


def test_how_late_the_driver_was_is_drawn_window_by_window_and_said() -> None:
    chart = latency.latency(answered(), SCENE, late_windows(1.0, None, 2.0))
    validated(chart.to_json())
    late = chart.figure["data"][-3]
    assert late["x"] == [0.0, 2.0, None, 4.0, 6.0, None]
    assert late["y"] == [1.0, 1.0, None, 2.0, 2.0, None]
    assert "driver late by 2.00 ms at most (p99)" in chart.footer


def test_lateness_far_below_takes_a_decade_of_the_axis_at_most() -> None:
    chart = latency.latency(answered(), SCENE, late_windows(0.001, 0.001, 0.001))
    low, _ = chart.figure["layout"]["yaxis"]["range"]
    assert low > math.log10(0.4)
    assert len(chart.figure["data"]) == len(latency.latency(answered(), SCENE).figure["data"])
    assert "driver late by less than 0.01 ms at most (p99)" in chart.footer


def test_a_limit_that_is_not_enforced_says_so() -> None:
    scene = Scene("x", 500, MIB, 95.0, None, limits_enforced=False)
    chart = usage_charts.cpu(series.cpu_use(usage(), START), scene)
    assert "limit 500m, not enforced" in labels(chart.to_json())


def test_the_footer_says_how_many_requests_are_shown() -> None:
    assert latency.latency(answered(), SCENE).footer[0] == "all 600 requests shown"
    many = latency.latency(answered(seconds=60), SCENE)
    shown = len(many.figure["data"][0]["x"])
    assert shown <= latency.POINTS
    assert many.footer[0] == f"{shown:,} of 6,000 requests shown, peaks kept"


def test_failed_requests_are_marked_apart() -> None:
    outcome = [ERROR if number % 50 == 0 else 0 for number in range(600)]
    data = latency.latency(answered(outcome=outcome), SCENE).figure["data"]
    crosses = next(trace for trace in data if trace["marker"]["color"] == "token:fail")
    assert len(crosses["x"]) == 12


def test_nothing_but_failures_is_still_a_chart() -> None:
    validated(latency.latency(answered(outcome=ERROR), SCENE).to_json())


def test_each_second_has_a_reading_for_the_cursor() -> None:
    chart = latency.latency(answered(), SCENE)
    assert chart.cursor_s == [0, 1, 2, 3, 4, 5]
    assert chart.readings[0] == "p50 5.00 ms, p99 5.00 ms"


def test_the_distribution_keeps_every_request_of_the_tail() -> None:
    latency_ms = np.arange(1, 20_001) / 100
    values = answered(latency_ms, seconds=200)
    curve = latency.distribution(values, SCENE).figure["data"][0]
    assert len(curve["x"]) <= latency.POINTS
    assert curve["x"][-3:] == [199.98, 199.99, 200.0]
    assert curve["y"][-1] == pytest.approx(1 / 20_000)


def test_a_narrow_screen_gets_what_changes_apart_from_the_figure() -> None:
    payload = PAYLOADS["memory"]().to_json()
    assert "narrow" not in json.dumps(payload["figure"])
    assert payload["narrow"]["annotations"]


def test_names_of_lines_that_end_together_do_not_cover_each_other() -> None:
    span = [0.0, 2.0]
    placed = log_end_labels(1.0, {"p99": 99.0, "p95": 98.0, "p50": 97.0}, span, {})
    heights = [label["y"] for label in placed]
    assert [label["text"] for label in placed] == ["p50", "p95", "p99"]
    assert np.diff(heights) == pytest.approx([LABEL_GAP * 2] * 2)
    assert max(heights) <= span[1]


def test_ticks_of_a_wide_range_are_powers_of_ten() -> None:
    assert log_ticks(1, 50) == [1, 2, 5, 10, 20, 50]
    assert log_ticks(1, 9000) == [1, 10, 100, 1000]
