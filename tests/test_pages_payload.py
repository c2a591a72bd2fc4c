"""The payload part of a run's page, and its chart: what a reader is told of the rows."""

from __future__ import annotations

import json
import math

import numpy as np
import pytest

from profiler.measuring.sensitivity import RowFacts
from profiler.samples import OK
from runs.charts import payload, series
from runs.charts.scene import Scene
from runs.models import ProfileRun
from tests.measured_runs import PROBES, SECONDS, VERIFIED, sized_run
from tests.raw_samples import ERROR, MIB, START, evenly, request_columns
from tests.test_charts import labels, validated

COUNT = SECONDS * 100
#: Rows 1 to 10 by turns: two of ten are long, and row 4 failed each time.
ROWS = (np.arange(COUNT) % 10 + 1).astype("i4")
LABELS = ["long" if row in (5, 10) else "short" for row in range(1, 11)]
SIZES = [4096 + row if label == "long" else 100 + row for row, label in enumerate(LABELS)]


def facts(sizes=SIZES, labels=LABELS) -> RowFacts:
    names = tuple(sorted(set(labels) - {None}))
    codes = [names.index(label) if label is not None else -1 for label in labels]
    return RowFacts(np.array(sizes, "i8"), np.array(codes, "i4"), names)


def latencies() -> np.ndarray:
    """Long rows take 90 ms, short ones 5."""
    return np.where(ROWS % 5 == 0, 90.0, 5.0) + np.arange(COUNT) % 7 / 10


def run_with(make, rows: RowFacts, **how) -> ProfileRun:
    probe = VERIFIED | {"latency_ms": latencies(), "row": ROWS, "rows": rows} | how
    return sized_run(make, (*PROBES, probe))


def page_of(signed_in, run: ProfileRun) -> str:
    return signed_in.get(f"/runs/{run.name}/?measurement={run.measurements.last().ordinal}").text


pytestmark = pytest.mark.django_db


def test_each_class_has_its_line_and_the_bound_that_it_breaks(signed_in, make) -> None:
    page = page_of(signed_in, run_with(make, facts()))
    assert 'id="payload"' in page
    for words in ("long", "short", "20 %", "80 %", "Over bound", "90.", "5."):
        assert words in page
    assert "Latency against size" in page


def test_each_class_share_of_the_cpu_has_its_interval(signed_in, make) -> None:
    run = run_with(make, facts())
    row = run.measurements.last()
    long = row.data["payload"]["classes"][0]
    long["cpu_share"] = {"value": 0.58, "low": 0.5, "high": 0.66}
    long["cpu_seconds_per_request"] = {"value": 0.0125, "low": 0.011, "high": 0.014}
    row.data["payload"]["cpu_not_told"] = ""
    row.save()
    page = page_of(signed_in, run)
    for words in ("58 %", "50–66 %", "12.5", "11.0–14.0", "CPU is an estimate"):  # noqa: RUF001
        assert words in page


def test_why_there_is_no_cpu_by_class_is_said(signed_in, make) -> None:
    run = run_with(make, facts())
    row = run.measurements.last()
    row.data["payload"]["cpu_not_told"] = "They were sent in nearly the same mix at all times."
    for one in row.data["payload"]["classes"]:
        one["cpu_share"] = one["cpu_seconds_per_request"] = None
    row.save()
    page = page_of(signed_in, run)
    assert "They were sent in nearly the same mix at all times." in page
    assert "CPU is an estimate" not in page


def test_the_class_that_alone_breaks_the_bound_is_warned_of(signed_in, make) -> None:
    run = run_with(make, facts())
    found = run.measurements.last().data["warning_findings"]
    assert "class-breaks-bound" in [one["code"] for one in found]
    page = page_of(signed_in, run)
    assert "broken by rows labelled &quot;long&quot; only: p95 90.6 ms there" in page
    assert "/docs/payload/#class-breaks-bound" in page


def test_rows_that_failed_are_named_and_lead_to_their_body(signed_in, make) -> None:
    outcome = np.where(ROWS == 4, ERROR, OK)
    run = run_with(make, facts(), outcome=outcome)
    page = page_of(signed_in, run)
    assert f'href="{run.dataset.get_absolute_url()}#row-4"' in page
    assert "60 failed" in page
    assert 'id="row-4"' in signed_in.get(run.dataset.get_absolute_url()).text


