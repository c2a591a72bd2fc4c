"""Datasets with columns: .csv and .tsv, the first row the header."""

from __future__ import annotations

import csv
import io

import pytest

from tests.dataset_files import DatasetFolder

JSON_BODIES = ['{"x": 1, "y": "a"}', "two\nlines", "", "é"]


@pytest.fixture
def dataset(tmp_path) -> DatasetFolder:
    return DatasetFolder(tmp_path)


def written(rows: list[list[str]], delimiter: str = ",") -> str:
    text = io.StringIO()
    csv.writer(text, delimiter=delimiter).writerows(rows)
    return text.getvalue()


@pytest.mark.parametrize(("name", "delimiter"), [("a.csv", ","), ("a.tsv", "\t")])
def test_one_column_holds_the_bodies(dataset, name, delimiter):
    content = written([["request"], *([body] for body in JSON_BODIES)], delimiter)

    assert dataset.bodies(name, content) == [body.encode() for body in JSON_BODIES]


@pytest.mark.parametrize("header", ["body,label", "label,body", "\ufeffLabel ,text"])
def test_a_column_named_label_holds_the_labels(dataset, header):
    first, second = ("cat,a", "dog,b") if "abel" in header[:7] else ("a,cat", "b,dog")

    rows = dataset.rows("a.csv", f"{header}\n{first}\n{second}\n")

    assert [(row.body, row.label) for row in rows] == [(b"a", "cat"), (b"b", "dog")]


def test_a_body_may_be_longer_than_the_csv_modules_own_limit(dataset):
    body = "x" * 200_000

    assert dataset.bodies("a.csv", f"body\n{body}\n") == [body.encode()]


def test_empty_lines_at_the_end_are_no_rows(dataset):
    assert dataset.bodies("a.csv", "body\na\n\n\n") == [b"a"]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("body\n", "has no rows; add at least one"),
        ("\nbody\na\n", "the first line must be the header, but is empty; remove that line"),
        ('{"x": 1}\n{"x": 2}\n', "the first line must be a header, but looks like a body"),
        ("label\ncat\n", 'has only labels; add a column "body"'),
        ("body,label,label\na,b,c\n", 'has 2 columns named "label"; keep one'),
        ("x,y,z\n1,2,3\n", 'has 3 columns of bodies ("x", "y", "z"); keep one'),
        ("x,y,label\n1,2,3\n", 'has 2 columns of bodies ("x", "y"); keep one'),
        ('body\na\n{"x": 1, "y": 2}\n', "row 2: has 2 values for 1 column (line 3); put"),
        ("body,label\na,b\nc\n", "row 2: has 1 value for 2 columns (line 3)"),
        ("body\na\n\nb\n", 'row 2: is an empty line; remove it, or write "" for an empty body'),
        ('body\n"a" b\n', "row 1 (line 2): ',' expected after '\"'; put values"),
        ('body\na\n"b\nc\n', "row 2 (line 4): unexpected end of data; put values"),
        (b"body\na\nb\xe9c\n", "row 2: byte 9 of the file (0xe9) is not UTF-8"),
        (b'body\n"a\nb"\nc\n\xff\n', "row 3: byte 14 of the file (0xff) is not UTF-8"),
        (b"b\xffdy\na\n", "the header: byte 2 of the file (0xff) is not UTF-8"),
    ],
)
def test_what_is_wrong_is_named_with_row_and_line(dataset, content, message):
    [found] = dataset.problems("a.csv", content)

    assert found.startswith(message)


def test_rows_after_a_wrong_one_keep_their_numbers(dataset):
    found = dataset.problems("a.csv", "body\n\n\na\nb,c\n")

    assert [message.partition(":")[0] for message in found] == ["row 1", "row 2", "row 4"]
