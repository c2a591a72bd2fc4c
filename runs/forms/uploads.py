"""Files as a browser sends them: one, several, a folder with its structure, or an archive of one.

A browser says a folder's structure only to scripts, and Django keeps no folder in a file's name:
so a small script puts the relative paths into a hidden field. Without scripts a folder is sent as
a zip archive.
"""

from __future__ import annotations

import json
import tempfile
import zipfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from django import forms
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.files.uploadedfile import UploadedFile

from runs import storage
from runs.formatting import file_size
from runs.forms.styling import StyledForm
from runs.models import StoredFiles

Entries = Iterator[tuple[str, BinaryIO]]

#: What comes along with a folder and is never meant to.
JUNK = {"__pycache__", ".git", ".DS_Store", "__MACOSX", ".ipynb_checkpoints"}


class ManyFilesInput(forms.FileInput):
    allow_multiple_selected = True


class ManyFilesField(forms.FileField):
    """Any number of files; cleaned to a list. Empty files are files: a package may need them."""

    widget = ManyFilesInput

    def __init__(self, **options) -> None:
        super().__init__(**{"required": False, "allow_empty_file": True, **options})

    def clean(self, data: object, initial: object = None) -> list[UploadedFile]:
        if not data:
            return []
        files = data if isinstance(data, list | tuple) else [data]
        return [super(ManyFilesField, self).clean(file, initial) for file in files]


class FolderField(ManyFilesField):
    def __init__(self, **options) -> None:
        super().__init__(**options)
        self.widget.attrs["webkitdirectory"] = True


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
        root, room = (folder / name if self.is_folder else folder), _limit()
        for raw_path, file in self.entries():
            path = root / (storage.safe_path(raw_path) if self.is_folder else name)
            room -= _write(file, path, room)
        return folder / name

    def store(self) -> StoredFiles:
        """Keep the files. Raises UploadRefused."""
        return StoredFiles.objects.store_upload(
            self.entries(), name=self.name, is_folder=self.is_folder
        )


def _limit() -> int:
    return settings.PROFILER_MAX_UPLOAD_BYTES


def _write(file: BinaryIO, path: Path, room: int) -> int:
    written = 0
    with _new_file(path) as out:
        while chunk := file.read(storage.CHUNK_BYTES):
            written += len(chunk)
            if written > room:
                raise storage.UploadRefused(f"That is more than {file_size(_limit())}.")
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


class UploadForm(StyledForm):
    """The fields that files come by; `upload` in the cleaned data is what was sent."""

    #: Name of the folder that several files are kept as.
    folder_name = "files"
    #: Whether a zip archive stands for the folder in it, without being asked to.
    unpacks_archives = False
    files_label, files_hint, folder_hint = "Files", "", ""

    files = ManyFilesField(label="Files")
    folder = FolderField(label="Folder")
    folder_paths = forms.CharField(required=False, widget=forms.HiddenInput)

    def __init__(self, *args, **kwargs) -> None:
        super().__init__(*args, **kwargs)
        self.fields["files"].label = self.files_label
        self.fields["files"].help_text = self.files_hint
        self.fields["folder"].help_text = self.folder_hint

    def clean(self) -> dict:
        cleaned = super().clean()
        if self.has_error("files") or self.has_error("folder"):
            return cleaned
        try:
            cleaned["upload"] = self._upload(cleaned)
        except (storage.UploadRefused, ValidationError) as refusal:
            self.add_error("files", _words(refusal))
        return cleaned

    def wants_unpacking(self, file: UploadedFile) -> bool:
        return self.unpacks_archives and file.name.lower().endswith(".zip")

    def _upload(self, cleaned: dict) -> Upload:
        files, folder = cleaned.get("files") or [], cleaned.get("folder") or []
        if files and folder:
            raise ValidationError("Choose files or a folder, not both.")
        if not files and not folder:
            raise ValidationError("Choose a file, several files or a folder.")
        total = sum(file.size for file in files + folder)
        if total > _limit():
            raise ValidationError(
                f"That is {file_size(total)}, and at most {file_size(_limit())} may be sent."
            )
        if folder:
            return folder_upload(zip(self._paths(cleaned, folder), folder, strict=True))
        if len(files) == 1:
            return self._single(files[0])
        return folder_upload([(f"{self.folder_name}/{file.name}", file) for file in files])

    def _single(self, file: UploadedFile) -> Upload:
        if self.wants_unpacking(file):
            return archive_upload(file)
        return Upload(file.name, False, lambda: _rewound([(file.name, file)]))

    def _paths(self, cleaned: dict, folder: list[UploadedFile]) -> list[str]:
        try:
            paths = json.loads(cleaned.get("folder_paths") or "[]")
        except ValueError:
            paths = []
        if not isinstance(paths, list) or len(paths) != len(folder):
            raise ValidationError(
                "Your browser did not say where in the folder each file is. "
                "Send the folder as a zip archive."
            )
        return [str(path) for path in paths]


def _words(refusal: Exception) -> object:
    return refusal if isinstance(refusal, ValidationError) else str(refusal)


def _rewound(files: Iterable[tuple[str, UploadedFile]]) -> Entries:
    for path, file in files:
        file.seek(0)
        yield path, file


def folder_upload(files: Iterable[tuple[str, BinaryIO]]) -> Upload:
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
    return Upload(name or "files", True, lambda: _rewound(inside))


def _common_folder(paths: Iterable[str]) -> str:
    """The one folder that all paths begin with; "" when there is none."""
    firsts = {path.partition("/")[0] if "/" in path else "" for path in paths}
    return firsts.pop() if len(firsts) == 1 else ""


def archive_upload(file: UploadedFile) -> Upload:
    """The folder that a zip archive holds, or stands for when it has several things at its top."""
    try:
        with zipfile.ZipFile(file) as archive:
            paths = [entry.filename for entry in archive.infolist() if not entry.is_dir()]
    except (zipfile.BadZipFile, OSError) as error:
        raise storage.UploadRefused(f"{file.name} is not a zip archive.") from error
    kept = [path for path in map(storage.safe_path, paths) if not JUNK & set(path.split("/"))]
    if not kept:
        raise storage.UploadRefused(f"{file.name} is empty.")
    folder = _common_folder(kept)

    def entries() -> Entries:
        file.seek(0)
        for path, member in storage.zip_files(file):
            if not JUNK.intersection(path.split("/")):
                yield path.removeprefix(f"{folder}/"), member

    return Upload(folder or Path(file.name).stem, True, entries)
