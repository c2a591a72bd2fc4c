"""Which files are datasets, how large they may be, and what is said of their rows."""

from __future__ import annotations

from pathlib import Path

import pytest

from profiler.dataset import DatasetLimits, format_of, read_dataset, summarise
from profiler.errors import InvalidSpec
from profiler.spec import DatasetFiles
from tests.dataset_files import DatasetFolder


@pytest.fixture
def dataset(tmp_path) -> DatasetFolder:
    return DatasetFolder(tmp_path)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("a.txt", ".txt"),
        ("A.JSONL", ".jsonl"),
        ("a.requests.jsonl", ".requests.jsonl"),
        ("a.tsv", ".tsv"),
        ("a.json", None),
        ("txt", None),
    ],
)
def test_the_name_says_the_format(name, expected):
    assert format_of(Path(name)) == expected


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("a.json", "write one request to a line and name it .jsonl"),
        ("a.xlsx", "the format .xlsx is not known; use one of .requests.jsonl, .txt"),
        ("a.parqet", 'did you mean ".parquet"?'),
        ("requests", "the format without a suffix is not known"),
    ],
)
def test_a_format_that_is_not_known_is_refused(dataset, name, words):
    assert words in dataset.problems(name, "x")[0]


def test_a_file_that_is_gone_is_refused(tmp_path):
    with pytest.raises(InvalidSpec, match="cannot be read: No such file"):
        read_dataset(DatasetFiles(tmp_path / "a.txt"))


@pytest.mark.parametrize(
    ("limits", "message"),
    [
        (DatasetLimits(body_bytes=3), "row 2: its body has 4 bytes, more than the 3 that are"),
        (DatasetLimits(total_bytes=9), "has 10 bytes, more than the 9 bytes allowed; keep a"),
        (DatasetLimits(rows=2), "more than 2 rows; keep a sample of them"),
    ],
)
def test_a_dataset_over_a_limit_is_refused(dataset, limits, message):
    [found] = dataset.problems("a.txt", "a\nbbbb\nc\n ", limits)

    assert found.startswith(message)


def test_a_dataset_at_its_limits_is_read(dataset):
    limits = DatasetLimits(body_bytes=4, total_bytes=9, rows=3)

    assert len(dataset.rows("a.txt", "a\nbbbb\nc\n", limits)) == 3


def test_bodies_together_over_the_limit_are_refused(dataset):
    # Written out again as 1000000000000000.0, each body is longer than its line.
    content = '{"body": [1e15]}\n' * 3

    assert len(dataset.rows("a.requests.jsonl", content, DatasetLimits(total_bytes=60))) == 3
    [found] = dataset.problems("a.requests.jsonl", content, DatasetLimits(total_bytes=59))
    assert found.startswith("all bodies together have more than the 59 bytes allowed")


def test_a_summary_counts_sizes_labels_and_distinct_requests(dataset):
    rows = dataset.rows("a.csv", "body,label\na,cat\nbbb,dog\na,dog\ncc,cat\n,cat\n")

    assert summarise(rows).to_json() == {
        "rows": 5,
        "distinct_rows": 4,
        "bytes_min": 0,
        "bytes_median": 1,
        "bytes_max": 3,
        "bytes_total": 7,
        "labels": {"cat": 3, "dog": 2},
    }


def test_requests_that_differ_only_in_where_they_go_are_distinct(dataset):
    content = '{"body": "a"}\n{"body": "a", "path": "/x"}\n{"body": "a", "label": "b"}\n'

    assert summarise(dataset.rows("a.requests.jsonl", content)).distinct_rows == 2
