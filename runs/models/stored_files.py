"""Files kept once by content: what models, datasets and configs are made of."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import BinaryIO

from django.conf import settings
from django.db import models

from runs import storage


class StoredFilesQuerySet(models.QuerySet):
    def store_upload(
        self, uploads: Iterable[tuple[str, BinaryIO]], *, name: str, is_folder: bool = False
    ) -> StoredFiles:
        """Keep files given as (path within the folder, open file) under the name `name`.

        A single file that is not a folder keeps `name` as its basename. The same content under
        the same name gives the same row. Raises storage.UploadRefused.
        """
        name = storage.safe_path(name)
        if "/" in name:
            raise storage.UploadRefused(f"The name {name!r} is not allowed.")
        manifest = _store_all(uploads)
        if not manifest:
            raise storage.UploadRefused("There are no files.")
        if not is_folder:
            if len(manifest) != 1:
                raise storage.UploadRefused("More than one file must be kept as a folder.")
            manifest[0]["path"] = name
        row, _ = self.get_or_create(
            sha256=manifest_hash(manifest),
            name=name,
            is_folder=is_folder,
            defaults={"manifest": manifest, "total_bytes": sum(f["size"] for f in manifest)},
        )
        return row

    def store_path(self, path: Path) -> StoredFiles:
        """Keep a file or folder that lies on this machine."""
        if path.is_dir():
            files = storage.folder_files(path)
            return self.store_upload(files, name=path.name, is_folder=True)
        with path.open("rb") as file:
            return self.store_upload([(path.name, file)], name=path.name)

    def store_zip(self, file: BinaryIO, *, name: str) -> StoredFiles:
        """Keep an archive's files as the folder `name`."""
        return self.store_upload(storage.zip_files(file), name=name, is_folder=True)


def _store_all(uploads: Iterable[tuple[str, BinaryIO]]) -> list[dict]:
    """Store each file; the manifest, sorted by path. The size limit counts them all together."""
    files: dict[str, storage.Blob] = {}
    room = settings.PROFILER_MAX_UPLOAD_BYTES
    for raw_path, file in uploads:
        path = storage.safe_path(raw_path)
        if path in files:
            raise storage.UploadRefused(f"The path {path} is there twice.")
        if len(files) >= settings.PROFILER_MAX_UPLOAD_FILES:
            raise storage.UploadRefused(f"There are more than {len(files):,} files.")
        files[path] = storage.store_blob(file, max_bytes=room)
        room -= files[path].size
    return [
        {"path": path, "sha256": blob.sha256, "size": blob.size}
        for path, blob in sorted(files.items())
    ]


def manifest_hash(manifest: list[dict]) -> str:
    """The content hash of a set of files: of the paths and hashes of all of them, in order."""
    lines = json.dumps([[entry["path"], entry["sha256"]] for entry in manifest])
    return hashlib.sha256(lines.encode()).hexdigest()


class StoredFiles(models.Model):
    """A file, or a folder of files, by content hash."""

    sha256 = models.CharField(max_length=64, db_index=True)
    manifest = models.JSONField()
    is_folder = models.BooleanField(default=False)
    name = models.CharField(max_length=255)
    total_bytes = models.BigIntegerField()
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StoredFilesQuerySet.as_manager()

    class Meta:
        verbose_name_plural = "stored files"
        constraints = [
            models.UniqueConstraint(
                fields=["sha256", "name", "is_folder"], name="stored_once_under_a_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def paths(self) -> list[str]:
        return [entry["path"] for entry in self.manifest]

    def materialise(self, folder: Path) -> Path:
        """Write the files below `folder`; the path of the file, or of the folder with its name."""
        return self._put_below(folder, storage.copy_blob)

    def link(self, folder: Path) -> Path:
        """As `materialise`, without copying: the files must only be read."""
        return self._put_below(folder, storage.link_blob)

    def _put_below(self, folder: Path, put: Callable[[str, Path], None]) -> Path:
        root = folder / self.name if self.is_folder else folder
        for entry in self.manifest:
            put(entry["sha256"], root / storage.safe_path(entry["path"]))
        return folder / self.name

    def open(self, path: str | None = None) -> BinaryIO:
        """One file's content; of a single file, without saying its path. Raises KeyError."""
        entries = {entry["path"]: entry for entry in self.manifest}
        wanted = path if path is not None else self.name
        return storage.blob_path(entries[wanted]["sha256"]).open("rb")
