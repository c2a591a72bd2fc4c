"""Datasets in .parquet, and what is said where the extra that reads them is not installed."""

from __future__ import annotations

import sys

import pytest

from profiler.dataset import DatasetLimits
from tests.dataset_files import DatasetFolder

pyarrow = pytest.importorskip("pyarrow", reason="needs the extra parquet")


@pytest.fixture
def dataset(tmp_path) -> DatasetFolder:
    return DatasetFolder(tmp_path)


def parquet(**columns: object) -> bytes:
    from pyarrow import parquet

    sink = pyarrow.BufferOutputStream()
    parquet.write_table(pyarrow.table(columns), sink)
    return sink.getvalue().to_pybytes()


@pytest.mark.parametrize("kind", ["string", "large_string", "binary", "large_binary"])
def test_a_column_of_text_or_bytes_holds_the_bodies(dataset, kind):
    column = pyarrow.array(["a", "é"]).cast(pyarrow.type_for_alias(kind))

    assert dataset.bodies("a.parquet", parquet(request=column)) == [b"a", "é".encode()]


def test_bytes_need_not_be_text(dataset):
    column = pyarrow.array([b"\x00\xff"])

    assert dataset.bodies("a.parquet", parquet(body=column)) == [b"\x00\xff"]


def test_a_column_named_label_holds_the_labels(dataset):
    content = parquet(Label=["cat", None], body=pyarrow.array(["a", "b"]).dictionary_encode())

    rows = dataset.rows("a.parquet", content)

    assert [(row.body, row.label) for row in rows] == [(b"a", "cat"), (b"b", None)]


@pytest.mark.parametrize(
    ("columns", "message"),
    [
        ({"body": pyarrow.array([], pyarrow.string())}, "has no rows; add at least one"),
        ({"body": [1, 2]}, 'column "body" holds int64, not strings or bytes; convert it'),
        ({"body": [["a"]]}, 'column "body" holds list<element: string>, not strings or bytes'),
        ({"body": ["a"], "label": [1]}, 'column "label" holds int64, not strings or bytes'),
        ({"x": ["a"], "y": ["b"]}, 'has 2 columns of bodies ("x", "y"); keep one'),
        ({"body": ["a", None]}, 'row 2: column "body": is null; give a body or remove the row'),
    ],
)
def test_what_is_wrong_is_named_with_row_and_column(dataset, columns, message):
    [found] = dataset.problems("a.parquet", parquet(**columns))

    assert found.startswith(message)


def test_what_is_no_parquet_file_is_refused(dataset):
    for content in (b"", b"not parquet", parquet(body=["a"])[:-10]):
        [found] = dataset.problems("a.parquet", content)
        assert found.startswith("is not a readable parquet file")


def test_a_small_file_that_unfolds_into_a_huge_dataset_is_refused(dataset):
    content = parquet(body=["x" * 100_000] * 5000)
    assert len(content) < 200_000

    [found] = dataset.problems("a.parquet", content, DatasetLimits(total_bytes=10_000_000))

    assert found.startswith("all bodies together have more than the 10000000 bytes allowed")


def test_without_the_extra_the_message_says_how_to_get_it(dataset, monkeypatch):
    content = parquet(body=["a"])
    monkeypatch.setitem(sys.modules, "pyarrow", None)

    [found] = dataset.problems("a.parquet", content)

    assert "pip install model-profiler[parquet]" in found
