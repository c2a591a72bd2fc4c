"""The datasets of the registry: list, one dataset with its first rows, register."""

from __future__ import annotations

import pytest

from runs.models import Dataset, StoredFiles
from tests.page_rows import folder, queries_of, upload, zip_of

pytestmark = pytest.mark.django_db

REGISTER = "/datasets/register/"
LINES = '{"a": 1}\n{"a": 22}\n{"a": 22}\n'


def register(client, **fields: object):
    return client.post(REGISTER, {"name": "requests", **fields})


@pytest.mark.parametrize(
    ("file", "kind", "rows", "distinct"),
    [
        (upload("r.txt", LINES), "txt", 3, 2),
        (upload("r.jsonl", LINES), "jsonl", 3, 2),
        (upload("r.csv", 'body,label\n"{}",cat\n"[]",dog\n'), "csv", 2, 2),
        (upload("r.tsv", "body\none\ntwo\n"), "tsv", 2, 2),
        (upload("r.requests.jsonl", '{"body": "x", "method": "PUT"}\n'), "requests.jsonl", 1, 1),
        (zip_of({"cat/1.jpg": b"\xff\xd8a", "dog/2.jpg": b"\xff\xd8b"}, "r.zip"), "zip", 2, 2),
    ],
    ids=lambda value: value.name if hasattr(value, "name") else None,
)
def test_each_format_is_registered_with_its_statistics(
    signed_in, file, kind, rows, distinct
) -> None:
    file.seek(0)
    assert register(signed_in, files=file).url == "/datasets/requests/1/"
    dataset = Dataset.objects.get()
    assert (dataset.file_format, dataset.rows, dataset.distinct_rows) == (kind, rows, distinct)
    assert signed_in.get("/datasets/requests/1/").status_code == 200


def test_sizes_and_first_rows_are_shown(signed_in) -> None:
    register(signed_in, files=upload("r.jsonl", LINES))
    dataset = Dataset.objects.get()
    assert (dataset.bytes_min, dataset.bytes_median, dataset.bytes_max) == (8, 9, 9)
    assert [row["text"] for row in dataset.preview] == ['{"a": 1}', '{"a": 22}', '{"a": 22}']
    html = signed_in.get("/datasets/requests/1/").content.decode()
    assert "{&quot;a&quot;: 22}" in html
    assert "3 rows, 2 different" in html


def test_a_folder_is_registered_with_labels_and_content_types_by_name(signed_in) -> None:
    bodies = {"images/cat/1.jpg": b"\xff\xd8\xff", "images/dog/2.png": b"\x89PNG"}
    register(signed_in, **folder(bodies))
    dataset = Dataset.objects.get()
    assert (dataset.file_format, dataset.content_type) == ("folder", "")
    assert dataset.labels == {"cat": 1, "dog": 1}
    assert [(row["hex"], row["content_type"]) for row in dataset.preview] == [
        ("ff d8 ff", "image/jpeg"),
        ("89 50 4e 47", "image/png"),
    ]


def test_a_long_dataset_shows_only_its_beginning(signed_in) -> None:
    register(signed_in, files=upload("r.txt", "\n".join("x" * 3000 for _ in range(30))))
    preview = Dataset.objects.get().preview
    assert len(preview) == 10
    assert (len(preview[0]["text"]), preview[0]["bytes"]) == (400, 3000)
    assert not preview[0]["is_whole"]


@pytest.mark.parametrize(("lines", "warned"), [("{}\n" * 5, True), ("{}\n", False), (LINES, False)])
def test_the_same_request_in_all_rows_is_warned_of(signed_in, lines, warned) -> None:
    register(signed_in, files=upload("r.jsonl", lines))
    html = signed_in.get("/datasets/requests/1/").content.decode()
    assert ("send the same request" in html) is warned


@pytest.mark.parametrize(
    ("fields", "place", "said"),
    [
        ({"files": upload("r.csv", "a,b\n1,2\n")}, "files", "2 columns"),
        ({"files": upload("r.jsonl", '{"a": 1}\n{"a":\n')}, "files", "row 2"),
        ({"files": upload("r.txt", b"fine\n\xff\xfe\n")}, "files", "row 2"),
        ({"files": upload("r.txt", "")}, "files", "no rows"),
        ({"files": upload("r.xlsx", "x")}, "files", ".xlsx"),
        ({"files": upload("r.zip", "x")}, "files", "not a readable zip"),
        ({}, "files", "Choose a file"),
        ({"files": upload("r.txt", "x"), "content_type": "json"}, "content_type", "content type"),
        ({"files": upload("r.txt", "x"), "name": "a b"}, "name", "a space"),
    ],
)
def test_what_is_no_dataset_is_refused_before_anything_is_stored(
    signed_in, data_dir, fields, place, said
) -> None:
    for file in fields.values():
        if hasattr(file, "seek"):
            file.seek(0)
    page = register(signed_in, **fields)
    assert said in str(page.context["form"].errors[place])
    assert not Dataset.objects.exists()
    assert not StoredFiles.objects.exists()
    assert not (data_dir / "blobs").exists()
    assert list((data_dir / "uploads").iterdir()) == []


def test_a_look_at_the_files_stores_nothing(signed_in, data_dir) -> None:
    page = register(signed_in, files=upload("r.jsonl", "{}\n" * 5), name="", check="1")
    html = page.content.decode()
    assert "This is a dataset" in html
    assert "All 5 rows send the same request" in html
    assert not Dataset.objects.exists()
    assert not (data_dir / "blobs").exists()


def test_a_look_at_wrong_files_says_what_is_wrong(signed_in) -> None:
    page = register(signed_in, files=upload("r.csv", "a,b\n1,2\n"), check="1")
    assert "2 columns" in page.content.decode()


def test_the_list_shows_the_latest_of_each_and_can_be_searched(signed_in, make) -> None:
    make.dataset("orders")
    make.dataset("orders", lines=3)
    make.dataset("images")
    page = signed_in.get("/datasets/?sort=rows")
    shown = [(row.record.name, row.record.version) for row in page.context["table"].page]
    assert shown == [("orders", 2), ("images", 1)]
    found = signed_in.get("/datasets/?q=IMA").context["table"].page
    assert [row.record.name for row in found] == ["images"]
    assert "Nothing matches" in signed_in.get("/datasets/?q=nothing").content.decode()


def test_twice_the_datasets_and_runs_take_no_more_queries(signed_in, make) -> None:
    config, target, model = make.config(), make.target(), make.model()
    first = make.dataset("first")

    def add(numbers: range) -> None:
        for number in numbers:
            make.dataset(f"d-{number}", lines=2)
            make.run(models=[model], config=config, dataset=first, target=target)

    def both() -> None:
        signed_in.get("/datasets/")
        signed_in.get("/datasets/first/1/")

    add(range(10))
    ten = queries_of(both)
    add(range(10, 20))
    assert queries_of(both) == ten


def test_a_dataset_that_is_not_there_is_not_found(signed_in) -> None:
    assert signed_in.get("/datasets/requests/1/").status_code == 404
