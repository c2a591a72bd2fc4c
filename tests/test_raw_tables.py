"""Raw columns as tables, and those as CSV and Parquet, however they were cut into parts."""

from __future__ import annotations

import csv
import io
import itertools
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from profiler.raw import formats
from profiler.raw.tables import tables
from profiler.samples import Columns, concatenate
from tests.raw_samples import ERROR, START, evenly, request_columns, usage_columns

REQUESTS = request_columns([-0.5, 0, 1.25], [5, 7.5, 2], outcome=[0, ERROR, 0], late_ms=[1, 0, 0.5])
USAGE = usage_columns(
    [0, 0.1, 0.2, 0.2],
    cpu_ns=[5_000_000, 55_000_000, 55_000_000, 56_000_000],
    memory_working_set_bytes=[10, 20, 30, 40],
    periods=[0, 1, 2, 2],
    throttled_periods=[0, 1, 1, 1],
    throttled_ns=[0, 700, 700, 700],
)


def parts_of(columns: Columns, *cuts: int) -> list[Columns]:
    length = len(next(iter(columns.values())))
    ends = [0, *cuts, length]
    return [
        {name: values[begin:end] for name, values in columns.items()}
        for begin, end in itertools.pairwise(ends)
    ]


def test_requests_have_seconds_milliseconds_and_words() -> None:
    (table,) = tables("requests", [REQUESTS], START)
    assert table["number"].tolist() == [1, 2, 3]
    assert table["scheduled_s"].tolist() == [-0.5, 0, 1.25]
    assert table["latency_ms"].tolist() == [5, 7.5, 2]
    assert table["latency_from_send_ms"].tolist() == [4, 7.5, 1.5]
    assert table["outcome"].tolist() == ["ok", "http_error", "ok"]
    assert table["scheduled_ns"].tolist() == REQUESTS["scheduled_ns"].tolist()


def test_usage_tells_what_each_sample_added() -> None:
    (table,) = tables("usage", [USAGE], START)
    assert table["at_s"].tolist() == [0, 0.1, 0.2, 0.2]
    # 50 ms of CPU in 100 ms are 500 millicores; within one moment there is no rate.
    np.testing.assert_array_equal(table["cpu_millicores_since_previous"], [np.nan, 500, 0, np.nan])
    np.testing.assert_array_equal(table["throttled_periods_since_previous"], [np.nan, 1, 0, 0])
    np.testing.assert_array_equal(table["throttled_ns_since_previous"], [np.nan, 700, 0, 0])
    assert table["cpu_ns"].tolist() == USAGE["cpu_ns"].tolist()


def test_rows_are_facts_without_a_time() -> None:
    rows = {
        "row": np.array([1, 2]),
        "body_bytes": np.array([10, 9]),
        "label_code": np.array([0, -1]),
    }
    (table,) = tables("rows", [rows], START)
    assert {name: values.tolist() for name, values in table.items()} == {
        "row": [1, 2], "body_bytes": [10, 9], "label_code": [0, -1],
    }  # fmt: skip


def test_a_series_that_is_not_known_here_keeps_its_columns() -> None:
    (table,) = tables("gpu", [usage_columns([1.5], power_mw=[70_000])], START)
    assert {name: values.tolist() for name, values in table.items()} == {
        "number": [1], "at_s": [1.5], "at_ns": [START + 1_500_000_000], "power_mw": [70_000],
    }  # fmt: skip


@pytest.mark.parametrize("series, columns", [("requests", REQUESTS), ("usage", USAGE)])
@given(cuts=st.lists(st.integers(0, 3), max_size=3).map(sorted))
def test_where_a_series_is_cut_changes_nothing(series, columns, cuts) -> None:
    (whole,) = tables(series, [columns], START)
    cut = concatenate(list(tables(series, parts_of(columns, *cuts), START)))
    for name, values in whole.items():
        np.testing.assert_array_equal(cut[name], values)


def test_csv_has_a_header_and_an_empty_field_for_what_is_not_known() -> None:
    text = b"".join(formats.to_csv(tables("usage", parts_of(USAGE, 2), START))).decode()
    rows = list(csv.DictReader(io.StringIO(text)))
    assert [row["cpu_millicores_since_previous"] for row in rows] == ["", "500.0", "0.0", ""]
    assert [row["at_ns"] for row in rows] == [str(at) for at in USAGE["at_ns"]]


def test_parquet_holds_the_same_with_types(tmp_path) -> None:
    path = tmp_path / "usage.parquet"
    path.write_bytes(b"".join(formats.to_parquet(tables("usage", parts_of(USAGE, 2), START))))
    found = parquet.read_table(path).to_pydict()
    assert found["cpu_millicores_since_previous"] == [None, 500, 0, None]
    assert found["at_ns"] == USAGE["at_ns"].tolist()
    path.write_bytes(b"".join(formats.to_parquet(tables("requests", [REQUESTS], START))))
    assert parquet.read_table(path)["outcome"].to_pylist() == ["ok", "http_error", "ok"]


@pytest.mark.parametrize("write", [formats.to_csv, formats.to_parquet])
def test_little_is_held_of_a_long_series(write) -> None:
    """Pieces come while the series is still being read: never all of it at once."""
    read = 0

    def parts():
        nonlocal read
        for _ in range(40):
            read += 1
            yield request_columns(evenly(formats.GROUP_ROWS // 4), 5)

    pieces = write(tables("requests", parts(), START))
    assert next(pieces)
    assert read <= 5


def test_small_parts_are_joined_so_that_row_groups_are_large(tmp_path) -> None:
    path = tmp_path / "requests.parquet"
    many = parts_of(request_columns(evenly(1000), 5), *range(10, 1000, 10))
    path.write_bytes(b"".join(formats.to_parquet(tables("requests", many, START))))
    assert parquet.ParquetFile(path).num_row_groups == 1


def test_without_pyarrow_parquet_says_what_to_install(monkeypatch) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    assert not formats.can_write_parquet()
    with pytest.raises(formats.NoParquet, match=r"model-profiler\[parquet\]"):
        formats.to_parquet([])
