"""Files that were sent and are not registered yet, so that nobody has to send them twice."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from django.conf import settings
from django.core.files import File
from django.core.files.uploadedfile import TemporaryUploadedFile, UploadedFile
from django.db import models
from django.utils import timezone

if TYPE_CHECKING:
    from django.contrib.auth.models import User

#: What is not registered by then is removed.
KEPT_FOR = timedelta(days=1)


class StagedFile(File):
    """One of the files, opened only while it is read: a folder may hold thousands."""

    def __init__(self, path: Path, name: str) -> None:
        super().__init__(None, name)
        self._path = path

    @property
    def size(self) -> int:
        return self._path.stat().st_size

    def open(self, mode: str = "rb") -> StagedFile:
        if self.closed:
            self.file = self._path.open(mode)
        self.seek(0)
        return self


class StagedUploadQuerySet(models.QuerySet):
    def stage(
        self,
        *,
        owner: User,
        purpose: str,
        files: Iterable[tuple[str, File]],
        is_folder: bool,
    ) -> StagedUpload:
        """Keep files given as (path, file); those of a folder have paths that begin with it."""
        upload = StagedUpload(owner=owner, purpose=purpose, is_folder=is_folder)
        upload.folder.mkdir(parents=True)
        try:
            for number, (path, file) in enumerate(files):
                upload.manifest.append({"path": path, "size": file.size})
                _move(file, upload.folder / str(number))
            upload.save()
        except BaseException:
            shutil.rmtree(upload.folder, ignore_errors=True)
            raise
        return upload

    def waiting(self, owner: User, purpose: str) -> StagedUpload | None:
        """What somebody sent last and has not registered."""
        return self._fresh().filter(owner=owner, purpose=purpose).order_by("-created_at").first()

    def of(self, owner: User, purpose: str, key: uuid.UUID) -> StagedUpload | None:
        return self._fresh().filter(owner=owner, purpose=purpose, uuid=key).first()

    def _fresh(self) -> StagedUploadQuerySet:
        return self.filter(created_at__gte=timezone.now() - KEPT_FOR)

    def drop_outdated(self) -> int:
        """Also the folders of people who are gone, and so of no row."""
        outdated = list(self.filter(created_at__lt=timezone.now() - KEPT_FOR))
        for upload in outdated:
            upload.discard()
        before = (timezone.now() - KEPT_FOR).timestamp()
        for folder in staging_root().glob("*"):
            if folder.stat().st_mtime < before:
                shutil.rmtree(folder, ignore_errors=True)
        return len(outdated)


def staging_root() -> Path:
    return settings.PROFILER_DATA_DIR / "staged"


def _move(file: UploadedFile, path: Path) -> None:
    """A large upload is on disk already, and only given another name."""
    if isinstance(file, TemporaryUploadedFile):
        shutil.move(file.temporary_file_path(), path)
        return
    with path.open("wb") as out:
        shutil.copyfileobj(file.open(), out)


class StagedUpload(models.Model):
    """They lie in a folder of their own, not among the blobs: it can be removed as a whole."""

    class Purpose(models.TextChoices):
        MODEL = "model"
        DATASET = "dataset"
        CONFIG = "config"
        CONDA_FILE = "conda_file", "Conda file"
        DOCKERFILE = "dockerfile", "Dockerfile"
        ARRIVALS = "arrivals"

    uuid = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    owner = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="staged_uploads"
    )
    purpose = models.CharField(max_length=20, choices=Purpose.choices)
    is_folder = models.BooleanField(default=False)
    #: [{path, size}], in the order of the files' names in the folder: 0, 1, 2, ...
    manifest = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = StagedUploadQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.purpose}: {self.name}"

    @property
    def folder(self) -> Path:
        return staging_root() / str(self.uuid)

    @property
    def name(self) -> str:
        """The folder's, or the only file's; how many there are of several."""
        first = self.manifest[0]["path"]
        if self.is_folder:
            return f"{first.partition('/')[0]}/"
        return first if len(self.manifest) == 1 else f"{len(self.manifest)} files"

    @property
    def total_bytes(self) -> int:
        return sum(entry["size"] for entry in self.manifest)

    def files(self) -> list[tuple[str, StagedFile]]:
        return [
            (entry["path"], StagedFile(self.folder / str(number), entry["path"].split("/")[-1]))
            for number, entry in enumerate(self.manifest)
        ]

    def discard(self) -> None:
        shutil.rmtree(self.folder, ignore_errors=True)
        self.delete()
