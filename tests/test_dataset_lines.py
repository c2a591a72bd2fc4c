"""Datasets with a row to a line: .txt, .jsonl and .requests.jsonl."""

from __future__ import annotations

import base64
import json

import pytest

from tests.dataset_files import DatasetFolder


@pytest.fixture
def dataset(tmp_path) -> DatasetFolder:
    return DatasetFolder(tmp_path)


# --- .txt -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("content", "bodies"),
    [
        ("one\ntwo\n", [b"one", b"two"]),
        ("one\ntwo", [b"one", b"two"]),
        ("one\r\ntwo\r\n", [b"one", b"two"]),
        ("one\n\nthree\n", [b"one", b"", b"three"]),
        ("one\n\n", [b"one", b""]),
        ("\ufeffone\n", [b"one"]),
        (" café \u2028 \x0b\n", [" café \u2028 \x0b".encode()]),
    ],
)
def test_each_line_of_a_text_file_is_a_body(dataset, content, bodies):
    assert dataset.bodies("requests.txt", content) == bodies


def test_rows_count_from_one_and_take_their_defaults_from_the_dataset(dataset):
    rows = dataset.rows(
        "a.txt", "x\ny\n", content_type="text/plain", method="PUT", headers={"A": "b"}
    )

    assert [row.number for row in rows] == [1, 2]
    first = rows[0]
    assert (first.content_type, first.method, first.path) == ("text/plain", "PUT", "/score")
    assert (first.headers, first.label) == ((("A", "b"),), None)


def test_a_body_is_json_unless_the_dataset_says_otherwise(dataset):
    assert dataset.rows("a.txt", "{}")[0].content_type == "application/json"


@pytest.mark.parametrize("name", ["a.txt", "a.csv", "a.tsv", "a.jsonl", "a.requests.jsonl"])
def test_an_empty_file_is_refused(dataset, name):
    assert dataset.problems(name, "") == ["has no rows; add at least one"]


@pytest.mark.parametrize("content", ["\n", "\n\r\n\n", "\ufeff"])
def test_line_ends_alone_are_no_rows(dataset, content):
    assert dataset.problems("a.txt", content) == ["has no rows; add at least one"]


def test_bytes_that_are_not_utf8_are_named_with_row_and_byte(dataset):
    assert dataset.problems("a.txt", b"one\ncaf\xe9\nthree\n\xff\n") == [
        "row 2: byte 4 (0xe9) is not UTF-8; save the file as UTF-8",
        "row 4: byte 1 (0xff) is not UTF-8; save the file as UTF-8",
    ]


@pytest.mark.parametrize("name", ["a.txt", "a.csv"])
def test_utf16_is_named(dataset, name):
    assert dataset.problems(name, "one\n".encode("utf-16")) == [
        "is encoded as UTF-16; save it as UTF-8"
    ]


# --- .jsonl ---------------------------------------------------------------------------------------
def test_a_json_line_is_sent_as_it_is_written(dataset):
    lines = ['{"b":  1.50, "a": "é"}', " [1, 2]", '"text"', "1" * 30]

    assert dataset.bodies("a.jsonl", "\n".join(lines)) == [line.encode() for line in lines]


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"x": }', "column 7: is not JSON (Expecting value); correct it"),
        ('{"x": 1} 2', "column 10: is not JSON (Extra data); correct it"),
        ("x", "column 1: is not JSON (Expecting value); correct it"),
        ("", "is empty; remove the line"),
        ("  ", "is empty; remove the line"),
        ('{"x": NaN}', "is not JSON (NaN is not a JSON value); correct it"),
        ("-Infinity", "is not JSON (-Infinity is not a JSON value); correct it"),
        ("[" * 100_000, "is nested too deeply; simplify it"),
    ],
)
def test_a_line_that_is_not_json_is_named_with_row_and_column(dataset, line, message):
    assert dataset.problems("a.jsonl", f"{{}}\n{line}\n{{}}\n") == [f"row 2: {message}"]


def test_many_problems_are_told_as_the_first_and_a_count(dataset):
    found = dataset.problems("a.jsonl", "x\n" * 100)

    assert len(found) == 21
    assert found[19].startswith("row 20: ")
    assert found[20] == "and 80 more like these"


