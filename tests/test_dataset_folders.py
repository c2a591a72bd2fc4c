"""Datasets with a file to a body: folders and zip archives."""

from __future__ import annotations

import io
import os
import stat
import struct
import zipfile
from pathlib import Path

import pytest

from profiler.dataset import DatasetLimits, Row, read_dataset
from profiler.errors import InvalidSpec
from profiler.spec import DatasetFiles
from tests.dataset_files import DatasetFolder, messages

LABELLED = {
    "images/dog/b.png": b"\x89PNG\xff",
    "images/cat/a.jpg": b"\xff\xd8",
    "images/cat/c.bin": b"",
}
LITTER = {"images/.DS_Store": b"x", "__MACOSX/images/._b.png": b"x", "images/.git/config": b"x"}


@pytest.fixture
def dataset(tmp_path) -> DatasetFolder:
    return DatasetFolder(tmp_path)


def zipped(files: dict[str, bytes], compression: int = zipfile.ZIP_DEFLATED) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", compression) as archive:
        for name, body in files.items():
            archive.writestr(name, body)
    return content.getvalue()


def read_folder(folder: Path, **defaults: str) -> list[Row]:
    return read_dataset(DatasetFiles(folder, **defaults))


def folder_problems(folder: Path) -> list[str]:
    with pytest.raises(InvalidSpec) as refusal:
        read_folder(folder)
    return messages(refusal.value, folder.name)


def known(rows: list[Row]) -> list[tuple]:
    return [(row.number, row.body, row.label, row.content_type) for row in rows]


EXPECTED = [
    (1, b"\xff\xd8", "cat", "image/jpeg"),
    (2, b"", "cat", "application/octet-stream"),
    (3, b"\x89PNG\xff", "dog", "image/png"),
]


def test_each_file_of_a_folder_is_a_body_and_its_subfolder_the_label(dataset):
    for name, body in {**LABELLED, **LITTER}.items():
        dataset.write(f"root/{name}", body)

    assert known(read_folder(dataset.folder / "root")) == EXPECTED
    assert known(read_folder(dataset.folder / "root" / "images")) == EXPECTED


def test_a_zip_of_a_folder_reads_as_the_folder(dataset):
    content = zipped({"images/": b"", **LABELLED, **LITTER})

    assert known(dataset.rows("A.ZIP", content)) == EXPECTED


def test_files_without_a_subfolder_have_no_label(dataset):
    rows = dataset.rows("a.zip", zipped({"b.json": b"{}", "a.json": b"[]", "x/c.json": b"1"}))

    assert [(row.body, row.label) for row in rows] == [(b"[]", None), (b"{}", None), (b"1", "x")]
    assert rows[0].content_type == "application/json"


def test_the_datasets_own_content_type_goes_before_the_suffix(dataset):
    [row] = dataset.rows("a.zip", zipped({"a.png": b"x"}), content_type="application/x-mine")

    assert row.content_type == "application/x-mine"


def test_a_folder_without_files_is_refused(dataset):
    (dataset.folder / "empty" / "inner").mkdir(parents=True)

    assert folder_problems(dataset.folder / "empty") == ["has no rows; add at least one"]
    assert dataset.problems("a.zip", zipped({"x/": b""})) == ["has no rows; add at least one"]


def test_links_and_pipes_in_a_folder_are_refused(dataset):
    folder = dataset.folder / "root"
    dataset.write("root/a.json", "{}")
    (folder / "link").symlink_to("/etc/passwd")
    (folder / "links").symlink_to("/etc")
    os.mkfifo(folder / "pipe")

    assert sorted(folder_problems(folder)) == [
        '"link" is a symbolic link; put the file itself there',
        '"links" is a symbolic link; put the file itself there',
        '"pipe" is not a file; remove it',
    ]


@pytest.mark.parametrize(
    "name", ["../out.json", "/etc/out.json", "a/../../b", "\\windows", "..\\x"]
)
def test_paths_that_leave_an_archive_are_refused(dataset, name):
    [found] = dataset.problems("a.zip", zipped({name: b"x"}))

    assert "leads out of the archive" in found


def test_links_in_an_archive_are_refused(dataset):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        link = zipfile.ZipInfo("link")
        link.external_attr = (stat.S_IFLNK | 0o777) << 16
        archive.writestr(link, "/etc/passwd")

    assert dataset.problems("a.zip", content.getvalue()) == [
        '"link" is a symbolic link; put the file itself there'
    ]


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_a_name_that_is_in_an_archive_twice_is_refused(dataset):
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.writestr("a", "1")
        archive.writestr("a", "2")

    assert dataset.problems("a.zip", content.getvalue()) == [
        '"a" is in the archive twice; keep one'
    ]


def test_an_encrypted_archive_is_refused(dataset):
    content = bytearray(zipped({"a": b"x"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        at = content.index(signature) + offset
        content[at] |= 1

    [found] = dataset.problems("a.zip", bytes(content))

    assert "is encrypted; make the archive again without a password" in found


@pytest.mark.parametrize(
    "content",
    [b"", b"not a zip", zipped({"a": b"x" * 100})[:-30]],
    ids=["empty", "text", "cut off"],  # a zip holds the time: by content they would vary
)
def test_what_is_no_archive_is_refused(dataset, content):
    [found] = dataset.problems("a.zip", content)

    assert found.startswith("is not a readable zip archive")


def test_a_damaged_file_in_an_archive_is_refused(dataset):
    content = zipped({"a": b"hello hello"}, zipfile.ZIP_STORED).replace(b"hello", b"hallo")

    [found] = dataset.problems("a.zip", content)

    assert found.startswith("is not a readable zip archive (Bad CRC-32")


def test_a_compression_that_is_not_known_is_refused(dataset):
    content = bytearray(zipped({"a": b"x"}))
    for signature, offset in ((b"PK\x03\x04", 8), (b"PK\x01\x02", 10)):
        struct.pack_into("<H", content, content.index(signature) + offset, 97)

    [found] = dataset.problems("a.zip", bytes(content))

    assert found.startswith("is not a readable zip archive (")


def test_an_archive_bomb_is_refused_by_what_it_declares(dataset):
    bomb = zipped({f"{index}": b"\0" * 1_000_000 for index in range(20)})
    assert len(bomb) < 100_000

    [found] = dataset.problems("a.zip", bomb, DatasetLimits(total_bytes=10_000_000))

    assert found.startswith("has 20000000 bytes, more than the 10000000 bytes allowed")


def test_an_archive_bomb_that_declares_less_is_refused_while_it_is_read(dataset):
    bomb = bytearray(zipped({"a": b"\0" * 1_000_000}))
    struct.pack_into("<I", bomb, bomb.index(b"PK\x01\x02") + 24, 10)

    [found] = dataset.problems("a.zip", bytes(bomb), DatasetLimits(body_bytes=1000))

    assert found.startswith("is not a readable zip archive")


def test_a_file_over_the_limit_of_a_body_is_named(dataset):
    limits = DatasetLimits(body_bytes=10)
    content = zipped({"a": b"x" * 10, "b": b"x" * 11})

    assert dataset.problems("a.zip", content, limits) == [
        'row 2: "b" has 11 bytes, more than the 10 allowed; shorten or remove it'
    ]
