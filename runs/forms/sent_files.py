"""What was sent, as the files that are kept: one, a folder, or the folder that an archive holds."""

from __future__ import annotations

import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.core.files import File

from runs import storage
from runs.formatting import file_size
from runs.models import StoredFiles
from runs.models.staged_upload import StagedFile

Entries = Iterator[tuple[str, BinaryIO]]

#: What comes along with a folder and is never meant to.
JUNK = {"__pycache__", ".git", ".DS_Store", "__MACOSX", ".ipynb_checkpoints"}


@dataclass(frozen=True)
class Upload:
    """What was sent, not yet stored. `entries` opens the files as (relative path, file)."""

    name: str
    is_folder: bool
    entries: Callable[[], Entries]

    def as_folder(self, name: str = "") -> Upload:
        """The same files as a folder, under its own name if it has one."""
        return self if self.is_folder else Upload(name or "source", True, self.entries)

    def write_below(self, folder: Path) -> Path:
        """Write the files below `folder`; the path of the file or folder. Raises UploadRefused."""
        name = storage.safe_path(self.name)
        root, room = (
            (folder / name if self.is_folder else folder),
            settings.PROFILER_MAX_UPLOAD_BYTES,
        )
        for raw_path, file in self.entries():
            path = root / (storage.safe_path(raw_path) if self.is_folder else name)
            room -= _write(file, path, room)
        return folder / name

    def store(self) -> StoredFiles:
        """Keep the files. Raises UploadRefused."""
        return StoredFiles.objects.store_upload(
            self.entries(), name=self.name, is_folder=self.is_folder
        )


def _write(file: BinaryIO, path: Path, room: int) -> int:
    written = 0
    with _new_file(path) as out:
        while chunk := file.read(storage.CHUNK_BYTES):
            written += len(chunk)
            if written > room:
                raise storage.UploadRefused(
                    f"That is more than {file_size(settings.PROFILER_MAX_UPLOAD_BYTES)}."
                )
            out.write(chunk)
    return written


def _new_file(path: Path) -> BinaryIO:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return path.open("xb")
    except (FileExistsError, NotADirectoryError, IsADirectoryError) as error:
        raise storage.UploadRefused(
            f"{path.name} is there twice, or as file and folder."
        ) from error


@contextmanager
def written(upload: Upload) -> Iterator[Path]:
    """The upload as files in a scratch folder, to be looked at before anything is kept."""
    with tempfile.TemporaryDirectory(dir=settings.FILE_UPLOAD_TEMP_DIR) as folder:
        yield upload.write_below(Path(folder))


def _opened(files: Iterable[tuple[str, File]]) -> Entries:
    for path, file in files:
        yield path, file.open()
        if isinstance(file, StagedFile):
            file.close()


def single_upload(file: File) -> Upload:
    return Upload(file.name, False, lambda: _opened([(file.name, file)]))


def stored_upload(files: StoredFiles) -> Upload:
    """A folder that was registered before."""
    return Upload(files.name, True, lambda: ((path, files.open(path)) for path in files.paths))


def folder_upload(files: Iterable[tuple[str, File]]) -> Upload:
    """A folder from files whose paths begin with its name."""
    kept = {}
    for raw_path, file in files:
        path = storage.safe_path(raw_path)
        if JUNK.intersection(path.split("/")):
            continue
        if path in kept:
            raise storage.UploadRefused(f"The path {path} is there twice.")
        kept[path] = file
    if not kept:
        raise storage.UploadRefused("There are no files in it.")
    name = _common_folder(kept)
    inside = [(path.removeprefix(f"{name}/"), file) for path, file in kept.items()]
    return Upload(name or "files", True, lambda: _opened(inside))


def _common_folder(paths: Iterable[str]) -> str:
    """The one folder that all paths begin with; "" when there is none."""
    firsts = {path.partition("/")[0] if "/" in path else "" for path in paths}
    return firsts.pop() if len(firsts) == 1 else ""


def archive_upload(file: File) -> Upload:
    """The folder that a zip archive holds, or stands for when it has several things at its top."""
    try:
        with zipfile.ZipFile(file.open()) as archive:
            paths = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise storage.UploadRefused(f"{file.name} is not a zip archive.") from error
    kept = [path for path in map(storage.safe_path, paths) if not JUNK & set(path.split("/"))]
    if not kept:
        raise storage.UploadRefused(f"{file.name} is empty.")
    folder = _common_folder(kept)

    def entries() -> Entries:
        for path, member in storage.zip_files(file.open()):
            if not JUNK.intersection(path.split("/")):
                yield path.removeprefix(f"{folder}/"), member

    return Upload(folder or Path(file.name).stem, True, entries)