# --- .requests.jsonl ------------------------------------------------------------------------------
def envelope(**fields: object) -> str:
    return json.dumps(fields) + "\n"


def test_an_envelope_says_what_to_send(dataset):
    content = envelope(
        body="é",
        label="cat",
        content_type="text/plain",
        method="PUT",
        path="/v",
        headers={"A": "b"},
    )

    [row] = dataset.rows("a.requests.jsonl", content)

    assert (row.body, row.label) == ("é".encode(), "cat")
    assert (row.content_type, row.method, row.path) == ("text/plain", "PUT", "/v")
    assert row.headers == (("A", "b"),)


def test_what_an_envelope_leaves_open_comes_from_the_dataset(dataset):
    content = envelope(body="", headers={"x-key": "mine"})
    defaults = {"content_type": "text/csv", "headers": {"X-Key": "theirs", "X-Team": "a"}}

    [row] = dataset.rows("a.requests.jsonl", content, **defaults)

    assert (row.body, row.content_type, row.path) == (b"", "text/csv", "/score")
    assert row.headers == (("x-key", "mine"), ("X-Team", "a"))


@pytest.mark.parametrize(
    ("body", "sent"),
    [
        ({"b": [1, 2.5], "a": "é"}, '{"b":[1,2.5],"a":"é"}'),
        ([1, None, True], "[1,null,true]"),
        ('{"b": 1}', '{"b": 1}'),
    ],
)
def test_a_json_body_is_written_compactly_in_its_own_order(dataset, body, sent):
    assert dataset.bodies("a.requests.jsonl", envelope(body=body)) == [sent.encode()]


def test_a_body_of_bytes_is_given_in_base64(dataset):
    content = envelope(body_base64=base64.b64encode(b"\x00\xff").decode())

    assert dataset.bodies("a.requests.jsonl", content) == [b"\x00\xff"]


def test_a_label_may_be_a_whole_number(dataset):
    assert dataset.rows("a.requests.jsonl", envelope(body="", label=7))[0].label == "7"


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("[1]", 'must be an object such as {"body": ...}, not [1]'),
        ("{}", 'column "body": missing; give "body" or "body_base64" ("" for an empty body)'),
        ('{"body": "", "body_base64": ""}', 'has both "body" and "body_base64"; keep one'),
        ('{"body": 5}', 'column "body": must be a string, an object or a list, not 5'),
        ('{"body": "\\ud800"}', 'column "body": has half a surrogate pair'),
        ('{"body": {"x": 1e999}}', 'column "body": cannot be written as JSON again'),
        ('{"body_base64": "%"}', 'column "body_base64": must be base64 text, not "%"'),
        ('{"body_base64": 5}', 'column "body_base64": must be base64 text, not 5'),
        ('{"body": "", "lable": "a"}', 'column "lable": unknown; did you mean "label"?'),
        ('{"body": "", "label": true}', 'column "label": must be a string or a whole number'),
        ('{"body": "", "label": "\\u0000"}', "its label holds characters that are no text"),
        ('{"body": "", "label": "\\ud800"}', "its label holds characters that are no text"),
        ('{"body": "", "label": "' + "a" * 1001 + '"}', "its label has 1001 characters"),
        ('{"body": "", "method": "get"}', 'column "method": must be one of GET'),
        ('{"body": "", "path": "v"}', 'column "path": must be a path that begins with "/"'),
        ('{"body": "", "content_type": 5}', 'column "content_type": must be a content type'),
        ('{"body": "", "headers": []}', 'column "headers": must be an object of strings'),
        ('{"body": "", "headers": {"a": 1}}', 'column "headers": "a" must be a string'),
        ('{"body": "", "headers": {"Host": "a"}}', 'column "headers": "Host" is set by the load'),
    ],
)
def test_a_wrong_envelope_is_named_with_row_and_column(dataset, line, message):
    [found] = dataset.problems("a.requests.jsonl", f'{{"body": ""}}\n{line}\n')

    assert found.startswith(f"row 2: {message}")


def test_everything_wrong_with_an_envelope_is_told_at_once(dataset):
    [found] = dataset.problems("a.requests.jsonl", envelope(method="x", path="y", z=1))

    for column in ("method", "path", "z", "body"):
        assert f'column "{column}"' in found
