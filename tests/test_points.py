"""The exact points behind a chart: any filter and order, whatever the chunks; and what is read."""

from __future__ import annotations

import csv
import io

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from profiler.samples import Columns
from runs import points, raw_data
from runs.charts import data
from runs.models import ProfileRun, SampleChunk
from runs.points import Points
from tests.measured_runs import record, record_samples, sized_run
from tests.page_rows import queries_of
from tests.raw_samples import ERROR, START, request_columns, usage_columns

pytestmark = pytest.mark.django_db


def text_of(response) -> str:
    return response.content.decode()


def rows_of(response) -> list[dict]:
    content = b"".join(response.streaming_content).decode()
    return list(csv.DictReader(io.StringIO(content)))


@pytest.fixture
def run(make) -> ProfileRun:
    """Six chunks in which every tenth request is slow, so that chunks overlap, and some failed."""
    run = sized_run(make)
    ordinal = run.measurements.last().ordinal
    SampleChunk.objects.filter(run=run, measurement=ordinal, series="requests").delete()
    record_samples(run, ordinal, "requests", "scheduled_ns", requests())
    for chunk in SampleChunk.objects.filter(run=run, measurement=ordinal, series="requests"):
        columns = raw_data.codec.decode(chunk.blob)["scheduled_ns"]
        chunk.start_ns, chunk.end_ns = int(columns.min()), int(columns.max())
        chunk.save()
    return run


def requests() -> Columns:
    """In the order in which they ended, as the driver hands them on."""
    number = np.arange(120)
    latency_ms = np.where(number % 10 == 3, 900.0, 5 + number / 100)
    columns = request_columns(number / 20, latency_ms, outcome=np.where(number % 7, 0, ERROR))
    columns["row"] = (number % 4 + 1).astype("i4")
    order = np.argsort(columns["finished_ns"], kind="stable")
    return {name: values[order] for name, values in columns.items()}


@pytest.fixture
def kept(run) -> raw_data.Kept:
    found = raw_data.kept(run, run.measurements.all())
    return [one for one in found if one.series == "requests"][-1]


def expected(asked: Points) -> list[int]:
    """Rows' scheduled times by sorting and filtering all at once."""
    columns = requests()
    at_s = (columns["scheduled_ns"] - START) / 1e9
    keep = np.ones(len(at_s), bool)
    if asked.from_s is not None:
        keep &= at_s >= asked.from_s
    if asked.to_s is not None:
        keep &= at_s <= asked.to_s
    if asked.outcome is not None:
        keep &= columns["outcome"] == asked.outcome
    if asked.row is not None:
        keep &= columns["row"] == asked.row
    latency = columns["finished_ns"] - columns["scheduled_ns"]
    key = latency if asked.sort.endswith("latency") else columns["scheduled_ns"]
    key = -key if asked.sort.startswith("-") else key
    places = np.flatnonzero(keep)
    return columns["scheduled_ns"][places[np.argsort(key[places], kind="stable")]].tolist()


SECONDS = st.none() | st.sampled_from([-1, 0, 0.5, 1.95, 3, 4.5, 5.95, 9])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    from_s=SECONDS, to_s=SECONDS, outcome=st.sampled_from([None, 0, ERROR]),
    row=st.sampled_from([None, 2, 9]), sort=st.sampled_from(points.SORTS),
    begin=st.integers(0, 130), size=st.integers(1, 40),
)  # fmt: skip
def test_any_view_shows_what_sorting_all_of_it_would(
    kept, from_s, to_s, outcome, row, sort, begin, size
) -> None:
    asked = Points(kept, from_s, to_s, outcome, row, sort)
    found = asked.select(begin, begin + size)
    wanted = expected(asked)
    assert found.total == len(wanted)
    shown = found.table["scheduled_ns"].tolist() if found.table else []
    assert shown == wanted[begin : begin + size]
    downloaded = [at for table in asked.tables() for at in table["scheduled_ns"].tolist()]
    assert downloaded == wanted


def test_only_chunks_that_overlap_the_range_are_decoded(kept, monkeypatch) -> None:
    decoded = []
    real = points.codec.decode
    monkeypatch.setattr(points.codec, "decode", lambda *a: decoded.append(a) or real(*a))
    Points(kept, from_s=2.5, to_s=2.9).select(0, 10)
    everything = len(Points(kept).chunks)
    assert everything == 6
    assert len({bytes(call[0]) for call in decoded}) <= 2


def test_the_first_page_of_a_long_series_reads_only_its_beginning(kept, monkeypatch) -> None:
    monkeypatch.setattr(raw_data, "FETCHED", 1)
    read = []
    real = raw_data.blobs
    monkeypatch.setattr(
        raw_data, "blobs", lambda *a: (read.append(one[0]) or one for one in real(*a))
    )
    found = Points(kept).select(0, 3)
    assert found.total == 120
    assert set(read) <= {0, 1}


def test_usage_tells_what_was_used_since_the_sample_before_across_chunks(make) -> None:
    run = make.run()
    record(run, ordinal=1)
    kept = next(one for one in raw_data.kept(run, run.measurements.all()) if one.series == "usage")
    chunk = Points(kept).chunks[2]
    found = Points(kept).select(chunk.first - 1, chunk.first).table
    assert found["number"].tolist() == [chunk.first]
    assert found["cpu_millicores_since_previous"][0] == pytest.approx(500, rel=1e-3)


# ---- the page --------------------------------------------------------------------------------
def test_the_page_shows_the_points_of_the_decisive_measurement(signed_in, run) -> None:
    page = text_of(signed_in.get(f"/runs/{run.name}/points/latency/"))
    assert "120 requests" in page
    assert "verifying at 400m" in page
    assert "http error" in page
    assert "1–100 of 120" in page  # noqa: RUF001


