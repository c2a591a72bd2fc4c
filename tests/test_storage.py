"""Files are stored once by content, under paths that stay in their folder."""

from __future__ import annotations

import io
import stat
import zipfile

import pytest

from runs.models import StoredFiles
from runs.storage import UploadRefused, safe_path

pytestmark = pytest.mark.django_db


def store(name: str = "model.pkl", content: bytes = b"weights") -> StoredFiles:
    return StoredFiles.objects.store_upload([(name, io.BytesIO(content))], name=name)


def archive(**files: bytes) -> io.BytesIO:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as written:
        for name, content in files.items():
            written.writestr(name.replace("__", "/"), content)
    file.seek(0)
    return file


def blobs(data_dir) -> list:
    return [path for path in (data_dir / "blobs").rglob("*") if path.is_file()]


def test_the_same_content_is_stored_once(data_dir) -> None:
    assert store() == store()
    assert store("other.pkl") != store()
    assert len(blobs(data_dir)) == 1


def test_a_file_comes_back_under_its_name(tmp_path) -> None:
    path = store().materialise(tmp_path)
    assert path == tmp_path / "model.pkl"
    assert path.read_bytes() == b"weights"


def test_a_folder_comes_back_under_its_name(tmp_path) -> None:
    files = StoredFiles.objects.store_zip(archive(a=b"1", sub__b=b"2"), name="service")
    path = files.materialise(tmp_path)
    assert path == tmp_path / "service"
    assert (path / "sub" / "b").read_bytes() == b"2"
    assert files.open("sub/b").read() == b"2"
    assert files.total_bytes == 2


def test_a_changed_copy_does_not_change_what_is_stored(tmp_path) -> None:
    files = store()
    files.materialise(tmp_path).write_bytes(b"changed")
    assert files.open().read() == b"weights"


@pytest.mark.parametrize(
    "path", ["/etc/passwd", "../up", "a/../../up", "", ".", "C:/windows", "a\x00b", "..\\up"]
)
def test_paths_that_leave_their_folder_are_refused(path) -> None:
    with pytest.raises(UploadRefused):
        safe_path(path)


def test_an_archive_that_leaves_its_folder_is_refused() -> None:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as written:
        written.writestr("../../evil", b"x")
    file.seek(0)
    with pytest.raises(UploadRefused):
        StoredFiles.objects.store_zip(file, name="service")


def test_an_archive_bomb_is_refused(data_dir) -> None:
    with pytest.raises(UploadRefused, match="expands"):
        StoredFiles.objects.store_zip(archive(bomb=b"\0" * (30 << 20)), name="service")
    assert not (data_dir / "blobs").exists() or not blobs(data_dir)


def test_a_link_in_an_archive_is_refused() -> None:
    file = io.BytesIO()
    link = zipfile.ZipInfo("passwd")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(file, "w") as written:
        written.writestr(link, "/etc/passwd")
    file.seek(0)
    with pytest.raises(UploadRefused, match="link"):
        StoredFiles.objects.store_zip(file, name="service")


def test_too_large_is_refused_and_leaves_nothing(settings, data_dir) -> None:
    settings.PROFILER_MAX_UPLOAD_BYTES = 10
    uploads = [("a", io.BytesIO(b"123456")), ("b", io.BytesIO(b"123456"))]
    with pytest.raises(UploadRefused, match="larger"):
        StoredFiles.objects.store_upload(uploads, name="service", is_folder=True)
    assert not [path for path in blobs(data_dir) if path.name.startswith(".incoming")]


def test_too_many_files_are_refused(settings) -> None:
    settings.PROFILER_MAX_UPLOAD_FILES = 1
    with pytest.raises(UploadRefused, match="more than 1"):
        StoredFiles.objects.store_upload(
            [("a", io.BytesIO(b"1")), ("b", io.BytesIO(b"2"))], name="service", is_folder=True
        )


def test_no_files_and_no_archive_are_refused() -> None:
    with pytest.raises(UploadRefused, match="no files"):
        StoredFiles.objects.store_upload([], name="service", is_folder=True)
    with pytest.raises(UploadRefused, match="not a zip"):
        StoredFiles.objects.store_zip(io.BytesIO(b"hello"), name="service")
