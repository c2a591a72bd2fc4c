"""Blobs on disk, kept once by content hash under PROFILER_DATA_DIR/blobs/aa/<sha256>."""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import stat
import tempfile
import zipfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from django.conf import settings

CHUNK_BYTES = 1 << 20
#: An archive that unpacks to more than this many times its own size is taken for a bomb.
MAX_EXPANSION = 200


class UploadRefused(ValueError):
    """Files that may not be stored, with a message for the person who sent them."""


@dataclass(frozen=True)
class Blob:
    """One stored content."""

    sha256: str
    size: int


def blob_path(sha256: str) -> Path:
    return settings.PROFILER_DATA_DIR / "blobs" / sha256[:2] / sha256


def store_blob(file: BinaryIO, max_bytes: int | None = None) -> Blob:
    """Keep what `file` holds; content that is already there is not written twice.

    Raises UploadRefused when it is larger than `max_bytes` (PROFILER_MAX_UPLOAD_BYTES).
    """
    limit = settings.PROFILER_MAX_UPLOAD_BYTES if max_bytes is None else max_bytes
    folder = settings.PROFILER_DATA_DIR / "blobs"
    folder.mkdir(parents=True, exist_ok=True)
    descriptor, name = tempfile.mkstemp(dir=folder, prefix=".incoming-")
    try:
        with os.fdopen(descriptor, "wb") as out:
            blob = _copy_hashing(file, out, limit)
        path = blob_path(blob.sha256)
        path.parent.mkdir(exist_ok=True)
        if not path.exists():
            os.chmod(name, 0o444)
            os.replace(name, path)
        return blob
    finally:
        with contextlib.suppress(FileNotFoundError):
            os.unlink(name)


def _copy_hashing(source: BinaryIO, out: BinaryIO, limit: int) -> Blob:
    digest, size = hashlib.sha256(), 0
    while chunk := source.read(CHUNK_BYTES):
        size += len(chunk)
        if size > limit:
            raise UploadRefused(f"The files are larger than the {limit:,} bytes allowed.")
        digest.update(chunk)
        out.write(chunk)
    return Blob(digest.hexdigest(), size)


def copy_blob(sha256: str, destination: Path) -> None:
    """Write a blob's content to `destination`, as an ordinary writable file."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(blob_path(sha256), destination)


def link_blob(sha256: str, destination: Path) -> None:
    """Give a blob another name, to be read only: instant, however large it is."""
    destination.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(blob_path(sha256), destination)
    except OSError:  # another file system, or one that knows no links
        shutil.copyfile(blob_path(sha256), destination)


def safe_path(raw: str) -> str:
    """A relative path with nothing in it that leaves its folder.

    Raises UploadRefused for absolute paths, `..`, control characters and empty names.
    """
    path = PurePosixPath(raw.replace("\\", "/"))
    parts = [part for part in path.parts if part != "."]
    bad = path.is_absolute() or not parts or ".." in parts or (len(parts[0]) == 2 and ":" in raw)
    if bad or any(ord(character) < 32 for character in raw):
        raise UploadRefused(f"The path {raw!r} is not allowed.")
    return "/".join(parts)


def folder_files(folder: Path) -> Iterator[tuple[str, BinaryIO]]:
    """The files below `folder` as (relative path, open file), without caches and hidden folders."""
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if "__pycache__" in relative.parts or not path.is_file():
            continue
        with path.open("rb") as file:
            yield relative.as_posix(), file


def zip_files(file: BinaryIO) -> Iterator[tuple[str, BinaryIO]]:
    """The files in a zip as (relative path, open file); refuses what is not safe to unpack.

    Raises UploadRefused for archives that cannot be read, hold links or too many files, leave
    their folder, or expand beyond reason (sizes are checked as they are read, too).
    """
    try:
        archive = zipfile.ZipFile(file)
    except zipfile.BadZipFile as error:
        raise UploadRefused("This is not a zip archive.") from error
    with archive:
        entries = [entry for entry in archive.infolist() if not entry.is_dir()]
        _check_zip(entries)
        for entry in entries:
            with archive.open(entry) as member:
                yield safe_path(entry.filename), member


def _check_zip(entries: list[zipfile.ZipInfo]) -> None:
    if len(entries) > settings.PROFILER_MAX_UPLOAD_FILES:
        raise UploadRefused(f"The archive holds {len(entries):,} files.")
    expanded = sum(entry.file_size for entry in entries)
    packed = sum(entry.compress_size for entry in entries)
    if expanded > settings.PROFILER_MAX_UPLOAD_BYTES:
        raise UploadRefused(f"The archive would unpack to {expanded:,} bytes.")
    if expanded > CHUNK_BYTES and expanded > MAX_EXPANSION * max(packed, 1):
        raise UploadRefused("The archive expands far beyond its size and is refused.")
    for entry in entries:
        if stat.S_ISLNK(entry.external_attr >> 16):
            raise UploadRefused(f"The archive holds a link ({entry.filename}).")
        if entry.flag_bits & 0x1:
            raise UploadRefused(f"The archive is encrypted ({entry.filename}).")