def test_points_are_those_of_charts_that_there_are() -> None:
    assert points.SERIES_OF.keys() <= data.OF_ONE.keys()


@pytest.mark.parametrize("chart, said", [
    ("distribution", "Latency, ms"), ("cpu", "CPU, m"), ("memory", "Working set, MiB"),
])  # fmt: skip
def test_every_chart_leads_to_its_points(signed_in, run, chart, said) -> None:
    link = f"/runs/{run.name}/points/{chart}/"
    assert link in text_of(signed_in.get(f"/runs/{run.name}/"))
    assert said in text_of(signed_in.get(link))


def test_points_of_gpus_are_shown_once_there_are_some(signed_in, run) -> None:
    columns = usage_columns([0, 1], gpu=0, power_mw=[70_500, 80_000], throttle_reasons=4)
    chunk = run.chunks.last()
    SampleChunk.objects.create(
        run=run, measurement=chunk.measurement, series="gpu", index=0, start_ns=START,
        end_ns=START + 10**9, count=2, blob=raw_data.codec.encode(columns),
    )  # fmt: skip
    page = text_of(signed_in.get(f"/runs/{run.name}/points/gpu-power/"))
    assert "Power, W" in page
    assert "70.5" in page


def test_filters_and_order_stand_in_the_address_and_hold_for_the_download(signed_in, run) -> None:
    query = "?row=2&outcome=ok&from=1&to=4&sort=-latency"
    page = signed_in.get(f"/runs/{run.name}/points/latency/{query}")
    rows = rows_of(signed_in.get(f"/runs/{run.name}/points/latency/csv/{query}"))
    assert page.context["total"] == len(rows) > 0
    assert {row["row"] for row in rows} == {"2"}
    assert {row["outcome"] for row in rows} == {"ok"}
    latencies = [float(row["latency_ms"]) for row in rows]
    assert latencies == sorted(latencies, reverse=True)
    assert all(1 <= float(row["scheduled_s"]) <= 4 for row in rows)


def test_another_measurement_can_be_chosen(signed_in, run) -> None:
    first = run.measurements.first()
    page = signed_in.get(f"/runs/{run.name}/points/latency/?m={first.ordinal}")
    assert page.context["form"].kept.ordinal == first.ordinal
    assert "600 requests" in text_of(page)


@pytest.mark.parametrize("query, said", [
    ("from=5&to=1", "The end is before the beginning"), ("from=soon", "Enter a number"),
    ("row=0", "greater than or equal to 1"), ("outcome=lost", "Select a valid choice"),
    ("sort=colour", "Select a valid choice"), ("from=nan", "Enter a number"),
])  # fmt: skip
def test_what_makes_no_sense_is_said_at_its_field(signed_in, run, query, said) -> None:
    assert said in text_of(signed_in.get(f"/runs/{run.name}/points/latency/?{query}"))
    assert signed_in.get(f"/runs/{run.name}/points/latency/csv/?{query}").status_code == 400


@pytest.mark.parametrize("query", ["page=9999", "page=-1", "page=x", "page=0"])
def test_a_page_that_is_not_there_is_the_nearest(signed_in, run, query) -> None:
    assert signed_in.get(f"/runs/{run.name}/points/latency/?{query}").status_code == 200


@pytest.mark.parametrize("path", ["colour/", "latency/?m=77", "colour/csv/", "sizing/"])
def test_points_of_nothing_are_not_found(signed_in, run, path) -> None:
    assert signed_in.get(f"/runs/{run.name}/points/{path}").status_code == 404


def test_nothing_that_matches_is_said(signed_in, run) -> None:
    page = text_of(signed_in.get(f"/runs/{run.name}/points/latency/?from=500"))
    assert "No such points" in page
    answer = signed_in.get(f"/runs/{run.name}/points/latency/csv/?from=500")
    assert b"".join(answer.streaming_content).startswith(b"number,scheduled_s,latency_ms,")


def test_a_run_without_samples_says_so(signed_in, make) -> None:
    page = signed_in.get(f"/runs/{make.run().name}/points/latency/")
    assert "Nothing was recorded for this yet" in text_of(page)


def test_too_many_to_sort_are_not_downloaded_but_in_time(signed_in, run, monkeypatch) -> None:
    monkeypatch.setattr(points, "MOST_SORTED", 10)
    url = f"/runs/{run.name}/points/latency/"
    page = text_of(signed_in.get(f"{url}?sort=-latency"))
    assert "can only be downloaded in the order of time" in page
    refused = signed_in.get(f"{url}csv/?sort=-latency")
    assert (refused.status_code, "narrow the range" in text_of(refused)) == (400, True)
    assert len(rows_of(signed_in.get(f"{url}csv/"))) == 120


def test_more_chunks_take_no_more_queries(signed_in, run, monkeypatch) -> None:
    url = f"/runs/{run.name}/points/latency/"
    monkeypatch.setattr(raw_data, "FETCHED", 100)
    before = queries_of(lambda: signed_in.get(url))
    ordinal = run.measurements.last().ordinal
    later = {name: values + (10**11 if name.endswith("_ns") else 0)
             for name, values in requests().items()}  # fmt: skip
    chunks = list(run.chunks.filter(measurement=ordinal, series="requests"))
    for chunk in chunks:
        chunk.pk, chunk.index = None, chunk.index + 100
        chunk.start_ns, chunk.end_ns = chunk.start_ns + 10**11, chunk.end_ns + 10**11
        chunk.blob = raw_data.codec.encode(later)
        chunk.count = 120
    SampleChunk.objects.bulk_create(chunks)
    assert queries_of(lambda: signed_in.get(url)) <= before