def test_rows_that_are_all_alike_take_one_line(signed_in, make) -> None:
    rows = facts([1229] * 10, [None] * 10)
    run = run_with(make, rows, latency_ms=5.0)
    page = page_of(signed_in, run)
    assert "All rows have the same size (1.2 KiB) and no labels." in page
    assert "Worst rows" not in page
    assert "Latency against size" not in page


def test_a_run_from_before_there_was_a_payload_has_a_page(signed_in, make) -> None:
    run = sized_run(make)
    assert 'id="payload"' not in page_of(signed_in, run)


def test_a_label_cannot_put_markup_into_the_page(signed_in, make) -> None:
    labels = ["<script>alert(1)</script>" if label == "long" else label for label in LABELS]
    page = page_of(signed_in, run_with(make, facts(labels=labels)))
    assert "<script>alert" not in page
    assert "&lt;script&gt;alert" in page


def test_the_chart_is_drawn_from_what_was_stored(signed_in, make) -> None:
    run = run_with(make, facts())
    address = f"/runs/{run.name}/series/payload/"
    drawn = signed_in.get(address, {"measurement": run.measurements.last().ordinal}).json()
    validated(drawn)
    assert max(drawn["figure"]["data"][0]["x"]) == 4105
    assert drawn["footer"][0] == f"all {COUNT} requests shown"


def test_without_the_rows_facts_the_chart_says_that_there_is_nothing(signed_in, make) -> None:
    run = sized_run(make)
    assert "empty" in signed_in.get(f"/runs/{run.name}/series/payload/").json()


# --- The figure -----------------------------------------------------------------------------------
SCENE = Scene("sizing at 500m, 128 MiB", 500, 128 * MIB, 95.0, 50.0)


def drawn(sizes, latency_ms, outcome=OK) -> dict:
    """A request of each size at each latency."""
    columns = request_columns(evenly(len(sizes)), latency_ms, outcome)
    rows = RowFacts(np.array(sizes, "i8"), np.full(len(sizes), -1))
    values = payload.sized(series.latencies(columns, START), rows.columns())
    return payload.payload(values, SCENE).to_json()


def test_p50_and_p95_run_through_the_sizes() -> None:
    """100 requests each of 1, 10 and 100 KiB: 1 to 100 ms, and two and three times that."""
    sizes = np.repeat([1024, 10_240, 102_400], 100)
    latency_ms = np.outer([1, 2, 3], np.arange(1, 101)).ravel()
    chart = drawn(sizes, latency_ms)
    validated(chart)
    _, p95, p50 = chart["figure"]["data"]
    assert (p95["x"], p95["y"]) == ([1024, 10_240, 102_400], [95, 190, 285])
    assert p50["y"] == [50, 100, 150]
    assert {"p95", "p50", "p95 ≤ 50 ms"} <= set(labels(chart))


def test_failed_requests_are_crosses_and_no_part_of_the_lines() -> None:
    outcome = [ERROR if number % 10 == 0 else OK for number in range(200)]
    chart = drawn(np.repeat([100, 200], 100), 5.0, outcome)
    crosses = next(one for one in chart["figure"]["data"] if "token:fail" in json.dumps(one))
    assert len(crosses["x"]) == 20


@pytest.mark.parametrize("sizes", [[0, 0, 0], [7], [0, 1 << 26], [1000, 1001]])
def test_any_sizes_make_a_chart_with_its_points_and_objective_in_sight(sizes) -> None:
    chart = drawn(np.repeat(sizes, 30), 5.0)
    validated(chart)
    json.dumps(chart, allow_nan=False)
    low, high = chart["figure"]["layout"]["xaxis"]["range"]
    assert all(low < math.log10(x) < high for x in chart["figure"]["data"][0]["x"])
    assert len(chart["figure"]["layout"]["xaxis"]["tickvals"]) <= payload.MOST_TICKS
    low, high = chart["figure"]["layout"]["yaxis"]["range"]
    assert low < math.log10(50) < high
